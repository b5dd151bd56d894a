"""Cards and tables of heads that match: captions, graphs of their own, encoders."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from msgspec import structs
from onnx import TensorProto, helper, numpy_helper

from geotagger.errors import BundleError
from geotagger.vision.bundle.bundle import hash_files, load_bundle
from geotagger.vision.bundle.card import CARD_FILE, MODEL_FILE, ModelCard
from geotagger.vision.bundle.head_specs import fill_template
from geotagger.vision.runtime.session import VisionSession
from tests.fixtures.bundles import (
    COLOURS,
    WEIGHTS,
    make_model,
    make_probe,
    picture_of,
    seal,
    write_csv,
)
from tests.fixtures.matching_bundles import GPS, caption_bundle, position_bundle


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
def test_wrong_values_are_refused(captions, key, value):
    with pytest.raises(BundleError, match=r"^card\.json: .*(correct|add it|remove it)"):
        ModelCard.from_json(edited(captions, **{key: value}))


def test_templates_are_filled_as_they_stand():
    names = {"city": "{country}", "country": "Côte d'Ivoire"}
    assert fill_template("{city}, {country}; {region}!", names) == "{country}, Côte d'Ivoire; !"


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


def make_head_graph(file, matrix):
    """features [n, 3] -> vectors [n, D]."""
    nodes = [helper.make_node("MatMul", ["features", "w"], ["vectors"])]
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "head",
        [helper.make_tensor_value_info("features", floats, ["n", 3])],
        [helper.make_tensor_value_info("vectors", floats, ["n", matrix.shape[1]])],
        [numpy_helper.from_array(matrix, "w")],
    )
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), file)


def shared(folder, *heads):
    """A bundle whose network gives the plain mean colour, and a head with a graph of its own."""
    folder.mkdir()
    make_model(folder / MODEL_FILE, {"embedding": WEIGHTS["embedding"]}, 8)
    if any(head.graph for head in heads):
        make_head_graph(folder / "gps.onnx", np.eye(3, 3, 1, dtype=np.float32))
    np.save(folder / "gallery.npy", np.eye(3, dtype=np.float32))
    write_csv(folder / "gallery.csv", [("lat", "lon", "count"), (0, 0, 1), (1, 1, 1), (2, 2, 1)])
    probe = make_probe({"embedding": WEIGHTS["embedding"]}, 8)
    return seal(folder, heads, size_px=8, probe=probe)


def test_a_head_may_have_a_graph_of_its_own(tmp_path):
    plain = structs.replace(GPS, encoder="", name="plain")
    bundle = shared(tmp_path / "a", plain, structs.replace(plain, name="turned", graph="gps.onnx"))
    one, two = VisionSession(bundle, "cpu").run(picture_of(COLOURS["Tokyo"], COLOURS["Berlin"]))
    assert one == pytest.approx(np.eye(3)[:2], abs=1e-5)
    assert two == pytest.approx(np.eye(3)[1:], abs=1e-5)


def test_a_network_that_two_bundles_share_runs_once(tmp_path):
    plain = structs.replace(GPS, encoder="", name="plain")
    one = shared(tmp_path / "a", plain)
    two = shared(tmp_path / "b", structs.replace(plain, graph="gps.onnx"))
    assert one.network_key == two.network_key
    first = VisionSession(one, "cpu")
    second = VisionSession(two, "cpu", shares_with=first)
    network, calls = first._network.sessions[0], []

    class Counting:
        def run(self, names, fed):
            calls.append(len(fed["pixels"]))
            return network.run(names, fed)

    first._network.sessions[0] = Counting()
    red, green = picture_of(COLOURS["Tokyo"]), picture_of(COLOURS["Berlin"])
    for pixels, colour in ((red, 0), (green, 1), (red, 0)):
        assert first.run(pixels)[0].argmax() == colour
        assert second.run(pixels.copy())[0].argmax() == colour + 1
    assert calls == [1, 1, 1]
    assert (second.device, second.batch_size) == (first.device, first.batch_size)


def test_three_bundles_share_a_network(tmp_path):
    plain = structs.replace(GPS, encoder="", name="plain")
    turned = structs.replace(plain, graph="gps.onnx")
    first = VisionSession(shared(tmp_path / "a", plain), "cpu")
    second = VisionSession(shared(tmp_path / "b", turned), "cpu", shares_with=first)
    third = VisionSession(shared(tmp_path / "c", turned), "cpu", shares_with=first)
    red = picture_of(COLOURS["Tokyo"])
    best = [session.run(red)[0].argmax() for session in (first, second, third)]
    assert best == [0, 1, 1]


def test_other_networks_and_other_inputs_are_not_shared(tmp_path):
    head = structs.replace(GPS, encoder="")
    one = shared(tmp_path / "a", head)
    card = structs.replace(one.card, input=structs.replace(one.card.input, fit="squash"))
    assert replace(one, card=card).network_key != one.network_key
    files = {**one.card.files, MODEL_FILE: "0" * 64}
    assert replace(one, card=structs.replace(one.card, files=files)).network_key != one.network_key
