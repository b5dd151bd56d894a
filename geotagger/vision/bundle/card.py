"""The card of a bundle; docs/reference/bundle.md documents card.json.

msgspec decodes it: an unknown key, a missing key and a value out of range are errors. The same
structs write the card at export.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from geotagger.errors import BundleError
from geotagger.images.decode import InputSpec
from geotagger.vision.bundle.head_specs import (
    CAPTION_FIELDS,
    FILE_NAME_PATTERN,
    NAME_PATTERN,
    NOT_BLANK_PATTERN,
    TEMPLATE_PATTERN,
    Head,
    Name,
    NotBlank,
    SightHead,
)

T = TypeVar("T")

FORMAT = 1
CARD_FILE = "card.json"
MODEL_FILE = "model.onnx"
MAX_PROBE_VALUES = 8
"""A probe keeps this many values of each output, or all if there are fewer."""

_PATTERNS_IN_WORDS = {
    NAME_PATTERN: "a name of 1 to 64 letters, digits and . _ -",
    FILE_NAME_PATTERN: "the plain name of a file in the bundle",
    NOT_BLANK_PATTERN: "a text that is not blank",
    TEMPLATE_PATTERN: "a text with only " + ", ".join(f"{{{x}}}" for x in CAPTION_FIELDS),
}
_CHOICES = {
    "kind": tuple(str(head.__struct_config__.tag) for head in get_args(Head)),
    "fit": get_args(get_type_hints(InputSpec)["fit"]),
    "filter": get_args(get_type_hints(InputSpec)["filter"]),
}
"""The values of the keys that allow only some texts."""


class Calibration(Struct, frozen=True, forbid_unknown_fields=True):
    """What was fitted on validation photos."""

    weight: Annotated[float, Meta(ge=0, le=100)]
    """Multiplies the model's log-likelihoods."""
    radius_factor: Annotated[float, Meta(ge=0.01, le=100)]
    """Multiplies the 90 % radius."""


UNCALIBRATED = Calibration(weight=1.0, radius_factor=1.0)

ProbeValues = Annotated[tuple[float, ...], Meta(min_length=1, max_length=MAX_PROBE_VALUES)]


class Probe(Struct, frozen=True, forbid_unknown_fields=True):
    """The expected outputs for one random image; they prove that a model computes correctly."""

    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    outputs: Mapping[str, ProbeValues]
    """The first values by ONNX output."""
    tolerance: Annotated[float, Meta(ge=0, le=1e3)]


class ModelCard(Struct, frozen=True, forbid_unknown_fields=True, tag_field="format", tag=FORMAT):
    """Everything about a model that code would otherwise have to guess."""

    name: Name
    version: Name
    licence: NotBlank
    description: str
    input: InputSpec
    heads: Annotated[tuple[Head, ...], Meta(min_length=1)]
    calibration: Calibration
    files: Mapping[str, str]
    """SHA-256 in hexadecimal by file name, for every file of the bundle except the card."""
    metrics: Mapping[str, Any]
    provenance: Mapping[str, str]
    probe: Probe

    @property
    def model_id(self) -> str:
        """The model's name in reports: name, version, and the first digits of the hash of its
        weights, which may be apart from the graph."""
        weights = self.files.get(f"{MODEL_FILE}.data", self.files[MODEL_FILE])
        return f"{self.name}-{self.version}@{weights[:8]}"

    def to_json(self) -> str:
        """The text of card.json; `from_json` reads it back as an equal card.

        Raises:
            ValueError: a number is not finite.
        """
        document = msgspec.to_builtins(self)
        document["heads"] = [
            {key: value for key, value in head.items() if value not in ("", ())}
            for head in document["heads"]
        ]
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, data: bytes | str, source: str = CARD_FILE) -> ModelCard:
        """Decode and check a card.

        Args:
            data: the text of card.json.
            source: the name of the file in messages.

        Raises:
            BundleError: the text is not JSON, or the format is unknown, or a key is unknown,
                missing, of the wrong type or out of range. The message names file, place and
                remedy.
        """
        card_format = _decode(data, _CardFormat, source).format
        if card_format != FORMAT:
            raise BundleError(
                f"{source}: bundle format {card_format} is not known, this geotagger reads format "
                f"{FORMAT}; update geotagger or export the bundle again"
            )
        card = _decode(data, cls, source)
        _check_files(card, source)
        _check_references(card, source)
        return card


class _CardFormat(Struct):
    """The one key that cards of all formats have."""

    format: int


def _decode(data: bytes | str, kind: type[T], source: str) -> T:
    """Decode JSON to a struct, with errors that name the file, the place and the remedy."""
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        problem = _in_words(str(error))
        raise BundleError(f"{source}: {problem}; correct the card or update geotagger") from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BundleError(f"{source}: not readable as JSON ({error}); fetch it again") from error


def _in_words(problem: str) -> str:
    """An error of msgspec, with words for patterns, and with the choices of a key that has some."""
    for pattern, words in _PATTERNS_IN_WORDS.items():
        problem = problem.replace(f"`str` matching regex {pattern!r}", words)
    for key, choices in _CHOICES.items():
        if problem.startswith("Invalid") and problem.endswith(f".{key}`"):
            problem = f"{problem}, it must be one of {', '.join(choices)}"
    return problem


def _check_files(card: ModelCard, source: str) -> None:
    """msgspec does not say which key of a mapping is wrong, so the files are checked here."""
    for name, digest in card.files.items():
        if not re.search(FILE_NAME_PATTERN, name) or name == CARD_FILE:
            raise BundleError(
                f"{source}: in 'files', {name!r} is not the plain name of a file in the bundle; "
                "correct the card"
            )
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise BundleError(
                f"{source}: in 'files', {name!r} needs a SHA-256 of 64 hexadecimal digits, "
                f"not {digest[:80]!r}; correct the card"
            )


def _check_references(card: ModelCard, source: str) -> None:
    """Names are unique, and heads, files and probe fit one another."""
    names = [head.name for head in card.heads]
    if len(set(names)) < len(names):
        raise BundleError(f"{source}: two heads share one name ({', '.join(names)}); rename one")
    for file in (MODEL_FILE, *(file for head in card.heads for file in head.files)):
        if file not in card.files:
            raise BundleError(f"{source}: 'files' lacks {file!r}, which the model needs; add it")
    if all(isinstance(head, SightHead) for head in card.heads):
        raise BundleError(
            f"{source}: a model needs a head besides known sights, which most photos do not show; "
            "add one"
        )
    outputs = {head.output for head in card.heads}
    if set(card.probe.outputs) != outputs:
        raise BundleError(
            f"{source}: 'probe' must hold values for the outputs of the heads "
            f"({', '.join(sorted(outputs))}); correct the card"
        )
