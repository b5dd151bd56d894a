import copy
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geotagger.errors import BundleError
from geotagger.vision.bundle import bundle as bundle_module
from geotagger.vision.bundle.bundle import find_bundle, hash_files, load_bundle
from geotagger.vision.bundle.card import CARD_FILE, ModelCard
from tests.fixtures.bundles import HEADS, make_bundle, seal, write_csv

ALL_KINDS = tuple(HEADS)


@pytest.fixture
def bundle(tmp_path):
    return make_bundle(tmp_path / "tiny", *ALL_KINDS)


@pytest.fixture(scope="module")
def card_text(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("card"), *ALL_KINDS).card.to_json()


def edit_card(bundle, change):
    file = bundle.path / CARD_FILE
    document = json.loads(file.read_text("utf-8"))
    change(document)
    file.write_text(json.dumps(document), "utf-8")


def test_a_bundle_is_read_back_as_it_was_written(bundle):
    assert load_bundle(bundle.path).card == bundle.card
    kinds = [head.kind for head in bundle.card.heads]
    assert kinds == ["classify", "classify", "retrieve", "regress"]
    assert ModelCard.from_json(bundle.card.to_json()) == bundle.card


def test_the_model_id_names_the_weights(bundle):
    digest = hash_files(bundle.path)["model.onnx"]
    assert bundle.card.model_id == f"tiny-1.0@{digest[:8]}"


def test_another_format_is_refused(bundle):
    edit_card(bundle, lambda card: card.update(format=2))
    with pytest.raises(BundleError, match=r"card\.json: bundle format 2 is not known.*update"):
        load_bundle(bundle.path)


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ((), ";"),
        (("input",), r" - at `\$\.input`;"),
        (("heads", 0), r" - at `\$\.heads\[0\]`;"),
        (("heads", 2), r" - at `\$\.heads\[2\]`;"),
        (("calibration",), r" - at `\$\.calibration`;"),
        (("probe",), r" - at `\$\.probe`;"),
    ],
)
def test_unknown_and_missing_keys_are_named(card_text, path, where):
    document = json.loads(card_text)
    part = document
    for step in path:
        part = part[step]
    part["surprise"] = 1
    with pytest.raises(BundleError, match=f"unknown field `surprise`{where} correct"):
        ModelCard.from_json(json.dumps(document))
    del part["surprise"]
    for key in list(part):
        value = part.pop(key)
        with pytest.raises(BundleError, match=f"missing required field `{key}`{where} correct"):
            ModelCard.from_json(json.dumps(document))
        part[key] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), True),
        (("format",), "1"),
        (("name",), "a/b"),
        (("name",), ""),
        (("licence",), "  "),
        (("description",), None),
        (("input", "size_px"), 0),
        (("input", "size_px"), 224.0),
        (("input", "size_px"), True),
        (("input", "fit"), "stretch"),
        (("input", "filter"), ["bicubic"]),
        (("heads",), []),
        (("heads", 0), "classify"),
        (("heads", 0, "kind"), "segment"),
        (("heads", 0, "temperature"), 0),
        (("heads", 0, "temperature"), 10**400),
        (("heads", 0, "places"), 1),
        (("heads", 0, "name"), "climate"),
        (("heads", 2, "logit_scale"), "40"),
        (("heads", 3, "sigma_km"), -1),
        (("calibration", "weight"), -0.5),
        (("calibration", "radius_factor"), None),
        (("files", "model.onnx"), "0" * 63),
        (("files", "model.onnx"), "G" * 64),
        (("metrics",), []),
        (("provenance", "data"), 3),
        (("probe", "seed"), -1),
        (("probe", "tolerance"), -1e-9),
        (("probe", "outputs"), {}),
        (("probe", "outputs", "degrees"), []),
        (("probe", "outputs", "degrees"), [True]),
        (("probe", "outputs", "degrees"), [1.0] * 9),
    ],
)
def test_wrong_values_are_refused(card_text, path, value):
    document = json.loads(card_text)
    part = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    with pytest.raises(BundleError, match=r"^the/card\.json: .*[;,]"):
        ModelCard.from_json(json.dumps(document), "the/card.json")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused(card_text, number):
    text = card_text.replace('"country": 0.5', f'"country": {number}')
    assert number in text
    with pytest.raises(BundleError, match=r"invalid character|out of range"):
        ModelCard.from_json(text)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"[]", b"null", b'{"format": 1', b"[" * 100_000, b'"\\ud800"']
)
def test_text_that_is_no_card_is_refused(data):
    with pytest.raises(BundleError):
        ModelCard.from_json(data)


