import pytest

import geotagger  # noqa: F401  (before any test loads ONNX Runtime: see there)


@pytest.fixture(autouse=True)
def _state_folder(tmp_path_factory, monkeypatch):
    """No test touches the journal of the person who runs it."""
    monkeypatch.setenv("GEOTAGGER_STATE", str(tmp_path_factory.mktemp("state")))
