"""What a bundle's card.json says, as frozen dataclasses; docs/reference/bundle.md describes the
format."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

from geotagger.errors import BundleError
from geotagger.images.decode import InputSpec
from geotagger.vision.bundle.head_specs import Head, files_of, is_file_name, is_name, read_head
from geotagger.vision.bundle.strict_json import JsonObject, parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
MODEL_FILE = "model.onnx"
PROBE_VALUES = 8
"""A probe keeps this many values of each output, or all where there are fewer."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What validation taught: how far to trust the log-likelihoods, how wide to draw radii."""

    weight: float = 1.0
    radius_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Probe:
    """The first values of every output for one random image, to prove that a model runs right."""

    seed: int
    outputs: Mapping[str, tuple[float, ...]]
    tolerance: float


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything about a model that code would otherwise have to guess."""

    name: str
    version: str
    licence: str
    description: str
    input: InputSpec
    heads: tuple[Head, ...]
    calibration: Calibration
    files: Mapping[str, str]
    """SHA-256 in hexadecimal by file name, for every file of the bundle but the card."""
    metrics: Mapping[str, object]
    provenance: Mapping[str, str]
    probe: Probe

    @property
    def model_id(self) -> str:
        """What reports call this model: name, version, and the first digits of its hash."""
        return f"{self.name}-{self.version}@{self.files[MODEL_FILE][:8]}"

    def to_json(self) -> str:
        """The text of card.json; `from_json` reads it back to an equal card."""
        document = {"format": FORMAT, **asdict(self)}
        document["heads"] = [
            {key: value for key, value in head.items() if value not in ("", ())}
            for head in document["heads"]
        ]
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, data: bytes | str, source: str = "card.json") -> ModelCard:
        """Read and check a card. `source` names the file in messages.

        Raises:
            BundleError: the text is no JSON, the format is another one, or a key is unknown,
                missing, of the wrong type or out of range.
        """
        top = JsonObject(parse_json(data, source), source, "the card")
        found = top.take("format", int, "a whole number")
        if found != FORMAT:
            raise BundleError(
                f"{source}: bundle format {found} is not known, this geotagger reads format "
                f"{FORMAT}; update geotagger or export the bundle again"
            )
        card = cls(
            name=top.take("name", str, "a short name of letters, digits and . _ -", is_name),
            version=top.take("version", str, "a version such as 1.0.0", is_name),
            licence=top.take("licence", str, "the name of a licence", str.strip),
            description=top.take("description", str, "a text"),
            input=_input(top.inner("input")),
            heads=tuple(read_head(entry) for entry in top.items("heads")),
            calibration=_calibration(top.inner("calibration")),
            files=_files(top.inner("files")),
            metrics=top.take("metrics", dict, "an object"),
            provenance=_provenance(top.inner("provenance")),
            probe=_probe(top.inner("probe")),
        )
        top.finish()
        _check_references(card, source)
        return card


def _input(entry: JsonObject) -> InputSpec:
    choices = {name: get_args(hint) for name, hint in get_type_hints(InputSpec).items()}
    spec = InputSpec(
        size_px=entry.whole("size_px", 1, 4096),
        fit=cast("Any", entry.one_of("fit", choices["fit"])),
        filter=cast("Any", entry.one_of("filter", choices["filter"])),
    )
    entry.finish()
    return spec


def _calibration(entry: JsonObject) -> Calibration:
    weight, factor = entry.number("weight", 0, 100), entry.number("radius_factor", 0.01, 100)
    entry.finish()
    return Calibration(weight, factor)


def _files(entry: JsonObject) -> dict[str, str]:
    for name in entry.names():
        if not is_file_name(name) or name == "card.json":
            raise BundleError(
                f"{entry.source}: in 'files', {name!r} is not the plain name of a file in the "
                "bundle; correct the card"
            )
    is_sha256 = re.compile(r"[0-9a-f]{64}").fullmatch
    return {name: entry.take(name, str, "a SHA-256 in hex", is_sha256) for name in entry.names()}


def _provenance(entry: JsonObject) -> dict[str, str]:
    return {name: entry.take(name, str, "a text") for name in entry.names()}


def _probe(entry: JsonObject) -> Probe:
    outputs = entry.inner("outputs")
    values = {name: _probe_values(outputs, name) for name in outputs.names()}
    probe = Probe(
        seed=entry.whole("seed", 0, 2**32 - 1),
        outputs=values,
        tolerance=entry.number("tolerance", 0, 1e3),
    )
    entry.finish()
    return probe


def _probe_values(outputs: JsonObject, name: str) -> tuple[float, ...]:
    def valid(values: list[object]) -> bool:
        return 1 <= len(values) <= PROBE_VALUES and all(
            type(v) is float or (type(v) is int and abs(v) < 2**53) for v in values
        )

    values = outputs.take(name, list, f"a list of 1 to {PROBE_VALUES} numbers", valid)
    return tuple(float(value) for value in values)


def _check_references(card: ModelCard, source: str) -> None:
    """What one part of the card says of another must hold."""
    names = [head.name for head in card.heads]
    if len(set(names)) < len(names):
        raise BundleError(f"{source}: two heads share one name ({', '.join(names)}); rename one")
    needed = [MODEL_FILE, *(file for head in card.heads for file in files_of(head))]
    for file in needed:
        if file not in card.files:
            raise BundleError(f"{source}: 'files' lacks {file!r}, which the model needs; add it")
    outputs = {head.output for head in card.heads}
    if set(card.probe.outputs) != outputs:
        raise BundleError(
            f"{source}: 'probe' must hold values for the outputs of the heads "
            f"({', '.join(sorted(outputs))}); correct the card"
        )
