"""Predictions where a source measured the position: the evidence only says how likely it is right.

The point, its names and its radius are the measurement's. A confidence is still given, because the
clock of a camera may be wrong: it is the probability that all sources together give to the place.
"""

from __future__ import annotations

from collections.abc import Iterable

from geotagger.types import Evidence, Level, Place


def most_precise(evidence: Iterable[Evidence]) -> Evidence | None:
    """The evidence with the measured position of the smallest radius; None if there is none."""
    measured = (item for item in evidence if item.measured)
    return min(
        measured, key=lambda item: item.measured.radius_km if item.measured else 0.0, default=None
    )


def finest_level(place: Place) -> Level:
    """The finest level at which the place has a name; none at sea."""
    names = {
        Level.CITY: place.city,
        Level.REGION: place.region,
        Level.COUNTRY: place.country,
        Level.CONTINENT: place.continent,
    }
    return next((level for level, name in names.items() if name), Level.NONE)
