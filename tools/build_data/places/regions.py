"""Regions by the nearest row, with signposts where that fails; continents by the borders."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from tools.build_data.places.borders import Territory, locate
from tools.build_data.places.rows import Row, ball_tree, radians

if TYPE_CHECKING:
    from collections.abc import Sequence


def region_signposts(rows: Sequence[Row], all_towns: Sequence[Row]) -> list[Row]:
    """Signposts: further towns, so that the nearest neighbour of every town is in its region.

    P. E. Hart, "The condensed nearest neighbor rule", 1968, within each country.
    """
    kept: list[Row] = []
    known, towns = defaultdict(list), defaultdict(list)
    for row in rows:
        known[row.country].append(row)
    for town in all_towns:
        if town.region:
            towns[town.country].append(town)
    for country, group in sorted(towns.items()):
        samples = known[country]
        wrong = misplaced(group, samples)
        while wrong:
            kept += wrong
            samples += wrong
            wrong = misplaced(group, samples)
    return kept


def misplaced(towns: Sequence[Row], samples: Sequence[Row]) -> list[Row]:
    """Towns whose nearest sample lies in another region."""
    nearest = ball_tree(samples).query(radians(towns))[1][:, 0]
    return [
        town
        for town, i in zip(towns, nearest, strict=True)
        if samples[i].region != town.region
        and (samples[i].lat, samples[i].lon) != (town.lat, town.lon)
    ]


def with_continents(towns: Sequence[Row], borders: Sequence[Territory]) -> list[Row]:
    """Towns with the continent of the polygon around them, else of their country's first
    polygon."""
    default = {t.code: t.continent for t in reversed(borders)}
    found = locate([(town.lat, town.lon) for town in towns], borders)
    return [
        replace(
            town,
            continent=at.continent if at and at.code == town.country else default[town.country],
        )
        for town, at in zip(towns, found, strict=True)
    ]
