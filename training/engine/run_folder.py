"""The folder of a run: what training leaves and the export takes.

run.json            family, origins of the weights, options, data, input, metrics; see `write`
model.safetensors   the weights
*.csv, *.npy        label tables and galleries, as the bundle will have them
val.npz             what the network says of the validation photos, beside the truth; calibration
test.npz            the same of the test photos, for the tables and pictures of metrics.py
checkpoints/        for going on after a stop
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
from training.data.dataset import positions
from training.engine.origins import UNKNOWN, Origin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from geotagger.images.decode import InputSpec
    from training.data.dataset import Example

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
    """Writes run.json. `family` names the exporter; `more` is what that one needs besides."""
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
    """run.json. Raises UsageError: there is none, for example because training has not ended."""
    try:
        return json.loads((run / RUN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{run / RUN_FILE}: {error}; name the folder of a finished run") from error


def origins_of(document: Mapping[str, Any]) -> tuple[Origin, ...]:
    """Of the weights that a run started with, by its run.json."""
    if "origins" not in document:
        return (Origin("a run that does not say where its weights are from", UNKNOWN),)
    return tuple(Origin(**kept) for kept in document["origins"])


def save_weights(run: Path, model: nn.Module) -> None:
    state = {name: value.contiguous().cpu() for name, value in model.state_dict().items()}
    save_file(state, run / WEIGHTS_FILE)


def load_weights(run: Path, model: nn.Module) -> None:
    """Raises RuntimeError where the weights are not this model's."""
    model.load_state_dict(load_file(run / WEIGHTS_FILE))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Outputs of a network [n, ...] by name, and the truth of the n photos."""

    outputs: dict[str, NDArray[np.float32]]
    target: dict[str, NDArray[np.intp]]
    """For outputs that are logits: the right label, -1 where there is none."""
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
        parts = [{k: v[rows] for k, v in group.items()} for group in (self.outputs, self.target)]
        return HeldOut(*parts, **{name: getattr(self, name)[rows] for name in TRUTH})


TRUTH = ("lat", "lon", "country", "continent", "precision", "source", "file")


def save_held_out(
    file: Path,
    examples: Sequence[Example],
    outputs: Mapping[str, NDArray[np.float32]],
    target: Mapping[str, NDArray[np.intp]],
) -> None:
    """`outputs` and `target` have one row for each of `examples` (see
    training.data.dataset.named)."""
    lat, lon = positions(examples)
    truth = {name: np.array([getattr(e, name) for e in examples], str) for name in TRUTH[2:]}
    truth |= {"lat": lat, "lon": lon}
    arrays = {f"output_{name}": values for name, values in outputs.items()}
    arrays |= {f"target_{name}": values for name, values in target.items()}
    arrays |= {f"truth_{name}": values for name, values in truth.items()}
    np.savez_compressed(file, **arrays)


def read_held_out(file: Path) -> HeldOut:
    """What `save_held_out` wrote."""
    with np.load(file, allow_pickle=False) as kept:
        groups: dict[str, dict[str, NDArray[Any]]] = {
            kind: {k.removeprefix(kind): kept[k] for k in kept.files if k.startswith(kind)}
            for kind in ("output_", "target_")
        }
        truth = {name: kept[f"truth_{name}"] for name in TRUTH}
    return HeldOut(groups["output_"], groups["target_"], **truth)
