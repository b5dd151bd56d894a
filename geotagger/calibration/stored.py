"""Calibrations on a user's own photos: a file beside the bundles, which `tag` applies.

A file holds for the models that it names, when they run together, and only for the very bundles
that it was fitted with.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct, structs

from geotagger.vision.bundle.bundle import models_folder
from geotagger.vision.bundle.card import CARD_FILE, Calibration
from geotagger.vision.bundle.head_specs import (
    CaptionHead,
    ClassifyHead,
    NotBlank,
    RegressHead,
    RetrieveHead,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geotagger.vision.bundle.bundle import ModelBundle
    from geotagger.vision.bundle.head_specs import Head

log = logging.getLogger(__name__)

SUFFIX = ".calibration.json"
_SCALES = (1e-3, 1e3)
_SIGMAS_KM = (1.0, 2e4)
"""Limits of the values of heads, as in the card."""


class CalibratedModel(Struct, frozen=True, forbid_unknown_fields=True):
    """What was fitted for one model."""

    name: NotBlank
    card_sha256: NotBlank
    """Of the card of the bundle."""
    temperature: Annotated[float, Meta(ge=0.01, le=100)]
    """Divides logits and scales of cosines, after those of the card."""
    weight: Annotated[float, Meta(ge=0, le=100)]
    """Replaces that of the card."""


class HeldOutScores(Struct, frozen=True, forbid_unknown_fields=True):
    """Measured on days that were not used for the fit."""

    country_loss: float
    """Mean negative log-likelihood of the true country in nats; lower is better."""
    radius_coverage: float
    """Share of photos inside their 90 % radius."""
    photos: int


class UserCalibration(Struct, frozen=True, forbid_unknown_fields=True, tag_field="format", tag=1):
    """A calibration on the photos of a user."""

    models: Annotated[tuple[CalibratedModel, ...], Meta(min_length=1)]
    radius_factor: Annotated[float, Meta(ge=0.01, le=100)]
    photos: int
    """Photos that it was fitted on."""
    days: int
    countries: int
    before: HeldOutScores
    after: HeldOutScores


def calibration_file(folders: Sequence[Path]) -> Path:
    """Where the calibration of these bundles together is kept."""
    names = sorted(folder.resolve().name for folder in folders)
    return models_folder() / ("+".join(names) + SUFFIX)


def calibration_contents(folders: Sequence[Path]) -> list[bytes]:
    """The content of every file that `calibrated` may apply to these bundles; for keys of runs."""
    files = {calibration_file(group) for group in (folders, *([folder] for folder in folders))}
    return [file.read_bytes() for file in sorted(files) if file.is_file()]


def calibrations_of(bundle: ModelBundle) -> list[dict[str, Any]]:
    """The content of every file that holds for a bundle, alone or with others, and its name."""
    found = []
    for file in sorted(models_folder().glob(f"*{SUFFIX}")):
        try:
            content = _read(file)
        except (OSError, ValueError, RecursionError):
            continue
        if card_sha256(bundle.path) in {model.card_sha256 for model in content.models}:
            found.append({"file": str(file), **msgspec.to_builtins(content)})
    return found


def store(calibration: UserCalibration, folders: Sequence[Path]) -> Path:
    """Write the calibration of these bundles; returns the file."""
    file = calibration_file(folders)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.new")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(calibration), indent=2) + b"\n")
    draft.replace(file)
    return file


def find_calibration(bundles: Sequence[ModelBundle]) -> UserCalibration | None:
    """The calibration of these models together; None without one, or if it is for others."""
    file = calibration_file([bundle.path for bundle in bundles])
    try:
        found = _read(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        log.warning("%s: ignored, it cannot be read (%s); delete it", file, error)
        return None
    if {model.card_sha256 for model in found.models} != {
        card_sha256(bundle.path) for bundle in bundles
    }:
        log.warning(
            "%s: ignored, it was fitted for another version of the model; run geotagger models "
            "calibrate again, or delete it",
            file,
        )
        return None
    return found


def calibrated(bundles: Sequence[ModelBundle]) -> list[ModelBundle]:
    """The bundles as the user's calibrations change them.

    Several models take the calibration of all of them together, or else their own.
    """
    together = find_calibration(bundles)
    if together is not None or len(bundles) == 1:
        return [_applied(bundle, together) for bundle in bundles]
    return [_applied(bundle, find_calibration([bundle])) for bundle in bundles]


def card_sha256(folder: Path) -> str:
    """SHA-256 of the card of a bundle, which names all its files with their hashes."""
    return hashlib.sha256((folder / CARD_FILE).read_bytes()).hexdigest()


def with_temperature(bundle: ModelBundle, temperature: float) -> ModelBundle:
    """The bundle with the logits of its places divided by a further temperature."""
    heads = tuple(_with_temperature(head, temperature) for head in bundle.card.heads)
    return replace(bundle, card=structs.replace(bundle.card, heads=heads))


def _read(file: Path) -> UserCalibration:
    return msgspec.json.decode(file.read_bytes(), type=UserCalibration)


def _applied(bundle: ModelBundle, calibration: UserCalibration | None) -> ModelBundle:
    if calibration is None:
        return bundle
    own = card_sha256(bundle.path)
    model = next(model for model in calibration.models if model.card_sha256 == own)
    bundle = with_temperature(bundle, model.temperature)
    fitted = Calibration(model.weight, calibration.radius_factor)
    return replace(bundle, card=structs.replace(bundle.card, calibration=fitted))


def _with_temperature(head: Head, temperature: float) -> Head:
    match head:
        case ClassifyHead() if head.places:
            return structs.replace(
                head, temperature=_clipped(head.temperature * temperature, _SCALES)
            )
        case RetrieveHead() | CaptionHead():
            return structs.replace(
                head, logit_scale=_clipped(head.logit_scale / temperature, _SCALES)
            )
        case RegressHead():  # its log-likelihood is proportional to 1 / sigma^2
            return structs.replace(
                head, sigma_km=_clipped(head.sigma_km * temperature**0.5, _SIGMAS_KM)
            )
        case _:
            return head


def _clipped(value: float, limits: tuple[float, float]) -> float:
    return min(max(value, limits[0]), limits[1])
