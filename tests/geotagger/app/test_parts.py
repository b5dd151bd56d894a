"""The parts of the app on their own: locks, options, projects, the way back, shortcuts."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from geotagger.app import shortcut
from geotagger.app.doorway import Doorway, announced, new_address, running_port
from geotagger.app.folder_locks import FolderBusyError, check_free, locked_folders
from geotagger.app.model_list import ModelList, note_run, run_seconds
from geotagger.app.path_ids import path_id, path_json, path_of, path_of_id
from geotagger.app.project import LastRun, app_folder, project_of, recent_projects
from geotagger.app.run_options import apply_command, options_of, read_choice, tag_command
from geotagger.app.workspace import Workspace
from geotagger.config import Overwrite, RunOptions
from tests.fixtures.apps import waited
from tests.fixtures.bundles import make_bundle


def lines_of(code, *arguments):
    """A process that prints a line and waits until it is killed."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


def test_folders_that_overlap_are_locked_and_others_are_not(tmp_path):
    locks, photos = tmp_path / "locks", tmp_path / "photos"
    (photos / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to(photos / "a")
    with locked_folders(locks, [photos / "a"]):
        for busy in (photos / "a", photos, photos / "a" / "b", tmp_path / "link"):
            with pytest.raises(FolderBusyError, match="another run is at work on"):
                check_free(locks, [tmp_path / "other", busy])
        with (
            pytest.raises(FolderBusyError),
            locked_folders(locks, [photos]),
        ):
            pass
        check_free(locks, [photos / "b", photos / "aa"])
    check_free(locks, [photos])
    assert not list(locks.iterdir())


def test_a_lock_dies_with_its_process(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from geotagger.app.folder_locks import locked_folders\n"
        "with locked_folders(Path(sys.argv[1]), [Path(sys.argv[2])]):\n"
        "    print('locked', flush=True)\n    sys.stdin.read()"
    )
    with lines_of(code, tmp_path / "locks", tmp_path) as holder:
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(FolderBusyError):
            check_free(tmp_path / "locks", [tmp_path])
        holder.kill()
        holder.wait()
    check_free(tmp_path / "locks", [tmp_path])
    assert not list((tmp_path / "locks").iterdir())


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be there")
@pytest.mark.parametrize("name", [b"caf\xe9", b"a\nb", b"\xf0\x9f\x93\xb7", b"a'b", b"x" * 255])
def test_every_path_has_an_id_and_a_text(name):
    path = Path("/photos") / os.fsdecode(name)
    assert path_of_id(path_id(path)) == path
    assert path_of({"id": path_json(path)["id"]}) == path
    assert path_json(path)["path"].isprintable()


def test_a_typed_path_may_begin_at_home():
    assert path_of({"path": "~/Photos/../x"}) == Path.home() / "x"


def test_what_was_chosen_becomes_the_options_of_the_command(tmp_path):
    (tmp_path / "t.gpx").touch()
    choice = read_choice({
        "models": ["starter", "mine"], "tracks": [{"path": str(tmp_path / "t.gpx")}],
        "area": "FR,ES", "read_text": False, "album": False, "use_names": True,
        "only_missing": True, "min_confidence": 0.5, "clock_offset": "-00:02:30",
        "exclude": ["-x", "a b"], "device": "cpu", "restart": True,
    })  # fmt: skip
    arguments = choice.arguments([tmp_path], tmp_path / "r.jsonl")
    options = options_of(arguments)
    expected = RunOptions(
        paths=(tmp_path,), reports=(tmp_path / "r.jsonl",), models=("starter", "mine"),
        tracks=(tmp_path / "t.gpx",), within="FR,ES", read_text=False, album=False, gate=True,
        use_names=True, only_missing=True, min_confidence=0.5, clock_offset_s=-150.0,
        exclude=("-x", "a b"), device="cpu", restart=True, journal=options.journal,
    )  # fmt: skip
    assert options == expected
    assert shlex.split(tag_command(arguments)) == ["geotagger", "tag", *arguments]
    assert read_choice(choice.to_json()) == choice


def test_the_command_of_a_write_says_all_that_was_chosen(tmp_path):
    report = tmp_path / "r.jsonl"
    report.touch()
    write = read_choice({
        "write": {"mode": "sidecar", "tags": ["gps"], "max_radius_km": 5, "overwrite": "always",
                  "touch": True},
    }).write  # fmt: skip
    assert shlex.split(apply_command(write, report))[3:] == [
        "--sidecar", "--max-radius", "5", "--overwrite", "always", "--tags", "gps", "--touch",
    ]  # fmt: skip
    options = write.run_options(dry_run=True)
    assert (options.sidecar, options.write_exif, options.dry_run) == (True, False, True)
    assert (options.overwrite, options.tags) == (Overwrite.ALWAYS, ("gps",))


@pytest.mark.skipif(os.name == "nt" or not Path("/bin/bash").exists(), reason="for bash")
def test_a_command_with_odd_names_means_the_same_in_a_shell():
    names = [os.fsdecode(b"/p/caf\xe9"), "/p/a\nb", "/p/it's $(id) `x` \\", "/p/a b", "/p/*"]
    command = tag_command(names).replace("geotagger tag", "printf '%s\\0'")
    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, check=True)
    assert done.stdout.split(b"\0")[:-1] == [os.fsencode(name) for name in names]


