"""Synthetic trips: where a camera was, when it took photos, and what its metadata say.

Towns are real places; people stay in one for hours or days, walk about in it, ride to the next or
fly. Some photos have GPS, as where the phone took them and the camera did not.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from geotagger.records import Point

KM_PER_DEGREE = 111.2


@dataclass(frozen=True)
class Taken:
    """A photo of a trip."""

    at: datetime
    truth: Point
    gps: Point | None
    """What the file says; None for the photos to be placed."""


def trip(places, rng, days=6, photos_a_day=25, gps_share=0.3, clock_error=timedelta(0)):
    """The photos of one camera in the order of time."""
    towns = np.flatnonzero(places.population > 20_000)
    row = int(rng.choice(towns))
    now = datetime(2023, 6, 1, 8, tzinfo=UTC) + timedelta(days=int(rng.integers(0, 300)))
    photos = []
    for _ in range(days):
        ends = now.replace(hour=20, minute=0)
        while now < ends:
            move = rng.random()
            if move < 0.04:
                row, hours = _ride(places, rng, row)
                now += timedelta(hours=hours)
            elif move < 0.045:
                now += timedelta(hours=float(rng.uniform(4, 12)))
                row = int(rng.choice(towns))
            photos.append(_photo(places, rng, row, now, gps_share, clock_error))
            now += timedelta(hours=float(rng.exponential(12 / photos_a_day)))
        now = (now + timedelta(days=1)).replace(hour=8, minute=0)
    return photos


def _ride(places, rng, row):
    """To a town within 300 km, at 70 km/h; what it takes."""
    km = 6371 * np.arccos(np.clip(places.unit @ places.unit[row], -1, 1))
    near = np.flatnonzero((km > 5) & (km < 300))
    if not len(near):
        return row, 1.0
    to = int(rng.choice(near))
    return to, 0.3 + float(km[to]) / 70


def _photo(places, rng, row, now, gps_share, clock_error):
    km, bearing = abs(rng.normal(0, 2.0)), rng.uniform(0, 2 * math.pi)
    lat = float(places.lat[row]) + km * math.cos(bearing) / KM_PER_DEGREE
    narrow = max(math.cos(math.radians(lat)), 0.1)
    lon = float(places.lon[row]) + km * math.sin(bearing) / KM_PER_DEGREE / narrow
    truth = Point(max(-89.9, min(89.9, lat)), (lon + 180) % 360 - 180)
    return Taken(now + clock_error, truth, truth if rng.random() < gps_share else None)
