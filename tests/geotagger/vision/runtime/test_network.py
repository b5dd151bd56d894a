"""The network on a device: batches, memory, bound buffers, several GPUs."""

import threading

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from msgspec import structs
from onnx import TensorProto, helper

from geotagger.errors import DeviceError
from geotagger.vision.runtime.devices import PROVIDERS, open_session
from geotagger.vision.runtime.session import VisionSession
from tests.fixtures.bundles import (
    COLOURS,
    HEADS,
    make_bundle,
    picture_of,
    seal,
)
from tests.fixtures.sessions import Failing, expected_logits, random_pictures


def test_running_out_of_memory_halves_the_batch_and_goes_on(tmp_path):
    session = VisionSession(make_bundle(tmp_path / "tiny", most_photos=3), "cpu", batch_size=16)
    pixels = random_pictures(21)
    (logits,) = session.run(pixels)
    assert logits == pytest.approx(expected_logits(pixels), abs=1e-4)
    assert session.batch_size == 2


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


def test_threads_are_those_that_were_asked_for(tmp_path):
    one = VisionSession(make_bundle(tmp_path / "one"), "cpu", threads=1)
    three = VisionSession(make_bundle(tmp_path / "three"), "cpu", threads=3)
    assert three.batch_size == 3 * one.batch_size
    names = set()
    infer = three._network._infer

    def watched(number, chunk):
        names.add(threading.current_thread().name)
        barrier.wait(timeout=300)  # passes only if three chunks are under way at once
        return infer(number, chunk)

    barrier = threading.Barrier(3)
    three._network._infer = watched
    pixels = picture_of(*[(255, 0, 0)] * three.batch_size)
    assert len(three.run(pixels)[0]) == three.batch_size
    assert len(names) == 3
