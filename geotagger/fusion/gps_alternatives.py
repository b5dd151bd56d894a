"""What the position of a photo would be without a common mistake: a lost sign, or swapped axes.

Trackers and converters drop the reference S or W, or write longitude before latitude. The position
is then valid, but at another place.
"""

from __future__ import annotations

from dataclasses import dataclass

from geotagger.fusion.gps_check import GpsCheck, gps_check, gps_distance_km
from geotagger.geography.places import load_places
from geotagger.geography.sphere import haversine_km
from geotagger.types import Outcome, Place, Point

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
    name = load_places().name
    is_at_sea = not name(gps.lat, gps.lon).country
    found = []
    for mistake, point in _alternatives(gps):
        km = float(haversine_km(point.lat, point.lon, prediction.point.lat, prediction.point.lon))
        if km > reach_km:
            continue
        item = GpsAlternative(mistake, point, name(point.lat, point.lon), km)
        is_closer = distance_km > CLEARLY_KM and km < CLEARLY_CLOSER * distance_km
        is_on_land = bool(item.place.country)
        if check is GpsCheck.FAR or (is_on_land and (is_at_sea or is_closer)):
            found.append(item)
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
