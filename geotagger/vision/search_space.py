"""What a run looks among, where that is not what the bundle brings along."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import BundleError, UsageError
from geotagger.vision.bundle.head_specs import CaptionHead, RetrieveHead, fill_template
from geotagger.vision.bundle.label_tables import Gallery, Label
from geotagger.vision.runtime.location_encoder import LocationEncoder
from geotagger.vision.runtime.text_encoder import TextTower

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geotagger.geography.area import Area
    from geotagger.geography.named_places import Candidate
    from geotagger.geography.places import Places
    from geotagger.vision.bundle.bundle import ModelBundle


@dataclass(frozen=True)
class CandidateSpace:
    """Nothing of it is set when the bundle's own gallery and captions count."""

    area: Area | None = None
    gallery: Path | None = None
    """CSV of points, for heads that retrieve."""
    candidates: tuple[Candidate, ...] = ()
    """Places, for heads with captions."""

    def rows(self, places: Places) -> NDArray[np.bool_] | None:
        """Rows of the table where photos can be at all, bool [N]; None for all."""
        masks = [] if self.area is None else [self.area.rows(places)]
        if self.candidates:
            masks.append(np.any([one.rows(places) for one in self.candidates], axis=0))
        if not masks:
            return None
        mask: NDArray[np.bool_] = np.all(masks, axis=0)
        if not mask.any():
            raise UsageError("none of the candidates lies --within that area; widen one of them")
        return mask

    def check(self, bundles: Iterable[ModelBundle]) -> None:
        """Raises BundleError: no bundle can look among what is asked for."""
        heads = [head for bundle in bundles for head in bundle.card.heads]
        if self.gallery and not any(isinstance(h, RetrieveHead) and h.encoder for h in heads):
            raise BundleError(
                "--gallery needs a bundle with a location encoder; "
                "geotagger models import geoclip makes one"
            )
        if self.candidates and not any(isinstance(h, CaptionHead) and h.text for h in heads):
            raise BundleError(
                "--candidates and --places need a bundle with a text tower; "
                "geotagger models import streetclip or clip makes one"
            )


def gallery_for(
    search: CandidateSpace, bundle: ModelBundle, head: RetrieveHead, threads: int = 1
) -> Gallery:
    """The gallery of a head, as the search wants it.

    Raises:
        BundleError: a file cannot be read.
        UsageError: the search leaves no point.
    """
    if search.gallery and head.encoder:
        lat, lon, count = read_points(search.gallery)
        inside = _inside(search, lat, lon)
        points = np.stack([lat, lon], axis=1)[inside]
        vectors = LocationEncoder(bundle.path / head.encoder, threads=threads)(points)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return Gallery(vectors, lat[inside], lon[inside], count[inside])
    found = bundle.gallery(head)
    if search.area is None:
        return found
    inside = _inside(search, found.lat, found.lon)
    return Gallery(found.vectors[inside], found.lat[inside], found.lon[inside], found.count[inside])


def captions_for(
    search: CandidateSpace, bundle: ModelBundle, head: CaptionHead, places: Places, threads: int = 1
) -> tuple[tuple[Label, ...], NDArray[np.float32]]:
    """Labels [K] and vectors [K, D] of a head, as the search wants them.

    Of candidates, a head whose captions compete with all gets the countries, and one whose captions
    compete inside an area the cities. Empty where the candidates name none.
    """
    own, vectors = bundle.captions(head)
    inner = bool(own[0].parent)
    if not (search.candidates and head.text):
        inside = _labels_inside(search.area, own, places, inner)
        return tuple(own[i] for i in inside), vectors[inside]
    chosen = (
        [one for one in search.candidates if one.city or one.region]
        if inner
        else [replace(one, city="", region=one.area[1]) for one in search.candidates]
    )
    labels = {label_of(one, places, inner): one for one in dict.fromkeys(chosen)}
    if not labels:
        return (), np.empty((0, vectors.shape[1]), np.float32)
    tower = TextTower(bundle.path / head.text, bundle.path / head.tokenizer, threads)
    names = [one.names(places) for one in labels.values()]
    return tuple(labels), caption_vectors(tower, head.templates, names)


def _labels_inside(
    area: Area | None, labels: Sequence[Label], places: Places, inner: bool
) -> list[int]:
    """Towns inside an area, or countries and regions of which something is."""
    if area is None:
        return list(range(len(labels)))
    if inner:
        at = np.array([(label.lat, label.lon) for label in labels])
        return np.flatnonzero(area.contains(*at.T)).tolist()
    rows = np.flatnonzero(area.rows(places))
    codes = {places.country_codes[number] for number in np.unique(places.country[rows])}
    regions = {places.region_names[number] for number in np.unique(places.region[rows])}
    found = [
        number
        for number, label in enumerate(labels)
        if label.country_code in codes and (label.scope == "country" or label.region in regions)
    ]
    return found or list(range(len(labels)))


def caption_vectors(
    tower: TextTower, templates: Sequence[str], names: Sequence[dict[str, str]]
) -> NDArray[np.float32]:
    """[n, D] of length 1: for each place the mean of the vectors of its captions (Radford et al.
    2021, "prompt ensembling")."""
    captions = [fill_template(template, of) for of in names for template in templates]
    vectors = tower(captions).reshape(len(names), len(templates), -1).mean(axis=1)
    mean: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return mean


def read_points(
    file: Path,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """lat, lon and count [G] of a CSV with columns lat, lon and, if it likes, count.

    Each position once; further columns are left alone.

    Raises:
        UsageError: it cannot be read, or a row is no position.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = [{str(k).lower(): v for k, v in row.items()} for row in csv.DictReader(stream)]
        points = [(float(row["lat"]), float(row["lon"])) for row in rows]
        counts = [float(row.get("count") or 1) for row in rows]
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        raise UsageError(
            f"{file}: not a readable CSV with the columns lat and lon ({error!r})"
        ) from error
    positions = np.array(points, np.float32).reshape(-1, 2)
    if not len(positions) or not (np.abs(positions) <= (90, 180)).all() or min(counts) < 1:
        raise UsageError(
            f"{file}: holds no points, or one out of range; lat is -90 to 90, lon -180 to 180, "
            "count at least 1"
        )
    distinct, group = np.unique(positions, axis=0, return_inverse=True)
    count = np.bincount(group.ravel(), weights=counts).astype(np.float32)
    return distinct[:, 0], distinct[:, 1], count


def _inside(
    search: CandidateSpace, lat: NDArray[np.float32], lon: NDArray[np.float32]
) -> NDArray[np.bool_]:
    inside = np.ones(len(lat), bool) if search.area is None else search.area.contains(lat, lon)
    if not inside.any():
        raise UsageError("no point of the gallery lies --within that area; widen it")
    return inside


def label_of(one: Candidate, places: Places, inner: bool) -> Label:
    """The row of a table of captions that compete inside an area (`inner`), or with all."""
    code, region = one.area
    names = one.names(places)
    if not inner:
        scope = "region" if region else "country"
        name = f"{region}, {code}" if region else names["country"]  # there are two Georgias
        return Label(name, "", code, region, scope=scope)
    told = dict.fromkeys([names["city"], names["region"], code if region else names["country"]])
    return Label(
        ", ".join(name for name in told if name),
        "",
        code,
        one.region,
        one.lat,
        one.lon,
        scope="point",
        parent="region" if region else "country",
    )
