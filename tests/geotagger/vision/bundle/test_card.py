"""card.json: what is read back, and what is refused."""

import copy
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from geotagger.errors import BundleError
from geotagger.vision.bundle.bundle import hash_files, load_bundle
from geotagger.vision.bundle.card import CARD_FILE, ModelCard
from geotagger.vision.bundle.head_specs import fill_template
from tests.fixtures.bundles import (
    HEADS,
    make_bundle,
)
from tests.fixtures.matching_bundles import caption_bundle, position_bundle

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


@pytest.mark.parametrize(
    ("path", "choices"),
    [
        (("input", "fit"), "crop, clip, squash, pad"),
        (("input", "filter"), "bicubic, bilinear, lanczos"),
        (("heads", 0, "kind"), "classify, retrieve, caption, regress, sights"),
    ],
)
def test_choices_are_named(card_text, path, choices):
    document = json.loads(card_text)
    part = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = "other"
    with pytest.raises(BundleError, match=f"Invalid .*'other'.*{path[-1]}`.* one of {choices};"):
        ModelCard.from_json(json.dumps(document))


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


def test_a_file_that_a_head_needs_must_be_listed(card_text):
    document = json.loads(card_text)
    del document["files"]["gallery.csv"]
    with pytest.raises(BundleError, match=r"'files' lacks 'gallery\.csv'"):
        ModelCard.from_json(json.dumps(document))


@pytest.fixture
def captions(tmp_path):
    return caption_bundle(tmp_path / "captions")


def edited(bundle, **changes):
    document = json.loads((bundle.path / CARD_FILE).read_text("utf-8"))
    document["heads"][0] |= changes
    document["files"] = hash_files(bundle.path)
    return json.dumps(document)


def test_heads_that_match_are_read_back_as_they_were_written(captions, tmp_path):
    for bundle in (captions, position_bundle(tmp_path / "positions")):
        assert load_bundle(bundle.path).card == bundle.card
        assert [bundle.width(head) for head in bundle.card.heads] == [3] * len(bundle.card.heads)


def test_keys_that_are_optional_may_be_left_out(captions):
    document = json.loads(captions.card.to_json())
    for key in ("text", "tokenizer", "templates"):
        del document["heads"][0][key]
    head = ModelCard.from_json(json.dumps(document)).heads[0]
    assert (head.text, head.tokenizer, head.templates) == ("", "", ())
    assert '"text"' not in structs.replace(captions.card, heads=(head,)).to_json()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("templates", "a photo in {country}"),
        ("templates", ["a photo in {planet}"]),
        ("templates", ["a photo in {country!r}"]),
        ("templates", ["a photo in {country:9999999}"]),
        ("templates", ["{"]),
        ("templates", [1]),
        ("text", "../text.onnx"),
        ("text", "not-listed.onnx"),
        ("graph", "gps.onnx"),
        ("logit_scale", 0),
    ],
)
def test_wrong_values_of_heads_that_match_are_refused(captions, key, value):
    with pytest.raises(BundleError, match=r"^card\.json: .*(correct|add it|remove it)"):
        ModelCard.from_json(edited(captions, **{key: value}))


def test_templates_are_filled_as_they_stand():
    names = {"city": "{country}", "country": "Côte d'Ivoire"}
    assert fill_template("{city}, {country}; {region}!", names) == "{country}, Côte d'Ivoire; !"


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
def test_any_damage_to_the_text_is_a_card_or_a_bundle_error(card_text, position, byte):
    text = card_text.encode()
    position %= len(text)
    try:
        card = ModelCard.from_json(text[:position] + byte + text[position + 1 :])
    except BundleError:
        return
    assert math.isfinite(card.calibration.weight)
