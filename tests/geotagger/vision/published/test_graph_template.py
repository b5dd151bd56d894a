"""Graphs without weights, and how weights are written next to them."""

import tracemalloc
import zipfile

import msgspec
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from geotagger.errors import BundleError, UsageError
from geotagger.vision.published import graph_template
from geotagger.vision.published.graph_template import (
    GEOCLIP_LOCATION,
    GraphTemplate,
    Weight,
    WeightTable,
    load_template,
    tower_template,
)

SHIPPED = sorted(path.name.removesuffix(".zip") for path in graph_template.FOLDER.iterdir())


class Tensors(dict):
    """A checkpoint in memory."""

    read = dict.__getitem__


def written(weight, tensor, tmp_path):
    """The bytes that a template with one weight writes."""
    template = GraphTemplate(b"graph", WeightTable((weight,), "m.onnx.data"))
    template.fill(Tensors({weight.tensor: tensor}), tmp_path / "m.onnx")
    assert (tmp_path / "m.onnx").read_bytes() == b"graph"
    return (tmp_path / "m.onnx.data").read_bytes()


def random_matrix(rows, columns, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, (rows, columns)).astype(np.float32)


@pytest.mark.parametrize("stored", [np.float32, np.float16])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("rows", [None, (0, 900), (900, 2700)])
def test_forms_of_a_tensor(tmp_path, stored, transposed, rows):
    tensor = random_matrix(2700, 1100).astype(stored)  # of more than one block
    part = tensor[slice(*rows)] if rows else tensor
    part = (part.T if transposed else part).astype(np.float32)
    for form in ("float32", "float16"):
        weight = Weight("t", tensor.shape, form, 64, rows, transposed)
        expected = bytes(64) + part.astype(form).tobytes()
        assert written(weight, tensor, tmp_path) == expected


def test_a_number_and_a_kernel(tmp_path):
    number, kernel = np.array(2.5, np.float32), random_matrix(6, 8).reshape(2, 3, 4, 2)
    for tensor in (number, kernel):
        weight = Weight("t", tensor.shape, "float32", 0)
        assert written(weight, tensor, tmp_path) == tensor.tobytes()


@pytest.mark.parametrize("name", ["random", "with a column of zeros", "tiny", "one large value"])
def test_8_bit_weights_are_those_of_onnx_runtime(tmp_path, name):
    tensor = random_matrix(40, 70)
    if name == "with a column of zeros":
        tensor[3] = 0
    elif name == "tiny":
        tensor *= 1e-42
    elif name == "one large value":
        tensor[5, 6] = 1e6
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 70])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 40])],
        [numpy_helper.from_array(np.ascontiguousarray(tensor.T), "w")],
    )
    opset = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), tmp_path / "full.onnx")
    quantize_dynamic(
        tmp_path / "full.onnx", tmp_path / "int8.onnx", op_types_to_quantize=["MatMul"],
        per_channel=True, reduce_range=True, weight_type=QuantType.QInt8,
    )  # fmt: skip
    theirs = {
        one.name: numpy_helper.to_array(one)
        for one in onnx.load(tmp_path / "int8.onnx").graph.initializer
    }
    for form, key in (("int8", "w_quantized"), ("int8_scale", "w_scale")):
        weight = Weight("t", tensor.shape, form, 0, None, True)
        assert written(weight, tensor, tmp_path) == theirs[key].tobytes(), form
    assert not theirs["w_zero_point"].any()


@pytest.mark.parametrize(
    ("form", "transposed"),
    [("float32", False), ("float32", True), ("float16", False), ("float16", True), ("int8", True)],
)
def test_memory_stays_below_one_and_a_half_of_the_largest_tensor(tmp_path, form, transposed):
    shape = (4096, 4096)
    size_bytes = 4 * 4096 * 4096

    class OnDemand:
        def __iter__(self):
            return iter("abc")

        def read(self, _):
            return np.ones(shape, np.float32)

    weights = tuple(
        Weight(name, shape, form, number * size_bytes, None, transposed)
        for number, name in enumerate("abc")
    )
    template = GraphTemplate(b"", WeightTable(weights, "m.onnx.data"))
    tracemalloc.start()
    template.fill(OnDemand(), tmp_path / "m.onnx")
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 1.5 * size_bytes


