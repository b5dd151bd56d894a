"""Smaller graphs: weights stored in half precision, or the network in 8-bit integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LEAST_VALUES = 1024
"""Smaller tensors stay in float32."""


def store_half(source: Path, target: Path) -> None:
    """Stores large weights in float16. The arithmetic stays in float32: a Cast stands behind each,
    which ONNX Runtime works out once, when it loads the model. Half the size, the same speed.
    """
    model = onnx.load(source)
    casts = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if weight.data_type == TensorProto.FLOAT and values.size >= LEAST_VALUES:
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


def quantise(source: Path, target: Path, pixels: NDArray[np.uint8]) -> None:
    """Static 8-bit quantisation (QDQ), weights by channel, ranges from `pixels` [n, S, S, 3].

    The convolutions alone: the linear layer is small, and its scores are what counts. Weights have
    7 bits (`reduce_range`), for processors without VNNI saturate otherwise.
    """
    prepared = target.with_suffix(".prepared.onnx")
    quant_pre_process(source, prepared)
    quantize_static(
        prepared,
        target,
        _Photos(pixels),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    prepared.unlink()
