"""Rows in groups: by place, by day, or by any column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from geotagger.errors import UsageError
from geotagger.geography.sphere import haversine_km
from geotagger.reports.schema import Cell, position
from geotagger.types import Level, Status

Row = dict[str, Cell]
Namer = Callable[[Mapping[str, Cell]], str]
NEAR_KM = 25.0
"""Predictions within this distance are one place; level city has the same precision."""
EMPTY = "-"


@dataclass(frozen=True, slots=True)
class Group:
    """Rows with the same place, day or value of a column."""

    names: tuple[str, ...]
    rows: Sequence[Row]


def group(rows: Sequence[Row], keys: Sequence[str], columns: Collection[str]) -> list[Group]:
    """Groups the rows by all keys: `place`, `day`, or the name of a column.

    Returns:
        The groups, sorted by each key in turn: the largest first, days by date.

    Raises:
        UsageError: there is no such column.
    """
    namers = [_namer(key, rows, columns) for key in keys]
    parts: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        parts.setdefault(tuple(namer(row) for namer in namers), []).append(row)
    sizes = Counter[tuple[str, ...]]()
    for names, members in parts.items():
        for depth in range(1, len(names) + 1):
            sizes[names[:depth]] += len(members)

    def rank(names: tuple[str, ...]) -> list[tuple[bool, int, str]]:
        return [
            (name == EMPTY, 0 if key == "day" else -sizes[names[: depth + 1]], name)
            for depth, (key, name) in enumerate(zip(keys, names, strict=True))
        ]

    return [Group(names, parts[names]) for names in sorted(parts, key=rank)]


def _namer(key: str, rows: Sequence[Row], columns: Collection[str]) -> Namer:
    if key == "place":
        return _places(rows)
    if key == "day":
        return lambda row: str(row["taken_at"] or "")[:10] or EMPTY
    if key not in columns:
        raise UsageError(f"--group {key}: groups are place, day, or one of {', '.join(columns)}")
    return lambda row: _cell_text(row.get(key))


def _cell_text(cell: Cell) -> str:
    return EMPTY if cell in ("", None, []) else str(cell)


def _places(rows: Sequence[Row]) -> Namer:
    """Names the place of a row: towns near each other are one place, else it is the country."""
    towns = Counter[tuple[float, float]]()
    labels: dict[tuple[float, float], Counter[str]] = {}
    for row in rows:
        at = position(row)
        if at is not None and _is_town(row):
            towns[at] += 1
            labels.setdefault(at, Counter())[_label(row, "city", "region", "country")] += 1
    centres = _clusters(towns)
    names: dict[tuple[float, float], Counter[str]] = {}
    for at, centre in centres.items():
        names.setdefault(centre, Counter()).update(labels[at])
    unique = _unique({centre: counts.most_common(1)[0][0] for centre, counts in names.items()})

    def name(row: Mapping[str, Cell]) -> str:
        at = position(row)
        if at is None:
            return EMPTY
        if at in centres and _is_town(row):
            return unique[centres[at]]
        if row["status"] == Status.UNSURE or row["level"] in ("", Level.NONE):
            return "unsure"
        finest = "continent" if row["level"] == Level.CONTINENT else "country"
        return _label(row, finest)

    return name


def _is_town(row: Mapping[str, Cell]) -> bool:
    return row["level"] in (Level.CITY, Level.REGION) and row["status"] != Status.UNSURE


def _label(row: Mapping[str, Cell], *parts: str) -> str:
    names = [str(row[part]) for part in parts if row[part]]
    return ", ".join(dict.fromkeys(names)) or "at sea"


def _unique(labels: Mapping[tuple[float, float], str]) -> dict[tuple[float, float], str]:
    """Adds the coordinates to the names of places that have the same name."""
    counts = Counter(labels.values())
    return {
        at: name if counts[name] == 1 else f"{name} ({at[0]:.2f}, {at[1]:.2f})"
        for at, name in labels.items()
    }


def _clusters(
    counts: Mapping[tuple[float, float], int],
) -> dict[tuple[float, float], tuple[float, float]]:
    """The centre of the cluster of each point.

    Leader clustering (J. Hartigan, "Clustering Algorithms", 1975, ch. 3): the point with most
    photos takes all free points near it. The result does not depend on the order of the rows.
    """
    points = sorted(counts, key=lambda at: (-counts[at], at))
    lat, lon = np.array(points).reshape(-1, 2).T
    free = np.ones(len(points), dtype=bool)
    centres: dict[tuple[float, float], tuple[float, float]] = {}
    for leader, centre in enumerate(points):
        if free[leader]:
            there = np.flatnonzero(free)
            near = there[haversine_km(*centre, lat[there], lon[there]) <= NEAR_KM]
            free[near] = False
            centres.update((points[index], centre) for index in near)
    return centres


def table(groups: Sequence[Group], keys: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """A header, then one line per group: its names, photos by status, first and last day."""
    used = [s for s in Status if any(row["status"] == s for g in groups for row in g.rows)]
    spans = "day" not in keys
    yield (*keys, "photos", *used, *(("first", "last") if spans else ()))
    for item in groups:
        statuses = Counter(row["status"] for row in item.rows)
        counts = (str(statuses[status] or EMPTY) for status in used)
        yield (*item.names, str(len(item.rows)), *counts, *(_span(item.rows) if spans else ()))


def _span(rows: Sequence[Row]) -> tuple[str, str]:
    """The first and the last day."""
    days = [str(row["taken_at"])[:10] for row in rows if row["taken_at"]]
    return (min(days), max(days)) if days else (EMPTY, EMPTY)
