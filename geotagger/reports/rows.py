"""What is known of a photo as one row of cells; the columns are those of `reports.columns`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from geotagger.geography.sphere import haversine_km
from geotagger.reports.schema import ALTERNATIVE_TEXTS, SCHEMA, Cell
from geotagger.types import Candidate, Level, Outcome, Prediction, Status

CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""Also what turns the writing direction, and what neither UTF-8 nor XML can hold."""


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


def row(outcome: Outcome) -> dict[str, Cell]:
    """The cells of one photo by column, in the order of the report."""
    measured = None if outcome.existing.gps_is_prediction else outcome.existing.gps
    notes = (outcome.note, outcome.existing.gps_problem)
    cells: dict[str, Cell] = {
        "path": path_text(outcome.photo.path),
        "status": outcome.status.value,
        **(_answer(outcome.prediction) if outcome.prediction else {}),
        "gps_lat": None if measured is None else round(measured.lat, 6),
        "gps_lon": None if measured is None else round(measured.lon, 6),
        "gps_check": gps_check(outcome),
        "gps_distance_km": gps_distance_km(outcome),
        "taken_at": outcome.existing.taken_at,
        "model": outcome.model,
        "sha256": outcome.sha256,
        "note": "; ".join(text for text in notes if text),
    }
    return {column.name: cells.get(column.name, column.empty) for column in SCHEMA}


def _answer(prediction: Prediction) -> dict[str, Cell]:
    """Like the coordinates, the country is the best guess at any level; finer names are not."""
    place, level = prediction.place, prediction.level
    return {
        "lat": round(prediction.point.lat, 5),
        "lon": round(prediction.point.lon, 5),
        "radius_km": round(prediction.radius_km, 1),
        "confidence": round(prediction.confidence, 4),
        "level": level.value,
        "continent": place.continent,
        "country": place.country,
        "country_code": place.country_code,
        "region": place.region if level in (Level.CITY, Level.REGION) else "",
        "city": place.city if level is Level.CITY else "",
        "evidence": "; ".join(prediction.reasons),
        "alternatives": [_alternative(candidate) for candidate in prediction.candidates],
    }


def _alternative(candidate: Candidate) -> dict[str, object]:
    names = {name: getattr(candidate.place, name) for name in ALTERNATIVE_TEXTS}
    return {
        **{name: text for name, text in names.items() if text},
        "lat": round(candidate.point.lat, 5),
        "lon": round(candidate.point.lon, 5),
        "probability": round(candidate.probability, 4),
    }


def path_text(path: Path) -> str:
    """The path as text that no terminal, table or page can misread.

    Bytes that are not UTF-8 and control characters become backslash escapes (`caf\\xe9.jpg`).
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return plain(text)


def plain(text: str) -> str:
    """Text with every character of `CONTROL` escaped."""
    if text.isprintable():  # as nearly every text is, and quickly told
        return text
    return CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
