"""The row of a photo: its outcome as cells. The columns are those of `reports.schema`."""

from __future__ import annotations

from geotagger.fusion.gps_check import gps_check, gps_distance_km
from geotagger.printable import printable_path
from geotagger.reasons import Reason, ReasonCode, note_text
from geotagger.reports.schema import BY_NAME, SCHEMA, Cell
from geotagger.types import Candidate, Level, Outcome, Prediction

MEASURED_DIGITS = 7
"""Decimals of a measured position, in degrees: a centimetre."""


def row(outcome: Outcome) -> dict[str, Cell]:
    """The cells of a photo by column, in the order of `SCHEMA`."""
    measured = None if outcome.metadata.gps_is_prediction else outcome.metadata.gps
    reasons = list(outcome.reasons)
    if outcome.metadata.gps_problem:
        reasons.append(Reason(ReasonCode.INVALID_GPS, outcome.metadata.gps_problem))
    cells: dict[str, Cell] = {
        "path": printable_path(outcome.photo.path),
        "status": outcome.status.value,
        **(_prediction_cells(outcome.prediction) if outcome.prediction else {}),
        "gps_lat": None if measured is None else round(measured.lat, 6),
        "gps_lon": None if measured is None else round(measured.lon, 6),
        "gps_check": gps_check(outcome).value,
        "gps_distance_km": gps_distance_km(outcome),
        "taken_at": outcome.metadata.taken_at,
        "model": outcome.model,
        "sha256": outcome.sha256,
        "note": note_text(reasons),
        "reasons": [{"code": item.code.value, "detail": item.detail} for item in reasons],
    }
    return {column.name: cells.get(column.name, column.empty) for column in SCHEMA}


def _prediction_cells(prediction: Prediction) -> dict[str, Cell]:
    """The cells of a prediction. Region and city are left out where the level is coarser."""
    place, level = prediction.place, prediction.level
    is_measured = bool(prediction.measured_by)
    return {
        "lat": round(prediction.point.lat, MEASURED_DIGITS if is_measured else 5),
        "lon": round(prediction.point.lon, MEASURED_DIGITS if is_measured else 5),
        "radius_km": round(prediction.radius_km, 3 if is_measured else 1),
        "confidence": round(prediction.confidence, 4),
        "level": level.value,
        "continent": place.continent,
        "country": place.country,
        "country_code": place.country_code,
        "region": place.region if level in (Level.CITY, Level.REGION) else "",
        "city": place.city if level is Level.CITY else "",
        "evidence": "; ".join(note.text for note in prediction.evidence),
        "evidence_by_source": [
            {"source": note.source, "text": note.text} for note in prediction.evidence
        ],
        "measured_by": prediction.measured_by,
        "alternatives": [_alternative(candidate) for candidate in prediction.candidates],
    }


def _alternative(candidate: Candidate) -> dict[str, object]:
    names = {name: getattr(candidate.place, name) for name in BY_NAME["alternatives"].texts}
    return {
        **{name: text for name, text in names.items() if text},
        "lat": round(candidate.point.lat, 5),
        "lon": round(candidate.point.lon, 5),
        "probability": round(candidate.probability, 4),
    }
