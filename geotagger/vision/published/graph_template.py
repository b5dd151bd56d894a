"""Graphs of published models without their weights, and how the weights are written next to them.

A template is a ZIP archive in `data/graphs/` with two files: graph.onnx, whose initializers lie in
an external file at fixed positions, and weights.json, which says which tensor of a checkpoint goes
to which position, and in which form. So a graph is filled by writing that external file: the graph
itself is copied. `export/templates.py` makes the templates from the graphs of the exporter.
"""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol

import msgspec
import numpy as np
from msgspec import Struct

from geotagger.errors import BundleError, UsageError
from geotagger.vision.published.architecture import TowerArchitecture

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FOLDER = resources.files("geotagger.data") / "graphs"
GRAPH_FILE, WEIGHTS_FILE = "graph.onnx", "weights.json"
GEOCLIP_HEAD, GEOCLIP_LOCATION = "geoclip-head", "geoclip-location"
"""Templates of GeoCLIP's own layers: those above CLIP, and the location encoder."""
PIXEL_MEAN, PIXEL_DEVIATION = "pixel_mean", "pixel_deviation"
"""Tensors of image towers that come from the image processor."""
_MAX_PIXEL = 1e6
INT8_STEPS = 64
"""8-bit weights use -64 to 64: processors without VNNI saturate otherwise."""
_BLOCK_VALUES = 1 << 20
"""Values that are converted at once."""


class TensorSource(Protocol):
    """The tensors of a checkpoint, which are read one by one."""

    def __iter__(self) -> Iterator[str]:
        """The names of the tensors."""

    def read(self, name: str) -> NDArray[Any]:
        """A tensor, float16 or float32."""


