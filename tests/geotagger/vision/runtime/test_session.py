import ctypes
import threading

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from msgspec import structs
from onnx import TensorProto, helper

from geotagger.errors import BundleError, DeviceError
from geotagger.text.ocr.reader import TextReader
from geotagger.vision.bundle.bundle import ModelBundle
from geotagger.vision.bundle.card import Probe
from geotagger.vision.runtime.devices import PROVIDERS, candidate_devices, open_session
from geotagger.vision.runtime.self_test import probe_outputs, run_self_test
from geotagger.vision.runtime.session import VisionSession
from tests.fixtures.bundles import (
    COLOURS,
    HEADS,
    LOGITS,
    WEIGHTS,
    make_bundle,
    make_model,
    picture_of,
    seal,
)


def random_pictures(count, size_px=8):
    return np.random.default_rng(0).integers(0, 256, (count, size_px, size_px, 3), np.uint8)


def expected_logits(pixels):
    return pixels.mean(axis=(1, 2)) / 255 @ LOGITS


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


def test_running_out_of_memory_halves_the_batch_and_goes_on(tmp_path):
    session = VisionSession(make_bundle(tmp_path / "tiny", most_photos=3), "cpu", batch_size=16)
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
        self._fail_or_note(feed["pixels"].shape)
        return self._session.run(names, feed)

    def io_binding(self):
        binding = self._session.io_binding()
        bind = binding.bind_ortvalue_input

        def noted(name, value):
            self.fed = value
            bind(name, value)

        binding.bind_ortvalue_input = noted
        return binding

    def run_with_iobinding(self, binding, options):
        self._fail_or_note(self.fed.shape())
        self._session.run_with_iobinding(binding, options)

    def __getattr__(self, name):  # inputs, outputs, providers
        return getattr(self._session, name)

    def _fail_or_note(self, shape):
        self.batches.append(shape[0])
        if self._messages:
            raise RuntimeError(self._messages.pop(0))


@pytest.fixture
def gpus(monkeypatch):
    """What runs on `--device cuda` runs on the CPU, bound to buffers as on GPUs."""
    from geotagger.vision.runtime import network as module

    real_open, opened = module.open_session, []

    def open_on(file, device, gpu=0, **options):
        assert device == "cuda"
        opened.append((file.name, gpu, options, Failing(real_open(file, "cpu"))))
        return opened[-1][-1]

    monkeypatch.setattr(module, "open_session", open_on)
    monkeypatch.setattr(module, "memory_kind", lambda _: "cpu")
    monkeypatch.setattr(ort, "get_available_providers", lambda: list(PROVIDERS.values()))
    return opened


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
    session = VisionSession(make_bundle(tmp_path / "tiny"), "cpu", batch_size=8)
    session._network.sessions[0] = Failing(session._network.sessions[0], message, message)
    pixels = random_pictures(5)
    (logits,) = session.run(pixels)
    assert logits == pytest.approx(expected_logits(pixels), abs=1e-4)
    assert session._network.sessions[0].batches == [5, 4, 2, 2, 1]


def test_no_memory_for_a_single_photo_stops_the_run(tmp_path):
    with pytest.raises(DeviceError, match="cpu has no memory for even one photo; free some"):
        VisionSession(make_bundle(tmp_path / "tiny", most_photos=-1), "cpu", batch_size=4)


def test_any_other_failure_stops_the_run(tmp_path):
    session = VisionSession(make_bundle(tmp_path / "tiny"), "cpu")
    session._network.sessions[0] = Failing(session._network.sessions[0], "illegal memory access")
    with pytest.raises(DeviceError, match=r"cpu does not run it \(illegal memory access\)"):
        session.run(random_pictures(1))


def test_the_last_batch_is_padded_where_the_device_wants_one_shape(tmp_path, gpus):
    session = VisionSession(make_bundle(tmp_path / "tiny", "classify"), "cuda", batch_size=4)
    (network,) = [entry[-1] for entry in gpus]
    network.batches.clear()
    pixels = random_pictures(6)
    (logits,) = session.run(pixels)
    assert network.batches == [4, 4]
    assert logits == pytest.approx(expected_logits(pixels), abs=1e-4)


