"""What a classifier tells apart: countries, regions, cities, clusters of photos, quadtree cells."""

from __future__ import annotations

import csv
import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import UsageError
from geotagger.geo import haversine_km, unit_vectors, unit_vectors64
from geotagger.places import load_places
from geotagger.vision.tables import LABEL_COLUMNS, Label
from training.columns import country_code
from training.data import positions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data import Example

KINDS = ("continent", "country", "region", "city", "label", "cluster", "quadtree")
DEEPEST = 20
"""Levels of a quadtree; its leaves are then some ten metres wide."""


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


@dataclass(frozen=True, slots=True)
class Classes:
    """Classes as a label table, and which one each photo is in."""

    labels: tuple[Label, ...]
    """What the bundle will say each logit stands for; `lat`, `lon` are those of `cells`."""
    index: NDArray[np.intp]
    """[n] the class of each example, -1 where it has none."""
    cells: Cells
    """Where each class is: the middle of its photos (NaN without positions)."""
    places: bool
    """Whether the classes speak of places at all; else they are an attribute."""

    def __len__(self) -> int:
        return len(self.labels)


def make_classes(
    examples: Sequence[Example], kind: str, known: NDArray[np.intp], **size: float
) -> Classes:
    """Classes of one of KINDS, made from the rows `known` (those that are trained on) alone.

    `size`: radius_km of a cluster; most and least photos of a quadtree cell. Every other photo goes
    to the class that bears its name, or to the nearest cell.

    Raises:
        UsageError: no photo knows its class.
    """
    own = [examples[row] for row in known]
    if kind in ("cluster", "quadtree"):
        lat, _ = positions(examples)
        if kind == "cluster":
            cells = make_cells([e for e in own if e.has_point], size["radius_km"])
        else:
            cells = quadtree_cells(own, int(size["most"]), int(size["least"]))
        names = [
            f"{code} {a:.2f} {o:.2f}".strip()
            for code, a, o in zip(cells.country.tolist(), cells.lat, cells.lon, strict=True)
        ]
        index = np.full(len(examples), -1)
        placed = np.flatnonzero(~np.isnan(lat))
        for rows in np.array_split(placed, max(1, len(placed) // 4096)):
            index[rows] = _nearest_at_home(cells, [examples[row] for row in rows])
        scopes = ["point"] * len(names)
    else:
        keys = [_key(example, kind) for example in examples]
        distinct = sorted({keys[row] for row in known} - {("",)})
        if not distinct:
            raise UsageError(f"no photo to train on has a {kind}; add the column {kind}")
        position = {key: i for i, key in enumerate(distinct)}
        index = np.array([position.get(key, -1) for key in keys])
        cells = _middles(examples, index, known, len(distinct))
        names = _unique_names(distinct)
        scopes = [_scope(key, kind) for key in distinct]
    return _with_priors(names, scopes, index, cells, known, kind, examples)


def _key(example: Example, kind: str) -> tuple[str, ...]:
    """What makes two photos the same class. A city is one of its region and country, for names
    repeat: there is a Paris in Texas."""
    value = getattr(example, kind)
    if not value:
        return ("",)
    if kind == "city":
        return (example.country, example.region, value)
    return (example.country, value) if kind == "region" else (value,)


def _unique_names(keys: Sequence[tuple[str, ...]]) -> list[str]:
    """The last part of each key, with the others where that is not enough."""
    last = Counter(key[-1] for key in keys)
    return [key[-1] if last[key[-1]] == 1 else ", ".join(reversed(key)) for key in keys]


def _scope(key: tuple[str, ...], kind: str) -> str:
    places = load_places()
    if key[-1] in places.continent_names:
        return "continent"
    if kind != "city" and len(key) == 1 and country_code(key[0]) in places.country_codes:
        return "country"
    if kind == "region" and _has_region(*key):
        return "region"
    return "point"


def _has_region(country: str, region: str) -> bool:
    places = load_places()
    if country not in places.country_codes:
        return False
    rows = places.country == places.country_codes.index(country)
    return region in {places.region_names[i] for i in np.unique(places.region[rows])}


def _middles(
    examples: Sequence[Example], index: NDArray[np.intp], known: NDArray[np.intp], count: int
) -> Cells:
    found = []
    for label in range(count):
        own = [examples[row] for row in known if index[row] == label]
        points = np.stack(positions([e for e in own if e.has_point]), axis=1)
        country = Counter(e.country for e in own if len(e.country) == 2).most_common(1)
        middle = _middle(points) if len(points) else (math.nan, math.nan)
        found.append((*middle, country[0][0] if country else ""))
    lat, lon, codes = zip(*found, strict=True)
    return Cells(np.array(lat), np.array(lon), np.array(codes))


def _with_priors(
    names: Sequence[str],
    scopes: Sequence[str],
    index: NDArray[np.intp],
    cells: Cells,
    known: NDArray[np.intp],
    kind: str,
    examples: Sequence[Example],
) -> Classes:
    count = np.bincount(index[known][index[known] >= 0], minlength=len(names))
    log_prior = np.log((count + 0.5) / (count + 0.5).sum())
    first = {int(index[row]): examples[row] for row in reversed(known.tolist())}
    nowhere = [s == "point" and math.isnan(x) for s, x in zip(scopes, cells.lat, strict=True)]
    labels = tuple(
        Label(
            label=name,
            continent=name if scope == "continent" else first[i].continent,
            country_code=country_code(name) if scope == "country" else str(cells.country[i]),
            region=first[i].region if scope == "region" else "",
            lat=float(cells.lat[i]),
            lon=float(cells.lon[i]),
            log_prior=round(float(log_prior[i]), 6),
            scope=scope,
        )
        for i, (name, scope) in enumerate(zip(names, scopes, strict=True))
    )
    return Classes(labels, index, cells, places=kind != "attribute" and not any(nowhere))


def with_log_prior(classes: Classes, share: NDArray[np.floating]) -> Classes:
    """The same classes, with the shares [K] that training gave them in effect: weighted, smoothed.

    What is divided out of the answers must be what was put into them.
    """
    log_prior = np.log(np.maximum(share, 1e-7) / np.maximum(share, 1e-7).sum())
    pairs = zip(classes.labels, log_prior.tolist(), strict=True)
    labels = tuple(replace(label, log_prior=round(value, 6)) for label, value in pairs)
    return replace(classes, labels=labels)


def tempered(labels: Sequence[Label], temperature: float) -> tuple[Label, ...]:
    """The labels with the prior that logits / temperature have in them: softmax(ln prior / T).

    The evidence is then (logits - ln prior) / T up to a constant, so that a temperature above 1
    weakens it without raising rare classes.
    """
    logs = np.array([label.log_prior for label in labels]) / temperature
    logs -= logs.max() + np.log(np.exp(logs - logs.max()).sum())
    pairs = zip(labels, logs.tolist(), strict=True)
    return tuple(replace(label, log_prior=round(min(value, 0.0), 6)) for label, value in pairs)


def write_labels(file: Path, labels: Sequence[Label]) -> None:
    """The label table of a bundle's classify head (docs/bundle.md)."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(LABEL_COLUMNS)
        for label in labels:
            values = [getattr(label, column) for column in LABEL_COLUMNS]
            writer.writerow(["" if value != value else value for value in values])


def read_label_table(file: Path) -> tuple[Label, ...]:
    """What `write_labels` wrote, attribute tables included."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    numbers = ("lat", "lon", "log_prior")
    return tuple(
        Label(**{k: float(v or "nan") if k in numbers else v for k, v in row.items()})
        for row in rows
    )


def quadtree_cells(examples: Sequence[Example], most: int, least: int) -> Cells:
    """Cells of at most `most` photos: a cube's six faces, each a quadtree, as S2 has them.

    A cell with more photos is cut in four (OpenStreetView-5M, Astruc et al. 2024, cut longitude and
    latitude alike; the cube keeps cells of one level about equally large, as Google's S2 does).
    A cell with fewer than `least` is left out: its photos go to the nearest other one. Each cell
    lies where the middle of its photos is.
    """
    placed = [example for example in examples if example.has_point]
    if not placed:
        raise UsageError("quadtree cells need positions; add the columns lat and lon")
    face, across, down = _cube(*positions(placed))
    found = []
    todo = [np.flatnonzero(face == side) for side in range(6)]
    level_of = [0] * len(todo)
    while todo:
        rows, level = todo.pop(), level_of.pop()
        if len(rows) > most and level < DEEPEST:
            scale = 2 ** (level + 1)
            quarter = (across[rows] * scale).astype(int) % 2 * 2 + (down[rows] * scale).astype(
                int
            ) % 2
            todo += [rows[quarter == q] for q in range(4)]
            level_of += [level + 1] * 4
        elif len(rows) >= max(1, least):
            own = [placed[row] for row in rows]
            country = Counter(example.country for example in own).most_common(1)[0][0]
            found.append((*_middle(np.stack(positions(own), axis=1)), country))
    if not found:
        raise UsageError(f"no quadtree cell holds {least} photos; ask for less")
    lat, lon, codes = zip(*sorted(found), strict=True)
    return Cells(np.array(lat), np.array(lon), np.array(codes))


def _cube(
    lat: NDArray[np.float64], lon: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Face (0 to 5) and place on it (0 to 1, just below 1) of points, with S2's quadratic
    projection, which makes cells of one level nearly equal in area."""
    vectors = unit_vectors64(lat, lon)
    axis = np.abs(vectors).argmax(axis=1)
    rows = np.arange(len(vectors))
    front = vectors[rows, axis]
    both = [vectors[rows, (axis + turn) % 3] / np.abs(front) for turn in (1, 2)]
    flat = [
        np.where(u >= 0, 0.5 * np.sqrt(1 + 3 * np.abs(u)), 1 - 0.5 * np.sqrt(1 + 3 * np.abs(u)))
        for u in both
    ]
    across, down = (np.clip(s, 0, 1 - 1e-12) for s in flat)
    return axis + 3 * (front < 0), across, down


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


def smooth_targets(
    classes: Classes, examples: Sequence[Example], rows: NDArray[np.intp], tau_km: float
) -> NDArray[np.float32]:
    """[len(rows), classes] targets that sum to 1: one-hot, or smoothed by distance.

    With tau_km > 0 a class counts exp(-(d - d_own) / tau), where d is how far the photo is from the
    middle of the class (PIGEON, Haas et al. 2024, tau 65-75 km); no class counts more than the own
    one. A photo without a position, or among classes without, keeps its one class.
    """
    own = classes.index[rows]
    targets = np.eye(len(classes), dtype=np.float32)[own]
    if tau_km > 0 and not np.isnan(classes.cells.lat).any():
        lat, lon = positions([examples[row] for row in rows])
        placed = np.flatnonzero(~np.isnan(lat))
        km = classes.cells.distance_km(lat[placed], lon[placed])
        extra = np.maximum(km - km[np.arange(len(placed)), own[placed]][:, None], 0)
        near = np.exp(-extra / tau_km)
        targets[placed] = near / near.sum(axis=1, keepdims=True)
    return targets


def _nearest_at_home(cells: Cells, examples: Sequence[Example]) -> NDArray[np.intp]:
    """[n] the nearest cell of the photo's country, or of all where the country has none."""
    km = cells.distance_km(*positions(examples))
    home = cells.country == np.array([example.country for example in examples])[:, None]
    any_home = home.any(axis=1, keepdims=True)
    return np.where(home | ~any_home, km, np.inf).argmin(axis=1)
