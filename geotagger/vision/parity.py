"""Compares a graph with the network that it must equal, head by head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import UsageError
from geotagger.geography.sphere import haversine_km
from geotagger.images.decode import decode, fit
from geotagger.images.scan import IMAGE_SUFFIXES
from geotagger.vision.bundle.head_specs import ClassifyHead, RegressHead, SightHead

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geotagger.images.decode import InputSpec
    from geotagger.vision.bundle.bundle import ModelBundle
    from geotagger.vision.bundle.head_specs import Head

Arrays = tuple["NDArray[np.float32]", ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """How far a graph may differ from the network."""

    max_difference: float
    """Largest difference: of a logit, of 1 - cosine, of coordinates in units of their sigma."""
    min_same: float
    """Share of photos with the same first choice (coordinates: within 25 km or 0.2 sigma)."""


LIMITS = {
    "fp32": {"classify": Limit(1e-3, 1.0), "retrieve": Limit(1e-4, 1.0), "regress": Limit(0.01, 1)},
    "fp16": {
        "classify": Limit(0.2, 0.98),
        "retrieve": Limit(1e-2, 0.97),
        "regress": Limit(0.1, 1),
    },
    "int8": {"classify": Limit(5.0, 0.9), "retrieve": Limit(0.1, 0.9), "regress": Limit(0.5, 0.9)},
}
"""Precision -> kind of head -> limit."""
for _limits in LIMITS.values():
    _limits["caption"] = _limits["sights"] = _limits["retrieve"]  # embeddings, all three

PARITY_PHOTOS, CALIBRATION_PHOTOS = 200, 200
PROBE_TOLERANCE = {"fp32": 0.02, "fp16": 0.02, "int8": 0.5}


def parity_pixels(photos: Path | None, spec: InputSpec) -> NDArray[np.uint8]:
    """Returns uint8 [n, S, S, 3] of photos spread evenly over the folder; noise without a
    folder."""
    if photos is None:
        size = spec.size_px
        return np.random.default_rng(0).integers(0, 256, (16, size, size, 3), np.uint8)
    files = sorted(path for path in photos.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise UsageError(f"{photos}: holds no photos; name a folder that does")
    count = min(len(files), PARITY_PHOTOS + CALIBRATION_PHOTOS)
    chosen = [files[i] for i in np.linspace(0, len(files) - 1, count).astype(int)]
    return np.stack([fit(decode(path.read_bytes(), spec.size_px).image, spec) for path in chosen])


def compare(expected: Arrays, computed: Arrays, bundle: ModelBundle) -> dict[str, float]:
    """Compares the outputs of network and graph.

    Args:
        expected: One array [n, ...] for each head, from the network.
        computed: The same from the graph.
        bundle: Has the heads and their galleries.

    Returns:
        For each head `NAME.max_difference`, `NAME.mean_difference` and `NAME.same_first`.
        Differences of coordinates are in km.
    """
    differences: dict[str, float] = {"pictures": len(expected[0])}
    for head, one, two in zip(bundle.card.heads, expected, computed, strict=True):
        apart, same = _difference(head, one, two, bundle)
        differences[f"{head.name}.max_difference"] = float(apart.max())
        differences[f"{head.name}.mean_difference"] = float(apart.mean())
        differences[f"{head.name}.same_first"] = float(same.mean())
    return differences


def _difference(
    head: Head, one: NDArray[np.float32], two: NDArray[np.float32], bundle: ModelBundle
) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """Returns (difference [n], same first choice [n]) of one head."""
    if isinstance(head, ClassifyHead):
        return np.abs(one - two), one.argmax(axis=1) == two.argmax(axis=1)
    if isinstance(head, RegressHead):
        km = np.asarray(haversine_km(*one.T.astype(float), *two.T.astype(float)))
        return km, km <= max(25.0, 0.2 * head.sigma_km)
    if isinstance(head, SightHead):
        gallery = bundle.sights(head).vectors
    else:
        gallery = bundle.vectors(head).astype(np.float32)
    first, second = ((values @ gallery.T).argmax(axis=1) for values in (one, two))
    return 1 - (one * two).sum(axis=1), first == second


def shortfall(differences: Mapping[str, float], precision: str, heads: Sequence[Head]) -> str:
    """Returns what exceeds its limit, or "". NaN exceeds every limit."""
    for head in heads:
        limit = LIMITS[precision][head.kind]
        unit = head.sigma_km if isinstance(head, RegressHead) else 1
        max_difference = limit.max_difference * unit
        apart = differences[f"{head.name}.max_difference"]
        same = differences[f"{head.name}.same_first"]
        if not (apart <= max_difference and same >= limit.min_same):
            return (
                f"head {head.name}: differs by up to {apart:.3g}, allowed is {max_difference:g}; "
                f"same first choice for {100 * same:.1f} %, needed is {100 * limit.min_same:.0f} %"
            )
    return ""


def tolerance(precision: str, heads: Sequence[Head]) -> float:
    """Returns the tolerance of the probe: other processors round differently. Coordinates are
    degrees."""
    wide = any(head.kind == "regress" for head in heads) and precision == "int8"
    return 5.0 if wide else PROBE_TOLERANCE[precision]