class Weight(Struct, frozen=True, forbid_unknown_fields=True):
    """One initializer of a graph: the tensor that it is made of, and where it is written."""

    tensor: str
    """The name of the tensor in a checkpoint of transformers."""
    shape: tuple[int, ...]
    """Of the tensor."""
    form: Literal["float32", "float16", "int8", "int8_scale"]
    """int8 has one scale for each output channel; int8_scale is these scales, in float32."""
    offset: int
    """Position in the external file, in bytes."""
    rows: tuple[int, int] | None = None
    """The part of the tensor, by its first dimension; None for all of it."""
    transposed: bool = False

    def blocks(self, tensor: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """The values in the order in which they are written.

        They come in blocks, so that a converted copy of the whole tensor never exists.
        """
        part = tensor if self.rows is None else tensor[slice(*self.rows)]
        part = part.T if self.transposed else part
        if self.form.startswith("int8"):
            yield from _quantised(part, self.form == "int8_scale")
            return
        for block in _row_blocks(part):
            with np.errstate(over="ignore"):  # infinity fails the comparison of the bundle
                yield np.ascontiguousarray(block, np.dtype(self.form))


class WeightTable(Struct, frozen=True, forbid_unknown_fields=True):
    """weights.json."""

    weights: tuple[Weight, ...]
    data_file: str
    """The name of the external file, as the graph has it."""
    tower: TowerArchitecture | None = None
    """None for GeoCLIP's own layers."""


@dataclass(frozen=True, slots=True)
class GraphTemplate:
    """A graph without weights, and the table of its weights."""

    graph: bytes
    table: WeightTable

    @property
    def tensors(self) -> set[str]:
        """The names of the tensors that it needs."""
        return {weight.tensor for weight in self.table.weights}

    def fill(self, tensors: TensorSource, file: Path) -> None:
        """Writes the graph and, next to it, its external file.

        One tensor is in memory at a time.

        Args:
            tensors: a checkpoint under the names of transformers.
            file: the graph, in the folder of a bundle.

        Raises:
            BundleError: a tensor is missing, or has another shape or type.
            OSError: the disk refuses.
        """
        with (file.parent / self.table.data_file).open("wb") as stream:
            for weight in self.table.weights:
                _write(stream, weight, _read(tensors, weight))
        file.write_bytes(self.graph)


def load_template(name: str, tower: TowerArchitecture | None = None) -> GraphTemplate:
    """A template of the package.

    Args:
        name: its name, without suffix.
        tower: the tower that it must be for.

    Raises:
        UsageError: there is no such template.
    """
    archive = next((path for path in FOLDER.iterdir() if path.name == f"{name}.zip"), None)
    if archive is not None:
        with archive.open("rb") as stream, zipfile.ZipFile(stream) as file:
            table = msgspec.json.decode(file.read(WEIGHTS_FILE), type=WeightTable)
            graph = file.read(GRAPH_FILE)
        if table.tower == tower:
            return GraphTemplate(graph, table)
    known = sorted({path.name.rpartition("-")[0] for path in FOLDER.iterdir()} - {"geoclip"})
    raise UsageError(
        f"there is no graph for {name}; geotagger has {', '.join(known)}. Others can be exported "
        "from a checkout (python export/to_onnx.py)"
    )


def has_graph(tower: TowerArchitecture) -> bool:
    """Whether there is a template of a tower."""
    return (FOLDER / f"{tower.name}-fp32.zip").is_file()


def pixel_tensors(
    mean: Sequence[float], deviation: Sequence[float]
) -> dict[str, NDArray[np.float32]]:
    """What an image tower needs besides its checkpoint.

    Args:
        mean: of red, green and blue, as a part of 1.
        deviation: the same.

    Returns:
        By name: [1, 3, 1, 1], as levels from 0 to 255.

    Raises:
        ValueError: they are not three numbers that float32 holds.
    """
    named = {PIXEL_MEAN: mean, PIXEL_DEVIATION: deviation}
    if not (np.abs(np.array(list(named.values()), np.float64)) < _MAX_PIXEL).all():
        raise ValueError("mean or deviation is no number, or too large")
    return {
        name: np.float32(255) * np.array(values, np.float32).reshape(1, 3, 1, 1)
        for name, values in named.items()
    }


def tower_template(tower: TowerArchitecture, precision: str) -> GraphTemplate:
    """The template of a tower in fp32, fp16 or int8. Raises as `load_template` does."""
    return load_template(f"{tower.name}-{precision}", tower)


def _write(stream: BinaryIO, weight: Weight, tensor: NDArray[Any]) -> None:
    """A function of its own: no block keeps the tensor in memory while the next one is read."""
    stream.seek(weight.offset)
    for block in weight.blocks(tensor):
        stream.write(block.data)


def _read(tensors: TensorSource, weight: Weight) -> NDArray[Any]:
    try:
        values = tensors.read(weight.tensor)
    except KeyError as error:
        raise BundleError(
            f"the checkpoint lacks the tensor {weight.tensor}; fetch it again, or take another one"
        ) from error
    if values.shape != weight.shape or values.dtype not in (np.float32, np.float16):
        raise BundleError(
            f"the tensor {weight.tensor} of the checkpoint is {values.dtype} {values.shape} and "
            f"not float32 {weight.shape}; take another checkpoint"
        )
    return values


def _row_blocks(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    rows = values.reshape(1) if values.ndim == 0 else values
    step = max(1, _BLOCK_VALUES // max(1, math.prod(rows.shape[1:])))
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _quantised(matrix: NDArray[Any], scales_alone: bool) -> Iterator[NDArray[Any]]:
    """As ONNX Runtime quantises the weights [K, N] of a matrix product by column (symmetric, with
    `reduce_range`): the same bytes."""
    largest = np.maximum(matrix.max(axis=0), -matrix.min(axis=0)).astype(np.float64)
    scales = (largest / INT8_STEPS).astype(np.float32)
    scales[largest / INT8_STEPS < np.finfo(np.float32).tiny] = 1
    if scales_alone:
        yield scales
        return
    for block in _row_blocks(matrix):
        values = np.ascontiguousarray(block, np.float32)
        with np.errstate(invalid="ignore"):  # NaN fails the comparison of the bundle
            yield np.clip(np.round(values / scales), -128, 127).astype(np.int8)