@pytest.mark.parametrize("count", [1, 4, 11])
def test_bound_buffers_give_the_very_same_numbers(tmp_path, gpus, count):
    bundle = make_bundle(tmp_path / "tiny", *HEADS)
    bound = VisionSession(bundle, "cuda", batch_size=4)
    pixels = random_pictures(count)
    found = [bound.run(one) for one in (pixels, pixels[:, ::-1, :, ::-1], pixels)]
    opened = len(gpus)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("geotagger.vision.runtime.network.open_session", open_session)
        plain = VisionSession(bundle, "cpu", batch_size=4)
    assert len(gpus) == opened
    padding = np.zeros((-count % 4, 8, 8, 3), np.uint8)  # a batch's size alone changes last digits
    padded = np.concatenate([pixels, padding])
    wanted = [plain.run(one) for one in (padded, padded[:, ::-1, :, ::-1], padded)]
    for one, two in zip(found, wanted, strict=True):
        assert all(np.array_equal(a, b[:count]) for a, b in zip(one, two, strict=True))


def test_what_was_given_is_not_written_over_by_the_next_batch(tmp_path, gpus):  # noqa: ARG001
    session = VisionSession(make_bundle(tmp_path / "tiny"), "cuda", batch_size=2)
    (first,) = session.run(picture_of(COLOURS["Tokyo"]))
    kept = first.copy()
    session.run(picture_of(COLOURS["Berlin"]))
    assert np.array_equal(first, kept)


def test_buffers_are_made_once_and_their_addresses_stay(tmp_path, gpus, monkeypatch):  # noqa: ARG001
    made = []
    real = ort.OrtValue.ortvalue_from_numpy
    monkeypatch.setattr(
        ort.OrtValue, "ortvalue_from_numpy", lambda *given: made.append(given) or real(*given)
    )
    session = VisionSession(make_bundle(tmp_path / "tiny", "retrieve"), "cuda", batch_size=4)
    (bound,) = session._network.bindings
    addresses = {value.data_ptr() for value in (bound._pixels, *bound._output_values)}
    for count in (4, 9, 1):
        session.run(random_pictures(count))
    assert {value.data_ptr() for value in (bound._pixels, *bound._output_values)} == addresses
    assert [(given[0].shape, *given[1:]) for given in made] == [((4, 8, 8, 3), "cpu", 0)]


def test_out_of_memory_halves_bound_batches_too(tmp_path, gpus):
    session = VisionSession(make_bundle(tmp_path / "tiny", "retrieve"), "cuda", batch_size=8)
    (network,) = [entry[-1] for entry in gpus]
    network.batches.clear()
    network._messages += ["CUDA failure 2: out of memory ; GPU=0", "Failed to allocate memory for"]
    pixels = random_pictures(7)
    (embedding,) = session.run(pixels)
    mean = pixels.mean(axis=(1, 2))
    assert embedding == pytest.approx(mean / np.linalg.norm(mean, axis=1, keepdims=True), abs=1e-4)
    assert session.batch_size == 2
    # fails at 8 while running and at 4 while its buffers are made; 2 are run once to learn shapes
    assert network.batches == [8, 4, 2, 2, 2, 2, 2]


def with_graph(folder):
    """A bundle with a head that turns the network's embedding by a graph of its own."""
    bundle = make_bundle(folder, "retrieve")
    matrix = helper.make_tensor("w", TensorProto.FLOAT, [3, 3], np.eye(3, 3, 1).ravel())
    floats = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in ("from", "to")
    ]
    nodes = [helper.make_node("MatMul", ["from", "w"], ["to"])]
    graph = helper.make_graph(nodes, "turn", floats[:1], floats[1:], [matrix])
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), folder / "turn.onnx")
    turned = structs.replace(HEADS["retrieve"], name="turned", graph="turn.onnx")
    return seal(folder, [*bundle.card.heads, turned], size_px=8, probe=bundle.card.probe)


def test_the_graph_of_a_head_reads_the_output_where_it_lies(tmp_path, gpus):
    session = VisionSession(with_graph(tmp_path / "a"), "cuda", batch_size=2)
    (bound,) = session._network.bindings
    assert gpus[1][-1].fed is bound._output_values[0]
    plain, turned = session.run(picture_of(*COLOURS.values()))
    assert np.array_equal(plain, np.eye(3, dtype=np.float32))
    assert np.array_equal(turned, np.eye(3, 3, 1, dtype=np.float32))
    assert gpus[0][-1].batches == [2, 2, 2, 2]  # once for the shapes, once to try, then two


