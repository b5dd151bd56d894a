import csv
import json
import os
import shlex
import signal
import subprocess
import sys
import time

import click
import pytest
from click.shell_completion import ShellComplete
from PIL import Image

from geotagger.cli.main import cli, main
from tests.fixtures.bundles import make_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture
def album(tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    for index, colour in enumerate(["red", "lime", "blue"]):
        Image.new("RGB", (64, 48), colour).save(folder / f"{index}.jpg")
    return folder


def command(*arguments):
    """Text is not read: a flat picture has none, and loading the reader takes a second."""
    fast = ["--no-read-text"] if arguments[0] in ("tag", "evaluate") else []
    return ["geotagger", *map(str, arguments), *fast]


def started(*arguments, cwd=None):
    """A process of its own."""
    words = [sys.executable, "-m", *command(*arguments)]
    return subprocess.run(words, capture_output=True, text=True, cwd=cwd, check=False)


@pytest.fixture
def geotagger(monkeypatch, capsys):
    """What `main` does in this process; a start takes half a second."""

    def run(*arguments, cwd=None):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", command(*arguments))
            if cwd is not None:
                patch.chdir(cwd)
            try:
                code = main() or 0
            except SystemExit as stop:
                code = stop.code
        return subprocess.CompletedProcess(sys.argv, code, *capsys.readouterr())

    return run


def test_all_well_is_0_and_the_report_has_its_default_name(album, bundle, tmp_path):
    done = started("tag", album, "--model", bundle.path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "3 photos" in done.stderr
    with (tmp_path / "geotagger-report.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 3


def test_quiet_is_quiet_and_verbose_names_each_photo(geotagger, album, bundle, tmp_path):
    quiet = geotagger("tag", "-q", album, "--model", bundle.path, cwd=tmp_path)
    assert (quiet.stdout, quiet.stderr) == ("", "")
    verbose = geotagger("tag", "-v", album, "--model", bundle.path, cwd=tmp_path)
    assert all(f"{index}.jpg: " in verbose.stderr for index in range(3))


def test_for_one_photo_the_prediction_is_shown(geotagger, album, bundle, tmp_path):
    done = geotagger("tag", album / "1.jpg", "--model", bundle.path, cwd=tmp_path)
    assert "1.jpg: " in done.stderr
    quiet = geotagger("tag", "-q", album / "1.jpg", "--model", bundle.path, cwd=tmp_path)
    assert quiet.stderr == ""


def test_a_low_confidence_is_warned_of_once_before_the_run(geotagger, album, bundle, tmp_path):
    asked = ("tag", "-q", album, "--model", bundle.path, "--min-confidence")
    weak = geotagger(*asked, 0.05, "--write-exif", cwd=tmp_path).stderr
    assert weak.count("warning:") == 1
    assert "country 0." in weak
    assert "right about 5 times in 100, and it is written" in weak
    assert "is written" not in geotagger(*asked, 0.05, cwd=tmp_path).stderr
    assert geotagger(*asked, 0.9, cwd=tmp_path).stderr == ""


def commands(group=cli, *names):
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        yield (*names, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)


@pytest.mark.parametrize(
    ("names", "command"),
    list(commands()),
    ids=lambda one: " ".join(one) if type(one) is tuple else "",
)
def test_help_has_examples_that_can_be_given(names, command, monkeypatch):
    lines = [line.strip() for line in (command.help or "").splitlines()]
    examples = [line for line in lines if line.startswith("geotagger ")]
    if not isinstance(command, click.Group):
        assert any(example.split()[1:][: len(names)] == list(names) for example in examples)
    for example in examples:
        words = shlex.split(example)[1:]
        named, given = next(
            (one, words[len(path) :])
            for path, one in commands()
            if not isinstance(one, click.Group) and tuple(words[: len(path)]) == path
        )
        for param in named.params:
            if isinstance(param.type, click.Path):
                monkeypatch.setattr(param.type, "exists", False)
        named.make_context(words[0], given)


def test_some_failed_is_3(album, bundle, tmp_path):
    (album / "bad.jpg").write_bytes(b"")
    done = started("tag", album, "--model", bundle.path, cwd=tmp_path)
    assert done.returncode == 3
    assert "1 failed" in done.stderr


def test_no_photos_is_4(geotagger, bundle, tmp_path):
    (tmp_path / "empty").mkdir()
    done = geotagger("tag", "empty", "--model", bundle.path, cwd=tmp_path)
    assert done.returncode == 4
    assert "no photos in empty" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("tag",),
        ("tag", "no-such-folder"),
        ("tag", ".", "--batch-size", "0"),
        ("tag", ".", "--report", "report.xlsx"),
        ("tag", ".", "--min-confidence", "2"),
        ("tag", ".", "--write-exif", "--tags", "gps,colour"),
        ("tag", ".", "--write-exif", "--sidecar"),
        ("tag", ".", "--write-exif", "--sidecar-style", "apple"),
        ("tag", ".", "--out", "inside"),
        ("tag", ".", "--manifest", "m.xlsx"),
        ("verify", "no-such-folder"),
        ("no-such-command",),
    ],
)
def test_wrong_usage_is_2(geotagger, arguments, album):
    done = geotagger(*arguments, cwd=album)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_process_that_was_used_wrongly_ends_with_2(tmp_path):
    done = started("tag", "no-such-folder", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no-such-folder" in done.stderr


def test_what_stops_a_run_is_1_with_a_message(geotagger, album, tmp_path):
    done = geotagger("tag", album, "--model", tmp_path / "nothing", cwd=tmp_path)
    assert done.returncode == 1
    assert "nothing" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_package_is_named_with_the_remedy(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "geotagger.cli.read", None)
    monkeypatch.setattr(sys, "argv", ["geotagger", "read", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    assert "geotagger doctor says how to repair that" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for child processes")
def test_interrupted_is_130_and_the_report_holds_what_was_done(bundle, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    Image.new("RGB", (3000, 2000), "red").save(folder / "000.jpg")
    for index in range(1, 2000):
        os.link(folder / "000.jpg", folder / f"{index:04d}.jpg")
    report = tmp_path / "r.csv"
    command = [sys.executable, "-m", "geotagger", "tag", str(folder), "--report", str(report)]
    process = subprocess.Popen(
        [*command, "--model", str(bundle.path), "--no-read-text"],
        stderr=subprocess.PIPE,
        text=True,
        # a shell that runs the tests in the background has told its children to ignore it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    partial = tmp_path / "r.csv.partial"
    while not partial.exists() or len(partial.read_text("utf-8").splitlines()) < 3:
        time.sleep(0.02)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in errors
    with report.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert 2 <= len(rows) < 2000
    assert all(cells["note"] is not None for cells in rows)


def test_untag_says_what_it_did(geotagger, album, bundle, tmp_path):
    geotagger(
        "tag",
        album,
        "--no-gate",
        "--model",
        bundle.path,
        "--write-exif",
        "--min-confidence",
        0.05,
        cwd=tmp_path,
    )
    done = geotagger("untag", album)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 restored\n"
    assert geotagger("untag", album).stdout == "3 untouched\n"


def test_evaluate_prints_json_alone_on_stdout(geotagger, album, bundle):
    (album / "labels.csv").write_text("file,lat,lon\n0.jpg,48.85,2.35\n1.jpg,35.68,139.69\n")
    done = geotagger("evaluate", album, "--model", bundle.path, "--json", "--no-gate")
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    assert scores["photos"] == 3
    assert scores["scored"] == 2
    assert scores["unlabelled"] == 1
    assert (
        "within 200 km" in geotagger("evaluate", album, "--no-gate", "--model", bundle.path).stdout
    )


@pytest.mark.parametrize("text", ["name,lat\n", "file,lat,lon\n0.jpg,north,2\n"])
def test_labels_that_cannot_be_used_are_wrong_usage(geotagger, album, bundle, text):
    (album / "labels.csv").write_text(text)
    done = geotagger("evaluate", album, "--model", bundle.path)
    assert done.returncode == 2
    assert "labels.csv" in done.stderr


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("city", "Lyon, Rhône, France"),
        ("country", "France"),
        ("continent", "Europe, at best France"),
        ("none", "at best France"),
    ],
)
def test_a_printed_row_names_the_place_of_its_confidence(geotagger, level, said, tmp_path):
    from geotagger.reports.schema import COLUMNS

    names = {"city": ("Lyon", "Rhône")}.get(level, ("", ""))
    cells = dict.fromkeys(COLUMNS, "") | {
        "path": "a.jpg", "status": "predicted", "lat": 45.7, "lon": 4.8, "radius_km": 9,
        "confidence": 0.9, "level": level, "continent": "Europe", "country": "France",
        "city": names[0], "region": names[1],
    }  # fmt: skip
    file = tmp_path / "r.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, cells)
        writer.writeheader()
        writer.writerow(cells)
    done = geotagger("report", file)
    assert done.stdout == f"predicted 0.90      9 km  a.jpg: {said}\n"
    assert done.stderr == "1 row\n"


@pytest.mark.parametrize(
    "command", [["tag", "--model"], ["embed", "photos", "--model"], ["models", "info"]]
)
def test_the_shell_completes_the_names_of_models(tmp_path, monkeypatch, command):
    models = tmp_path / "models"
    make_bundle(models / "streets")
    monkeypatch.setenv("GEOTAGGER_MODELS", str(models))
    completing = ShellComplete(cli, {}, "geotagger", "_GEOTAGGER_COMPLETE")
    assert {item.value for item in completing.get_completions(command, "")} >= {
        "starter",
        "streets",
    }
    assert [item.value for item in completing.get_completions(command, "stre")] == ["streets"]
    (folder,) = completing.get_completions(command, "./mine")
    assert (folder.value, folder.type) == ("./mine", "dir")
