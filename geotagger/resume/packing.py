"""Finished photos as bytes and back: JSON lists in the order of the fields, compressed.

Only the program that wrote them reads them (`keys.program`), so they carry no version.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from functools import lru_cache
from typing import Any

import numpy as np

from geotagger.engines import Weighed
from geotagger.evidence.roll import Anchor
from geotagger.records import Candidate, Existing, Level, Outcome, Photo, Place, Point, Prediction
from geotagger.records import Status as _Status

NOTHING = Existing()


def pack(outcome: Outcome, anchor: Anchor | None) -> bytes:
    """Everything but the photo."""
    existing = outcome.existing
    told = [
        outcome.status,
        outcome.sha256,
        outcome.model,
        outcome.note,
        None if existing == NOTHING else _existing(existing),
        outcome.prediction and _prediction(outcome.prediction),
        anchor and _anchor(anchor),
    ]
    return zlib.compress(json.dumps(told, separators=(",", ":")).encode(), 1)


def unpack(packed: bytes, photo: Photo) -> Weighed:
    told = json.loads(zlib.decompress(packed))
    status, sha256, model, note, existing, prediction, anchor = told
    outcome = Outcome(
        photo=photo,
        status=_Status(status),
        existing=Existing(_point(existing[0]), *existing[1:]) if existing else NOTHING,
        prediction=_predicted(*prediction) if prediction else None,
        sha256=sha256,
        model=model,
        note=note,
    )
    return Weighed(outcome, finished=True, anchor=_anchored(*anchor) if anchor else None)


def _existing(existing: Existing) -> list[Any]:
    return [
        existing.gps and [existing.gps.lat, existing.gps.lon],
        existing.gps_problem,
        existing.gps_is_prediction,
        existing.taken_at,
        existing.camera,
        existing.gps_error_km,
        existing.gps_time,
        existing.camera_serial,
    ]


def _prediction(prediction: Prediction) -> list[Any]:
    return [
        [prediction.point.lat, prediction.point.lon],
        _place(prediction.place),
        prediction.level,
        prediction.confidence,
        prediction.radius_km,
        [
            [_place(one.place), [one.point.lat, one.point.lon], one.probability]
            for one in prediction.candidates
        ],
        prediction.attributes,
        prediction.reasons,
    ]


def _predicted(
    point: list[float],
    place: list[Any],
    level: str,
    confidence: float,
    radius_km: float,
    candidates: list[Any],
    attributes: list[list[str]],
    reasons: list[str],
) -> Prediction:
    return Prediction(
        Point(*point),
        _placed(place),
        Level(level),
        confidence,
        radius_km,
        tuple(Candidate(_placed(p), Point(*at), share) for p, at, share in candidates),
        tuple((name, value) for name, value in attributes),
        tuple(reasons),
    )


def _anchor(anchor: Anchor) -> list[Any]:
    countries = b64encode(anchor.countries.astype("<f4").tobytes()).decode("ascii")
    point = [anchor.point.lat, anchor.point.lon]
    return [anchor.name, anchor.at, countries, point, anchor.in_town, anchor.words]


def _anchored(
    name: str, at: float, countries: str, point: list[float], in_town: float, words: str
) -> Anchor:
    masses = np.frombuffer(b64decode(countries), "<f4")
    return Anchor(name, at, masses, Point(*point), in_town, words)


def _place(place: Place) -> list[Any]:
    return [
        [place.point.lat, place.point.lon],
        place.country_code,
        place.country,
        place.region,
        place.city,
        place.continent,
    ]


def _placed(told: list[Any]) -> Place:
    point, *names = told
    return _place_of(*point, *names)


@lru_cache(maxsize=4096)
def _place_of(lat: float, lon: float, *names: str) -> Place:
    """The same few places come again and again."""
    return Place(Point(lat, lon), *names)


def _point(told: list[float] | None) -> Point | None:
    return Point(*told) if told else None