def test_bundles_that_share_a_network_share_its_buffers(tmp_path, gpus):
    plain = make_bundle(tmp_path / "plain", "retrieve")
    one = VisionSession(plain, "cuda", batch_size=2)
    two = VisionSession(with_graph(tmp_path / "graph"), "cuda", shares_with=one)
    assert [entry[0] for entry in gpus] == ["model.onnx", "turn.onnx"]
    gpus[0][-1].batches.clear()
    for colours in (("Tokyo", "Berlin"), ("Berlin",), ("Tokyo", "Berlin")):
        pixels = picture_of(*(COLOURS[name] for name in colours))
        (embedding,) = one.run(pixels)
        again, turned = two.run(pixels.copy())
        assert np.array_equal(embedding, again)
        assert np.array_equal(turned, embedding @ np.eye(3, 3, 1, dtype=np.float32))
    assert gpus[0][-1].batches == [2, 2, 2]


def test_a_batch_too_large_for_the_device_is_halved_at_the_start(tmp_path, gpus):  # noqa: ARG001
    session = VisionSession(make_bundle(tmp_path / "tiny", most_photos=3), "cuda", batch_size=16)
    assert session.batch_size == 2
    pixels = random_pictures(5)
    assert session.run(pixels)[0] == pytest.approx(expected_logits(pixels), abs=1e-4)


def test_a_failure_leaves_no_half_made_buffers_behind(tmp_path, gpus):
    session = VisionSession(make_bundle(tmp_path / "tiny"), "cuda", batch_size=2)
    gpus[0][-1]._messages.append("illegal memory access")
    with pytest.raises(DeviceError, match="cuda does not run it"):
        session.run(random_pictures(2))
    pixels = random_pictures(2)
    assert session.run(pixels)[0] == pytest.approx(expected_logits(pixels), abs=1e-4)


def test_launches_are_recorded_only_where_that_was_asked_for(tmp_path, gpus, monkeypatch):
    VisionSession(make_bundle(tmp_path / "one"), "cuda")
    monkeypatch.setenv("GEOTAGGER_CUDA_GRAPHS", "1")
    VisionSession(make_bundle(tmp_path / "two"), "cuda")
    assert [entry[2]["cuda_graphs"] for entry in gpus] == [False, True]


def test_a_recording_is_of_one_batch_size_and_never_of_the_run_that_learns_shapes(
    tmp_path,
    gpus,  # noqa: ARG001
    monkeypatch,
):
    from geotagger.vision.runtime import io_binding as module

    numbers, real = [], module._run_options
    monkeypatch.setattr(
        module,
        "_run_options",
        lambda cuda_graph_id: numbers.append(cuda_graph_id) or real(cuda_graph_id),
    )
    session = VisionSession(make_bundle(tmp_path / "tiny"), "cuda", batch_size=4)
    session._network.batch_size = 2
    session.run(random_pictures(2))
    unrecorded, first, unrecorded_too, second = numbers
    assert (unrecorded, unrecorded_too) == (-1, -1)
    assert 0 < first < second


def test_the_cpu_runs_the_last_batch_as_it_is(tmp_path):
    session = VisionSession(make_bundle(tmp_path / "tiny", "classify"), "cpu", batch_size=4)
    session._network.sessions[0] = Failing(session._network.sessions[0])
    session.run(random_pictures(6))
    assert session._network.sessions[0].batches == [4, 2]


def test_numbers_that_are_not_finite_stay_with_their_photo(tmp_path):
    session = VisionSession(make_bundle(tmp_path / "tiny", "retrieve"), "cpu")
    (embedding,) = session.run(picture_of((0, 0, 0), (255, 0, 0)))
    assert np.isnan(embedding[0]).all()
    assert embedding[1] == pytest.approx([1, 0, 0])


@pytest.mark.parametrize("device", [name for name in PROVIDERS if name != "cpu"])
def test_a_device_that_is_asked_for_runs_or_is_an_error(tmp_path, device, capfd):
    bundle = make_bundle(tmp_path / "tiny")
    try:
        session = VisionSession(bundle, device)
    except DeviceError as error:
        message = str(error)
    else:
        assert session._network.sessions[0].get_providers()[0] == PROVIDERS[device]
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
            VisionSession(bundle, device)


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


def test_memory_is_laid_out_for_each_shape_only_where_few_come(tmp_path):
    def laid_out(session):
        return session.get_session_options().enable_mem_pattern

    reader = TextReader("cpu")  # each picture has a size of its own
    assert not laid_out(reader._detector._session)
    assert not laid_out(reader._recogniser._session)
    assert laid_out(VisionSession(make_bundle(tmp_path / "tiny"), "cpu")._network.sessions[0])


