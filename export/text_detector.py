"""Makes the text detector with 8-bit convolutions: python -m export.text_detector PHOTOS OUT

The network is PP-OCRv6's small detector, from the package `rapidocr`. PHOTOS is a folder of photos,
some with text: the ranges of the activations are measured on them. OUT gets model.onnx and
card.json. On a CPU the program reads geotagger/data/text_detector.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import onnx
import onnxruntime
from onnx import version_converter
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from geotagger.errors import PhotoError, UsageError
from geotagger.images.decode import decode
from geotagger.images.scan import walk
from geotagger.text.ocr.detector import FIRST_PASS_SIDE_PX, to_tensor
from geotagger.text.ocr.reader import DETECTION, PreparedImage, prepare_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPSET = 17
"""Quantisation by channel needs 13, and onnxruntime 1.23 knows this one."""
SIDES_PX = (FIRST_PASS_SIDE_PX, 544)
"""Sizes at which ranges are measured."""
MIN_PROBABILITY = 0.3
"""From which a photo counts as one with text."""
MIN_SIDE_PX = 600
MAX_DIFFERENCE = 0.02
"""Mean difference of a probability between the two networks."""
UNFUSED = ("ConvActivationFusion", "ConvAddActivationFusion")
"""Would make nodes that the quantiser does not know."""


@click.command(help=__doc__)
@click.argument("photos", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--with-text", default=16, show_default=True, help="Photos with text to measure.")
@click.option("--without-text", default=6, show_default=True, help="Photos without text.")
def main(photos: Path, out: Path, with_text: int, without_text: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        full = Path(scratch) / "full.onnx"
        write_full(full)
        chosen = choose(photos, full, with_text, without_text)
        inputs = [to_tensor(photo.pixels, side) for photo in chosen for side in SIDES_PX]
        quantise(full, out / "model.onnx", inputs)
        difference = mean_difference(full, out / "model.onnx", inputs)
    if difference > MAX_DIFFERENCE:
        raise UsageError(f"{out}: the probabilities differ by {difference:.4f} on average")
    card = {
        "source": f"rapidocr {version('rapidocr')}, {DETECTION}",
        "photos": len(chosen),
        "mean_difference": round(difference, 4),
        "sha256": hashlib.sha256((out / "model.onnx").read_bytes()).hexdigest(),
    }
    (out / "card.json").write_text(json.dumps(card, indent=1) + "\n", "utf-8")
    click.echo(f"{out}: probabilities differ by {difference:.4f} on average")


def write_full(target: Path) -> None:
    """Write the float32 network with its affine layers folded and each GELU as one node."""
    with as_file(files("rapidocr").joinpath("models", DETECTION)) as file:
        model = version_converter.convert_version(onnx.load(file), OPSET)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    onnxruntime.InferenceSession(
        model.SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=list(UNFUSED),
    )
    folded = onnx.load(target)
    used = {node.domain for node in folded.graph.node}
    kept = [each for each in folded.opset_import if each.domain in used]
    del folded.opset_import[:]
    folded.opset_import.extend(kept)
    onnx.save(folded, target)


def choose(photos: Path, network: Path, with_text: int, without_text: int) -> list[PreparedImage]:
    """Take so many photos in which the network sees text, and so many in which it sees none.

    Raises:
        UsageError: the folder has too few of them.
    """
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    wanted, chosen = {True: with_text, False: without_text}, []
    for photo in _prepared(photos):
        (probability,) = session.run(None, _feed(session, to_tensor(photo.pixels, SIDES_PX[0])))
        has_text = bool(probability.max() >= MIN_PROBABILITY)
        if wanted[has_text]:
            wanted[has_text] -= 1
            chosen.append(photo)
        if not any(wanted.values()):
            return chosen
    raise UsageError(f"{photos} lacks {wanted[True]} photos with text, {wanted[False]} without")


def _prepared(folder: Path) -> Iterator[PreparedImage]:
    """The photos of a folder, evenly spread, as the reader prepares them."""
    found = [photo.path for photo in walk([folder])]
    for start in range(min(len(found), 97)):
        for path in found[start::97]:
            try:
                yield prepare_image(decode(path.read_bytes(), MIN_SIDE_PX).image)
            except PhotoError:
                continue


class _Inputs(CalibrationDataReader):  # type: ignore[misc]
    """Feeds pictures to the quantiser."""

    def __init__(self, name: str, inputs: list[NDArray[np.float32]]) -> None:
        self._feeds = iter([{name: each} for each in inputs])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._feeds, None)


def quantise(source: Path, target: Path, inputs: list[NDArray[np.float32]]) -> None:
    """Write the network with 8-bit convolutions, and what only moves pixels between them.

    Weights have 7 bits (`reduce_range`), because processors without VNNI saturate otherwise.

    Args:
        source: the float32 network.
        target: the file to write.
        inputs: float32 [1, 3, h, w] each, for the ranges of the activations.
    """
    name = onnx.load(source).graph.input[0].name
    quantize_static(
        source,
        target,
        _Inputs(name, inputs),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv", "ConvTranspose", "Concat", "Resize", "MaxPool"],
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )


def mean_difference(one: Path, other: Path, inputs: list[NDArray[np.float32]]) -> float:
    """Mean absolute difference of the probabilities of two networks."""
    sessions = [
        onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        for file in (one, other)
    ]
    maps = [[session.run(None, _feed(session, each))[0] for session in sessions] for each in inputs]
    return float(np.mean([np.abs(a - b).mean() for a, b in maps]))


def _feed(
    session: onnxruntime.InferenceSession, tensor: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    return {session.get_inputs()[0].name: tensor}


if __name__ == "__main__":
    main()
