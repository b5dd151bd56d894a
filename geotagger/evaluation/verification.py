"""`geotagger verify`: compares the GPS in photos with their predictions.

Nothing is written into photos. A result is never more than "inconsistent": one sound photo in ten
is outside its circle, and a false position may be inside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from geotagger.config import RunOptions
from geotagger.errors import NoPhotosError
from geotagger.fusion.gps_alternatives import (
    GpsAlternative,
    agreeing_alternatives,
    swapped_alternatives,
)
from geotagger.fusion.gps_check import GpsCheck, gps_check, gps_distance_km
from geotagger.geography.distance_text import distance_text
from geotagger.geography.places import load_places
from geotagger.metadata.stated_position import stated_position
from geotagger.pipeline.run import predictions
from geotagger.printable import printable_path
from geotagger.reasons import Reason, ReasonCode
from geotagger.reports.formats.registry import open_report
from geotagger.types import Level, Outcome, Prediction

VAGUE_KM = 500.0
"""With a larger 90 % radius, agreement says little: the circle contains whole countries."""
NOT_JUDGED = "not_judged"
FITS_CHANGED = "fits_changed"
"""Photos whose GPS would fit with a sign changed or the axes swapped; they also count as agree or
far."""


def run(options: RunOptions, on_outcome: Callable[[Outcome, str], None]) -> Counter[str]:
    """Checks every photo under `options.paths`.

    Args:
        on_outcome: called with each outcome and the result of its check as a sentence, which is
            also in the note of a row that was compared.

    Returns:
        The number of photos by `GpsCheck`, `not_judged`, and of these `fits_changed`.

    Raises:
        GeotaggerError: as `pipeline.run`.
    """
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        outcomes = predictions(options)
        reports = []
        for path in options.reports:
            reports.append(open_report(path))
            stack.callback(reports[-1].close)
        for outcome in outcomes:
            text, check = in_words(outcome), gps_check(outcome)
            checked = outcome
            fits_changed = bool(_alternatives(outcome))
            if check in (GpsCheck.AGREE, GpsCheck.FAR) or fits_changed:
                compared = Reason(ReasonCode.GPS_COMPARED, text)
                checked = replace(outcome, reasons=(*outcome.reasons, compared))
            for report in reports:
                report.add(checked)
            counts[check or NOT_JUDGED] += 1
            counts[FITS_CHANGED] += fits_changed
            on_outcome(outcome, text)
    if not counts.total():
        raise NoPhotosError(f"no photos in {', '.join(str(path) for path in options.paths)}")
    return counts


def in_words(outcome: Outcome) -> str:
    """The result of the check of one photo, as a sentence."""
    check, metadata, prediction = gps_check(outcome), outcome.metadata, outcome.prediction
    if check is GpsCheck.INVALID:
        swapped = "".join(f"; {_would_fit(item)}" for item in _alternatives(outcome))
        return f"invalid GPS: {metadata.gps_problem}{swapped}"
    if check is GpsCheck.NO_GPS:
        earlier = metadata.gps_is_prediction
        return "no measured GPS, only a prediction of geotagger" if earlier else "no GPS"
    distance_km = gps_distance_km(outcome)
    if prediction is None or distance_km is None:
        return "not compared"
    assert metadata.gps is not None
    at = load_places().name(metadata.gps.lat, metadata.gps.lon)
    named = ", ".join(filter(None, (at.city, at.country))) or "at sea"
    sidecar = ""
    if metadata.gps_sidecar:
        sidecar = f" of its {metadata.gps_file_kind} {printable_path(Path(metadata.gps_sidecar))}"
    if metadata.gps_is_stated:
        sidecar += ", which the camera did not measure"
    measured_by = prediction.measured_by
    other = f"the {measured_by}" if measured_by else f"the predicted {_place(prediction)}"
    away = distance_text(distance_km) if measured_by else f"{distance_km:,.0f} km"
    radius = (
        distance_text(prediction.radius_km) if measured_by else f"{prediction.radius_km:,.0f} km"
    )
    distance = f"GPS{sidecar} ({named}) lies {away} from {other}"
    circle = f"90 % radius of {radius}"
    if metadata.gps_error_km >= 1:
        circle += f" and the receiver's own error of {metadata.gps_error_km:,.0f} km"
    alternatives = _alternatives(outcome)
    would_fit = "".join(f"; {_would_fit(item)}" for item in alternatives)
    if check is GpsCheck.FAR:
        return f"inconsistent: {distance}, outside the {circle}{would_fit}"
    verdict = "doubtful" if alternatives else "consistent"
    vague = "; the circle is so wide that this says little" * (prediction.radius_km > VAGUE_KM)
    return f"{verdict}: {distance}, inside the {circle}{vague}{would_fit}"


def _alternatives(outcome: Outcome) -> list[GpsAlternative]:
    """Where the GPS of a photo would fit the prediction, without a common mistake."""
    if gps_check(outcome) is not GpsCheck.INVALID:
        return agreeing_alternatives(outcome)
    return swapped_alternatives(outcome, stated_position(outcome.photo.path))


def _would_fit(item: GpsAlternative) -> str:
    named = ", ".join(filter(None, (item.place.city, item.place.country))) or "at sea"
    at = f"{item.point.lat:.5g}, {item.point.lon:.5g}"
    away = f"{item.distance_km:,.0f} km from the prediction"
    return f"with {item.mistake} it would be at {at} ({named}), {away}"


def _place(prediction: Prediction) -> str:
    place = prediction.place
    names = (place.city, place.country) if prediction.level is Level.CITY else (place.country,)
    return ", ".join(filter(None, names)) or "point"