def test_auto_tries_no_gpu_where_its_driver_is_missing(monkeypatch):
    def refuse(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ort, "get_available_providers", lambda: list(PROVIDERS.values()))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: None)
    assert candidate_devices("auto") == list(PROVIDERS)
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert candidate_devices("auto") == ["coreml", "openvino", "cpu"]
    assert candidate_devices("cuda") == ["cuda"]


def test_each_gpu_has_a_session_and_its_part_of_the_batch(tmp_path, gpus, monkeypatch):
    monkeypatch.setattr("geotagger.vision.runtime.network.gpu_ids", lambda _: [0, 1, 2])
    session = VisionSession(make_bundle(tmp_path / "tiny"), "cuda", batch_size=12)
    assert [entry[:2] for entry in gpus] == [("model.onnx", number) for number in range(3)]
    for *_, network in gpus:
        network.batches.clear()
    pixels = random_pictures(17)
    (logits,) = session.run(pixels)
    assert logits == pytest.approx(expected_logits(pixels), abs=1e-4)
    # the tail is padded; a GPU that the first photo did not reach learns its shapes beforehand
    assert [network.batches for *_, network in gpus] == [[4, 4], [4, 4, 4], [4, 4, 4]]


def test_nvidia_providers_are_told_their_gpu_and_keep_their_engines(tmp_path, monkeypatch):
    from geotagger.vision.runtime import devices

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
    assert told[0][PROVIDERS["cuda"]]["enable_cuda_graph"] == "0"
    assert third["trt_engine_cache_path"].endswith("tensorrt")
    with pytest.raises(DeviceError, match="device cuda: ONNX Runtime cannot start it here"):
        devices.open_session(tmp_path / "m.onnx", "cuda", cuda_graphs=True)
    assert told[-1][PROVIDERS["cuda"]]["enable_cuda_graph"] == "1"


class Started:
    def __init__(self, *providers):
        self.get_providers = lambda: list(providers)


def test_an_unknown_device_is_refused(tmp_path):
    with pytest.raises(DeviceError, match="'gpu' is not known; use one of auto, tensorrt, cuda"):
        VisionSession(make_bundle(tmp_path / "tiny"), "gpu")


def test_threads_are_those_that_were_asked_for(tmp_path):
    one = VisionSession(make_bundle(tmp_path / "one"), "cpu", threads=1)
    three = VisionSession(make_bundle(tmp_path / "three"), "cpu", threads=3)
    assert three.batch_size == 3 * one.batch_size
    names = set()
    infer = three._network._infer

    def watched(number, chunk):
        names.add(threading.current_thread().name)
        barrier.wait(timeout=30)  # passes only if three chunks are under way at once
        return infer(number, chunk)

    barrier = threading.Barrier(3)
    three._network._infer = watched
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


def test_check_finds_what_the_export_found(tmp_path):
    differences = run_self_test(make_bundle(tmp_path / "tiny", *HEADS), "cpu")
    assert set(differences) == set(WEIGHTS)
    assert max(differences.values()) < 1e-3


def test_an_exporter_records_the_probe_as_the_manual_says(tmp_path):
    bundle = make_bundle(tmp_path / "tiny", *HEADS)
    empty = structs.replace(bundle.card, probe=Probe(seed=3, outputs={}, tolerance=1e-6))
    draft = ModelBundle(bundle.path, empty)
    outputs = probe_outputs(VisionSession(draft, "cpu"), draft, seed=3)
    probe = structs.replace(empty.probe, outputs=outputs)
    run_self_test(seal(bundle.path, bundle.card.heads, size_px=8, probe=probe), "cpu")


def test_check_refuses_other_numbers(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    make_model(bundle.model_file, {"country_logits": LOGITS[::-1].copy()}, 8)
    bundle = seal(bundle.path, bundle.card.heads, size_px=8, probe=bundle.card.probe)
    with pytest.raises(
        BundleError, match=r"'country_logits' differs by .* on cpu, more than 0\.001"
    ):
        run_self_test(bundle, "cpu")


def test_check_refuses_numbers_that_are_not_finite(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    make_model(bundle.model_file, {"country_logits": LOGITS * np.nan}, 8)
    bundle = seal(bundle.path, bundle.card.heads, size_px=8, probe=bundle.card.probe)
    with pytest.raises(BundleError, match="differs by nan"):
        run_self_test(bundle, "cpu")
