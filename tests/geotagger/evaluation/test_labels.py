import pytest

from geotagger.errors import UsageError
from geotagger.evaluation.labels import KnownPlace, read_labels
from geotagger.geography.places import load_places
from geotagger.types import Point


def labels(tmp_path, *rows):
    file = tmp_path / "labels.csv"
    file.write_text("\n".join(["file,lat,lon,country", *rows]), encoding="utf-8")
    return read_labels(file, load_places())


def test_a_position_a_country_or_both(tmp_path):
    found = labels(
        tmp_path, "a.jpg,52.52,13.4,", "b/c.jpg,,,fr", '"d,e.jpg",-33.9,151.2,NZ', "f,,,"
    )
    assert found == {
        tmp_path / "a.jpg": KnownPlace("DE", Point(52.52, 13.4)),
        tmp_path / "b" / "c.jpg": KnownPlace("FR"),
        tmp_path / "d,e.jpg": KnownPlace("NZ", Point(-33.9, 151.2)),
        tmp_path / "f": KnownPlace(""),
    }


@pytest.mark.parametrize(
    "row", ["a.jpg,91,0,", "a.jpg,0,181,FR", "a.jpg,nan,0,", "a.jpg,north,0,FR", "a\0.jpg,1,1,FR"]
)
def test_an_invalid_label_is_named_with_its_line(tmp_path, row):
    with pytest.raises(UsageError, match=r"labels\.csv, line 3: .*; correct it"):
        labels(tmp_path, "fine.jpg,1,1,FR", row)


@pytest.mark.parametrize("row", ["DE", "DE,", "DE,,"])
def test_a_row_without_a_file_is_named_with_its_line(tmp_path, row, places):
    table = tmp_path / "labels.csv"
    table.write_text(f"country,file\nDE,a.jpg\n{row}\n", "utf-8")
    with pytest.raises(UsageError, match=r"labels\.csv, line 3: it names no file; correct it"):
        read_labels(table, places)