@pytest.mark.parametrize(
    ("tensors", "problem"),
    [
        ({}, "lacks the tensor t; fetch it again"),
        ({"t": np.ones((3, 2), np.float32)}, r"float32 \(3, 2\) and not float32 \(2, 3\)"),
        ({"t": np.ones((2, 3), np.int64)}, r"int64 \(2, 3\) and not"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(tmp_path, tensors, problem):
    template = GraphTemplate(b"", WeightTable((Weight("t", (2, 3), "float32", 0),), "d"))
    with pytest.raises(BundleError, match=problem):
        template.fill(Tensors(tensors), tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize("form", ["float32", "float16", "int8", "int8_scale"])
def test_weights_that_are_no_numbers_are_written_without_a_warning(tmp_path, form):
    """They make the bundle's outputs invalid, and it is refused for that."""
    tensor = random_matrix(4, 4)
    tensor[0] = np.nan, np.inf, -np.inf, 1e30
    assert written(Weight("t", (4, 4), form, 0, None, True), tensor, tmp_path)


def tower_of(name):
    with zipfile.ZipFile(graph_template.FOLDER / f"{name}.zip") as file:
        return msgspec.json.decode(file.read("weights.json"), type=WeightTable).tower


def test_what_has_no_graph_is_refused_with_the_list():
    tower = tower_of("clip-image-12x768-patch32-224-quick_gelu-fp32")
    assert tower_template(tower, "fp32").table.tower == tower
    for changes in ({"layers": 11}, {"heads": 8}, {"norm_epsilon": 1e-6}, {"dimensions": 513}):
        other = msgspec.structs.replace(tower, **changes)
        with pytest.raises(UsageError, match="has clip-image-12x768-patch"):
            tower_template(other, "fp32")
    with pytest.raises(UsageError, match="there is no graph"):
        tower_template(tower, "fp8")


@pytest.mark.parametrize("name", SHIPPED)
def test_graph_and_table_agree(name):
    template = load_template(name, tower_of(name))
    tower = template.table.tower
    if tower:
        assert name.startswith(f"{tower.name}-")
    model = onnx.load_model_from_string(template.graph)
    outside = [one for one in model.graph.initializer if one.data_location]
    assert len(outside) == len(template.table.weights)
    end = 0
    for one, weight in zip(outside, template.table.weights, strict=True):
        place = {entry.key: entry.value for entry in one.external_data}
        assert place["location"] == template.table.data_file
        assert int(place["offset"]) == weight.offset >= end
        rows = weight.shape[0] if weight.rows is None else weight.rows[1] - weight.rows[0]
        if weight.form == "int8_scale":
            assert tuple(one.dims) == (rows,)
        else:
            assert np.prod(one.dims) == rows * np.prod(weight.shape[1:], dtype=int)
        kind = "float32" if weight.form == "int8_scale" else weight.form
        assert helper.tensor_dtype_to_np_dtype(one.data_type).name == kind
        size = int(np.prod(one.dims)) * np.dtype(kind).itemsize
        assert int(place["length"]) == size
        end = weight.offset + size
    for one in model.graph.initializer:  # what is left is no weight
        assert one.data_location or len(one.raw_data) < 10_000
    assert b"/work" not in template.graph
    assert b"site-packages" not in template.graph


def test_every_tower_has_both_precisions_of_floats():
    towers = {name.rpartition("-")[0] for name in SHIPPED} - {"geoclip"}
    wanted = {f"{tower}-{precision}" for tower in towers for precision in ("fp32", "fp16")}
    assert wanted <= set(SHIPPED)


def test_the_filled_location_encoder_runs(tmp_path):
    """Vectors of positions: the sum of three networks, computed here by hand."""
    template = load_template(GEOCLIP_LOCATION)
    random = np.random.default_rng(0)
    shapes = {weight.tensor: weight.shape for weight in template.table.weights}
    tensors = {
        name: random.normal(0, 0.05, shape).astype(np.float32) for name, shape in shapes.items()
    }
    template.fill(Tensors(tensors), tmp_path / "location.onnx")
    degrees = np.array([[0.0, 0.0], [10.0, 0.0]], np.float32)
    session = ort.InferenceSession(tmp_path / "location.onnx")
    vectors = session.run(None, {session.get_inputs()[0].name: degrees})[0]
    expected = np.zeros(512)
    for number in range(3):  # at 0, 0 the cosines are 1 and the sines 0
        part = f"location.LocEnc{number}"
        values = np.r_[np.ones(256), np.zeros(256)]
        for layer in (1, 3, 5):
            weight, bias = (
                tensors[f"{part}.capsule.{layer}.{kind}"] for kind in ("weight", "bias")
            )
            values = np.maximum(weight.astype(float) @ values + bias, 0)
        expected += tensors[f"{part}.head.0.weight"] @ values + tensors[f"{part}.head.0.bias"]
    assert vectors[0] == pytest.approx(expected, abs=1e-4)
    assert np.abs(vectors[1] - vectors[0]).max() > 1e-3
