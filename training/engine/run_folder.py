"""The folder of a run: what training writes and the export reads.

run.json            family, origins of the weights, options, data, input, metrics; see `write`
model.safetensors   the weights
*.csv, *.npy        label tables and galleries in the format of a bundle
val.npz             outputs for the validation photos with their labels; for calibration
test.npz            the same for the test photos; for the tables and plots of training/eval
checkpoints/        for resuming after a stop
tensorboard/        losses and scores by step
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, is_dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from safetensors.torch import load_file, save_file

from geotagger.errors import UsageError
from training.data.example import positions
from training.engine.origins import UNKNOWN_LICENCE, Origin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from geotagger.images.decode import InputSpec
    from training.data.example import Example

RUN_FILE, WEIGHTS_FILE = "run.json", "model.safetensors"


def write(
    run: Path,
    family: str,
    options: Any,
    spec: InputSpec,
    data: Mapping[str, Any],
    metrics: Mapping[str, Any],
    origins: Sequence[Origin],
    **more: Any,
) -> None:
    """Writes run.json.

    Args:
        run: The folder.
        family: Names the exporter; see export/families/family.py.
        options: The options of the run, a dataclass or a mapping.
        spec: The input of the network.
        data: Describes the photos.
        metrics: The tables of scores.
        origins: The weights that training started from.
        more: Further entries that the exporter of the family needs.
    """
    document = {
        "family": family,
        "origins": [asdict(origin) for origin in origins],
        "options": asdict(options) if is_dataclass(options) else dict(options),
        "input": msgspec.to_builtins(spec),
        "data": dict(data),
        "metrics": dict(metrics),
        "torch": metadata.version("torch"),
        **more,
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    (run / RUN_FILE).write_text(text + "\n", encoding="utf-8")


def read(run: Path) -> dict[str, Any]:
    """Reads run.json. Raises UsageError if it is missing, for example while training runs."""
    try:
        return json.loads((run / RUN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{run / RUN_FILE}: {error}; name the folder of a finished run") from error


def origins_of(document: Mapping[str, Any]) -> tuple[Origin, ...]:
    """Returns the origins of the weights in a run.json."""
    if "origins" not in document:
        return (Origin("a run that does not name the origin of its weights", UNKNOWN_LICENCE),)
    return tuple(Origin(**kept) for kept in document["origins"])


def save_weights(run: Path, model: nn.Module) -> None:
    """Writes the weights of a network to the run."""
    state = {name: value.contiguous().cpu() for name, value in model.state_dict().items()}
    save_file(state, run / WEIGHTS_FILE)


def load_weights(run: Path, model: nn.Module) -> None:
    """Loads the weights of a run. Raises RuntimeError if they do not fit the network."""
    model.load_state_dict(load_file(run / WEIGHTS_FILE))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Outputs of a network for n held-out photos, and the labels of these photos."""

    outputs: dict[str, NDArray[np.float32]]
    """Name of the output -> [n, ...]."""
    target: dict[str, NDArray[np.intp]]
    """Name of an output of logits -> [n] the right class, -1 if it has none."""
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    country: NDArray[np.str_]
    continent: NDArray[np.str_]
    precision: NDArray[np.str_]
    source: NDArray[np.str_]
    file: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.file)

    def rows(self, rows: NDArray[np.intp]) -> HeldOut:
        """Returns the photos of some rows."""
        parts = [{k: v[rows] for k, v in group.items()} for group in (self.outputs, self.target)]
        return HeldOut(*parts, **{name: getattr(self, name)[rows] for name in LABEL_FIELDS})


LABEL_FIELDS = ("lat", "lon", "country", "continent", "precision", "source", "file")


def held_out(
    examples: Sequence[Example],
    outputs: Mapping[str, NDArray[np.float32]],
    target: Mapping[str, NDArray[np.intp]],
) -> HeldOut:
    """Joins outputs and targets, one row for each of `examples`, with the labels."""
    lat, lon = positions(examples)
    texts = {name: np.array([getattr(e, name) for e in examples], str) for name in LABEL_FIELDS[2:]}
    return HeldOut(dict(outputs), dict(target), lat=lat, lon=lon, **texts)


def save_held_out(file: Path, held: HeldOut) -> None:
    """Writes val.npz or test.npz."""
    arrays = {f"output_{name}": values for name, values in held.outputs.items()}
    arrays |= {f"target_{name}": values for name, values in held.target.items()}
    arrays |= {f"truth_{name}": getattr(held, name) for name in LABEL_FIELDS}
    np.savez_compressed(file, **arrays)


def read_held_out(file: Path) -> HeldOut:
    """Reads what `save_held_out` wrote."""
    with np.load(file, allow_pickle=False) as kept:
        groups: dict[str, dict[str, NDArray[Any]]] = {
            kind: {k.removeprefix(kind): kept[k] for k in kept.files if k.startswith(kind)}
            for kind in ("output_", "target_")
        }
        labels = {name: kept[f"truth_{name}"] for name in LABEL_FIELDS}
    return HeldOut(groups["output_"], groups["target_"], **labels)
