"""Reports, decisions and tables that someone has changed: refused by name, or left out, no more."""

import json
from pathlib import Path

import pytest

from geotagger.errors import BundleError, UsageError
from geotagger.reasons import Reason, ReasonCode
from geotagger.reports.formats.registry import open_report
from geotagger.reports.read.rows import read_rows
from geotagger.review.decisions import UNDECIDED, Decision, Decisions, PhotoKey, journal_path
from geotagger.review.session import ReviewSession
from geotagger.types import Level, Outcome, Photo, PhotoMetadata, Point, Status
from geotagger.vision.bundle.label_tables import read_vectors
from tests.fixtures.reviewing import guess
from tests.fixtures.samples import PISA

DEEP = "[" * 100_000
HUGE = "1" + "0" * 400
HALF = "\\ud83d"
WHOLE = "\\ud83d\\ude00"


@pytest.fixture
def report(tmp_path):
    """A report of one photo, as JSON Lines."""
    made = open_report(tmp_path / "r.jsonl")
    photo = Photo(Path("a.jpg"), Path())
    existing = PhotoMetadata(Point(43.7, 10.4))
    prediction = guess(PISA, Level.CITY, 0.7, 12.0)
    made.add(Outcome(photo, Status.PREDICTED, existing, prediction, "1" * 64, "m"))
    made.close()
    return made.path


def changed(report, **cells):
    """The report with raw JSON in the place of some of its cells."""
    marks = {name: f"<{name}>" for name in cells}
    text = json.dumps({**json.loads(report.read_text("utf-8")), **marks})
    for name, mark in marks.items():
        text = text.replace(json.dumps(mark), cells[name])
    report.write_text(text + "\n", "utf-8")
    return report


def alternative(**cells):
    numbers = {"lat": "1", "lon": "2", "probability": "0.5", **cells}
    return "[{" + ", ".join(f'"{name}": {number}' for name, number in numbers.items()) + "}]"


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"lat": HUGE}, "too large a number"),
        ({"mine": HUGE}, "too large a number"),
        ({"alternatives": alternative(probability=HUGE)}, "too large a number"),
        ({"alternatives": json.dumps(alternative(probability=HUGE))}, "too large a number"),
        ({"alternatives": alternative(lat="91")}, "lat in alternatives is 91, out of range"),
        ({"alternatives": alternative(lon="-181")}, "lon in alternatives"),
        ({"alternatives": alternative(probability="1.5")}, "probability in alternatives"),
        ({"alternatives": json.dumps(alternative(mine="NaN"))}, "NaN is not a number"),
        ({"path": f'"{HALF}"'}, "is not a character"),
        ({"mine": f'{{"a": "{HALF.upper().replace("U", "u", 1)}"}}'}, "is not a character"),
        ({"alternatives": json.dumps(alternative(mine=f'"{HALF}"'))}, "is not a character"),
        ({"lon": "null"}, "one of lat and lon is missing"),
        ({"gps_lat": '""'}, "one of gps_lat and gps_lon is missing"),
        ({"mine": DEEP}, "nested too deeply"),
    ],
)
def test_what_cannot_be_is_refused_with_the_line(report, cells, says):
    with pytest.raises(UsageError, match=says) as refused:
        list(read_rows(changed(report, **cells)))
    assert f"{report}, line 1" in str(refused.value)


def test_whole_characters_are_taken(report):
    (row,) = read_rows(changed(report, note=f'"{WHOLE}"', alternatives=alternative(probability=1)))
    assert row["note"] == "\U0001f600"
    assert row["alternatives"] == [{"lat": 1, "lon": 2, "probability": 1}]


@pytest.mark.parametrize(
    "line",
    [
        DEEP,
        '{"changes": [{"path": "a.jpg", "state": "corrected", "lat": 1, "lon": HUGE}]}'.replace(
            "HUGE", HUGE
        ),
        '{"changes": [{"path": "HALF", "state": "approved"}]}'.replace("HALF", HALF),
        '{"changes": [{"path": "a.jpg", "sha256": "HALF"}]}'.replace("HALF", HALF),
        '{"changes": [{"path": "a.jpg", "note": "HALF"}]}'.replace("HALF", HALF),
        '{"written": {"path": "a.jpg"}}',
        '{"changes": 3}',
        "[]",
    ],
)
def test_a_line_of_decisions_that_says_nothing_is_left_out(report, line):
    key = PhotoKey("a.jpg", "1" * 64)
    with Decisions(report) as decisions:
        decisions.decide({key: Decision("approved")})
    with journal_path(report).open("a", encoding="utf-8") as journal:
        journal.write(line + "\n")
    with Decisions(report) as decisions:
        assert decisions.damaged == 1
        assert dict(decisions) == {key: Decision("approved")}
        session = ReviewSession(report, decisions)
        assert session.columns()["rows"] == 1
        assert session.rows(0)[0]["decision"]["state"] == "approved"
        session.close()


def test_half_a_character_in_a_note_is_refused_and_not_lost_later(report):
    with Decisions(report) as decisions:
        session = ReviewSession(report, decisions)
        with pytest.raises(ValueError, match="not valid Unicode"):
            session.decide({"ids": [0], "note": "\ud83d"})
        assert decisions.of(PhotoKey("a.jpg", "1" * 64)) == UNDECIDED
        session.close()


def test_a_guess_without_a_position_is_shown_and_cannot_be_approved(tmp_path):
    made = open_report(tmp_path / "r.csv")
    made.add(
        Outcome(
            Photo(Path("a.jpg"), Path()),
            Status.FAILED,
            reasons=(Reason(ReasonCode.UNREADABLE_FILE, "cannot be read"),),
        )
    )
    made.close()
    with Decisions(made.path) as decisions:
        session = ReviewSession(made.path, decisions)
        assert session.rows(0)[0]["writes"] == ""
        assert session.decide({"ids": [0], "state": "approved"})["rows"] == []
        session.close()


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), ",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': " + b"(" * 300,
        b"'''",
        b"\n  1\n 2",
    ],
)
def test_vectors_with_a_damaged_header_are_refused(tmp_path, header):
    file = tmp_path / "v.npy"
    file.write_bytes(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(BundleError, match=r"v\.npy: not a readable \.npy array"):
        read_vectors(file)


@pytest.mark.parametrize("features", ["0", "null", '"abc"', '{"a": 1}', "true"])
def test_features_that_are_no_list(tmp_path, features):
    file = tmp_path / "r.geojson"
    file.write_text(f'{{"type": "FeatureCollection", "features": {features}}}')
    with pytest.raises(UsageError, match=r"r\.geojson.*its features are no list"):
        list(read_rows(file))


@pytest.mark.parametrize("items", ["[{}]", '[{"source": null}]', '[{"x": 1}]'])
def test_evidence_and_reasons_without_their_texts_are_shown(report, items):
    changed(report, evidence_by_source=items, reasons=items)
    (row,) = read_rows(report)
    assert row["evidence_by_source"][0]["source"] == row["reasons"][0]["code"] == ""
    with Decisions(report) as decisions:
        session = ReviewSession(report, decisions)
        assert session.columns()["rows"] == 1
        session.close()
