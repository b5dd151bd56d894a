"""The candidate space of a run: an area, a gallery or places that replace those of the bundle."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import BundleError, UsageError
from geotagger.vision.bundle.head_specs import CaptionHead, RetrieveHead, fill_template
from geotagger.vision.bundle.label_tables import Gallery, Label
from geotagger.vision.runtime.encoders import LocationEncoder, TextEncoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geotagger.geography.area import Area
    from geotagger.geography.named_places import NamedPlace
    from geotagger.geography.places import Places
    from geotagger.vision.bundle.bundle import ModelBundle


@dataclass(frozen=True)
class CandidateSpace:
    """Where a run looks. By default: everywhere, in the bundle's own gallery and captions."""

    area: Area | None = None
    gallery: Path | None = None
    """CSV of points, for retrieve heads."""
    candidates: tuple[NamedPlace, ...] = ()
    """Places, for caption heads."""

    def rows(self, places: Places) -> NDArray[np.bool_] | None:
        """The rows of the places table where photos can be, bool [N]; None for all rows.

        Raises:
            UsageError: no candidate is inside the area.
        """
        masks = [] if self.area is None else [self.area.rows(places)]
        if self.candidates:
            masks.append(np.any([place.rows(places) for place in self.candidates], axis=0))
        if not masks:
            return None
        mask: NDArray[np.bool_] = np.all(masks, axis=0)
        if not mask.any():
            raise UsageError("none of the candidates lies --within that area; widen one of them")
        return mask

    def check(self, bundles: Iterable[ModelBundle]) -> None:
        """Check that a bundle can use the gallery and the candidates.

        Raises:
            BundleError: no bundle can.
        """
        heads = [head for bundle in bundles for head in bundle.card.heads]
        if self.gallery and not any(isinstance(h, RetrieveHead) and h.encoder for h in heads):
            raise BundleError(
                "--gallery needs a bundle with a location encoder; "
                "geotagger models pull geoclip makes one"
            )
        if self.candidates and not any(isinstance(h, CaptionHead) and h.text for h in heads):
            raise BundleError(
                "--candidates and --places need a bundle with a text encoder; "
                "geotagger models pull streetclip or clip makes one"
            )


def gallery_for(
    space: CandidateSpace, bundle: ModelBundle, head: RetrieveHead, threads: int = 1
) -> Gallery:
    """The gallery of a head in this candidate space.

    The vectors of another gallery come from the bundle's location encoder.

    Raises:
        BundleError: a file of the bundle cannot be read.
        UsageError: the gallery cannot be read, or no point of it is inside the area.
    """
    if space.gallery and head.encoder:
        lat, lon, count = read_points(space.gallery)
        inside = _inside(space.area, lat, lon)
        points = np.stack([lat, lon], axis=1)[inside]
        vectors = LocationEncoder(bundle.path / head.encoder, threads=threads)(points)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return Gallery(vectors, lat[inside], lon[inside], count[inside])
    own = bundle.gallery(head)
    if space.area is None:
        return own
    inside = _inside(space.area, own.lat, own.lon)
    return Gallery(own.vectors[inside], own.lat[inside], own.lon[inside], own.count[inside])


def captions_for(
    space: CandidateSpace, bundle: ModelBundle, head: CaptionHead, places: Places, threads: int = 1
) -> tuple[tuple[Label, ...], NDArray[np.float32]]:
    """The captions of a head in this candidate space.

    A head whose captions compete with all others gets the countries of the candidates. A head whose
    captions compete inside an area gets their cities.

    Returns:
        K labels, and the vectors of their captions, float32 [K, D] of length 1. K is 0 if the
        candidates name no city for a head of cities.

    Raises:
        BundleError: a file of the bundle cannot be read.
    """
    own_labels, own_vectors = bundle.captions(head)
    local = bool(own_labels[0].parent)
    if not (space.candidates and head.text):
        inside = _labels_inside(space.area, own_labels, places, local)
        return tuple(own_labels[i] for i in inside), own_vectors[inside]
    candidates = (
        [place for place in space.candidates if place.city or place.region]
        if local
        else [replace(place, city="", region=place.area[1]) for place in space.candidates]
    )
    place_of = {caption_label(place, places, local): place for place in dict.fromkeys(candidates)}
    if not place_of:
        return (), np.empty((0, own_vectors.shape[1]), np.float32)
    encoder = TextEncoder(bundle.path / head.text, bundle.path / head.tokenizer, threads)
    names = [place.names(places) for place in place_of.values()]
    return tuple(place_of), caption_vectors(encoder, head.templates, names)


