"""A loaded bundle: its outputs, its graph checked against the card, shared networks."""

import ctypes
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from msgspec import structs
from onnx import TensorProto, helper, numpy_helper

from geotagger.errors import BundleError, DeviceError
from geotagger.vision.bundle.card import MODEL_FILE
from geotagger.vision.runtime.devices import PROVIDERS
from geotagger.vision.runtime.self_test import run_self_test
from geotagger.vision.runtime.session import VisionSession
from tests.fixtures.bundles import (
    COLOURS,
    HEADS,
    LOGITS,
    WEIGHTS,
    make_bundle,
    make_model,
    make_probe,
    picture_of,
    seal,
    write_csv,
)
from tests.fixtures.matching_bundles import GPS
from tests.fixtures.sessions import Failing, expected_logits, random_pictures


def test_outputs_come_in_the_order_of_the_heads(tmp_path):
    session = VisionSession(
        make_bundle(tmp_path / "tiny", "regress", "classify", "retrieve"), "cpu"
    )
    degrees, logits, embedding = session.run(picture_of(*COLOURS.values()))
    assert degrees == pytest.approx(WEIGHTS["degrees"], rel=1e-5)
    assert logits == pytest.approx(LOGITS, abs=1e-4)
    assert embedding == pytest.approx(np.eye(3), abs=1e-5)
    assert {array.dtype for array in (degrees, logits, embedding)} == {np.dtype(np.float32)}


@pytest.mark.parametrize("batch_size", [1, 3, 8, 100])
def test_the_batch_size_does_not_change_the_outputs(tmp_path, batch_size):
    session = VisionSession(make_bundle(tmp_path / "tiny"), "cpu", batch_size=batch_size)
    pixels = random_pictures(10)
    (logits,) = session.run(pixels)
    assert logits == pytest.approx(expected_logits(pixels), abs=1e-4)


def test_no_photos_give_empty_outputs(tmp_path):
    session = VisionSession(make_bundle(tmp_path / "tiny", "classify", "regress"), "cpu")
    logits, degrees = session.run(random_pictures(0))
    assert (logits.shape, degrees.shape) == ((0, 3), (0, 2))


def test_two_heads_may_read_one_output(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    twin = HEADS["classify"].__class__("twin", "country_logits", "labels.csv", 2.0, places=True)
    bundle = seal(bundle.path, [*bundle.card.heads, twin], size_px=8, probe=bundle.card.probe)
    one, other = VisionSession(bundle, "cpu").run(random_pictures(4))
    assert np.array_equal(one, other)


def test_weights_in_a_file_of_their_own_are_found(tmp_path):
    bundle = make_bundle(tmp_path / "tiny", external=True)
    assert "model.onnx.data" in bundle.card.files
    assert run_self_test(bundle, "cpu")["country_logits"] < 1e-4


def test_numbers_that_are_not_finite_stay_with_their_photo(tmp_path):
    session = VisionSession(make_bundle(tmp_path / "tiny", "retrieve"), "cpu")
    (embedding,) = session.run(picture_of((0, 0, 0), (255, 0, 0)))
    assert np.isnan(embedding[0]).all()
    assert embedding[1] == pytest.approx([1, 0, 0])


def test_auto_takes_a_device_that_works_and_says_which(tmp_path):
    session = VisionSession(make_bundle(tmp_path / "tiny"), "auto")
    assert session._network.sessions[0].get_providers()[0] == PROVIDERS[session.device]


def test_auto_passes_over_a_device_that_fails_when_it_first_runs(tmp_path, monkeypatch):
    from geotagger.vision.runtime import network as module

    real_open, opened = module.open_session, []

    def open_anything(file, device, **_):
        opened.append(device)
        session = real_open(file, "cpu")
        return session if device == "cpu" else Broken(session)

    class Broken(Failing):
        def __init__(self, session):
            super().__init__(session, "no kernel image is available for execution on the device")

    monkeypatch.setattr(module, "open_session", open_anything)
    monkeypatch.setattr(module, "memory_kind", lambda _: "cpu")
    monkeypatch.setattr(ort, "get_available_providers", lambda: list(PROVIDERS.values()))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: None)
    session = VisionSession(make_bundle(tmp_path / "tiny"), "auto")
    assert session.device == "cpu"
    assert opened == ["tensorrt", "cuda", "coreml", "openvino", "cpu"]
    with pytest.raises(DeviceError, match="cuda does not run it"):
        VisionSession(make_bundle(tmp_path / "tiny"), "cuda")


def model_with(tmp_path, **changes):
    """A bundle whose graph is another than its card says."""
    bundle = make_bundle(tmp_path / "tiny")
    model = onnx.load(bundle.model_file)
    for name, change in changes.items():
        change(getattr(model.graph, name))
    onnx.save(model, bundle.model_file)
    return seal(bundle.path, bundle.card.heads, size_px=8, probe=bundle.card.probe)


def set_dim(index, value):
    def change(infos):
        infos[0].type.tensor_type.shape.dim[index].dim_value = value

    return change


def test_a_graph_for_another_size_is_refused(tmp_path):
    with pytest.raises(BundleError, match=r"model\.onnx: takes .*16.* and not uint8 pixels \[B, 8"):
        VisionSession(model_with(tmp_path, input=set_dim(1, 16)), "cpu")


def test_a_graph_with_a_fixed_batch_is_refused(tmp_path):
    with pytest.raises(BundleError, match="with B free"):
        VisionSession(model_with(tmp_path, input=set_dim(0, 1)), "cpu")


def test_a_graph_without_the_output_of_a_head_is_refused(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    make_model(bundle.model_file, {"other": LOGITS}, 8)
    bundle = seal(bundle.path, bundle.card.heads, size_px=8, probe=bundle.card.probe)
    with pytest.raises(BundleError, match="has no float32 output 'country_logits'"):
        VisionSession(bundle, "cpu")


def test_an_output_that_is_not_float32_is_refused(tmp_path):
    def half(nodes):
        nodes[-1].output[0] = "single"
        nodes.append(
            helper.make_node("Cast", ["single"], ["country_logits"], to=TensorProto.FLOAT16)
        )

    def as_half(infos):
        infos[0].type.tensor_type.elem_type = TensorProto.FLOAT16

    with pytest.raises(BundleError, match="has no float32 output"):
        VisionSession(model_with(tmp_path, node=half, output=as_half), "cpu")


def test_more_logits_than_labels_are_refused(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    make_model(bundle.model_file, {"country_logits": np.ones((3, 5), np.float32)}, 8)
    bundle = seal(bundle.path, bundle.card.heads, size_px=8, probe=bundle.card.probe)
    with pytest.raises(BundleError, match=r"shape \(1, 5\) where its tables want \(1, 3\)"):
        VisionSession(bundle, "cpu")


def test_a_file_that_is_no_graph_is_refused(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    bundle.model_file.write_bytes(b"no graph")
    bundle = seal(bundle.path, bundle.card.heads, size_px=8, probe=bundle.card.probe)
    with pytest.raises(
        BundleError, match=r"model\.onnx: does not load \(.*export the bundle again"
    ):
        VisionSession(bundle, "auto")


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
