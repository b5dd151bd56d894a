"""Whether the GPS in a photo agrees with the prediction."""

from __future__ import annotations

from enum import StrEnum

from geotagger.geography.sphere import haversine_km
from geotagger.types import Outcome, Status


class GpsCheck(StrEnum):
    """Whether the GPS in a photo agrees with the prediction."""

    AGREE = "agree"
    FAR = "far"
    NO_GPS = "no_gps"
    INVALID = "invalid"
    NOT_COMPARED = ""
    """The photo was not judged, or not even read."""


RECEIVER_ERROR_KM = 0.03
"""Of a receiver that states none. Next to the radius of a prediction it is nothing, next to that of
a track it is not."""


def gps_distance_km(outcome: Outcome) -> float | None:
    """Distance from the measured position in the file to the prediction, if there are both."""
    gps = outcome.metadata.gps
    if gps is None or outcome.metadata.gps_is_prediction or outcome.prediction is None:
        return None
    point = outcome.prediction.point
    digits = 3 if outcome.prediction.measured_by else 1
    return round(float(haversine_km(gps.lat, gps.lon, point.lat, point.lon)), digits)


def gps_check(outcome: Outcome) -> GpsCheck:
    """Compares the measured position with the prediction.

    Far: the distance is larger than the radius that holds 90 % of the belief plus the receiver's
    own estimate of its error. So one sound photo in ten is far too.
    """
    metadata = outcome.metadata
    if metadata.gps_problem:
        return GpsCheck.INVALID
    if metadata.gps is None or metadata.gps_is_prediction:
        judged = outcome.status not in (Status.FAILED, Status.SKIPPED)
        return GpsCheck.NO_GPS if judged else GpsCheck.NOT_COMPARED
    distance_km = gps_distance_km(outcome)
    if distance_km is None or outcome.prediction is None:
        return GpsCheck.NOT_COMPARED
    gps_error_km = metadata.gps_error_km
    if outcome.prediction.measured_by and not gps_error_km:
        gps_error_km = RECEIVER_ERROR_KM
    reach_km = outcome.prediction.radius_km + gps_error_km
    return GpsCheck.AGREE if distance_km <= reach_km else GpsCheck.FAR
