import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from geotagger.errors import GeotaggerError, UsageError
from geotagger.printable import printable_path
from geotagger.reasons import Reason, ReasonCode
from geotagger.reports.formats.csv import FORMULA, escape_formula, unescape_formula
from geotagger.reports.formats.registry import FORMATS, open_report
from geotagger.reports.formats.writer import ReportStyle
from geotagger.reports.rows import row
from geotagger.reports.schema import COLUMNS, SCHEMA, SCHEMA_VERSION
from geotagger.types import (
    Candidate,
    Level,
    Outcome,
    Photo,
    PhotoMetadata,
    Point,
    Prediction,
    SourceNote,
    Status,
)
from tests.fixtures.samples import LYON

DESIGNED = (
    "path,status,lat,lon,radius_km,confidence,level,continent,country,country_code,region,city,"
    "evidence,alternatives,measured_by,gps_lat,gps_lon,gps_check,gps_distance_km,taken_at,model,sha256,note"
)


def outcome(name="a.jpg", level=Level.CITY, metadata=None, evidence="sign", **more):
    prediction = Prediction(
        LYON.point,
        LYON,
        level,
        0.83,
        12.0,
        (Candidate(LYON, LYON.point, 0.83),),
        (),
        (SourceNote("text", evidence),),
    )
    return Outcome(
        Photo(Path(name), Path()),
        Status.PREDICTED,
        metadata or PhotoMetadata(),
        prediction,
        **more,
    )


def written(tmp_path, *outcomes):
    report = open_report(tmp_path / "r.csv")
    for item in outcomes:
        report.add(item)
    report.close()
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_columns_are_those_of_the_design():
    assert ",".join(column.name for column in SCHEMA if column.in_csv) == DESIGNED


def test_a_city_answer_fills_its_row(tmp_path):
    (cells,) = written(tmp_path, outcome())
    assert cells["city"] == "Lyon"
    assert (cells["lat"], cells["lon"]) == ("45.76", "4.84")
    assert json.loads(cells["alternatives"])[0]["probability"] == 0.83


@pytest.mark.parametrize(
    ("level", "region", "city"),
    [(Level.REGION, LYON.region, ""), (Level.COUNTRY, "", ""), (Level.NONE, "", "")],
)
def test_names_finer_than_the_level_are_left_out(level, region, city):
    cells = row(outcome(level=level))
    assert (cells["region"], cells["city"]) == (region, city)
    assert cells["lat"] == 45.76
    assert cells["country_code"] == "FR"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_a_spreadsheet_would_run_is_neutralised(tmp_path, start):
    (cells,) = written(tmp_path, outcome(name=f"{start}cmd.jpg", evidence=f"{start}1+1"))
    assert not cells["path"].startswith(start)
    assert not cells["evidence"].startswith(start)


def test_negative_numbers_are_left_alone(tmp_path):
    metadata = PhotoMetadata(gps=Point(-33.9, -70.5))
    (cells,) = written(tmp_path, outcome(metadata=metadata))
    assert float(cells["gps_lat"]) == -33.9
    assert float(cells["gps_lon"]) == -70.5


def test_hostile_names_stay_readable_and_in_one_cell(tmp_path):
    name = 'a\nb\x1b[31m\u202egpj."x",y.jpg'
    (cells,) = written(tmp_path, outcome(name=name))
    assert cells["path"] == 'a\\nb\\x1b[31m\\u202egpj."x",y.jpg'


def test_a_name_that_is_not_utf8_is_escaped():
    path = Path(b"caf\xe9.jpg".decode("utf-8", "surrogateescape"))
    assert printable_path(path) == "caf\\xe9.jpg"


@pytest.mark.parametrize(
    ("metadata", "check"),
    [
        (PhotoMetadata(), "no_gps"),
        (PhotoMetadata(gps=Point(45.8, 4.9)), "agree"),
        (PhotoMetadata(gps=Point(48.8, 2.3)), "far"),
        (PhotoMetadata(gps_problem="GPS is 0, 0"), "invalid"),
        (PhotoMetadata(gps=Point(45.8, 4.9), gps_is_prediction=True), "no_gps"),
    ],
)
def test_gps_check(metadata, check):
    assert row(outcome(metadata=metadata))["gps_check"] == check


def test_an_unsure_guess_has_a_circle_too():
    unsure = replace(outcome(metadata=PhotoMetadata(gps=Point(45.8, 4.9))), status=Status.UNSURE)
    assert row(unsure)["gps_check"] == "agree"
    assert row(unsure)["gps_distance_km"] is not None


