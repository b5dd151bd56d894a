"""`geotagger report`: conversion, selection, order, groups; and what it refuses."""

import csv
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from geotagger.cli.report import report
from geotagger.cli.tag import tag
from geotagger.errors import GeotaggerError, UsageError
from geotagger.reports.read.rows import read_rows
from geotagger.reports.schema import SCHEMA
from geotagger.types import Level, Point, Status
from tests.fixtures.samples import (
    PARIS,
    SAINT_DENIS,
    SPRINGFIELD,
    as_read,
    outcomes,
    taken,
    write_report,
)

PARIS_NAME = "Paris, Île-de-France, France"


def run(*arguments):
    done = CliRunner().invoke(report, [str(argument) for argument in arguments])
    if isinstance(done.exception, GeotaggerError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture
def trip(tmp_path):
    items = [
        taken("a.jpg", PARIS, "02", confidence=0.7),
        taken("b.jpg", PARIS, "01", confidence=0.9),
        taken("c.jpg", SAINT_DENIS, "01"),
        taken("d.jpg", SPRINGFIELD),
        taken("e.jpg", PARIS, "01", Level.COUNTRY),
        taken("f.jpg", PARIS, "03", Level.NONE, 0.1, Status.UNSURE),
        *list(outcomes())[2:3],
    ]
    return write_report(tmp_path / "trip.csv", items)


def paths(file):
    return [cells["path"] for cells in read_rows(file)]


@pytest.mark.parametrize("source", [".csv", ".jsonl", ".geojson", ".parquet"])
def test_every_format_becomes_every_other(tmp_path, source):
    first = write_report(tmp_path / f"first{source}", outcomes())
    targets = [tmp_path / f"r{suffix}" for suffix in (".csv", ".jsonl", ".geojson", ".parquet")]
    pages = [tmp_path / f"r{suffix}" for suffix in (".kml", ".kmz")]
    done = run(first, *targets, *pages)
    assert done.stderr.startswith("20 rows: ")
    for target in targets:
        assert list(read_rows(target)) == as_read(target, read_rows(first))
    for target in targets[:1] if source == ".csv" else targets[:3]:
        again = write_report(tmp_path / f"x{target.suffix}", outcomes())
        assert target.read_bytes() == again.read_bytes()
    assert all(page.stat().st_size > 1000 for page in pages)


def test_extra_columns_travel_along(tmp_path):
    lines = [
        {"path": "a", "status": "failed", "lat": None, "lon": None},
        {"path": "b", "status": "failed", "lat": None, "lon": None, "=x": "=1", "y\u202e": 2},
    ]
    source = tmp_path / "r.jsonl"
    source.write_text("\n".join(json.dumps(line) for line in lines))
    targets = [tmp_path / f"r{suffix}" for suffix in (".csv", ".parquet", ".geojson", ".kml")]
    run(source, *targets)
    with targets[0].open(newline="") as file:
        header, _, second = csv.reader(file)
    assert header == [*(c.name for c in SCHEMA if c.in_csv), "'=x", "y\\u202e"]
    assert second[-2:] == ["'=1", "2.0"]
    for target in targets[:3]:
        _, second = read_rows(target)
        assert (second["=x"], str(second["y\\u202e"])) == ("=1", "2.0")
    assert 'name="=x"' in targets[3].read_text()


def test_where_and_sort_select_and_order(trip, tmp_path):
    out = tmp_path / "out.csv"
    run(trip, out, "--where", "country=FR and confidence>0.6", "--sort", "-confidence")
    assert paths(out) == ["b.jpg", "c.jpg", "e.jpg", "a.jpg"]
    run(trip, out, "--sort", "taken_at,-path")
    assert paths(out) == ["e.jpg", "c.jpg", "b.jpg", "a.jpg", "f.jpg", "d.jpg", "bad.jpg"]


def test_without_a_target_the_rows_are_printed(trip):
    done = run(trip, "--where", "city=paris")
    assert done.stdout.splitlines() == [
        "predicted 0.70     12 km  a.jpg: Paris, Île-de-France, France",
        "predicted 0.90     12 km  b.jpg: Paris, Île-de-France, France",
    ]
    assert done.stderr == "2 rows\n"
    assert "failed" in run(trip, "--where", "status=failed").stdout
    assert "zero bytes" in run(trip, "--where", "status=failed").stdout


def test_groups_are_counted(trip):
    lines = run(trip, "--group", "place,day").stdout.splitlines()
    assert [re.split(r"\s{2,}", line) for line in lines] == [
        ["place", "day", "photos", "predicted", "unsure", "failed"],
        [PARIS_NAME, "2024-05-01", "2", "2", "-", "-"],
        [PARIS_NAME, "2024-05-02", "1", "1", "-", "-"],
        ["France", "2024-05-01", "1", "1", "-", "-"],
        ["Springfield, Illinois, United States", "-", "1", "1", "-", "-"],
        ["unsure", "2024-05-03", "1", "-", "1", "-"],
        ["-", "-", "1", "-", "-", "1"],
    ]
    assert len({line.index("2024-05-01") for line in lines[1:2] + lines[3:4]}) == 1


def test_groups_without_days_tell_the_first_and_the_last(trip):
    lines = run(trip, "--group", "status").stdout.splitlines()
    assert [re.split(r"\s{2,}", line) for line in lines] == [
        ["status", "photos", "predicted", "unsure", "failed", "first", "last"],
        ["predicted", "5", "5", "-", "-", "2024-05-01", "2024-05-02"],
        ["failed", "1", "-", "-", "1", "-", "-"],
        ["unsure", "1", "-", "1", "-", "2024-05-03", "2024-05-03"],
    ]


def test_groups_become_a_column(trip, tmp_path):
    out = tmp_path / "out.csv"
    run(trip, out, "--group", "place", "--sort", "path")
    assert [(cells["path"], cells["group"]) for cells in read_rows(out)] == [
        ("a.jpg", PARIS_NAME),
        ("b.jpg", PARIS_NAME),
        ("c.jpg", PARIS_NAME),
        ("e.jpg", "France"),
        ("d.jpg", "Springfield, Illinois, United States"),
        ("f.jpg", "unsure"),
        ("bad.jpg", "-"),
    ]
    again = tmp_path / "again.csv"
    run(out, again, "--group", "status")
    assert {cells["group"] for cells in read_rows(again)} == {"predicted", "unsure", "failed"}
    assert sorted(paths(again)) == sorted(paths(trip))


def test_places_of_the_same_name_are_distinguished(tmp_path):
    other = replace(SPRINGFIELD, point=Point(38.0, -89.0))
    file = write_report(tmp_path / "r.csv", [taken("a", SPRINGFIELD), taken("b", other)])
    names = [line.split("  ")[0] for line in run(file, "--group", "place").stdout.splitlines()[1:]]
    assert names == [
        "Springfield, Illinois, United States (38.00, -89.00)",
        "Springfield, Illinois, United States (39.80, -89.60)",
    ]


def test_places_across_the_antimeridian_are_one(tmp_path):
    west, east = (replace(SPRINGFIELD, point=Point(-16.8, lon)) for lon in (-179.95, 179.95))
    file = write_report(tmp_path / "r.csv", [taken("a", west), taken("b", east)])
    assert len(run(file, "--group", "place").stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--sort", "citty"], r"--sort citty: the columns are path, "),
        (["--group", "town"], r"--group town: groups are place, day, or one of path"),
        (["--where", "town=Lyon"], r"there is no column town"),
        (["out.xlsx"], r"out\.xlsx: the suffix names .*\.geojson"),
        (["out.csv", "./out.csv"], r"out\.csv: would be written twice"),
    ],
)
def test_what_cannot_be_is_a_usage_error(trip, monkeypatch, arguments, says):
    monkeypatch.chdir(trip.parent)
    with pytest.raises(UsageError, match=says):
        run(trip, *arguments)
    assert list(trip.parent.iterdir()) == [trip]


