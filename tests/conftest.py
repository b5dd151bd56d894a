import pytest

import geotagger  # noqa: F401  (before any test loads ONNX Runtime: see there)
from tests.fixtures.reviewing import CHROMIUM, sync_api


@pytest.fixture(autouse=True)
def _state_folder(tmp_path_factory, monkeypatch):
    """No test touches the journal of the person who runs it."""
    monkeypatch.setenv("GEOTAGGER_STATE", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(scope="session")
def places():
    """The table of places that the program ships."""
    from geotagger.geography.places import load_places

    return load_places()


@pytest.fixture(scope="session")
def belief(places):
    """The belief over all places, with the fitted constants."""
    from geotagger.fusion.decide import Fusion

    return Fusion(places)


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium; tests that need it are skipped where it is missing."""
    playwright = sync_api()
    if not CHROMIUM:
        pytest.skip("no chromium")
    with playwright.sync_playwright() as api:
        opened = api.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()
