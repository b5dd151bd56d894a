"""The posterior of one photo on maps, and as a curve over the sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.evidence.camera_gps import gap_text
from geotagger.explanation.steps import SHARES
from geotagger.explanation.words import answer, sentences, table, title
from geotagger.plots import files
from geotagger.plots.chart import Chart
from geotagger.plots.figure import Dots, Figure, Polylines, ShapeStyle, TextLabel
from geotagger.plots.world import LocalMap, WorldMap, circle
from geotagger.types import Point

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geotagger.explanation.steps import Explanation
    from geotagger.explanation.trip import TripExplanation
    from geotagger.fusion.mass import ProbabilityMass
    from geotagger.geography.places import Places
    from geotagger.plots.table import Table
    from geotagger.plots.world import PlotMap
    from geotagger.types import Prediction

CELL_PX = 5
"""The world is cut into squares of about 200 km; the projection keeps their areas."""
HEAT = ((0.5, "#b30000"), (0.8, "#e34a33"), (0.9, "#fc8d59"), (0.99, "#fdd49e"))
"""The densest squares that hold this share of the probability."""
RING, POINT, MEASURED = "#08306b", "#08306b", "#1a9850"
MAX_LOCAL_KM = 4000.0
"""Larger circles are shown on the map of the world only."""
MIN_LOCAL_KM = 40.0
STRIP_HOURS = 24.0
"""The strip shows neighbours of this time before and after, or all if there are none."""
NARROW = 0.25
"""Below this share of a chart two texts beside each other overlap."""
BLUE, ORANGE = "#2166ac", "#e6550d"


def write(path: Path, explanation: Explanation, places: Places) -> None:
    """Writes sentences, maps and table. Raises OSError if the file cannot be written."""
    parts: list[str | Table | Figure] = [*sentences(explanation)]
    parts += figures(explanation, places)
    found = table(explanation)
    files.write(path, title(explanation), parts + ([found] if found else []))


def figures(explanation: Explanation, places: Places) -> list[Figure]:
    """A map of the world, a local map if the radius is small enough, and the curve."""
    prediction, mass = explanation.prediction, explanation.mass
    if prediction is None or mass is None:
        return []
    found = [_world(explanation, prediction, mass, places)]
    reach_km = max(1.25 * explanation.radii_km[-1], MIN_LOCAL_KM)
    if reach_km <= MAX_LOCAL_KM:
        found.append(_surroundings(explanation, prediction, mass, places, reach_km))
    found.append(_curve(explanation, prediction))
    return found + ([_strip(explanation.trip)] if explanation.trip else [])


def _world(
    explanation: Explanation, prediction: Prediction, mass: ProbabilityMass, places: Places
) -> Figure:
    world = WorldMap(f"Where it may be: {answer(prediction)}")
    cell = np.floor(world.pixels(places.lat, places.lon) / CELL_PX).astype(np.int64)
    cells, index = np.unique(cell, axis=0, return_inverse=True)
    held = np.bincount(index.ravel(), weights=mass).astype(np.float64)
    world.figure.add(*_heat(cells, _densest(held)))
    _mark(world, explanation, prediction)
    height = world.figure.height_px
    for number, (share, colour) in enumerate(HEAT):
        y = height - 64 + 15 * number
        square = _squares(np.array([[10, y - 9]]) / CELL_PX)
        world.figure.add(Polylines(square, ShapeStyle(fill=colour), closed=True))
        world.figure.add(TextLabel(26, y, f"{100 * share:.0f} % of the probability", 11))
    return world.figure


def _densest(held: NDArray[np.float64]) -> NDArray[np.intp]:
    """The class of each cell in HEAT; len(HEAT) for the rest."""
    order = np.argsort(-held, kind="stable")
    before = np.cumsum(held[order]) - held[order]
    group = np.empty(len(held), np.intp)
    group[order] = np.searchsorted([share for share, _ in HEAT], before, side="right")
    return group


def _heat(cells: NDArray[np.int64], group: NDArray[np.intp]) -> list[Polylines]:
    return [
        Polylines(
            _squares(cells[group == number]), ShapeStyle(fill=colour, opacity=0.8), closed=True
        )
        for number, (_, colour) in enumerate(HEAT)
        if (group == number).any()
    ]


def _squares(corners: NDArray[np.generic]) -> list[NDArray[np.float64]]:
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    return [(corner + square) * CELL_PX for corner in corners]


def _surroundings(
    explanation: Explanation,
    prediction: Prediction,
    mass: ProbabilityMass,
    places: Places,
    reach_km: float,
) -> Figure:
    around = LocalMap(f"Within {reach_km:,.0f} km", prediction.point, reach_km)
    centres = around.pixels(places.lat, places.lon)
    size = around.figure.width_px
    seen = ((centres >= 0) & (centres <= size)).all(axis=1) & (mass > 1e-4 * mass.max())
    radii_px = np.maximum(14 * np.sqrt(mass[seen] / mass.max()), 0.7)
    around.figure.add(Dots(centres[seen], radii_px, ShapeStyle(fill=HEAT[1][1], opacity=0.55)))
    _mark(around, explanation, prediction)
    around.figure.add(TextLabel(10, 20, around.figure.title, 13))
    around.figure.add(
        TextLabel(10, 36, "dots: probability of each town; circles: 50, 80, 90 %", 11)
    )
    return around.figure


def _mark(on: PlotMap, explanation: Explanation, prediction: Prediction) -> None:
    """Adds the circles, the predicted point, and the GPS of the camera."""
    for share, radius_km in zip(SHARES, explanation.radii_km, strict=True):
        style = ShapeStyle(stroke=RING, width_px=1.2, dashed=share < SHARES[-1])
        on.figure.add(Polylines(on.pixel_lines(*circle(prediction.point, radius_km)), style))
    _dot(on, prediction.point, POINT)
    metadata = explanation.outcome.metadata
    if metadata.gps is None or metadata.gps_is_prediction:
        return
    x, y = on.pixels([metadata.gps.lat], [metadata.gps.lon])[0]
    if 0 <= x <= on.figure.width_px and 0 <= y <= on.figure.height_px:
        _dot(on, metadata.gps, MEASURED)
        on.figure.add(TextLabel(x + 7, y - 5, "GPS of the camera", 11, colour=MEASURED))


def _dot(on: PlotMap, point: Point, colour: str) -> None:
    style = ShapeStyle(fill=colour, stroke="#ffffff", width_px=1)
    on.figure.add(Dots(on.pixels([point.lat], [point.lon]), np.array([4.0]), style))


def _strip(trip: TripExplanation) -> Figure:
    """The explained photo among its neighbours of the day, in order of time."""
    day = [one for one in trip.neighbours if abs(one.hours_after) <= STRIP_HOURS]
    shown = day or trip.neighbours
    first = min(0.0, *(one.hours_after for one in shown))
    last = max(0.0, *(one.hours_after for one in shown))
    span = max(last - first, 1e-6)
    ends = {0.0: _end_text(first, span), span: _end_text(last, span)} if trip.by_clock else {}
    ticks = {span: "", **ends, -first: "this photo"}
    chart = Chart("The trip", "time", f"probability of {trip.country}", ticks)
    effects = np.array([abs(trip.support - one.without_it) for one in shown])
    radii_px = 3 + 6 * np.sqrt(effects / max(effects.max(), 1e-9))
    x = [one.hours_after - first for one in shown]
    chart.dots(x, [one.support for one in shown], radii_px.tolist(), ShapeStyle(fill=BLUE))
    chart.dots([-first], [trip.support], [5.0], ShapeStyle(fill=ORANGE))
    chart.subtitle("blue: its neighbours, the larger the more they moved the answer")
    return chart.figure


def _end_text(hours: float, span: float) -> str:
    """How far an end of the strip is from the photo; empty where the text would cover its name."""
    if abs(hours) < NARROW * span:
        return ""
    return f"{gap_text(abs(hours))} {'before' if hours < 0 else 'after'}"


def _curve(explanation: Explanation, prediction: Prediction) -> Figure:
    """Probability as the sources are added one by one."""
    assert explanation.prior is not None
    names = ["the prior", *(f"+ {step.source}" for step in explanation.steps)]
    supports = [explanation.prior, *(step.after for step in explanation.steps)]
    x = np.arange(len(names)) + 0.5
    ticks = {float(at): name for at, name in zip(x, names, strict=True)} | {len(names): ""}
    country = prediction.place.country or "the country"
    near = f"within {explanation.near_km:.0f} km"
    chart = Chart("Probability of the prediction", "", "probability", ticks)
    curves: Sequence[tuple[list[float], str]] = [
        ([s.country for s in supports], BLUE),
        ([s.near for s in supports], ORANGE),
    ]
    for values, colour in curves:
        chart.line(x, values, ShapeStyle(stroke=colour, width_px=2))
        chart.dots(x, values, [4.0] * len(x), ShapeStyle(fill=colour))
    chart.subtitle(f"blue: {country}; orange: {near}")
    return chart.figure