def test_what_is_read_is_never_overwritten(trip):
    before = trip.read_bytes()
    partial = trip.rename(trip.with_name("run.csv.partial"))
    linked = trip.with_name("linked.csv")
    linked.symlink_to(partial)
    for target in ("run.csv", "linked.csv"):
        with pytest.raises(UsageError, match="would overwrite"):
            run(partial, trip.with_name(target))
    assert partial.read_bytes() == before
    rescued = trip.with_name("rescued.csv")
    run(partial, rescued)
    assert rescued.read_bytes() == before


def test_a_damaged_line_leaves_earlier_reports_as_they_were(trip, tmp_path):
    with trip.open("a") as file:
        file.write("one cell\r\n")
    for suffix in (".csv", ".kml", ".geojson", ".parquet"):
        target = tmp_path / f"old{suffix}"
        target.write_text("old")
        with pytest.raises(UsageError, match=r"trip\.csv, line 9: 1 cells"):
            run(trip, target)
        assert target.read_text() == "old"
        assert not (tmp_path / f"old{suffix}.partial").exists()


def test_no_rows_leave_an_earlier_report_as_it_was(trip, tmp_path):
    target = tmp_path / "old.csv"
    target.write_text("old")
    assert run(trip, target, "--where", "country=AQ").stderr == "no rows, nothing written\n"
    assert target.read_text() == "old"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk at hand")
def test_a_full_disk_names_the_report_and_leaves_the_others(trip, tmp_path):
    (tmp_path / "full.csv.partial").symlink_to("/dev/full")
    with pytest.raises(GeotaggerError, match=r"full\.csv: No space"):
        run(trip, tmp_path / "fine.csv", tmp_path / "full.csv")
    assert not (tmp_path / "fine.csv").exists()


def test_nothing_printed_turns_the_terminal(tmp_path):
    bad = "\x1b[31m\u202ered.jpg"
    file = tmp_path / "r.jsonl"
    cells = {"path": bad, "status": "failed", "lat": None, "lon": None, "note": bad}
    file.write_text(json.dumps(cells))
    for arguments in ([], ["--group", "path"]):
        printed = run(file, *arguments).stdout
        assert "\\x1b[31m\\u202ered.jpg" in printed
        assert "\x1b" not in printed


def test_photos_beside_the_report_that_is_read_are_found(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    (tmp_path / "elsewhere").mkdir()
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "there" / "a.jpg")
    source = write_report(tmp_path / "there" / "r.csv", list(outcomes())[:1])
    monkeypatch.chdir(tmp_path / "elsewhere")
    run(source, "r.kmz", "r.kml")
    with zipfile.ZipFile("r.kmz") as archive:
        assert archive.namelist() == ["doc.kml", "thumbnails/1.jpg"]
    assert (tmp_path / "there" / "a.jpg").resolve().as_uri() in Path("r.kml").read_text("utf-8")


def test_a_run_writes_no_file_twice(tmp_path):
    arguments = ["--report", "r.csv", "--report", "./r.csv"]
    done = CliRunner().invoke(tag, [str(tmp_path), *arguments])
    assert isinstance(done.exception, UsageError)
    assert "r.csv: would be written twice" in str(done.exception)
