"""The server as a process: killed in the middle, started again, left and found again."""

import os
import re
import signal
import subprocess
import sys

import httpx2 as httpx
import pytest

from geotagger.app.folder_locks import FolderBusyError, check_free
from geotagger.app.open_folders import locks_folder
from geotagger.metadata.read import read
from tests.fixtures.apps import QUICK, waited
from tests.fixtures.reviewing import make_photo

COUNT = 12


started = []
"""The processes of a test."""


@pytest.fixture(autouse=True)
def _nothing_stays():
    yield
    while started:
        started.pop().close()


class AppProcess:
    """`geotagger app` in a process of its own, and a browser's requests to it."""

    def __init__(self, *arguments):
        command = [sys.executable, "-m", "geotagger", "app", "--no-browser", *map(str, arguments)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        started.append(self)
        self.address = self.printed(r"app: (\S+)")
        self.http = httpx.Client(base_url=self.address.partition("/?")[0], timeout=None)
        self.http.headers["origin"] = str(self.http.base_url).rstrip("/")

    def printed(self, pattern):
        for line in self.process.stderr:
            if found := re.search(pattern, line):
                return found[1]
        raise AssertionError("the app has ended")

    def enter(self, address=""):
        answer = self.http.get(address or self.address, follow_redirects=True)
        assert answer.status_code == 200
        return self

    def get(self, name):
        answer = self.http.get(f"/api/{name}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, name, **value):
        answer = self.http.post(f"/api/{name}", json=value)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait(self, stage):
        return waited(lambda: self.get("state"), lambda state: state["stage"] == stage)

    def end(self, number):
        self.process.send_signal(number)
        self.process.stderr.read()
        code = self.process.wait()
        self.close()
        return code

    def close(self):
        """Leave nothing behind, whatever the test has come to."""
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        if hasattr(self, "http"):
            self.http.close()


def is_free(folder):
    try:
        check_free(locks_folder(), [folder])
    except FolderBusyError:
        return False
    return True


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "Photos"
    for number in range(COUNT):
        make_photo(folder / f"{number:02}.jpg", number)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_server_that_is_killed_loses_no_decision_and_leaves_no_half_written_file(photos):
    before = {path: path.read_bytes() for path in photos.iterdir()}
    app = AppProcess(photos).enter()
    app.post("run", options=QUICK)
    app.post("pause")
    app.wait("paused")
    app.end(signal.SIGKILL)
    assert waited(lambda: is_free(photos), bool)  # the run has ended with its server

    app = AppProcess().enter()
    state = app.get("state")
    assert (state["stage"], state["interrupted"]) == ("stopped", True)
    assert [folder["path"] for folder in state["folders"]] == [str(photos)]
    app.post("run", options=state["options"])
    state = app.wait("done")
    assert state["rows"] == COUNT
    place = {"lat": 43.7, "lon": 10.4, "radius_km": 1}
    app.post("decide", run=state["run"], ids=list(range(COUNT)), state="corrected", **place)
    app.post("write", write={"mode": "exif"}, photos=COUNT)
    waited(lambda: app.get("write"), lambda job: job["done"] > 2)
    app.end(signal.SIGKILL)

    changed = [path for path in before if path.read_bytes() != before[path]]
    assert all(read(path.read_bytes()).gps_is_prediction for path in changed)
    app = AppProcess().enter()
    plan = app.get("plan")
    assert plan["corrected"] + len(changed) >= COUNT  # no decision is lost
    assert plan["written"] == len(changed)  # also one whose record the kill has cut off
    app.post("write", write={"mode": "exif"}, photos=plan["photos"])
    waited(lambda: app.get("write"), lambda job: not job["running"])
    assert app.get("plan") == {"photos": 0, "approved": 0, "corrected": 0, "written": COUNT}
    app.post("untag", photos=COUNT)
    waited(lambda: app.get("write"), lambda job: not job["running"])
    assert {path: path.read_bytes() for path in photos.iterdir()} == before
    assert app.end(signal.SIGTERM) == 0


def test_a_second_start_comes_back_to_the_first(photos, tmp_path):
    other = tmp_path / "Other"
    make_photo(other / "one.jpg", 1)
    first = AppProcess(photos).enter()
    command = [sys.executable, "-m", "geotagger", "app", "--no-browser", str(other)]
    second = subprocess.run(command, capture_output=True, text=True, check=True)
    address = re.search(r"app: (\S+)", second.stderr)[1]
    assert address.partition("token=")[0] == first.address.partition("token=")[0]
    first.http.cookies.clear()
    assert first.http.get("/api/state").status_code == 403
    first.enter(address)
    waited(
        lambda: first.get("state")["folders"],
        lambda folders: [folder["path"] for folder in folders] == [str(other)],
    )
    first.http.cookies.clear()
    assert first.http.get(address).status_code == 403  # it works once
    first.enter(re.search(r"app: (\S+)", subprocess.run(
        command[:-1], capture_output=True, text=True, check=True).stderr)[1])  # fmt: skip
    first.post("quit")
    assert first.process.wait() == 0
