"""Every format is read back as it was written, and what is damaged is named."""

import csv
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geotagger.errors import UsageError
from geotagger.reports.formats.writer import ReportStyle
from geotagger.reports.read.rows import read_rows
from geotagger.reports.rows import row
from geotagger.reports.schema import COLUMNS, SCHEMA
from tests.fixtures.samples import as_read, outcomes, write_report

SUFFIXES = (".csv", ".jsonl", ".geojson", ".parquet")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_is_read_back_cell_by_cell(tmp_path, suffix):
    path = write_report(tmp_path / f"r{suffix}", outcomes(), ReportStyle(circles=True))
    rows = list(read_rows(path))
    assert rows == as_read(path, [row(outcome) for outcome in outcomes()])
    for cells in rows:
        assert tuple(cells) == COLUMNS
        for column in SCHEMA:
            kinds = {"text": str, "number": float | None, "list": list}
            assert isinstance(cells[column.name], kinds[column.kind])


def test_a_csv_for_excel_has_a_byte_order_mark_and_is_read_back(tmp_path):
    plain = write_report(tmp_path / "plain.csv", outcomes())
    marked = write_report(tmp_path / "marked.csv", outcomes(), ReportStyle(csv_bom=True))
    assert marked.read_bytes() == b"\xef\xbb\xbf" + plain.read_bytes()
    assert list(read_rows(marked)) == list(read_rows(plain))
    for suffix in (".jsonl", ".geojson"):
        other = write_report(tmp_path / f"r{suffix}", outcomes(), ReportStyle(csv_bom=True))
        assert other.read_bytes()[:1] == b"{"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".geojson"])
def test_what_an_interrupted_run_left_is_read_to_its_last_whole_line(tmp_path, suffix):
    whole = write_report(tmp_path / f"r{suffix}", outcomes())
    lines = whole.read_bytes().splitlines(keepends=True)
    partial = tmp_path / f"r{suffix}.partial"
    partial.write_bytes(b"".join(lines[:4]) + lines[4][:40])
    header = suffix != ".jsonl"
    expected = as_read(whole, [row(item) for item in outcomes()][: 4 - header])
    assert list(read_rows(partial)) == expected


def cells_of_csv(**changed):
    cells = dict.fromkeys(COLUMNS, "")
    return cells | {"path": "a.jpg", "status": "predicted", "lat": "1", "lon": "2"} | changed


def write_csv(path, *rows, text=""):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
        file.write(text)
    return path


def test_extra_columns_are_kept(tmp_path):
    path = write_csv(tmp_path / "r.csv", cells_of_csv(approved="yes", by="=me"))
    (cells,) = read_rows(path)
    assert (cells["approved"], cells["by"]) == ("yes", "=me")
    path = tmp_path / "r.jsonl"
    extra = {"rank": 3, "ok": True, "who": None, "more": {"a": 1}}
    path.write_text(json.dumps({"path": "a", "status": "failed", "lat": None, "lon": None} | extra))
    (cells,) = read_rows(path)
    assert {name: cells[name] for name in extra} == {
        "rank": 3.0,
        "ok": "true",
        "who": None,
        "more": '{"a": 1}',
    }


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"lat": "north"}, "lat is 'north', not a number"),
        ({"lat": "91"}, "lat is 91, out of range"),
        ({"radius_km": "nan"}, "radius_km is 'nan', not a number"),
        ({"radius_km": "-1"}, "out of range"),
        ({"status": ""}, "status is empty; it must be one of predicted"),
        ({"status": None}, "status is empty; it must be one of predicted"),
        ({"status": "done"}, "status is 'done', which is not one of predicted"),
        ({"alternatives": "{}"}, "alternatives is not a list"),
        ({"alternatives": "[1]"}, "alternatives is not a list of objects"),
        ({"alternatives": '[{"lat": 1, "lon": 2}]'}, "probability in alternatives"),
        ({"alternatives": "[" * 100_000}, "nested too deeply"),
    ],
)
def test_a_damaged_cell_is_named_with_its_line(tmp_path, changed, says):
    path = write_csv(tmp_path / "r.csv", cells_of_csv(), cells_of_csv(**changed))
    with pytest.raises(UsageError, match=r"r\.csv, line 3: ") as error:
        list(read_rows(path))
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("r.csv", b"path,status,lat\n1,2,3\n", "line 2: the column lon is missing"),
        ("r.csv", b"path;status;lat;lon\n", "line 1: the cells are not separated by commas"),
        ("r.csv", b"path,status,lat,lon\na,failed\n", "line 2: 2 cells, but there are 4 columns"),
        ("r.csv", b"path,path\n", "line 1: two columns have the same name"),
        ("r.csv", b"path,status,lat,lon\n\xff,failed,,\n", "line 2: it is not UTF-8"),
        ("r.jsonl", b'{"path": "a"\n', "line 1: "),
        ("r.jsonl", b"[1]\n", "line 1: [1] is not an object"),
        (
            "r.jsonl",
            b'{"path": "a", "status": "failed", "lat": NaN, "lon": 1}',
            "NaN is not a number",
        ),
        (
            "r.geojson",
            b'{"type": "FeatureCollection", "features": [3]}',
            "feature 1: 3 is not an object",
        ),
        ("r.parquet", b"PAR1 and then not", "r.parquet: "),
        ("r.xlsx", b"", "reports are read from .csv, .jsonl, .geojson, .parquet"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(tmp_path, name, data, says):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UsageError) as error:
        list(read_rows(path))
    assert str(path) in str(error.value)
    assert says in str(error.value)


def test_a_report_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"r\.csv: it cannot be read: No such file"):
        list(read_rows(tmp_path / "r.csv"))


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(
    places=st.lists(st.integers(0, 20_000), min_size=1, max_size=6),
    junk=st.sampled_from([b"", b"\0", b'"', b"\n", b"NaN", b"1e999", b"[[", b"\xff", b","]),
)
@settings(deadline=None, max_examples=60)
def test_whatever_is_broken_is_a_usage_error(tmp_path_factory, suffix, places, junk):
    whole = write_report(tmp_path_factory.mktemp("r") / f"r{suffix}", outcomes())
    data = whole.read_bytes()
    for place in places:
        place %= len(data)
        data = data[:place] + junk + data[place + 1 :]
    whole.write_bytes(data)
    try:
        rows = list(read_rows(whole))
    except UsageError:
        return
    assert all(set(COLUMNS) <= set(cells) for cells in rows)


def test_geojson_that_another_program_wrote_is_read(tmp_path):
    path = write_report(tmp_path / "r.geojson", outcomes(), ReportStyle(circles=True))
    whole = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(whole, indent=1))
    assert list(read_rows(path)) == [row(outcome) for outcome in outcomes()]


def test_a_csv_with_a_byte_order_mark_is_read(tmp_path):
    path = write_report(tmp_path / "r.csv", outcomes())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert list(read_rows(path)) == as_read(path, [row(outcome) for outcome in outcomes()])
