"""How the app starts: in a window of its own, or else in the browser."""

import signal
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from geotagger.app import start


def fetch(address):
    """The page, as a browser that keeps cookies gets it."""
    with build_opener(HTTPCookieProcessor()).open(address) as page:
        return page.status, page.read()


@pytest.fixture(autouse=True)
def _signals_as_before():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_without_a_window_the_page_opens_in_the_browser(monkeypatch):
    shown = []

    def browse(address):
        shown.append(fetch(address))
        raise KeyboardInterrupt  # Ctrl+C ends the app

    monkeypatch.setattr(start, "open_window", lambda _: False)
    monkeypatch.setattr(start.webbrowser, "open", browse)
    start.start([], 0, no_browser=False, window=True)
    ((status, page),) = shown
    assert status == 200
    assert b"<title>" in page


def test_closing_the_window_ends_the_app(monkeypatch):
    shown = []

    def window(address):
        shown.append(fetch(address)[0])
        return True

    monkeypatch.setattr(start, "open_window", window)
    monkeypatch.setattr(start.webbrowser, "open", lambda address: shown.append(address))
    start.start([], 0, no_browser=False, window=True)
    assert shown == [200]
