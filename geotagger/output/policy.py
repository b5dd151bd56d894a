"""Decides which tags are written: no more than the confidence supports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from geotagger.metadata.exif.gps_tags import PREDICTED_MARK, TRACK_MARK, GpsTags
from geotagger.metadata.file_tags import FileTags
from geotagger.metadata.xmp.tags import PREDICTION, TRACK, Alternative, XmpTags
from geotagger.types import Candidate, Level, Place, Prediction
from geotagger.version import __version__

if TYPE_CHECKING:
    from collections.abc import Collection

COVERAGE = 0.9
"""Probability inside a prediction's radius."""


def is_trusted(prediction: Prediction, max_radius_km: float) -> bool:
    """Whether the position may be written, and not only names."""
    is_fine = prediction.level in (Level.CITY, Level.REGION)
    is_fine = is_fine or prediction.review == "corrected" or bool(prediction.measured_by)
    return is_fine and prediction.radius_km <= max_radius_km


def file_tags(
    prediction: Prediction,
    model: str,
    *,
    groups: Collection[str] = ("gps", "region", "keywords"),
    max_radius_km: float = 50.0,
    compat: bool = False,
) -> FileTags | None:
    """The tags to write for a prediction.

    Args:
        model: name of the models, for the note.
        groups: gps is the position, if it is trusted; region the names down to the level; keywords
            the same names as keywords.
        max_radius_km: a position with a larger 90 % radius is not trusted.
        compat: also write properties that other programs take for measured facts.

    Returns:
        The tags; None if there is nothing to write, as always for a prediction at level none.
    """
    position = "gps" in groups and is_trusted(prediction, max_radius_km)
    named = "region" in groups or "keywords" in groups
    if not position and (prediction.level is Level.NONE or not named):
        return None
    kind = TRACK if prediction.measured_by else PREDICTION
    point = prediction.point if position else None
    radius_km = prediction.radius_km if position else None
    place = _down_to_level(prediction.place, prediction.level)
    place_names = [place.city, place.region, place.country] if place.country else [place.continent]
    area = _joined(*place_names) if "region" in groups else ""
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
        alternatives=_alternatives(prediction, exact=position),
        model="" if kind == TRACK else model,
        software=f"geotagger {__version__}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        groups=frozenset(groups),
        compat=compat,
        review=prediction.review,
        kind=kind,
    )
    in_exif = position or "region" in groups
    note = _note(prediction, model)
    return FileTags(GpsTags(point, radius_km, area, note) if in_exif else None, xmp)


def tag_names(tags: FileTags) -> str:
    """The groups of the tags, as text."""
    assert tags.xmp
    names = ["GPS"] if tags.xmp.point else []
    names += ["region"] if "region" in tags.xmp.groups else []
    names += ["keywords"] if "keywords" in tags.xmp.groups else []
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) + " tags"


def _note(prediction: Prediction, model: str) -> str:
    """What the position is, for whoever reads the EXIF."""
    if prediction.measured_by:
        confirmed = ", CONFIRMED by a person" if prediction.review else ""
        return f"{TRACK_MARK} {__version__}, measured by another receiver{confirmed}"
    return f"{PREDICTED_MARK} {__version__} ({model}), {_confidence_text(prediction)}"


def _confidence_text(prediction: Prediction) -> str:
    """The confidence, or what a person decided: a corrected place has no probability."""
    if prediction.review == "corrected":
        return "place CORRECTED by a person"
    confirmed = ", CONFIRMED by a person" if prediction.review else ""
    return f"conf {prediction.confidence:.2f}{confirmed}"


def _down_to_level(place: Place, level: Level) -> Place:
    """The place without the names that are finer than the level."""
    if level is Level.NONE:
        return Place(place.point)
    depth = (Level.CONTINENT, Level.COUNTRY, Level.REGION, Level.CITY).index(level)
    return Place(
        place.point,
        place.country_code if depth >= 1 else "",
        place.country if depth >= 1 else "",
        place.region if depth >= 2 else "",
        place.city if depth >= 3 else "",
        place.continent,
    )


def _joined(*names: str) -> str:
    """The known names. A town with the name of its region is named once."""
    return ", ".join(dict.fromkeys(filter(None, names)))


def _alternatives(prediction: Prediction, *, exact: bool) -> tuple[Alternative, ...]:
    """The places in question; a measured position has no alternatives."""
    candidates = () if prediction.measured_by else prediction.candidates
    return tuple(_alternative(candidate, exact=exact) for candidate in candidates)


def _alternative(candidate: Candidate, *, exact: bool) -> Alternative:
    place = candidate.place
    name = _joined(place.city, place.region, place.country)
    lat, lon = (candidate.point.lat, candidate.point.lon) if exact else (None, None)
    return Alternative(name, lat, lon, candidate.probability)
