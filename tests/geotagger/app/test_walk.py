"""The whole way in a browser, as a person goes it: choose, run, pause, kill, go on, review, write,
undo. It is the way on which the pictures of docs/guide/app.md are taken."""

import shutil

import pytest

from tests.fixtures.browser import sync_api

pytestmark = pytest.mark.browser


@pytest.mark.skipif(not shutil.which("exiftool"), reason="ExifTool reads what was written")
def test_from_an_empty_home_to_exif_and_back(browser, tmp_path):
    sync_api()
    from tools.docs.app_walk import make_home, walk

    shown = []
    walk(browser, make_home(tmp_path / "me", photos=24), lambda _, name: shown.append(name))
    assert shown == ["start", "running", "done", "review", "compare", "write", "dark", "narrow"]
