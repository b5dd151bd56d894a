import threading
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from bundles import COLOURS, HEADS, LOGITS, WEIGHTS, make_bundle, make_model, picture_of, seal
from onnx import TensorProto, helper

from geotagger.errors import BundleError, DeviceError
from geotagger.vision.bundle import ModelBundle, Probe
from geotagger.vision.probe import check, probe_outputs
from geotagger.vision.session import PROVIDERS, Session


def random_pictures(count, size_px=8):
    return np.random.default_rng(0).integers(0, 256, (count, size_px, size_px, 3), np.uint8)


def expected_logits(pixels):
    return pixels.mean(axis=(1, 2)) / 255 @ LOGITS


def test_outputs_come_in_the_order_of_the_heads(tmp_path):
    session = Session(make_bundle(tmp_path / "tiny", "regress", "classify", "retrieve"), "cpu")
    degrees, logits, embedding = session.run(picture_of(*COLOURS.values()))
    assert degrees == pytest.approx(WEIGHTS["degrees"], rel=1e-5)
    assert logits == pytest.approx(LOGITS, abs=1e-4)
    assert embedding == pytest.approx(np.eye(3), abs=1e-5)
    assert {array.dtype for array in (degrees, logits, embedding)} == {np.dtype(np.float32)}


@pytest.mark.parametrize("batch_size", [1, 3, 8, 100])
def test_the_batch_size_does_not_change_the_outputs(tmp_path, batch_size):
    session = Session(make_bundle(tmp_path / "tiny"), "cpu", batch_size=batch_size)
    pixels = random_pictures(10)
    (logits,) = session.run(pixels)
    assert logits == pytest.approx(expected_logits(pixels), abs=1e-4)


def test_no_photos_give_empty_outputs(tmp_path):
    session = Session(make_bundle(tmp_path / "tiny", "classify", "regress"), "cpu")
    logits, degrees = session.run(random_pictures(0))
    assert (logits.shape, degrees.shape) == ((0, 3), (0, 2))