def _labels_inside(
    area: Area | None, labels: Sequence[Label], places: Places, local: bool
) -> list[int]:
    """The indices of the towns (`local`) inside an area, or of the countries and regions that
    overlap it; all indices if none does."""
    if area is None:
        return list(range(len(labels)))
    if local:
        points = np.array([(label.lat, label.lon) for label in labels])
        return np.flatnonzero(area.contains(*points.T)).tolist()
    rows = np.flatnonzero(area.rows(places))
    codes = {places.country_codes[number] for number in np.unique(places.country[rows])}
    regions = {places.region_names[number] for number in np.unique(places.region[rows])}
    overlapping = [
        number
        for number, label in enumerate(labels)
        if label.country_code in codes and (label.scope == "country" or label.region in regions)
    ]
    return overlapping or list(range(len(labels)))


def caption_vectors(
    encoder: TextEncoder, templates: Sequence[str], names: Sequence[dict[str, str]]
) -> NDArray[np.float32]:
    """Embed places: the mean over the captions that the templates give.

    CLIP calls this prompt ensembling (Radford et al. 2021, section 3.1.4).

    Args:
        encoder: embeds the captions.
        templates: for example "A photo in {country}."
        names: for each of n places, what to put into the braces.

    Returns:
        float32 [n, D], each row of length 1.
    """
    captions = [fill_template(template, of_place) for of_place in names for template in templates]
    vectors = encoder(captions).reshape(len(names), len(templates), -1).mean(axis=1)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


MAX_COUNT = 2.0**53
"""Of one point of a gallery; a float holds no larger whole number exactly."""


def read_points(
    file: Path,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Read a CSV of points with the columns lat, lon and, optionally, count.

    The counts of equal positions are added. Other columns are ignored.

    Returns:
        lat and lon in degrees, and count, each float32 [G].

    Raises:
        UsageError: the file cannot be read, or a row is out of range.
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
    positions = np.array(points, np.float64).reshape(-1, 2)
    if (
        not len(positions)
        or not (np.abs(positions) <= (90, 180)).all()
        or not all(1 <= count < MAX_COUNT for count in counts)
    ):
        raise UsageError(
            f"{file}: holds no points, or one out of range; lat is -90 to 90, lon -180 to 180, "
            "count at least 1, and finite"
        )
    distinct, group = np.unique(positions.astype(np.float32), axis=0, return_inverse=True)
    count = np.bincount(group.ravel(), weights=counts).astype(np.float32)
    return distinct[:, 0], distinct[:, 1], count


def _inside(
    area: Area | None, lat: NDArray[np.float32], lon: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Whether each gallery point is inside the area, bool [G]."""
    inside = np.ones(len(lat), bool) if area is None else area.contains(lat, lon)
    if not inside.any():
        raise UsageError("no point of the gallery lies --within that area; widen it")
    return inside


def caption_label(place: NamedPlace, places: Places, local: bool) -> Label:
    """The label of a place in a table of captions that compete inside an area, or with all others.

    Args:
        place: a city, region or country.
        places: the places table.
        local: whether the captions compete inside an area.
    """
    code, region = place.area
    names = place.names(places)
    if not local:
        scope = "region" if region else "country"
        name = f"{region}, {code}" if region else names["country"]  # two regions are named Georgia
        return Label(name, "", code, region, scope=scope)
    parts = dict.fromkeys([names["city"], names["region"], code if region else names["country"]])
    return Label(
        ", ".join(name for name in parts if name),
        "",
        code,
        place.region,
        place.lat,
        place.lon,
        scope="point",
        parent="region" if region else "country",
    )