def test_the_receivers_own_error_counts():
    metadata = PhotoMetadata(gps=Point(45.9, 4.84))
    assert row(outcome(metadata=metadata))["gps_check"] == "far"
    assert row(outcome(metadata=replace(metadata, gps_error_km=5)))["gps_check"] == "agree"


def test_an_earlier_prediction_is_not_shown_as_measured():
    cells = row(outcome(metadata=PhotoMetadata(gps=Point(45.8, 4.9), gps_is_prediction=True)))
    assert cells["gps_lat"] is None
    assert cells["gps_distance_km"] is None


def test_json_lines_hold_the_same_columns(tmp_path):
    report = open_report(tmp_path / "r.jsonl")
    report.add(outcome())
    report.add(
        Outcome(
            Photo(Path("bad.jpg"), Path()),
            Status.FAILED,
            reasons=(Reason(ReasonCode.UNREADABLE_FILE, "zero bytes"),),
        )
    )
    report.close()
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text("utf-8").splitlines()]
    assert [tuple(line) for line in lines] == [("schema_version", *COLUMNS)] * 2
    assert [line["schema_version"] for line in lines] == [SCHEMA_VERSION] * 2
    assert lines[1]["lat"] is None
    assert lines[0]["evidence_by_source"] == [{"source": "text", "text": "sign"}]
    assert lines[1]["note"] == "zero bytes"
    assert lines[1]["reasons"] == [{"code": "unreadable_file", "detail": "zero bytes"}]


def test_an_earlier_report_stays_whole_until_the_new_one_is_done(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("old")
    report = open_report(path)
    report.add(outcome())
    assert path.read_text() == "old"
    assert "Lyon" in (tmp_path / "r.csv.partial").read_text("utf-8")
    report.close()
    assert "Lyon" in path.read_text("utf-8")
    assert not (tmp_path / "r.csv.partial").exists()


def test_an_empty_report_leaves_no_trace(tmp_path):
    open_report(tmp_path / "r.csv").close()
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_suffix_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"r\.xlsx.*\.csv"):
        open_report(tmp_path / "r.xlsx")


def test_the_docs_describe_every_code_and_the_version():
    docs = (Path(__file__).parents[3] / "docs" / "guide" / "reports.md").read_text("utf-8")
    assert f"version {SCHEMA_VERSION} of the schema" in docs
    assert [code for code in ReasonCode if f"`{code}`" not in docs] == []


@pytest.mark.parametrize("suffix", [".jsonl", ".geojson", ".parquet"])
def test_a_report_of_a_later_schema_is_refused(tmp_path, suffix, monkeypatch):
    from geotagger.reports.formats import geojson, parquet
    from geotagger.reports.read.rows import read_rows

    later = SCHEMA_VERSION + 1
    monkeypatch.setattr(geojson, "HEAD", geojson.HEAD.replace(str(SCHEMA_VERSION), str(later)))
    monkeypatch.setattr(parquet, "SCHEMA_VERSION", later)
    path = tmp_path / f"r{suffix}"
    report = open_report(path, ReportStyle(schema_version=later))
    report.add(outcome())
    report.close()
    with pytest.raises(UsageError, match=f"schema_version is {later}"):
        list(read_rows(path))


def test_a_report_that_cannot_be_written_names_the_remedy(tmp_path):
    with pytest.raises(GeotaggerError, match="--report"):
        open_report(tmp_path / "no such folder" / "r.csv")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk at hand")
def test_a_full_disk_names_the_report_and_the_remedy(tmp_path):
    (tmp_path / "r.csv.partial").symlink_to("/dev/full")
    report = open_report(tmp_path / "r.csv")
    with pytest.raises(GeotaggerError, match=r"r\.csv.*No space.*make room"):
        report.add(outcome())
    with pytest.raises(GeotaggerError, match="No space"):
        report.close()
    assert not (tmp_path / "r.csv").exists()


def test_the_docs_describe_every_column_as_it_is_defined():
    text = (Path(__file__).parents[3] / "docs" / "guide" / "reports.md").read_text("utf-8")
    for column in SCHEMA:
        line = f"| `{column.name}` | {column.kind} | {column.unit} | {column.meaning} |"
        assert line in text.splitlines()


def test_the_docs_describe_every_format():
    text = (Path(__file__).parents[3] / "docs" / "guide" / "reports.md").read_text("utf-8")
    assert all(f"`{suffix}`" in text for suffix in FORMATS)


def test_what_a_spreadsheet_would_run_comes_back_as_it_was():
    for text in ("=1", "'=1", "''=1", "'a", "-1", "\uff1d1", "a", "", "'"):
        assert unescape_formula(escape_formula(text)) == text
        assert not FORMULA.match(escape_formula(text)) or escape_formula(text).startswith("'")
