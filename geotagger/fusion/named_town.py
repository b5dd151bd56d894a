"""The town that the evidence names in words, if the belief is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from geotagger.fusion.mass import ProbabilityMass
from geotagger.geography.places import CITY_RADIUS_KM, Places
from geotagger.geography.sphere import haversine_km
from geotagger.types import Place

OWN_ROW_KM = 0.4
"""A row so near to a named town is that town: the points of names are rounded to 0.35 km."""
REACH_KM = 35.0
"""A named town is at most this far from the best row. Where towns are few, a village has its
nearest row so far away."""
MIN_LIKELIHOOD_SHARE = 0.1
"""A named town counts if all evidence is at least this likely there, relative to the likeliest row
around. So a sign that names the next town does not outweigh a measured position nearby."""


def named_town(
    places: Places,
    mass: ProbabilityMass,
    log_prior: ProbabilityMass,
    best_row: int,
    towns: Sequence[Place],
) -> tuple[int, Place]:
    """The most probable of the towns that the evidence names around the best row.

    Args:
        places: the places table.
        mass: posterior, float32 [len(places)].
        log_prior: float32 [len(places)], natural logarithm.
        best_row: the row with the belief around it. The town is in the same country.
        towns: the named towns, each with its point and its city name.

    Returns:
        The row that stands for the town, and the town. A town that is not in the table (a suburb, a
        village) has the nearest row. If no named town is there, the best row and its place.
    """
    to_best_km = haversine_km(places.lat[best_row], places.lon[best_row], places.lat, places.lon)
    in_country = (places.country == places.country[best_row]) & (mass > 0)
    rows = np.flatnonzero(in_country & (to_best_km <= 2 * REACH_KM))
    log_likelihood = np.log(mass[rows]) - log_prior[rows]
    highest = log_likelihood[to_best_km[rows] <= CITY_RADIUS_KM].max()
    likely = rows[log_likelihood >= highest + np.log(MIN_LIKELIHOOD_SHARE)]
    best: tuple[float, bool] = (0.0, False)
    result = best_row, places.place(best_row)
    for town in towns:
        lat, lon = town.point.lat, town.point.lon
        km = haversine_km(lat, lon, places.lat[rows], places.lon[rows])
        nearest = int(rows[km.argmin()])
        if nearest not in likely or km[rows == best_row] > REACH_KM:
            continue
        is_own = bool(km.min() <= OWN_ROW_KM)
        rank = (float(mass[nearest]), is_own)
        if rank <= best:
            continue
        place = places.place(nearest) if is_own else _suburb(places, log_prior, nearest, town)
        if place is not None:
            best, result = rank, (nearest, place)
    return result


def _suburb(places: Places, log_prior: ProbabilityMass, row: int, town: Place) -> Place | None:
    """A town without a row, in full; None if it is across a border or near impossible rows."""
    at = places.name(town.point.lat, town.point.lon)
    place = places.place(row)
    km = haversine_km(town.point.lat, town.point.lon, places.lat, places.lon)
    is_excluded = np.isneginf(log_prior[km < CITY_RADIUS_KM]).any()
    if at.country_code != place.country_code or is_excluded:
        return None
    return replace(place, point=town.point, region=at.region, city=town.city)
