"""What the position of a photo would be without a common mistake: a lost sign, or swapped axes.

Trackers and converters drop the reference S or W, or write longitude before latitude. The position
is then valid, but at another place.
"""

from __future__ import annotations

from dataclasses import dataclass

from geotagger.fusion.gps_check import GpsCheck, gps_check, gps_distance_km
from geotagger.geography.places import load_places
from geotagger.geography.sphere import haversine_km
from geotagger.types import Outcome, Place, Point, Prediction

CLEARLY_KM = 100.0
"""Inside the circle, a position that is closer to the prediction than this needs no alternative."""
CLEARLY_CLOSER = 0.5
"""Nor does one that an alternative does not bring to this share of the distance."""


@dataclass(frozen=True, slots=True)
class GpsAlternative:
    """A position that the photo would have without the mistake."""

    mistake: str
    """What would have to be changed, for a person."""
    point: Point
    place: Place
    distance_km: float
    """From the predicted point."""


def swapped_alternatives(
    outcome: Outcome, stated: tuple[float, float] | None
) -> list[GpsAlternative]:
    """The alternatives for a position that is out of range: a latitude of 151 may be a longitude.

    Args:
        outcome: of a photo whose GPS is invalid.
        stated: its latitude and longitude as they are stored.
    """
    prediction = outcome.prediction
    if stated is None or prediction is None:
        return []
    lon, lat = stated
    if not (90 < abs(lon) <= 180 and abs(lat) <= 90):
        return []
    swapped = "latitude and longitude swapped"
    points = [
        (swapped, Point(lat, lon)),
        (f"{swapped} and the sign of the latitude changed", Point(-lat, lon)),
        (f"{swapped} and the sign of the longitude changed", Point(lat, -lon)),
        (f"{swapped} and both signs changed", Point(-lat, -lon)),
    ]
    found = [_alternative(mistake, point, prediction) for mistake, point in points]
    return _nearest_first([item for item in found if item.distance_km <= prediction.radius_km])


def agreeing_alternatives(outcome: Outcome) -> list[GpsAlternative]:
    """The alternatives inside the circle of the prediction that fit better, the nearest first.

    A position outside the circle is compared with all of them. One inside needs a reason, because a
    wide circle holds most alternatives too: it lies at sea and the alternative on land, or the
    alternative is much closer to the prediction.
    """
    check, distance_km = gps_check(outcome), gps_distance_km(outcome)
    gps, prediction = outcome.metadata.gps, outcome.prediction
    if check not in (GpsCheck.AGREE, GpsCheck.FAR) or not gps or not prediction or not distance_km:
        return []
    reach_km = prediction.radius_km + outcome.metadata.gps_error_km
    is_at_sea = not load_places().name(gps.lat, gps.lon).country
    found = []
    for mistake, point in _alternatives(gps):
        item = _alternative(mistake, point, prediction)
        if item.distance_km > reach_km:
            continue
        is_closer = distance_km > CLEARLY_KM and item.distance_km < CLEARLY_CLOSER * distance_km
        is_on_land = bool(item.place.country)
        if check is GpsCheck.FAR or (is_on_land and (is_at_sea or is_closer)):
            found.append(item)
    return _nearest_first(found)


def _alternative(mistake: str, point: Point, prediction: Prediction) -> GpsAlternative:
    km = float(haversine_km(point.lat, point.lon, prediction.point.lat, prediction.point.lon))
    return GpsAlternative(mistake, point, load_places().name(point.lat, point.lon), km)


def _nearest_first(found: list[GpsAlternative]) -> list[GpsAlternative]:
    return sorted(found, key=lambda item: item.distance_km)


def _alternatives(gps: Point) -> list[tuple[str, Point]]:
    found = [
        ("the sign of its latitude changed", Point(-gps.lat, gps.lon)),
        ("the sign of its longitude changed", Point(gps.lat, -gps.lon)),
        ("both signs changed", Point(-gps.lat, -gps.lon)),
    ]
    if abs(gps.lon) <= 90:
        found.append(("latitude and longitude swapped", Point(gps.lon, gps.lat)))
    return found
