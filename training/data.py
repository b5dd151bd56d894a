"""Photos whose place is known: a folder of images and a labels.csv, read, checked and split."""

from __future__ import annotations

import csv
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from geotagger.errors import UsageError
from geotagger.geo import haversine_km, unit_vectors

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

NEEDED = ("file", "lat", "lon", "country")
TWIN_BITS = 3
"""Photos whose 64-bit hashes differ by no more are near-duplicates."""


@dataclass(frozen=True, slots=True)
class Example:
    """One photo and where it was taken. `source` is the collection that it comes from."""

    path: Path
    file: str
    lat: float
    lon: float
    country: str
    precision: str
    source: str
    fingerprint: int
    """64-bit difference hash of the picture, by which near-duplicates are found."""


@dataclass(frozen=True, slots=True)
class Cells:
    """What the model tells apart: clusters of photos, none of which crosses a border."""

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    country: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.lat)

    def distance_km(
        self, lat: NDArray[np.float64], lon: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """[n, len(self)]."""
        return np.asarray(haversine_km(lat[:, None], lon[:, None], self.lat, self.lon))


def read_examples(
    folder: Path, exclude_rights: Collection[str] = ()
) -> tuple[list[Example], list[str]]:
    """The photos of `folder`/labels.csv in the order of the table, and what is wrong with the rest.

    A row belongs to its image by file name, never by position. Columns: file, lat, lon, country
    (ISO alpha-2), and optionally precision (point, city, region, country), source and rights.

    Raises:
        UsageError: there is no such table, or it lacks a column.
    """
    table = folder / "labels.csv"
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
    except OSError as error:
        raise UsageError(f"{table}: cannot be read ({error.strerror}); give the folder") from error
    lacking = [column for column in NEEDED if column not in (reader.fieldnames or ())]
    if lacking:
        raise UsageError(f"{table}: lacks the columns {', '.join(lacking)}; add them")
    examples, problems, seen = [], [], set()
    for row in rows:
        if (row.get("rights") or "") in exclude_rights:
            continue
        try:
            if row["file"] in seen:
                raise ValueError("is listed twice")
            seen.add(row["file"])
            examples.append(_example(folder, row))
        except (ValueError, TypeError, OSError) as error:
            problems.append(f"{row['file']}: {error}")
    return examples, problems


def _example(folder: Path, row: dict[str, str]) -> Example:
    lat, lon = float(row["lat"]), float(row["lon"])
    if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
        raise ValueError(f"({lat}, {lon}) is no position")
    if not row["country"]:
        raise ValueError("has no country")
    path = folder / row["file"]
    return Example(
        path=path,
        file=row["file"],
        lat=lat,
        lon=lon,
        country=row["country"],
        precision=row.get("precision") or "point",
        source=row.get("source") or "unknown",
        fingerprint=_fingerprint(path),
    )


def _fingerprint(path: Path) -> int:
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX), np.int16)
    return int("".join("1" if bit else "0" for bit in (grey[:, 1:] > grey[:, :-1]).ravel()), 2)


def assign_folds(examples: Sequence[Example], count: int) -> NDArray[np.intp]:
    """[n] the fold in which each photo is held out.

    A source is held out as a whole, for its photos share a photographer or a web site. Sources that
    share a near-duplicate stay together. The largest groups are dealt first, each to the fold that
    holds least, so that the same photos always give the same folds.

    Raises:
        UsageError: there are fewer groups than folds.
    """
    group = _linked_sources(examples)
    sizes = Counter(group[example.source] for example in examples)
    if len(sizes) < count:
        raise UsageError(
            f"{len(sizes)} independent sources cannot fill {count} folds; ask for less"
        )
    load = [0] * count
    fold_of = {}
    for name, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        fold_of[name] = load.index(min(load))
        load[fold_of[name]] += size
    return np.array([fold_of[group[example.source]] for example in examples])


def _linked_sources(examples: Sequence[Example]) -> dict[str, str]:
    """The first of the sources with which each source shares pictures (itself, if with none)."""
    sources = np.array([example.source for example in examples])
    bits = np.array([example.fingerprint for example in examples], np.uint64)
    group = {str(name): str(name) for name in np.unique(sources)}
    for index, own in enumerate(bits):
        near = np.bitwise_count(bits[index + 1 :] ^ own) <= TWIN_BITS
        for other in np.unique(sources[index + 1 :][near]):
            one, two = group[str(sources[index])], group[str(other)]
            first = min(one, two)
            group = {name: first if of in (one, two) else of for name, of in group.items()}
    return group


def make_cells(examples: Sequence[Example], radius_km: float) -> Cells:
    """Clusters the photos of each country: the densest circle of that radius first, and so on.

    Photos known to the country alone make a cell only where the country has no others.
    """
    found: list[tuple[float, float, str]] = []
    for country in sorted({example.country for example in examples}):
        own = [example for example in examples if example.country == country]
        sharp = [example for example in own if example.precision != "country"] or own
        left = np.array([(example.lat, example.lon) for example in sharp])
        while len(left):
            inside = haversine_km(left[:, :1], left[:, 1:], left[:, 0], left[:, 1]) <= radius_km
            members = left[inside[inside.sum(axis=1).argmax()]]
            found.append((*_middle(members), country))
            left = left[~inside[inside.sum(axis=1).argmax()]]
    lat, lon, country_codes = zip(*found, strict=True)
    return Cells(np.array(lat), np.array(lon), np.array(country_codes))


def _middle(points: NDArray[np.float64]) -> tuple[float, float]:
    x, y, z = unit_vectors(points[:, 0], points[:, 1]).mean(axis=0, dtype=np.float64)
    return math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))


def positions(examples: Sequence[Example]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(lat [n], lon [n])."""
    both = np.array([(example.lat, example.lon) for example in examples]).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def soft_targets(
    examples: Sequence[Example], cells: Cells, tau_km: float, own_country: float
) -> NDArray[np.float32]:
    """[n, len(cells)] how right each cell is; rows sum to 1.

    Nearby cells are nearly right: exp(-(d - d_min) / tau) (PIGEON, Haas et al. 2024). The share
    `own_country` goes to cells of the photo's country alone. A photo known to the country alone is
    spread twice as wide.
    """
    km = cells.distance_km(*positions(examples))
    vague = np.array([example.precision == "country" for example in examples])
    tau = np.where(vague, 2 * tau_km, tau_km)[:, None]
    near = np.exp(-(km - km.min(axis=1, keepdims=True)) / tau)
    near /= near.sum(axis=1, keepdims=True)
    at_home = np.array([example.country for example in examples])[:, None] == cells.country
    km_home = np.where(at_home, km, np.inf)
    nearest = km_home.min(axis=1, keepdims=True)
    home = np.exp(-(km_home - np.where(np.isfinite(nearest), nearest, 0)) / tau)
    home_sum = home.sum(axis=1, keepdims=True)
    home = np.where(home_sum > 0, home / np.maximum(home_sum, 1e-30), near)
    return ((1 - own_country) * near + own_country * home).astype(np.float32)


def country_weights(examples: Sequence[Example], exponent: float) -> NDArray[np.float32]:
    """[n] weights with mean 1: a photo counts (photos of its country)^-exponent."""
    count = Counter(example.country for example in examples)
    weight = np.array([count[example.country] ** -exponent for example in examples])
    return (weight / weight.mean()).astype(np.float32)
