"""The gallery of known sights: photos with a precise place, and which of them share it.

Only photos of different sources are compared. Photos of one source are often of one hour and one
camera, and would be alike for that reason.

n is the number of photos with a precise place, S that of their sources.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.sphere import cosine_of_km, unit_vectors64
from geotagger.vision.bundle.label_tables import SIGHT_COLUMNS
from training.data.example import positions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.example import Example

RADIUS_KM = {"point": 3.0, "city": 10.0}
"""Precision of a label -> how far the photo may have been taken from its position."""
NEAR_KM = 25.0
SIGHT_KM = 2.0
SIGHT_SOURCES = 2
"""A photo shows a sight if so many other sources have a photo to the point within SIGHT_KM."""
TRUST_SCALE = 20.0
MIN_MASS = 1e-3


@dataclass(frozen=True)
class SightPhotoSet:
    """Photos with a precise place."""

    rows: NDArray[np.intp]
    """[n] their rows among all examples."""
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    radius_km: NDArray[np.float64]
    source: NDArray[np.intp]
    """[n] the number of the source of each photo, 0 to S - 1."""

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def unit(self) -> NDArray[np.float64]:
        """[n, 3] unit vectors; in float32 the cosines of 2 km and of 0 km would be the same."""
        return unit_vectors64(self.lat, self.lon)

    @cached_property
    def is_foreign(self) -> NDArray[np.bool_]:
        """[n, n] whether two photos have different sources."""
        return self.source[:, None] != self.source

    def shares_place(self, km: float) -> NDArray[np.bool_]:
        """Returns [n, n] whether two photos of different sources are within `km`."""
        return (self.unit @ self.unit.T >= cosine_of_km(km)) & self.is_foreign

    @cached_property
    def is_near(self) -> NDArray[np.bool_]:
        """[n, n] whether two photos of different sources are within NEAR_KM."""
        return self.shares_place(NEAR_KM)

    def of_source(self) -> NDArray[np.float32]:
        """Returns [n, S] with a 1 at the source of each photo."""
        return np.eye(int(self.source.max()) + 1, dtype=np.float32)[self.source]

    def shows_sight(self) -> NDArray[np.bool_]:
        """Returns [n] whether each photo shows a sight; it does not look at pictures."""
        exact = self.radius_km == RADIUS_KM["point"]
        others = self.shares_place(SIGHT_KM)[:, exact].astype(np.float32) @ self.of_source()[exact]
        shown: NDArray[np.bool_] = exact & ((others > 0).sum(axis=1) >= SIGHT_SOURCES)
        return shown


def precise_photos(examples: Sequence[Example]) -> SightPhotoSet:
    """Returns the photos of a data set whose place is known to a point or a city."""
    rows = np.array(
        [i for i, e in enumerate(examples) if e.has_point and e.precision in RADIUS_KM], np.intp
    )
    own = [examples[row] for row in rows]
    names = sorted({example.source for example in own})
    return SightPhotoSet(
        rows,
        *positions(own),
        np.array([RADIUS_KM[example.precision] for example in own]),
        np.array([names.index(example.source) for example in own], np.intp),
    )


def near_mass(photos: SightPhotoSet, cosine: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns [n, S] how alike each photo is to those of each source near it.

    Sums of exp(TRUST_SCALE * cosine); their sum over sources is what `log_trust` takes, without one
    of them for a photo that is held out together with its source.
    """
    alike = np.exp(TRUST_SCALE * cosine)
    alike *= photos.is_near
    mass: NDArray[np.float32] = alike @ photos.of_source()
    return mass


def log_mass(mass: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns the logarithm of sums of `near_mass`; a photo without company keeps MIN_MASS."""
    return np.log(np.maximum(mass, 0).astype(np.float64) + MIN_MASS)


def as_int8(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Returns vectors [n, D] as int8, each scaled by its largest value: the reader normalises."""
    return np.round(127 * vectors / np.abs(vectors).max(axis=1, keepdims=True)).astype(np.int8)


def write_sight_table(file: Path, photos: SightPhotoSet, log_trust: NDArray[np.floating]) -> None:
    """Writes the table of a head of known sights (docs/reference/bundle.md)."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(SIGHT_COLUMNS)
        columns = (photos.lat, photos.lon, photos.radius_km, log_trust)
        for values in zip(*columns, strict=True):
            writer.writerow([f"{value:.4f}".rstrip("0").rstrip(".") for value in values])
