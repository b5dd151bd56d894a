"""Whatever a photo is called, the report's path leads back to it."""

import os
from pathlib import Path

import pytest

from geotagger.printable import printable_path
from geotagger.reports.read.find_photo import find_photo

NAMES = (
    b"plain.jpg",
    "Å\N{PILE OF POO}.jpg".encode(),
    b"caf\xe9.jpg",
    b"\xff\xfe\xc3.jpg",
    b"new\nline\r\t\x1b[31m.jpg",
    "\u202egpj.exe\u2028.jpg".encode(),
    "c1\u0085\u009f.jpg".encode(),
    b"literal \\xe9 \\n \\q.jpg",
    b"=cmd|x.jpg",
    b"\xed\xb3\xa9 lone surrogate.jpg",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("beside", ["cwd", "report", "absolute"])
def test_a_photo_is_found_again(tmp_path, monkeypatch, name, beside):
    photos = tmp_path / "photos"
    photos.mkdir()
    (tmp_path / "elsewhere").mkdir()
    photo = photos / os.fsdecode(name)
    try:
        photo.write_bytes(b"x")
    except OSError:
        pytest.skip("no such name on this file system")
    monkeypatch.chdir(tmp_path if beside == "cwd" else tmp_path / "elsewhere")
    report = tmp_path / "r.csv" if beside == "report" else Path("r.csv")
    cell = printable_path(photo if beside == "absolute" else photo.relative_to(tmp_path))
    found = find_photo(cell, report)
    assert found is not None
    assert found.samefile(photo)


@pytest.mark.parametrize(
    "cell", ["gone.jpg", "", "\0.jpg", "x" * 5000, "\\Uffffffff", "\\ud834.jpg", "."]
)
def test_a_missing_file_is_none(tmp_path, cell):
    assert find_photo(cell, tmp_path / "r.csv") is None