@pytest.mark.parametrize(
    "name",
    [
        "../labels.csv",
        "/etc/passwd",
        "a/b.csv",
        "a\\b.csv",
        "C:x",
        "..",
        ".hidden",
        "",
        "card.json\n",
    ],
)
def test_a_file_name_cannot_lead_out_of_the_bundle(bundle, name):
    edit_card(bundle, lambda card: card["heads"][0].update(labels=name))
    with pytest.raises(
        BundleError,
        match=r"the plain name of a file .* - at `\$\.heads\[0\]\.labels`",
    ):
        load_bundle(bundle.path)
    edit_card(bundle, lambda card: card["heads"][0].update(labels="labels.csv"))
    edit_card(bundle, lambda card: card["files"].update({name: "0" * 64}))
    with pytest.raises(BundleError, match="not the plain name of a file"):
        load_bundle(bundle.path)


def test_a_link_that_leads_out_is_refused(bundle, tmp_path):
    outside = tmp_path / "outside.csv"
    outside.write_bytes((bundle.path / "labels.csv").read_bytes())
    (bundle.path / "labels.csv").unlink()
    (bundle.path / "labels.csv").symlink_to(outside)
    with pytest.raises(BundleError, match=r"labels\.csv: a bundle holds only plain files"):
        load_bundle(bundle.path)


def test_a_bundle_may_itself_be_reached_by_a_link(bundle, tmp_path):
    (tmp_path / "link").symlink_to(bundle.path)
    assert load_bundle(tmp_path / "link").card == bundle.card


def test_a_folder_inside_is_refused(bundle):
    (bundle.path / "more").mkdir()
    with pytest.raises(BundleError, match="more: a bundle holds only plain files"):
        load_bundle(bundle.path)


def test_a_changed_file_is_refused(bundle):
    data = bytearray((bundle.path / "model.onnx").read_bytes())
    data[-1] ^= 1
    (bundle.path / "model.onnx").write_bytes(data)
    with pytest.raises(BundleError, match=r"model\.onnx: its SHA-256 is not.*fetch"):
        load_bundle(bundle.path)


def test_a_missing_file_is_refused(bundle):
    (bundle.path / "gallery.npy").unlink()
    with pytest.raises(BundleError, match=r"gallery\.npy: is missing"):
        load_bundle(bundle.path)


def test_a_file_that_is_not_listed_is_refused_and_a_hidden_one_is_not(bundle):
    (bundle.path / ".DS_Store").write_bytes(b"x")
    load_bundle(bundle.path)
    (bundle.path / "model.onnx.data").write_bytes(b"x")
    with pytest.raises(BundleError, match=r"model\.onnx\.data: is not listed"):
        load_bundle(bundle.path)


def test_a_file_that_a_head_needs_must_be_listed(card_text):
    document = json.loads(card_text)
    del document["files"]["gallery.csv"]
    with pytest.raises(BundleError, match=r"'files' lacks 'gallery\.csv'"):
        ModelCard.from_json(json.dumps(document))


def test_find_bundle_takes_a_folder_or_an_embedded_name(bundle, monkeypatch):
    assert find_bundle(bundle.path) == bundle.path
    monkeypatch.setattr(bundle_module, "EMBEDDED_FOLDER", bundle.path.parent)
    assert find_bundle("tiny") == bundle.path
    with pytest.raises(BundleError, match=r"huge: not a folder with a card\.json.*\(tiny\)"):
        find_bundle("huge")


def test_find_bundle_does_not_search_the_embedded_folder_by_path(bundle, monkeypatch):
    monkeypatch.setattr(bundle_module, "EMBEDDED_FOLDER", bundle.path / "none")
    with pytest.raises(BundleError):
        find_bundle("../tiny")


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(BundleError, match=r"nowhere.*card\.json: cannot be read"):
        load_bundle(tmp_path / "nowhere")


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


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["model.onnx", "classify", "retrieve", "regress", 10**400, 1e-400]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def paths_of(value, path=()):
    yield path
    if isinstance(value, list):
        value = dict(enumerate(value))
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from paths_of(inner, (*path, key))


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_any_mutation_of_a_card_is_a_card_or_a_bundle_error(card_text, data):
    document = json.loads(card_text)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(sorted(paths_of(document), key=str)))
        if not path:
            continue
        part = document
        for step in path[:-1]:
            part = part[step]
        what = data.draw(st.sampled_from(["set", "delete", "copy"]))
        if what == "set":
            part[path[-1]] = data.draw(JSON)
        elif what == "delete":
            del part[path[-1]]
        elif isinstance(part, dict):
            part[data.draw(st.text(max_size=8))] = copy.deepcopy(part[path[-1]])
    try:
        card = ModelCard.from_json(json.dumps(document))
    except BundleError:
        return
    assert ModelCard.from_json(card.to_json()) == card


@given(position=st.integers(0, 10_000), byte=st.binary(max_size=3))
@settings(max_examples=200, deadline=None)
def test_any_damage_to_the_text_is_a_card_or_a_bundle_error(card_text, position, byte):
    text = card_text.encode()
    position %= len(text)
    try:
        card = ModelCard.from_json(text[:position] + byte + text[position + 1 :])
    except BundleError:
        return
    assert math.isfinite(card.calibration.weight)


def test_every_head_knows_its_width(bundle):
    assert [bundle.width(head) for head in bundle.card.heads] == [3, 3, 3, 2]