def test_a_project_is_found_again_by_its_folders_in_any_order(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    one = project_of([tmp_path / "a", tmp_path / "b"])
    assert one.last_run is LastRun.NONE
    one.saved(last_run=LastRun.DONE, rows=3)
    again = project_of([tmp_path / "b", tmp_path / "a"])
    assert (again.last_run, again.rows) == (LastRun.DONE, 3)
    assert project_of([tmp_path / "a"]).rows == 0
    (recent,) = recent_projects()
    assert recent.to_json()["missing"] is False


def test_a_damaged_project_is_a_new_one(tmp_path):
    project = project_of([tmp_path]).saved(rows=3)
    half = {"folders": [], "options": {"models": ["\ud800"]}, "last_run": "done", "rows": 3}
    texts = ("", "[]", '{"folders": 3}', '{"folders": [3]}', "\0", "[" * 100_000)
    for text in (*texts, json.dumps({**half, "used_at": ""})):
        (project.folder / "project.json").write_text(text)
        assert project_of([tmp_path]).rows == 0
        assert recent_projects() == []


@pytest.mark.parametrize("text", ["[3]", "[null]", "3", "[" * 100_000, "\0"])
def test_a_damaged_note_of_what_was_open_opens_nothing(text):
    workspace = Workspace()
    (app_folder() / "open.json").write_text(text)
    workspace.reopen()
    assert workspace.state()["stage"] == "start"


def test_a_card_with_odd_scores_is_listed_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("GEOTAGGER_MODELS", str(tmp_path))
    scores = {"per_photo": {"continent": "x", "country": None}}
    card = make_bundle(tmp_path / "odd").card
    card = structs.replace(card, metrics={"unseen_sources": scores})
    (tmp_path / "odd" / "card.json").write_text(card.to_json())
    (odd,) = [one for one in ModelList().to_json()["models"] if one["name"] == "odd"]
    assert odd["accuracy"] == "its card states no figures"


def test_accuracies_are_whole_percentages(tmp_path, monkeypatch):
    monkeypatch.setenv("GEOTAGGER_MODELS", str(tmp_path))
    scores = {"per_photo": {"continent": 0.604, "country": 0.296}}
    card = make_bundle(tmp_path / "own").card
    card = structs.replace(card, metrics={"unseen_sources": scores})
    (tmp_path / "own" / "card.json").write_text(card.to_json())
    texts = {one["name"]: one["accuracy"] for one in ModelList().to_json()["models"]}
    assert texts["own"].startswith("right continent for 60 % of photos from sources it never saw, ")
    assert "right country for 30 %;" in texts["own"]
    assert texts["geoclip"] == "67 % of photos within 750 km in its authors' test"


def test_a_token_of_the_doorway_works_once_and_brings_its_folders(tmp_path):
    wanted = []
    stale = new_address(80).partition("token=")[2]
    door = Doorway(wanted.append)
    assert not door.take(stale)  # it was made for a server that is gone
    token = new_address(80, [tmp_path]).partition("token=")[2]
    for wrong in ("", "../tokens", "\udcff", token[:-1]):
        assert not door.take(wrong)
    assert door.take(token)
    assert not door.take(token)
    assert waited(lambda: wanted, bool) == [[tmp_path]]
    assert not list((app_folder() / "tokens").iterdir())


def test_a_server_is_found_while_it_runs():
    assert running_port() is None
    with announced(4711):
        assert running_port() == 4711
    assert running_port() is None


def test_the_speed_of_a_run_is_remembered_if_it_was_long_enough():
    app_folder().mkdir(parents=True)
    note_run(("starter",), 10, 1.0)
    note_run(("starter", "mine"), 100, 1.0)
    assert run_seconds() == {}
    note_run(("starter",), 100, 25.0)
    assert run_seconds() == {"starter": 0.25}
    (starter, *_) = ModelList().to_json()["models"]
    assert starter["speed"] == "0.25 s a photo in its last run here"
    assert "country" in starter["accuracy"]


def test_a_desktop_entry_is_valid_and_starts_this_installation(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    file = shortcut.install("linux")
    assert file == tmp_path / "data" / "applications" / "geotagger.desktop"
    entries = dict(line.split("=", 1) for line in file.read_text().splitlines()[1:])
    assert entries["Exec"].startswith(f'"{sys.executable}" "-P" "-m" "geotagger" "app"')
    assert entries["Terminal"] == "false"
    assert shortcut.install("linux") == file  # again


def test_a_desktop_entry_quotes_what_the_desktop_would_read(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(shortcut, "PROGRAM", ('/opt/a b$c"d%e/python',))
    text = shortcut.install("linux").read_text()
    assert 'Exec="/opt/a b\\\\$c\\\\"d%%e/python" %F\n' in text


@pytest.mark.skipif(os.name == "nt", reason="a script of sh")
def test_a_command_file_of_macos_can_be_started(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(shortcut, "PROGRAM", ("/bin/echo", "it's", "$HOME"))
    file = shortcut.install("darwin")
    done = subprocess.run([str(file)], capture_output=True, text=True, check=True)
    assert done.stdout == "it's $HOME\n"


def test_windows_makes_the_link_itself(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setenv("APPDATA", str(tmp_path))
    monkeypatch.setattr(shortcut.subprocess, "run", lambda *a, **k: calls.append((a, k)))
    file = shortcut.install("win32")
    ((command,), options) = calls[0]
    assert command[0] == "powershell"
    assert options["env"]["GEOTAGGER_LINK"] == str(file)
    assert options["env"]["GEOTAGGER_ARGUMENTS"] == "-P -m geotagger app"
    assert str(tmp_path) not in command[-1]  # no name becomes a part of the script
