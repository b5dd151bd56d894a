"""Smaller graphs: weights stored in half precision, or the network in 8-bit integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from geotagger.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NOTHING = "the graph has nothing of the kind to quantise"
MIN_VALUES = 1024
"""Smaller tensors stay in float32."""


def store_half(source: Path, target: Path) -> None:
    """Stores large weights in float16. The arithmetic stays in float32: a Cast stands behind each,
    which ONNX Runtime works out once, when it loads the model. Half the size, the same speed.
    """
    model = onnx.load(source)
    casts = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if weight.data_type == TensorProto.FLOAT and values.size >= MIN_VALUES:
            name, stored = weight.name, f"{weight.name}.half"
            weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
            casts.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    for position, cast in enumerate(casts):
        model.graph.node.insert(position, cast)
    onnx.checker.check_model(model)
    onnx.save(model, target)


class _Photos(CalibrationDataReader):
    """Hands photos [n, S, S, 3] to the calibration one by one."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._batches = iter(np.split(pixels, len(pixels)))

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        pixels = next(self._batches, None)
        return None if pixels is None else {"pixels": pixels}


@dataclass(frozen=True, slots=True)
class Static:
    """8-bit convolutions (QDQ): weights by channel, ranges of activations from photos.

    The convolutions alone: the linear layers are small, and their scores are what counts. Weights
    have 7 bits (`reduce_range`), for processors without VNNI saturate otherwise. The first
    convolutions see the largest planes with the fewest weights: leaving them in float costs hardly
    any size and saves most of the loss (see training/LOG.md), and so does the last.
    """

    first_in_float: int = 0
    last_in_float: int = 0
    kind: str = "static"

    def quantise(self, source: Path, target: Path, pixels: NDArray[np.uint8]) -> None:
        prepared = target.with_suffix(".prepared.onnx")
        quant_pre_process(source, prepared, skip_symbolic_shape=True)  # it fails on pairs of trunks
        names = [node.name for node in onnx.load(prepared).graph.node if node.op_type == "Conv"]
        kept = names[: self.first_in_float] + names[len(names) - self.last_in_float :]
        quantize_static(
            prepared,
            target,
            _Photos(pixels),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=kept,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        prepared.unlink()
        _check_quantised(target, "DequantizeLinear")


@dataclass(frozen=True, slots=True)
class Dynamic:
    """8-bit matrix products, whose activations find their range at run time: for transformers."""

    kind: str = "dynamic"

    def quantise(self, source: Path, target: Path, _: NDArray[np.uint8]) -> None:
        model = onnx.load(source)
        del model.graph.value_info[:]  # of the exporter; the quantiser trips over it
        prepared = target.with_suffix(".prepared.onnx")
        onnx.save(model, prepared)
        quantize_dynamic(
            prepared,
            target,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )
        prepared.unlink()
        _check_quantised(target, "MatMulInteger")


@dataclass(frozen=True, slots=True)
class WeightsAlone:
    """Weights of convolutions and matrix products in 8 bits by channel, arithmetic in float32.

    A quarter of the size at the same speed: for networks whose activations do not bear 8 bits.
    """

    kind: str = "static"

    def quantise(self, source: Path, target: Path, _: NDArray[np.uint8]) -> None:
        model = onnx.load(source)
        axis = {  # of the channels that come out
            node.input[1]: 0 if node.op_type == "Conv" or _is_transposed(node) else 1
            for node in model.graph.node
            if node.op_type in ("Conv", "Gemm", "MatMul")
        }
        nodes = []
        for weight in list(model.graph.initializer):
            values = numpy_helper.to_array(weight)
            if weight.name not in axis or values.size < MIN_VALUES:
                continue
            own = axis[weight.name] % values.ndim
            others = tuple(number for number in range(values.ndim) if number != own)
            scale = np.maximum(np.abs(values).max(axis=others, keepdims=True) / 127, 1e-12)
            small = np.round(values / scale).astype(np.int8)
            name, stored = weight.name, f"{weight.name}.int8"
            weight.CopyFrom(numpy_helper.from_array(small, stored))
            factor = numpy_helper.from_array(scale.astype(np.float32), f"{name}.scale")
            model.graph.initializer.append(factor)
            nodes += [  # not DequantizeLinear, which ONNX Runtime works out anew for every photo
                helper.make_node("Cast", [stored], [f"{name}.cast"], to=TensorProto.FLOAT),
                helper.make_node("Mul", [f"{name}.cast", factor.name], [name]),
            ]
        if not nodes:
            raise BundleError(NOTHING)
        for position, node in enumerate(nodes):
            model.graph.node.insert(position, node)
        onnx.checker.check_model(model)
        onnx.save(model, target)


WAYS: dict[str, Static | Dynamic | WeightsAlone] = {
    "static": Static(),
    "static, first 6 and last convolution in float": Static(6, 1),
    "static, first 12 and last convolution in float": Static(12, 1),
    "weights alone": WeightsAlone(),
    "dynamic": Dynamic(),
}
"""From the smallest to the most careful; `kind` is what a family may ask for."""


def _is_transposed(node: onnx.NodeProto) -> bool:
    return any(attribute.name == "transB" and attribute.i for attribute in node.attribute)


def _check_quantised(file: Path, operator: str) -> None:
    """A graph in which nothing could be quantised must not pass for one of 8 bits."""
    if not any(node.op_type == operator for node in onnx.load(file).graph.node):
        raise BundleError(NOTHING)
