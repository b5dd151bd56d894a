"""What a prediction deserves to have written: no more than the belief supports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from geotagger.metadata.exif.gps_tags import GpsTags
from geotagger.metadata.file_tags import FileTags
from geotagger.metadata.xmp.tags import Alternative, XmpTags
from geotagger.types import Candidate, Level, Place, Prediction
from geotagger.version import __version__

if TYPE_CHECKING:
    from collections.abc import Collection

COVERAGE = 0.9
"""Of the belief, that lies inside a prediction's radius."""


def trusted(prediction: Prediction, max_radius_km: float) -> bool:
    """Whether the position itself may be written, and not only names."""
    fine = prediction.level in (Level.CITY, Level.REGION) or prediction.review == "corrected"
    return fine and prediction.radius_km <= max_radius_km


def file_tags(
    prediction: Prediction,
    model: str,
    *,
    groups: Collection[str] = ("gps", "region", "keywords"),
    max_radius_km: float = 50.0,
    compat: bool = False,
) -> FileTags | None:
    """The tags of those groups that the prediction deserves; None when it deserves none.

    gps: the position, where it is trusted. region: names down to the level. keywords: the same
    names as keywords. At level none there is nothing.
    """
    position = "gps" in groups and trusted(prediction, max_radius_km)
    named = "region" in groups or "keywords" in groups
    if prediction.level is Level.NONE or not (position or named):
        return None
    note = f"PREDICTED by geotagger {__version__} ({model}), {_how_sure(prediction)}"
    point = prediction.point if position else None
    radius_km = prediction.radius_km if position else None
    place = _told(prediction.place, prediction.level)
    names = [place.city, place.region, place.country] if place.country else [place.continent]
    area = ", ".join(filter(None, names)) if "region" in groups else ""
    xmp = XmpTags(
        point=point,
        radius_km=radius_km,
        coverage=COVERAGE,
        confidence=prediction.confidence,
        level=prediction.level.value,
        continent=place.continent,
        country=place.country,
        country_code=place.country_code,
        region=place.region,
        city=place.city,
        alternatives=tuple(_alternative(c, exact=position) for c in prediction.candidates),
        model=model,
        software=f"geotagger {__version__}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        groups=frozenset(groups),
        compat=compat,
        review=prediction.review,
    )
    in_exif = position or "region" in groups
    return FileTags(GpsTags(point, radius_km, area, note) if in_exif else None, xmp)


def words(tags: FileTags) -> str:
    """Which tags these are, for a person."""
    assert tags.xmp
    found = ["GPS"] if tags.xmp.point else []
    found += ["region"] if "region" in tags.xmp.groups else []
    found += ["keywords"] if "keywords" in tags.xmp.groups else []
    return " and ".join(filter(None, (", ".join(found[:-1]), found[-1]))) + " tags"


def _how_sure(prediction: Prediction) -> str:
    """A person's word is no probability, and a place that they chose is not the model's."""
    if prediction.review == "corrected":
        return "place CORRECTED by a person"
    confirmed = ", CONFIRMED by a person" if prediction.review else ""
    return f"conf {prediction.confidence:.2f}{confirmed}"


def _told(place: Place, level: Level) -> Place:
    """The names that may be believed: down to the level."""
    depth = (Level.CONTINENT, Level.COUNTRY, Level.REGION, Level.CITY).index(level)
    return Place(
        place.point,
        place.country_code if depth >= 1 else "",
        place.country if depth >= 1 else "",
        place.region if depth >= 2 else "",
        place.city if depth >= 3 else "",
        place.continent,
    )


def _alternative(candidate: Candidate, *, exact: bool) -> Alternative:
    place = candidate.place
    name = ", ".join(filter(None, (place.city, place.region, place.country)))
    lat, lon = (candidate.point.lat, candidate.point.lon) if exact else (None, None)
    return Alternative(name, lat, lon, candidate.probability)
