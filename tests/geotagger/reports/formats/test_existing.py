"""A file of the user's is not overwritten by a report; an earlier report is."""

import zipfile

import pytest

from geotagger.reports.formats.existing import is_report
from geotagger.reports.formats.registry import FORMATS, open_report
from geotagger.types import Outcome, Photo


def write(path, name="a.jpg"):
    report = open_report(path)
    report.add(Outcome(Photo(path.with_name(name), path.parent)))
    report.close()


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_earlier_report_is_replaced(tmp_path, suffix):
    path = tmp_path / f"r{suffix}"
    write(path)
    assert is_report(path)
    write(path, "b.jpg")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_of_the_users_is_kept(tmp_path, suffix, caplog):
    path = tmp_path / f"labels{suffix}"
    path.write_bytes(b"file,lat,lon\na.jpg,1,2\n")
    write(path)
    assert (tmp_path / f"labels.1{suffix}").read_bytes() == b"file,lat,lon\na.jpg,1,2\n"
    assert is_report(path)
    assert "exists already: it was renamed to" in caplog.text


def test_files_that_are_not_reports(tmp_path):
    path = tmp_path / "x"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("doc.kml", "<kml/>")
    assert not is_report(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("other", "no report" * 99)
    assert not is_report(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", "gps_check" * 99)
    assert is_report(path)
    content = bytearray(path.read_bytes())
    content[37:45] = b"\xff" * 8  # inside the packed bytes, after the 30 of the header and the name
    path.write_bytes(content)
    assert not is_report(path)
    path.write_bytes(b"PK\x03\x04 broken")
    assert not is_report(path)
    path.write_bytes(b"")
    assert is_report(path)


def test_a_run_without_rows_moves_nothing(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("mine")
    open_report(path).close()
    assert path.read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1
