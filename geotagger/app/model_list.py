"""The models that a person can choose among, with their speed and accuracy in words."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geotagger.app.project import app_folder, write_whole
from geotagger.cli.hint import seconds_text
from geotagger.doctor.recommend import ModelCost, costs
from geotagger.doctor.speed import Speed, measure_speed
from geotagger.errors import GeotaggerError
from geotagger.vision.bundle.bundle import (
    embedded_bundles,
    find_bundle,
    imported_bundles,
    load_card,
)
from geotagger.vision.published.licences import is_restricted

if TYPE_CHECKING:
    from geotagger.vision.bundle.card import ModelCard

MIN_PHOTOS = 20
"""A run of fewer fresh photos says little of a model's speed."""
DEFAULT = "starter"


class ModelList:
    """Lists the models. The speed of the machine is measured once, in the background."""

    def __init__(self) -> None:
        self._speed: Speed | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def to_json(self) -> dict[str, Any]:
        """The installed models, then those that can be pulled."""
        with self._lock:
            if self._thread is None:
                # no daemon: ONNX Runtime must not be cut off where Python ends
                self._thread = threading.Thread(target=self._measure)
                self._thread.start()
            speed = self._speed
            measuring = self._thread.is_alive()
        by_name = {cost.model.name: cost for cost in costs(speed.flops if speed else 1e11)}
        device = str(speed.device) if speed else ""
        measured = run_seconds()
        installed = dict.fromkeys([*embedded_bundles(), *imported_bundles()])
        models = [_installed(name, by_name.get(name), measured, device) for name in installed]
        models += [
            _published(cost, device) for name, cost in by_name.items() if name not in installed
        ]
        return {
            "models": [model for model in models if model],
            "device": device,
            "measuring": measuring,
        }

    def _measure(self) -> None:
        with suppress(Exception):  # ONNX Runtime's errors have no common base class
            self._speed = measure_speed()


def _installed(
    name: str, cost: ModelCost | None, measured: Mapping[str, float], device: str
) -> dict[str, Any] | None:
    try:
        card = load_card(find_bundle(name))
    except GeotaggerError:
        return None
    seconds = measured.get(name) or (cost.photo_s if cost and device else None)
    speed = _speed_text(seconds, device, is_measured=name in measured)
    return {
        "name": name,
        "installed": True,
        "default": name == DEFAULT,
        "pullable": False,
        "description": card.description,
        "licence": card.licence,
        "restricted": is_restricted(card.licence),
        "speed": speed or "the first run shows it",
        "seconds": seconds,
        "accuracy": _accuracy_text(card, cost),
        "within_750_km": cost.model.within_750_km if cost else None,
        "download_bytes": 0,
        "note": "",
    }


def _published(cost: ModelCost, device: str) -> dict[str, Any]:
    licence = cost.licence
    return {
        "name": cost.model.name,
        "installed": False,
        "default": False,
        "pullable": True,
        "description": f"A published model: {cost.model.repository}.",
        "licence": licence,
        "restricted": is_restricted(licence),
        "speed": _speed_text(cost.photo_s if device else None, device) or "being measured",
        "seconds": cost.photo_s if device else None,
        "accuracy": _published_text(cost),
        "within_750_km": cost.model.within_750_km,
        "download_bytes": cost.download_bytes,
        "note": "its licence may restrict your use" if is_restricted(licence) else "",
    }


def _speed_text(seconds: float | None, device: str, *, is_measured: bool = False) -> str:
    if seconds is None:
        return ""
    if is_measured:
        return f"{seconds_text(seconds)} a photo in its last run here"
    where = "GPU" if device == "cuda" else "CPU"
    return f"about {seconds_text(seconds)} a photo on this {where}, without reading words"


def _accuracy_text(card: ModelCard, cost: ModelCost | None) -> str:
    unseen = card.metrics.get("unseen_sources")
    scores = unseen.get("per_photo") if isinstance(unseen, dict) else None
    known = scores if isinstance(scores, dict) else {}
    values = [known.get(name) for name in ("continent", "country")]
    shares = [value for value in values if isinstance(value, float | int)]
    if len(shares) == len(values):
        return (
            f"right continent for {100 * shares[0]:.0f} % of photos from sources it never saw, "
            f"right country for {100 * shares[1]:.0f} %; it says when it is unsure"
        )
    return _published_text(cost) if cost else "its card states no figures"


def _published_text(cost: ModelCost) -> str:
    share = cost.model.within_750_km
    if share is None:
        return "no published figures"
    return f"{100 * share:.0f} % of photos within 750 km in its authors' test"


def _speeds_file() -> Path:
    return app_folder() / "speeds.json"


def run_seconds() -> dict[str, float]:
    """Seconds a photo in the last run with each model alone, the whole run counted."""
    try:
        document = json.loads(_speeds_file().read_text("utf-8"))
        return {str(name): float(seconds) for name, seconds in document.items()}
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}


def note_run(models: tuple[str, ...], photos: int, seconds: float) -> None:
    """Remember how fast a run was, if it was long enough to say so."""
    if len(models) == 1 and photos >= MIN_PHOTOS and seconds > 0:
        with suppress(OSError):  # it is only a hint
            known = run_seconds() | {models[0]: round(seconds / photos, 4)}
            write_whole(_speeds_file(), json.dumps(known))
