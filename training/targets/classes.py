"""The classes of a classifier: countries, regions, cities, labels, cells."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import UsageError
from geotagger.geography.places import load_places
from geotagger.vision.bundle.label_tables import Label
from training.data.columns import country_code
from training.data.example import positions
from training.targets.cells import (
    Cells,
    make_cells,
    nearest_in_country,
    quadtree_cells,
    spherical_mean,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.data.example import Example

CLASS_KINDS = ("continent", "country", "region", "city", "label", "cluster", "quadtree")


@dataclass(frozen=True, slots=True)
class Classes:
    """Classes as a label table, and the class of each photo."""

    labels: tuple[Label, ...]
    """The label of each logit in the bundle; `lat`, `lon` are those of `cells`."""
    index: NDArray[np.intp]
    """[n] the class of each photo, -1 if it has none."""
    cells: Cells
    """The position of each class: the mean of its photos (NaN without positions)."""
    places: bool
    """Whether the classes are places; otherwise they are an attribute."""

    def __len__(self) -> int:
        return len(self.labels)


def make_classes(
    examples: Sequence[Example], kind: str, known: NDArray[np.intp], **size: float
) -> Classes:
    """Makes the classes of a kind from the training photos only.

    Every other photo gets the class with its name, or the nearest cell.

    Args:
        examples: All photos.
        kind: One of CLASS_KINDS.
        known: The rows of the training photos.
        size: radius_km of a cluster; max_photos and min_photos of a quadtree cell.

    Raises:
        UsageError: No training photo has a class.
    """
    own = [examples[row] for row in known]
    if kind in ("cluster", "quadtree"):
        lat, _ = positions(examples)
        if kind == "cluster":
            cells = make_cells([e for e in own if e.has_point], size["radius_km"])
        else:
            cells = quadtree_cells(own, int(size["max_photos"]), int(size["min_photos"]))
        names = [
            f"{code} {a:.2f} {o:.2f}".strip()
            for code, a, o in zip(cells.country.tolist(), cells.lat, cells.lon, strict=True)
        ]
        index = np.full(len(examples), -1)
        placed = np.flatnonzero(~np.isnan(lat))
        for rows in np.array_split(placed, max(1, len(placed) // 4096)):
            index[rows] = nearest_in_country(cells, [examples[row] for row in rows])
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
    """Returns what makes two photos the same class.

    The key of a city includes its region and country, because names repeat: there is a Paris in
    Texas.
    """
    value = getattr(example, kind)
    if not value:
        return ("",)
    if kind == "city":
        return (example.country, example.region, value)
    return (example.country, value) if kind == "region" else (value,)


def _unique_names(keys: Sequence[tuple[str, ...]]) -> list[str]:
    """Returns the last part of each key, with the other parts if that is not unique."""
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
    centres = []
    for label in range(count):
        own = [examples[row] for row in known if index[row] == label]
        points = np.stack(positions([e for e in own if e.has_point]), axis=1)
        country = Counter(e.country for e in own if len(e.country) == 2).most_common(1)
        at = spherical_mean(points) if len(points) else (math.nan, math.nan)
        centres.append((*at, country[0][0] if country else ""))
    lat, lon, codes = zip(*centres, strict=True)
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
    """Replaces the priors by the shares [K] of the weighted and smoothed targets.

    The prior that is divided out of the predictions must be the one that training put in.
    """
    log_prior = np.log(np.maximum(share, 1e-7) / np.maximum(share, 1e-7).sum())
    pairs = zip(classes.labels, log_prior.tolist(), strict=True)
    labels = tuple(replace(label, log_prior=round(value, 6)) for label, value in pairs)
    return replace(classes, labels=labels)


def smooth_targets(
    classes: Classes, examples: Sequence[Example], rows: NDArray[np.intp], tau_km: float
) -> NDArray[np.float32]:
    """Makes targets that are one-hot, or smoothed by distance.

    With tau_km > 0 the target of a class is exp(-(d - d_own) / tau), where d is the distance of the
    photo from the class (PIGEON, Haas et al. 2024, tau 65 to 75 km). No class counts more than the
    own one. A photo without a position, or among classes without positions, keeps its one class.

    Returns:
        [len(rows), K] that sum to 1.
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
