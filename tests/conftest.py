"""Settings and fixtures that all tests share."""

from itertools import count

import pytest
from hypothesis import HealthCheck, settings

import geotagger  # noqa: F401  (first: it sets what ONNX Runtime reads when it is loaded)
from tests.fixtures.browser import CHROMIUM, MAX_WAIT_MS, sync_api

# On a busy machine a single example may take seconds. No test fails for that.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("tests"), max_examples=1000)
settings.load_profile("tests")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """Tests of one file run in this process: workers would take longer to start."""
    files = {argument.partition("::")[0] for argument in config.args}
    return 0 if len(files) == 1 and files.pop().endswith(".py") else None


@pytest.fixture(scope="session")
def _numbered_folders(tmp_path_factory):
    """Endless new folders. `mktemp` lists all earlier ones for each new one, which adds up."""
    parent = tmp_path_factory.mktemp("own")
    return (parent / str(number) for number in count())


@pytest.fixture(autouse=True)
def _own_folders(_numbered_folders):
    """No test touches the state and the models of the person who runs it.

    It needs a patch of its own: `monkeypatch`, if it came first, would be undone last, and what a
    test has done to `os` would still be there when its `tmp_path` is removed.
    """
    folder = next(_numbered_folders)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("state", "models"):
            (folder / name).mkdir(parents=True)
            patch.setenv(f"GEOTAGGER_{name.upper()}", str(folder / name))
        yield


@pytest.fixture(scope="session")
def places():
    """The table of places that the program ships."""
    from geotagger.geography.places import load_places

    return load_places()


@pytest.fixture(scope="session")
def belief(places):
    """Fusion over all places, with the fitted constants."""
    from geotagger.fusion.decide import Fusion

    return Fusion(places)


@pytest.fixture(scope="module")
def browser():
    """Chromium as the system has it; tests that need it are skipped where it is missing."""
    playwright = sync_api()
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")
    playwright.expect.set_options(timeout=MAX_WAIT_MS)
    with playwright.sync_playwright() as api:
        chromium = api.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=MAX_WAIT_MS
        )
        yield chromium
        chromium.close()
