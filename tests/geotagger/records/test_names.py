"""Which record belongs to which photo, by their names."""

import pytest

from geotagger.records.names import belongs, record_names

TEN = "1234567890"
LONG = "123456789012345678901234567890_PANORAMA_OF_THE.jpg"  # 50 characters


@pytest.mark.parametrize(
    ("photo", "record"),
    [
        ("IMG.jpg", "IMG.jpg.json"),
        ("IMG.jpg", "IMG.jpg.supplemental-metadata.json"),
        ("IMG.jpg", "IMG.json"),
        ("IMG.jpg", "metadata/IMG.jpg.json"),
        ("IMG(1).jpg", "IMG.jpg(1).json"),
        ("IMG(1).jpg", "IMG.jpg.supplemental-metadata(1).json"),
        ("IMG(1).jpg", "IMG(1).jpg.json"),
        ("IMG(1).jpg", "metadata/IMG(1).jpg.json"),
        ("PXL_20230715_120000000.MP.jpg", "PXL_20230715_120000000.MP.jpg.supplemental-met.json"),
        (f"{TEN * 4}1.jpg", f"{TEN * 4}1.jpg..json"),
        (f"{TEN * 4}.jpg", f"{TEN * 4}.jpg.s.json"),
        (f"{TEN * 4}(2).jpg", f"{TEN * 4}.jpg.s(2).json"),
        (LONG, LONG[:46] + ".json"),
        ("IMG-edited.jpg", "IMG.jpg.json"),
        ("IMG-edited.jpg", "IMG.jpg.supplemental-metadata.json"),
        ("IMG-edited.jpg", "IMG.HEIC.supplemental-metadata.json"),
        ("IMG-edited(1).jpg", "IMG.jpg.supplemental-metadata(1).json"),
        ("IMG-bearbeitet.jpg", "IMG.jpg.json"),
        ("IMG-modifié.jpg", "IMG.jpg.json"),
        ("IMG-ha editado.jpg", "IMG.jpg.json"),
        ("IMG-編集済み.jpg", "IMG.jpg.json"),
        (f"{TEN * 4}123-edi.jpg", f"{TEN * 4}123.jp.json"),
    ],
)
def test_records_of_photos(photo, record):
    assert record in [name.name for name in record_names(photo)]


@pytest.mark.parametrize(
    ("photo", "record"),
    [
        ("IMG.jpg", "IMG.jpg(1).json"),
        ("IMG(1).jpg", "IMG.jpg.json"),
        ("IMG(1).jpg", "IMG.jpg.supplemental-metadata.json"),
        ("IMG(2).jpg", "IMG.jpg(1).json"),
        ("IMG_1.jpg", "IMG_10.jpg.json"),
        ("IMG-beach.jpg", "IMG.jpg.json"),
        ("IMG-edi.jpg", "IMG.jpg.json"),
        ("IMG.png", "IMG.jpg.json"),
    ],
)
def test_records_of_other_photos(photo, record):
    assert record not in [name.name for name in record_names(photo)]


@pytest.mark.parametrize("photo", ["", ".jpg", "noext", "(1).jpg", "-edited.jpg", "caf\udce9.jpg"])
def test_odd_names_do_no_harm(photo):
    names = [name.name for name in record_names(photo)]
    assert len(names) == len(set(names))
    assert not any(name.startswith(("/", "..")) for name in names)


def test_the_exact_name_comes_first_and_needs_no_title():
    first = record_names("IMG.jpg")[0]
    assert (first.name, first.title) == ("IMG.jpg.json", "")


@pytest.mark.parametrize(
    ("title", "photo", "expected"),
    [
        ("IMG.jpg", "IMG.jpg", True),
        ("IMG", "IMG.jpg", True),
        ("a&b?.jpg", "a_b_.jpg", True),
        ("IMG.HEIC", "IMG.jpg", False),
        ("IMG_2.jpg", "IMG_1.jpg", False),
        ("IMG_12.jpg", "IMG_1.jpg", False),
        ("x" * 60 + ".jpg", "x" * 47 + ".jpg", True),
        ("y" * 60 + ".jpg", "x" * 47 + ".jpg", False),
        ("", "IMG.jpg", False),
    ],
)
def test_titles(title, photo, expected):
    assert belongs(title, photo) is expected
