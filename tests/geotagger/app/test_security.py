"""The attacks of SECURITY.md on the app: strangers, other sites, other names, other files."""

import os

import pytest

from geotagger.app.path_ids import path_id
from tests.fixtures.apps import HOST, TOKEN, app_client

READ = [
    "/", "/api/state", "/api/events", "/api/folders", "/api/models", "/api/countries",
    "/api/columns", "/api/rows/0", "/api/plan", "/api/write", "/photos/0/thumbnail",
]  # fmt: skip
CHANGE = [
    f"/api/{name}" for name in (
        "open", "close", "example", "survey", "survey/stop", "models/pull", "models/pull/stop",
        "command", "run", "pause", "resume", "stop", "decide", "undo", "dry-run", "write",
        "write/stop", "untag", "quit",
    )
]  # fmt: skip


@pytest.fixture
def app():
    with app_client() as client:
        yield client


@pytest.fixture
def stranger():
    with app_client(is_let_in=False) as client:
        yield client.http


def test_a_stranger_gets_nothing(stranger):
    for address in READ:
        assert stranger.get(address).status_code == 403, address
    for address in CHANGE:
        assert stranger.post(address, json={}).status_code == 403, address


def test_every_address_that_changes_something_is_attacked_here(app):
    routes = app.http.app.app.routes
    posts = {route.path for route in routes if "POST" in (route.methods or ())}
    assert posts == set(CHANGE)


@pytest.mark.parametrize("host", ["evil.example:8123", "127.0.0.1:80", "127.0.0.1.nip.io:8123"])
def test_a_name_that_is_rebound_to_this_machine_is_refused(app, host):
    for address in (*READ, f"/?token={TOKEN}"):
        assert app.http.get(address, headers={"host": host}).status_code == 403
    headers = {"host": host, "origin": f"http://{host}"}
    for address in CHANGE:
        assert app.http.post(address, json={}, headers=headers).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9", ""])
def test_another_site_changes_nothing(app, origin):
    for address in CHANGE:
        answer = app.http.post(address, json={}, headers={"origin": origin})
        assert answer.status_code == 403, address
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert app.http.post("/api/quit", content="{}", headers=form).status_code == 415
    for address in READ:
        headers = {"sec-fetch-site": "cross-site"}
        assert app.http.get(address, headers=headers).status_code == 403


def test_only_rows_have_pictures_and_nothing_else_has_an_address(app, tmp_path):
    app.open(tmp_path)
    for address in (
        "/photos/0/thumbnail", "/photos/../../etc/passwd/thumbnail",
        "/photos/%2e%2e%2fetc%2fpasswd/preview", "/api/rows/../../../etc/passwd", "/etc/passwd",
        "/places.jsonl", "/static/app.js", "/api/folders/../state/x",
    ):  # fmt: skip
        assert app.http.get(address).status_code == 404, address


def test_rows_of_other_folders_in_a_report_are_not_taken(app, tmp_path):
    from tests.fixtures.reviewing import drawn_outcomes
    from tests.fixtures.samples import write_report

    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    app.open(own)
    report = app.workspace._open.project.report
    app.post("close")
    write_report(report, drawn_outcomes(other))
    app.open(own)
    assert app.wait(lambda state: not state["loading"])["rows"] == 0
    assert app.http.get("/photos/0/preview").status_code == 404


def test_the_picker_shows_no_file_and_no_content(app, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret.txt")
    answer = app.http.get("/api/folders", params={"path": str(tmp_path)})
    assert "secret" not in answer.text
    assert [one["name"] for one in answer.json()["folders"]] == ["folder"]
    file = app.get("folders", path=str(tmp_path / "secret.txt"))
    assert (file["folders"], file["photos"]) == ([], 0)
    assert file["error"]


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be there")
def test_hostile_names_stay_data_and_can_be_chosen(app, tmp_path):
    names = [
        "<img src=x onerror=alert(1)>",
        "a\nb\x1b[31m",
        "safe\u202egnp",
        "..\\..\\etc",
        "$(id)",
    ]
    raw = [os.fsencode(name) for name in names] + [b"caf\xe9"]
    for name in raw:
        (tmp_path / os.fsdecode(name)).mkdir()
    answer = app.http.get("/api/folders", params={"id": path_id(tmp_path)})
    assert answer.headers["content-type"] == "application/json"
    folders = answer.json()["folders"]
    assert len(folders) == len(raw)
    assert not any(c in one["name"] for one in folders for c in "\n\x1b\u202e")
    for folder in folders:
        state = app.post("open", folders=[{"id": folder["id"]}])
        assert [one["id"] for one in state["folders"]] == [folder["id"]]
        app.post("command", options={})


@pytest.mark.parametrize("query", [{"id": "!!"}, {"id": "Li4="}, {"path": "relative"},
                                   {"path": "/a\0b"}, {"path": "~no-such-user/x"},
                                   {"kind": "secrets"}])  # fmt: skip
def test_what_is_no_folder_is_refused(app, query):
    assert app.http.get("/api/folders", params=query).status_code == 400


def test_a_folder_that_may_not_be_read_says_so(app, tmp_path, monkeypatch):
    def denied(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("geotagger.app.picker.os.scandir", denied)
    answer = app.get("folders", path=str(tmp_path))
    assert answer["error"] == "this folder cannot be read: Permission denied"


def test_a_model_is_pulled_only_by_a_name_of_the_table(app):
    for name in ("../../x", "http://evil.example/model", "", None, 3):
        status, error = app.refused("models/pull", name=name)
        assert (status, error["field"]) == (400, "name")
    assert app.state()["pull"] is None
    assert HOST in app.http.base_url.netloc.decode()
