"""Whether the GPS in a photo agrees with the prediction."""

from __future__ import annotations

from geotagger.geography.sphere import haversine_km
from geotagger.types import Outcome, Status


def gps_distance_km(outcome: Outcome) -> float | None:
    """Distance from the measured position in the file to the prediction, if there are both."""
    gps = outcome.existing.gps
    if gps is None or outcome.existing.gps_is_prediction or outcome.prediction is None:
        return None
    point = outcome.prediction.point
    return round(float(haversine_km(gps.lat, gps.lon, point.lat, point.lon)), 1)


def gps_check(outcome: Outcome) -> str:
    """agree, far, no_gps or invalid; empty for a photo that was not judged, or not even read.

    Far: the distance is beyond the circle that holds 90 % of the belief, widened by what the
    receiver says of its own error. So one sound photo in ten is far too.
    """
    existing = outcome.existing
    if existing.gps_problem:
        return "invalid"
    if existing.gps is None or existing.gps_is_prediction:
        return "" if outcome.status in (Status.FAILED, Status.SKIPPED) else "no_gps"
    distance_km = gps_distance_km(outcome)
    if distance_km is None or outcome.prediction is None:
        return ""
    reach_km = outcome.prediction.radius_km + existing.gps_error_km
    return "agree" if distance_km <= reach_km else "far"
