"""Smaller graphs: weights stored in half precision, or quantised to 8 bits."""

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

NOTHING_QUANTISED = "the graph has no operator that can be quantised"
MIN_VALUES = 1024
"""Smaller tensors stay in float32."""


def store_half(source: Path, target: Path) -> None:
    """Stores large weights in float16; the arithmetic stays in float32.

    A Cast follows each weight, which ONNX Runtime computes once, when it loads the model. The file
    has half the size, at the same speed.
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


class _PixelReader(CalibrationDataReader):
    """Gives photos [n, S, S, 3] to the calibration one by one."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._batches = iter(np.split(pixels, len(pixels)))

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        pixels = next(self._batches, None)
        return None if pixels is None else {"pixels": pixels}


@dataclass(frozen=True, slots=True)
class StaticQuantisation:
    """8-bit convolutions (QDQ): weights by channel, ranges of activations from photos.

    Only convolutions are quantised: the linear layers are small, and their logits decide. Weights
    have 7 bits (`reduce_range`), because processors without VNNI saturate otherwise. The first
    convolutions have the largest planes and the fewest weights: leaving them in float32 costs
    hardly any size and avoids most of the loss (see training/LOG.md); so does the last one.
    """

    first_in_float: int = 0
    last_in_float: int = 0
    kind: str = "static"

    def quantise(self, source: Path, target: Path, pixels: NDArray[np.uint8]) -> None:
        """Writes the quantised graph.

        Args:
            source: The graph in float32.
            target: Gets the quantised graph.
            pixels: uint8 [n, S, S, 3] for the ranges.

        Raises:
            BundleError: Nothing could be quantised.
        """
        prepared = target.with_suffix(".prepared.onnx")
        quant_pre_process(
            source, prepared, skip_symbolic_shape=True
        )  # it fails on pairs of backbones
        names = [node.name for node in onnx.load(prepared).graph.node if node.op_type == "Conv"]
        kept = names[: self.first_in_float] + names[len(names) - self.last_in_float :]
        quantize_static(
            prepared,
            target,
            _PixelReader(pixels),
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
class DynamicQuantisation:
    """8-bit matrix products, whose activations get their range at run time: for transformers."""

    kind: str = "dynamic"

    def quantise(self, source: Path, target: Path, _: NDArray[np.uint8]) -> None:
        """Writes the quantised graph. Raises as `StaticQuantisation.quantise` does."""
        model = onnx.load(source)
        del model.graph.value_info[:]  # from the exporter; the quantiser fails on it
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
class WeightQuantisation:
    """8-bit weights of convolutions and matrix products, by channel; arithmetic in float32.

    A quarter of the size at the same speed: for networks whose activations cannot be 8-bit.
    """

    kind: str = "static"

    def quantise(self, source: Path, target: Path, _: NDArray[np.uint8]) -> None:
        """Writes the graph with quantised weights. Raises as `StaticQuantisation.quantise` does."""
        model = onnx.load(source)
        axis = {  # of the output channels
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
            nodes += [  # not DequantizeLinear, which ONNX Runtime computes again for every photo
                helper.make_node("Cast", [stored], [f"{name}.cast"], to=TensorProto.FLOAT),
                helper.make_node("Mul", [f"{name}.cast", factor.name], [name]),
            ]
        if not nodes:
            raise BundleError(NOTHING_QUANTISED)
        for position, node in enumerate(nodes):
            model.graph.node.insert(position, node)
        onnx.checker.check_model(model)
        onnx.save(model, target)


WAYS: dict[str, StaticQuantisation | DynamicQuantisation | WeightQuantisation] = {
    "static": StaticQuantisation(),
    "static, first 6 and last convolution in float": StaticQuantisation(6, 1),
    "static, first 12 and last convolution in float": StaticQuantisation(12, 1),
    "weights alone": WeightQuantisation(),
    "dynamic": DynamicQuantisation(),
}
"""From the smallest file to the most precise; `kind` is what a family may ask for."""


def _is_transposed(node: onnx.NodeProto) -> bool:
    return any(attribute.name == "transB" and attribute.i for attribute in node.attribute)


def _check_quantised(file: Path, operator: str) -> None:
    """Raises BundleError if nothing was quantised, so that the graph is not passed off as 8-bit."""
    if not any(node.op_type == operator for node in onnx.load(file).graph.node):
        raise BundleError(NOTHING_QUANTISED)
