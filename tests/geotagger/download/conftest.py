"""A hub on this computer, and no waiting between tries."""

import pytest

from geotagger.download import web
from tests.fixtures.hub_server import HubServer, serving


@pytest.fixture
def hub(monkeypatch):
    """The hub that HF_ENDPOINT names. It has no files."""
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(web, "FIRST_PAUSE_S", 0.0)
    with serving(HubServer()) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        yield hub
