"""Label tables, captions and galleries: what is read, and what is refused."""

import json

import numpy as np
import pytest

from geotagger.errors import BundleError
from geotagger.vision.bundle.bundle import hash_files, load_bundle
from geotagger.vision.bundle.card import CARD_FILE
from tests.fixtures.bundles import make_bundle, seal, write_csv
from tests.fixtures.matching_bundles import caption_bundle


@pytest.fixture
def captions(tmp_path):
    return caption_bundle(tmp_path / "captions")


def edited(bundle, **changes):
    document = json.loads((bundle.path / CARD_FILE).read_text("utf-8"))
    document["heads"][0] |= changes
    document["files"] = hash_files(bundle.path)
    return json.dumps(document)


HEADER = ("label", "scope", "log_prior", "country_code", "region", "continent", "lat", "lon")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "holds no rows"),
        ([HEADER], "holds no rows"),
        ([("label", "scope"), ("a", "country")], "lacks the column 'log_prior'"),
        ([(*HEADER, "extra"), ["a"] * 9], "column 'extra' is unknown or a duplicate"),
        ([(*HEADER, "label"), ["a"] * 9], "column 'label' is unknown or a duplicate"),
        ([HEADER, ("a",)], "row 2: has 1 cells and not 8"),
        ([HEADER, ("a", "galaxy", -1, "", "", "", "", "")], "row 2: scope must be one of"),
        ([HEADER, ("", "country", -1, "JP", "", "", "", "")], "the cell 'label' is empty"),
        ([HEADER, ("a", "country", -1, "", "", "", "", "")], "the cell 'country_code' is empty"),
        ([HEADER, ("a", "region", -1, "JP", "", "", "", "")], "the cell 'region' is empty"),
        ([HEADER, ("a", "continent", -1, "", "", "", "", "")], "the cell 'continent' is empty"),
        ([HEADER, ("a", "point", -1, "", "", "", "", "0")], "the cell 'lat' is empty"),
        ([HEADER, ("a", "point", -1, "", "", "", "91", "0")], "lat must be a number from -90"),
        ([HEADER, ("a", "point", -1, "", "", "", "0", "nan")], "lon must be a number"),
        ([HEADER, ("a", "country", 0.1, "JP", "", "", "", "")], "log_prior must be a number"),
        ([HEADER, ("a", "country", "-inf", "JP", "", "", "", "")], "log_prior must be a number"),
        ([HEADER, *[("a", "country", -1, "JP", "", "", "", "")] * 2], "a label occurs twice"),
    ],
)
def test_a_label_table_that_says_too_little_is_refused(tmp_path, rows, message):
    bundle = make_bundle(tmp_path / "tiny")
    write_csv(bundle.path / "labels.csv", rows)
    with pytest.raises(BundleError, match=message) as refused:
        seal(bundle.path, bundle.card.heads, size_px=8, probe=bundle.card.probe)
    assert "labels.csv" in str(refused.value)


@pytest.mark.parametrize("data", [b"label\n\xff\n", b'label\n"a\n', b'label\n"a"b\n'])
def test_a_damaged_label_table_is_refused(tmp_path, data):
    bundle = make_bundle(tmp_path / "tiny", "attribute")
    (bundle.path / "climates.csv").write_bytes(data)
    with pytest.raises(BundleError, match=r"climates\.csv: not a readable CSV table"):
        seal(bundle.path, bundle.card.heads, size_px=8, probe=bundle.card.probe)


def test_label_tables_of_spreadsheets_are_read(tmp_path):
    bundle = make_bundle(tmp_path / "tiny", "attribute")
    file = bundle.path / "climates.csv"
    file.write_bytes("\ufefflabel\r\nwarm, wet\r\n".encode().replace(b"warm, wet", b'"warm, wet"'))
    (label,) = bundle.labels(bundle.card.heads[0])
    assert label.label == "warm, wet"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("x", "country", "JP", "")] * 3, "a label occurs twice"),
        ([(n, "country", "JP", "state") for n in "abc"], "parent must be"),
        ([(n, "country", "", "country") for n in "abc"], "'country_code' is empty"),
        (
            [("a", "country", "JP", "country"), *((n, "country", "DE", "") for n in "bc")],
            "either all rows have a parent or no row",
        ),
        ([("a", "country", "JP", "")], "does not fit the 1 rows"),
    ],
)
def test_a_table_of_captions_that_does_not_fit_is_refused(captions, rows, message):
    header = ("label", "scope", "country_code", "parent")
    write_csv(captions.path / "countries.csv", [header, *rows])
    (captions.path / CARD_FILE).write_text(edited(captions), "utf-8")
    with pytest.raises(BundleError, match=message):
        load_bundle(captions.path)


def test_a_gallery_is_mapped_and_typed(tmp_path):
    bundle = make_bundle(tmp_path / "tiny", "retrieve")
    gallery = bundle.gallery(bundle.card.heads[0])
    assert isinstance(gallery.vectors, np.memmap)
    assert gallery.vectors.dtype == np.float16
    assert gallery.lat.dtype == gallery.lon.dtype == gallery.count.dtype == np.float32
    assert gallery.count.tolist() == [3, 1, 2]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3), np.float32), "does not fit the 3 rows"),
        (np.zeros(3, np.float32), "does not fit the 3 rows"),
        (np.zeros((3, 3), np.int8), "must hold float16 or float32"),
        (np.array([{"a": 1}] * 3), "not a readable .npy array"),
    ],
)
def test_a_gallery_that_does_not_fit_is_refused(tmp_path, array, message):
    bundle = make_bundle(tmp_path / "tiny", "retrieve")
    np.save(bundle.path / "gallery.npy", array)
    with pytest.raises(BundleError, match=message):
        bundle.gallery(bundle.card.heads[0])


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY", b"PK\x03\x04", b"\x80\x04N."])
def test_a_damaged_gallery_is_refused(tmp_path, data):
    bundle = make_bundle(tmp_path / "tiny", "retrieve")
    (bundle.path / "gallery.npy").write_bytes(data)
    with pytest.raises(BundleError, match=r"gallery\.npy"):
        bundle.gallery(bundle.card.heads[0])
