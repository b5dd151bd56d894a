"""What a run ends with: what a person can act on, and nothing that did not happen."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from geotagger.config import RunOptions
from geotagger.reasons import Reason, ReasonCode
from geotagger.reports.rows import row
from geotagger.reports.run_summary import OTHER, RunSummary, summary_text
from geotagger.types import Level, Outcome, PhotoMetadata, Point, Status
from tests.fixtures.samples import PARIS, SPRINGFIELD, outcome, taken


def with_codes(status, *codes):
    return outcome("x.jpg", status, reasons=tuple(Reason(code, "of this photo") for code in codes))


def lines(*outcomes, reports=("r.csv",), flags=None, **more):
    summary = RunSummary(seconds=2.0, **more)
    for item in outcomes:
        summary.add(row(item))
    options = RunOptions((Path(),), reports=tuple(map(Path, reports)), **(flags or {}))
    text = summary_text(summary, options)
    first, *rest = text.splitlines()
    return first, {name: said.strip() for name, said in (line.split(":", 1) for line in rest)}


def test_everything_at_once():
    first, said = lines(
        *[taken("a", PARIS)] * 3,
        taken("b", SPRINGFIELD, level=Level.COUNTRY),
        taken("c", PARIS, level=Level.CONTINENT),
        taken("d", PARIS, level=Level.NONE, status=Status.UNSURE),
        with_codes(Status.FAILED, ReasonCode.DAMAGED_IMAGE),
        with_codes(Status.FAILED, ReasonCode.DAMAGED_IMAGE),
        with_codes(Status.FAILED, ReasonCode.NOT_A_PICTURE),
        with_codes(Status.SKIPPED, ReasonCode.CAMERA_RAW),
        resumed=4,
    )
    assert first == (
        "10 photos in 2.0 s (5.0 photos/s): 5 predicted, 3 failed, 1 unsure, 1 skipped"
    )
    assert said == {
        "answered": "3 city, 1 country, 1 continent",
        "countries": "3 France, 1 United States",
        "skipped": "1 camera RAW without a preview",
        "failed": "2 damaged or truncated picture, 1 not a picture",
        "resumed": "4 finished by an earlier run (--restart predicts them again)",
        "reports": "r.csv",
        "next": "geotagger report r.csv --where status=failed",
    }


def test_a_dry_run_says_how_many_photos_it_would_write():
    rehearsed = with_codes(Status.PREDICTED, ReasonCode.DRY_RUN)
    flags = {"dry_run": True, "write_exif": True}
    _, said = lines(rehearsed, rehearsed, taken("a", PARIS), flags=flags)
    assert said["dry run"] == "2 photos would be written (their notes say what)"
    assert lines(rehearsed, flags=flags)[1]["dry run"].startswith("1 photo would be written")
    assert lines(taken("a", PARIS), flags=flags)[1]["dry run"] == "nothing to write"
    assert "--write-exif" in lines(taken("a", PARIS), flags={"dry_run": True})[1]["dry run"]
    assert "dry run" not in lines(taken("a", PARIS), flags={"write_exif": True})[1]


def test_what_the_scan_left_out():
    _, said = lines(taken("a", PARIS), left_out=Counter({"@eaDir/": 12, "small": 2}))
    assert said["left out"].startswith("12 @eaDir/, 2 small (folders of thumbnails")
    assert "--no-default-excludes" in said["left out"]
    options = RunOptions((Path(),), exclude=("small",))
    text = summary_text(RunSummary(seconds=1, left_out=Counter({"small": 2})), options)
    assert "left out:    2 small\n" in f"{text}\n"


def test_why_predicted_photos_were_not_written():
    predicted = taken("a", PARIS)
    own = replace(predicted, reasons=(Reason(ReasonCode.MEASURED_GPS_KEPT, "it has its own"),))
    coarse = replace(
        predicted,
        metadata=PhotoMetadata(gps_problem="GPS is 0, 0"),
        reasons=(Reason(ReasonCode.POSITION_NOT_TRUSTED, "at level city"),),
    )
    first, said = lines(own, own, coarse, predicted)
    assert first.startswith("4 photos in")
    assert said["not written"] == "2: it has a GPS position of its own; 1: no position is trusted"


@pytest.mark.parametrize(
    ("codes", "label"),
    [
        ((ReasonCode.UNREADABLE_FILE, ReasonCode.INVALID_GPS), "file cannot be read"),
        ((ReasonCode.TRUNCATED, ReasonCode.NOT_EMBEDDED, ReasonCode.WRITE_FAILED), "not written"),
        ((), OTHER),
    ],
)
def test_the_last_reason_for_a_failure_counts(codes, label):
    _, said = lines(with_codes(Status.FAILED, *codes))
    assert said["failed"] == f"1 {label}"


def test_reasons_beyond_the_commonest_are_counted():
    summary = RunSummary(unwritten=Counter({f"reason {n}": 2 for n in "abcdefg"}))
    text = summary_text(summary, RunOptions((Path(),)))
    shown = "; ".join(f"2: reason {n}" for n in "abcde")
    assert f"{shown}; 4: see their notes" in text


def test_one_photo_is_one_photo():
    assert lines(taken("a", PARIS))[0].startswith("1 photo in")


def test_inconsistent_gps_comes_before_places():
    far = PhotoMetadata(gps=Point(0, 0))
    predicted = taken("a", PARIS)
    _, said = lines(
        predicted,
        Outcome(predicted.photo, Status.PREDICTED, far, predicted.prediction),
        outcome("x.jpg", Status.UNSURE, metadata=PhotoMetadata(gps_problem="GPS is 0, 0")),
        reports=("my photos.csv",),
    )
    assert said["GPS"] == "1 outside the circle of their prediction, 1 with an invalid position"
    assert said["next"] == (
        "geotagger report 'my photos.csv' --where 'gps_check=far or gps_check=invalid'"
    )


@pytest.mark.parametrize(
    ("items", "reports", "following"),
    [
        ([taken("a", PARIS)], ["r.kml", "r.jsonl"], "geotagger report r.jsonl --group place,day"),
        ([outcome("x.jpg", Status.UNSURE)], ["r.csv"], "geotagger report r.csv --sort -confidence"),
        ([taken("a", PARIS)], ["r.kml"], None),
    ],
)
def test_what_to_do_next(items, reports, following):
    _, said = lines(*items, reports=reports)
    assert said.get("next") == following


def test_many_countries_are_summed_up():
    summary = RunSummary(seconds=7320)
    summary.countries.update({f"Land {number}": 9 - number for number in range(8)})
    text = summary_text(summary, RunOptions((Path(),)))
    assert "9 Land 0, 8 Land 1, 7 Land 2, 6 Land 3, 5 Land 4, 9 in 3 others" in text
    assert "in 2 h 02 min" in text


def test_hostile_names_cannot_turn_the_terminal():
    _, said = lines(with_codes(Status.FAILED), reports=["\x1b\u202e.csv"])
    assert said["reports"] == "\\x1b\\u202e.csv"