def test_two_heads_may_read_one_output(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    twin = HEADS["classify"].__class__("twin", "country_logits", "labels.csv", temperature=2.0)
    bundle = seal(bundle.path, [*bundle.card.heads, twin], size_px=8, probe=bundle.card.probe)
    one, other = Session(bundle, "cpu").run(random_pictures(4))
    assert np.array_equal(one, other)


def test_weights_in_a_file_of_their_own_are_found(tmp_path):
    bundle = make_bundle(tmp_path / "tiny", external=True)
    assert "model.onnx.data" in bundle.card.files
    assert check(bundle, "cpu")["country_logits"] < 1e-4


def test_running_out_of_memory_halves_the_batch_and_goes_on(tmp_path):
    session = Session(make_bundle(tmp_path / "tiny", most_photos=3), "cpu", batch_size=16)
    pixels = random_pictures(21)
    (logits,) = session.run(pixels)
    assert logits == pytest.approx(expected_logits(pixels), abs=1e-4)
    assert session.batch_size == 2


class Failing:
    """A session of ONNX Runtime whose first runs fail."""

    def __init__(self, session, *messages):
        self._session, self._messages = session, list(messages)
        self.batches = []

    def run(self, names, feed):
        self.batches.append(len(feed["pixels"]))
        if self._messages:
            raise RuntimeError(self._messages.pop(0))
        return self._session.run(names, feed)


@pytest.mark.parametrize(
    "message",
    [
        "bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 939524096",
        "CUDA failure 2: out of memory ; GPU=0",
        "CUDNN error: CUDNN_STATUS_ALLOC_FAILED; CUDA out of memory",
        "std::bad_alloc",
    ],
)
def test_every_way_to_say_out_of_memory_is_understood(tmp_path, message):
    session = Session(make_bundle(tmp_path / "tiny"), "cpu", batch_size=8)
    session._sessions[0] = Failing(session._sessions[0], message, message)
    pixels = random_pictures(5)
    (logits,) = session.run(pixels)
    assert logits == pytest.approx(expected_logits(pixels), abs=1e-4)
    assert session._sessions[0].batches == [5, 4, 2, 2, 1]


def test_no_memory_for_a_single_photo_stops_the_run(tmp_path):
    with pytest.raises(DeviceError, match="cpu has no memory for even one photo; free some"):
        Session(make_bundle(tmp_path / "tiny", most_photos=-1), "cpu", batch_size=4)


def test_any_other_failure_stops_the_run(tmp_path):
    session = Session(make_bundle(tmp_path / "tiny"), "cpu")
    session._sessions[0] = Failing(session._sessions[0], "illegal memory access")
    with pytest.raises(DeviceError, match=r"cpu does not run it \(illegal memory access\)"):
        session.run(random_pictures(1))


def test_the_last_batch_is_padded_where_the_device_wants_one_shape(tmp_path):
    session = Session(make_bundle(tmp_path / "tiny", "classify"), "cpu", batch_size=4)
    session.device = "cuda"  # what the batches look like does not depend on the hardware
    session._sessions[0] = Failing(session._sessions[0])
    pixels = random_pictures(6)
    (logits,) = session.run(pixels)
    assert session._sessions[0].batches == [4, 4]
    assert logits == pytest.approx(expected_logits(pixels), abs=1e-4)


def test_the_cpu_runs_the_last_batch_as_it_is(tmp_path):
    session = Session(make_bundle(tmp_path / "tiny", "classify"), "cpu", batch_size=4)
    session._sessions[0] = Failing(session._sessions[0])
    session.run(random_pictures(6))
    assert session._sessions[0].batches == [4, 2]


def test_numbers_that_are_not_finite_stay_with_their_photo(tmp_path):
    session = Session(make_bundle(tmp_path / "tiny", "retrieve"), "cpu")
    (embedding,) = session.run(picture_of((0, 0, 0), (255, 0, 0)))
    assert np.isnan(embedding[0]).all()
    assert embedding[1] == pytest.approx([1, 0, 0])


@pytest.mark.parametrize("device", [name for name in PROVIDERS if name != "cpu"])
def test_a_device_that_is_asked_for_runs_or_is_an_error(tmp_path, device, capfd):
    bundle = make_bundle(tmp_path / "tiny")
    try:
        session = Session(bundle, device)
    except DeviceError as error:
        message = str(error)
    else:
        assert session._sessions[0].get_providers()[0] == PROVIDERS[device]
        pytest.skip(f"{device} runs here")
    assert device in message
    assert "--device" in message
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_falling_back_without_saying_so_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(ort, "get_available_providers", lambda: list(PROVIDERS.values()))
    monkeypatch.setattr(ort, "preload_dlls", lambda: print("noise"))
    real = ort.InferenceSession

    def on_the_cpu(file, options, providers, **_):
        assert providers[0][0] != "CPUExecutionProvider"
        return real(file, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(ort, "InferenceSession", on_the_cpu)
    bundle = make_bundle(tmp_path / "tiny")
    for device in ("tensorrt", "cuda", "coreml"):
        with pytest.raises(DeviceError, match=f"device {device}: ONNX Runtime cannot start it"):
            Session(bundle, device)


def test_auto_takes_a_device_that_works_and_says_which(tmp_path):
    session = Session(make_bundle(tmp_path / "tiny"), "auto")
    assert session._sessions[0].get_providers()[0] == PROVIDERS[session.device]


def test_auto_passes_over_a_device_that_fails_when_it_first_runs(tmp_path, monkeypatch):
    from geotagger.vision import session as module

    real_open, opened = module._open, []

    def open_anything(file, device, gpu=0):  # noqa: ARG001
        opened.append(device)
        session = real_open(file, "cpu")
        return session if device == "cpu" else Broken(session)

    class Broken(Failing):
        def __init__(self, session):
            super().__init__(session, "no kernel image is available for execution on the device")
            self.get_inputs, self.get_outputs = session.get_inputs, session.get_outputs

    monkeypatch.setattr(module, "_open", open_anything)
    monkeypatch.setattr(ort, "get_available_providers", lambda: list(PROVIDERS.values()))
    session = Session(make_bundle(tmp_path / "tiny"), "auto")
    assert session.device == "cpu"
    assert opened == ["tensorrt", "cuda", "coreml", "openvino", "cpu"]
    with pytest.raises(DeviceError, match="cuda does not run it"):
        Session(make_bundle(tmp_path / "tiny"), "cuda")


def test_each_gpu_has_a_session_and_its_part_of_the_batch(tmp_path, monkeypatch):
    from geotagger.vision import session as module

    real_open, opened = module._open, []

    def open_on(file, device, gpu=0):
        opened.append((device, gpu, Failing(real_open(file, "cpu"))))
        opened[-1][2].get_inputs = opened[-1][2]._session.get_inputs
        opened[-1][2].get_outputs = opened[-1][2]._session.get_outputs
        return opened[-1][2]

    monkeypatch.setattr(module, "_open", open_on)
    monkeypatch.setattr(module, "gpus", lambda _: [0, 1, 2])
    monkeypatch.setattr(ort, "get_available_providers", lambda: list(PROVIDERS.values()))
    session = Session(make_bundle(tmp_path / "tiny"), "cuda", batch_size=12)
    assert [entry[:2] for entry in opened] == [("cuda", 0), ("cuda", 1), ("cuda", 2)]
    for _, _, fake in opened:
        fake.batches.clear()
    pixels = random_pictures(17)
    (logits,) = session.run(pixels)
    assert logits == pytest.approx(expected_logits(pixels), abs=1e-4)
    assert [fake.batches for _, _, fake in opened] == [[4, 4], [4, 4], [4, 4]]  # the tail is padded


def test_nvidia_providers_are_told_their_gpu_and_keep_their_engines(tmp_path, monkeypatch):
    from geotagger.vision import devices

    told = []
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    monkeypatch.setattr(
        ort,
        "InferenceSession",
        lambda *_, providers, **__: told.append(dict(providers)) or Started(PROVIDERS["tensorrt"]),
    )
    devices.open_session(tmp_path / "m.onnx", "tensorrt", gpu=3)
    devices.open_session(tmp_path / "m.onnx", "tensorrt", exact=True)
    third, exact = (options[PROVIDERS["tensorrt"]] for options in told)
    assert third["device_id"] == told[0][PROVIDERS["cuda"]]["device_id"] == "3"
    assert (third["trt_fp16_enable"], exact["trt_fp16_enable"]) == ("1", "0")
    assert third["trt_engine_cache_path"].endswith("tensorrt")
    with pytest.raises(DeviceError, match="device cuda: ONNX Runtime cannot start it here"):
        devices.open_session(tmp_path / "m.onnx", "cuda")


class Started:
    def __init__(self, *providers):
        self.get_providers = lambda: list(providers)


def test_an_unknown_device_is_refused(tmp_path):
    with pytest.raises(DeviceError, match="'gpu' is not known; take auto, tensorrt, cuda"):
        Session(make_bundle(tmp_path / "tiny"), "gpu")


def test_threads_are_those_that_were_asked_for(tmp_path):
    one = Session(make_bundle(tmp_path / "one"), "cpu", threads=1)
    three = Session(make_bundle(tmp_path / "three"), "cpu", threads=3)
    assert three.batch_size == 3 * one.batch_size
    names = set()
    infer = three._infer

    def watched(session, chunk):
        names.add(threading.current_thread().name)
        barrier.wait(timeout=30)  # passes only if three chunks are under way at once
        return infer(session, chunk)

    barrier = threading.Barrier(3)
    three._infer = watched
    pixels = picture_of(*[(255, 0, 0)] * three.batch_size)
    assert len(three.run(pixels)[0]) == three.batch_size
    assert len(names) == 3


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
        Session(model_with(tmp_path, input=set_dim(1, 16)), "cpu")


def test_a_graph_with_a_fixed_batch_is_refused(tmp_path):
    with pytest.raises(BundleError, match="with B free"):
        Session(model_with(tmp_path, input=set_dim(0, 1)), "cpu")


def test_a_graph_without_the_output_of_a_head_is_refused(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    make_model(bundle.model_file, {"other": LOGITS}, 8)
    bundle = seal(bundle.path, bundle.card.heads, size_px=8, probe=bundle.card.probe)
    with pytest.raises(BundleError, match="has no float32 output 'country_logits'"):
        Session(bundle, "cpu")


def test_an_output_that_is_not_float32_is_refused(tmp_path):
    def half(nodes):
        nodes[-1].output[0] = "single"
        nodes.append(
            helper.make_node("Cast", ["single"], ["country_logits"], to=TensorProto.FLOAT16)
        )

    def as_half(infos):
        infos[0].type.tensor_type.elem_type = TensorProto.FLOAT16

    with pytest.raises(BundleError, match="has no float32 output"):
        Session(model_with(tmp_path, node=half, output=as_half), "cpu")


def test_more_logits_than_labels_are_refused(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    make_model(bundle.model_file, {"country_logits": np.ones((3, 5), np.float32)}, 8)
    bundle = seal(bundle.path, bundle.card.heads, size_px=8, probe=bundle.card.probe)
    with pytest.raises(BundleError, match=r"shape \(1, 5\) where its tables want \(1, 3\)"):
        Session(bundle, "cpu")


def test_a_file_that_is_no_graph_is_refused(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    bundle.model_file.write_bytes(b"no graph")
    bundle = seal(bundle.path, bundle.card.heads, size_px=8, probe=bundle.card.probe)
    with pytest.raises(
        BundleError, match=r"model\.onnx: does not load \(.*export the bundle again"
    ):
        Session(bundle, "auto")


def test_check_finds_what_the_export_found(tmp_path):
    differences = check(make_bundle(tmp_path / "tiny", *HEADS), "cpu")
    assert set(differences) == set(WEIGHTS)
    assert max(differences.values()) < 1e-3


def test_an_exporter_records_the_probe_as_the_manual_says(tmp_path):
    bundle = make_bundle(tmp_path / "tiny", *HEADS)
    empty = replace(bundle.card, probe=Probe(seed=3, outputs={}, tolerance=1e-6))
    draft = ModelBundle(bundle.path, empty)
    outputs = probe_outputs(Session(draft, "cpu"), draft, seed=3)
    probe = replace(empty.probe, outputs=outputs)
    check(seal(bundle.path, bundle.card.heads, size_px=8, probe=probe), "cpu")


def test_check_refuses_other_numbers(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    make_model(bundle.model_file, {"country_logits": LOGITS[::-1].copy()}, 8)
    bundle = seal(bundle.path, bundle.card.heads, size_px=8, probe=bundle.card.probe)
    with pytest.raises(
        BundleError, match=r"'country_logits' differs by .* on cpu, more than 0\.001"
    ):
        check(bundle, "cpu")


def test_check_refuses_numbers_that_are_not_finite(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    make_model(bundle.model_file, {"country_logits": LOGITS * np.nan}, 8)
    bundle = seal(bundle.path, bundle.card.heads, size_px=8, probe=bundle.card.probe)
    with pytest.raises(BundleError, match="differs by nan"):
        check(bundle, "cpu")
