"""The app from folders to written photos and back, as its page asks for it."""

import hashlib
import json
import shlex
from base64 import b64decode

import pytest
from click.testing import CliRunner

from geotagger.app.project import app_folder
from geotagger.cli.main import cli
from geotagger.metadata.read import read
from geotagger.types import Point
from tests.fixtures.apps import QUICK, app_client
from tests.fixtures.reviewing import make_photo


@pytest.fixture
def photos(tmp_path):
    """Six photos in two folders, one of them with GPS, and files that are none."""
    folder = tmp_path / "Photos"
    for number in range(5):
        make_photo(folder / "a" / f"{number}.jpg", number)
    make_photo(folder / "b" / "gps.jpg", 7, Point(-1.3, 36.9))
    (folder / "b" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (folder / "b" / "clip.mp4").write_bytes(b"video")
    make_photo(folder / "@eaDir" / "thumbnail.jpg", 8)
    return folder


def sha256s(folder):
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_first_start_has_nothing_open_and_says_how_to_come_back():
    with app_client() as app:
        state = app.state()
        assert (state["stage"], state["first"], state["folders"]) == ("start", True, [])
        assert state["come_back"] == "geotagger app"
        assert app.refused("run") == (404, {"error": "no folder is open: choose one first"})
        assert app.http.get("/api/columns").status_code == 404


def test_from_a_folder_to_written_photos_and_back(photos):
    before = sha256s(photos)
    with app_client() as app:
        app.open(photos)
        state = app.ran()
        progress = state["progress"]
        assert (progress["done"], progress["failed"], state["rows"]) == (7, 1, 7)
        assert sum(progress["by_status"].values()) == 7
        assert sha256s(photos) == before  # a run writes to no photo
        rows = app.get("rows/0")
        (broken,) = [row for row in rows if row["path"].endswith("broken.jpg")]
        assert broken["status"] == "failed"
        assert broken["remedy"]

        place = {"lat": 43.7, "lon": 10.4, "radius_km": 1}
        app.post("decide", run=state["run"], ids=[0, 1], state="corrected", **place)
        assert app.get("plan") == {"photos": 2, "approved": 0, "corrected": 2, "written": 0}
        rehearsed = app.written("dry-run", write={"mode": "exif"})
        assert [one["verdict"] for one in rehearsed["verdicts"]] == ["would be written"] * 2
        assert sha256s(photos) == before
        assert app.refused("write", write={}, photos=7)[0] == 409

        written = app.written("write", write={"mode": "exif"}, photos=2)
        assert written["counts"] == {"tagged": 2}
        changed = [path for path, sha256 in sha256s(photos).items() if sha256 != before[path]]
        assert sorted(path.name for path in changed) == ["0.jpg", "1.jpg"]
        assert read(changed[0].read_bytes()).gps == Point(43.7, 10.4)
        assert app.get("plan")["written"] == 2

        assert app.written("untag", photos=2)["counts"] == {"restored": 2}
        assert sha256s(photos) == before


def test_the_command_that_is_shown_makes_the_same_rows(photos, tmp_path):
    with app_client() as app:
        app.open(photos)
        state = app.ran(exclude=["broken*"], use_names=True)
        report = state["report"]
        shown = app.get("rows/0")
        with open(report, encoding="utf-8") as lines:  # noqa: PTH123
            rows = [json.loads(line) for line in lines]
    words = shlex.split(state["command"])
    assert words[:2] == ["geotagger", "tag"]
    again = tmp_path / "again.jsonl"
    done = CliRunner().invoke(
        cli, [*(str(again) if word == report else word for word in words[1:]), "--restart", "-q"]
    )
    assert done.exit_code == 0, done.output
    assert [json.loads(line) for line in again.read_text("utf-8").splitlines()] == rows
    assert [row["path"] for row in shown] == [row["path"] for row in rows]


def test_rows_and_decisions_are_there_again_after_a_restart(photos):
    with app_client() as app:
        app.open(photos)
        state = app.ran()
        app.post("decide", run=state["run"], ids=[2], state="rejected")
    with app_client() as app:
        app.workspace.reopen()
        state = app.wait(lambda state: not state["loading"])
        assert (state["stage"], state["rows"]) == ("done", 7)
        assert [folder["path"] for folder in state["folders"]] == [str(photos)]
        assert not state["interrupted"]
        assert state["options"]["read_text"] is False
        assert app.get("rows/0")[2]["decision"]["state"] == "rejected"
        columns = app.get("columns", **{"from": 1})
        assert (columns["rows"], columns["from"], columns["count"]) == (7, 1, 6)
        assert list(b64decode(columns["state"])) == [0, 3, 0, 0, 0, 0]
        second = app.ran()
        assert second["run"] != state["run"]
        assert second["progress"]["resumed"] == 6  # the failed one is tried again
        status, error = app.refused("decide", run=state["run"], ids=[0], state="rejected")
        assert (status, error["error"]) == (409, "the rows have changed since: look again")
        assert app.get("rows/0")[2]["decision"]["state"] == "rejected"


def test_a_run_waits_goes_on_and_stops(photos):
    with app_client() as app:
        app.open(photos)
        app.post("run", options=QUICK)
        assert app.refused("run", options=QUICK)[0] == 409
        app.post("pause")
        state = app.wait_for("paused")
        assert state["progress"]["done"] == 0
        assert app.refused("close")[0] == 409
        app.post("resume")
        assert app.wait_for("done")["rows"] == 7
        app.post("run", options=QUICK | {"restart": True})
        app.post("pause")
        app.wait_for("paused")
        app.post("stop")
        state = app.wait_for("stopped")
        assert state["error"] == ""
        assert app.ran()["rows"] == 7
        assert [project["stage"] for project in app.state()["recent"]] == ["done"]


def test_a_run_whose_process_is_killed_is_told_and_goes_on(photos):
    with app_client() as app:
        app.open(photos)
        app.post("run", options=QUICK)
        app.post("pause")
        app.wait_for("paused")
        app.workspace._open.run._child.kill()
        state = app.wait_for("failed")
        assert "ended unexpectedly" in state["error"]
        assert "goes on" in state["error"]
        assert app.ran()["rows"] == 7


def test_the_survey_counts_what_is_there_and_what_is_left_out(photos):
    with app_client() as app:
        app.open(photos)
        survey = app.wait(lambda state: not state["survey"]["running"])["survey"]
        assert (survey["photos"], survey["checked"]) == (7, 7)
        assert (survey["with_gps"], survey["without_gps"]) == (1, 6)
        assert survey["formats"] == {"JPEG": 7}
        assert survey["other_files"] == {".mp4": 1}
        (skipped,) = survey["skipped"]
        assert "@eaDir" in skipped["why"]
        assert (skipped["count"], survey["error"]) == (1, "")


def test_the_example_photos_are_copied_and_opened():
    with app_client() as app:
        state = app.post("example")
        (folder,) = state["folders"]
        assert folder["name"] == "example"
        assert len(list((app_folder() / "example").glob("*.jpg"))) == 10


def test_a_folder_that_is_open_in_another_app_is_refused_plainly(photos):
    with app_client() as one, app_client() as other:
        one.open(photos)
        status, error = other.refused("open", folders=[{"path": str(photos)}])
        assert status == 409
        assert "open in another geotagger app" in error["error"]
        one.post("close")
        assert other.open(photos)["stage"] == "ready"


def test_a_run_on_a_folder_above_is_refused_while_one_is_on(photos):
    with app_client() as one, app_client() as other:
        one.open(photos / "a")
        one.post("run", options=QUICK)
        one.post("pause")
        one.wait_for("paused")
        other.open(photos)
        status, error = other.refused("run", options=QUICK)
        assert status == 409
        assert "another run is at work on" in error["error"]
        one.post("stop")
        one.wait_for("stopped")
        other.ran()


@pytest.mark.parametrize("folders", [[], "x", [{}], [{"path": ""}], [{"id": "!"}], [{"path": "a"}],
                                     [{"path": "/no/such/folder"}], [{"path": "/\0"}], [3],
                                     [{"id": "cmVsYXRpdmU="}]])  # fmt: skip
def test_what_is_no_folder_is_refused(folders):
    with app_client() as app:
        status, error = app.refused("open", folders=folders)
        assert (status, error["field"]) == (400, "folders")
        assert app.state()["stage"] == "start"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"models": ["no-such-model"]}, "models"),
        ({"models": []}, "models"),
        ({"tracks": [{"path": "/no/such/track.gpx"}]}, "tracks"),
        ({"tracks": ["x"]}, "tracks"),
        ({"area": "XX"}, "area"),
        ({"area": "no-such-file.geojson"}, "area"),
        ({"clock_offset": "yesterday"}, "clock_offset"),
        ({"min_confidence": 2}, "min_confidence"),
        ({"read_text": "yes"}, "read_text"),
        ({"write": {"mode": "fax"}}, "write"),
        ({"exec": "rm"}, "options"),
        ([], "options"),
    ],
)
def test_an_invalid_option_names_its_field_and_starts_nothing(photos, options, field):
    with app_client() as app:
        app.open(photos)
        for address in ("run", "command"):
            status, error = app.refused(address, options=options)
            assert (status, error["field"]) == (400, field), error
        assert app.state()["stage"] == "ready"


def test_events_carry_the_whole_state_and_end_with_the_server(photos):
    from geotagger.app.events import _events

    with app_client() as app:
        app.open(photos)
        closing = []

        async def first_events():
            seen = []
            topics = {"state": app.workspace.state, **app.workspace.topics()}
            async for event in _events(topics, lambda: bool(closing)):
                seen.append(event)
                closing.append(True)
            return seen

        import asyncio

        seen = asyncio.run(first_events())
    assert seen[0].startswith("event: state\ndata: {")
    assert json.loads(seen[0].split("data: ")[1])["stage"] == "ready"
    assert seen[-1] == "event: bye\ndata: {}\n\n"
