"""The charts and the map of errors of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.plots.chart import Chart
from geotagger.plots.figure import Dots, Figure, Polylines, ShapeStyle, TextLabel
from geotagger.plots.world import WorldMap, great_circle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geotagger.evaluation.run import Evaluation
    from geotagger.evaluation.scored import ScoredPhoto
    from geotagger.evaluation.scores import Scores

BLUE, PALE, RED, GREY = "#2166ac", "#9ecae1", "#b2182b", "#666666"
NEARER = ((25, "#1a9850"), (200, "#91cf60"), (750, "#fec44f"), (2500, "#fc8d59"))
FARTHER = "#d73027"
MAX_LINES = 400
"""More lines than this would hide the map."""


def charts(evaluation: Evaluation) -> list[Figure]:
    """The charts for which there is data, and the map of errors."""
    scores, found = evaluation.scores, []
    if scores.reliability:
        found += [_reliability(scores), _risk(scores)]
    if scores.figures["inside_90_radius"].photos:
        found += [_coverage(scores), _distances(evaluation.scored)]
        found.append(error_map(evaluation.scored))
    return found


def _reliability(scores: Scores) -> Figure:
    chart = Chart("Confidence in the country", "stated", "right")
    chart.line([0, 1], [0, 1], ShapeStyle(stroke=GREY, dashed=True))
    most = max(item.photos for item in scores.reliability)
    for item in scores.reliability:
        chart.bar(
            item.above, item.upto, 0.12 * item.photos / most, ShapeStyle(fill=PALE, opacity=0.6)
        )
        chart.line(
            [item.confidence] * 2, [item.low, item.high], ShapeStyle(stroke=BLUE, width_px=1.5)
        )
    stated = [item.confidence for item in scores.reliability]
    right = [item.right for item in scores.reliability]
    chart.dots(stated, right, [4.0] * len(stated), ShapeStyle(fill=BLUE))
    ece, chance = scores.figures["ece"].value, scores.ece_by_chance
    chart.subtitle(f"ECE {ece:.3f}, by chance {chance:.3f}; bars: photos")
    return chart.figure


def _risk(scores: Scores) -> Figure:
    chart = Chart("Answering only the surest", "answered", "country right")
    answered = [item.answered for item in scores.risk_coverage]
    right = [1 - item.wrong for item in scores.risk_coverage]
    sure = [item.confidence for item in scores.risk_coverage]
    chart.line(answered, sure, ShapeStyle(stroke=GREY, dashed=True))
    chart.line(answered, right, ShapeStyle(stroke=BLUE, width_px=2))
    chart.dots(answered[:1], right[:1], [3.0], ShapeStyle(fill=BLUE))
    chart.subtitle(f"AURC {scores.figures['aurc'].value:.3f}; dashed: least confidence")
    return chart.figure


def _coverage(scores: Scores) -> Figure:
    chart = Chart("Truth inside the circles", "stated", "covered")
    chart.line([0, 1], [0, 1], ShapeStyle(stroke=GREY, dashed=True))
    for stated in (50, 80, 90):
        figure = scores.figures[f"inside_{stated}_radius"]
        if figure.value is None:
            continue
        x, good = stated / 100, figure.low is not None and figure.low <= stated / 100
        style = ShapeStyle(fill=PALE if good else "#f4a582", stroke=BLUE)
        chart.bar(x - 0.035, x + 0.035, figure.value, style)
        if figure.low is not None and figure.high is not None:
            chart.line([x, x], [figure.low, figure.high], ShapeStyle(stroke=RED, width_px=2))
    return chart.figure


def _distances(scored: Sequence[ScoredPhoto]) -> Figure:
    """Share of the photos within each distance, on a logarithmic axis."""
    ticks = {float(np.log10(km)): f"{km:,}" for km in (1, *(km for km, _ in NEARER), 20_000)}
    chart = Chart("Photos within a distance", "km", "photos", ticks)
    km = np.sort([d for item in scored if (d := item.distance_km) is not None])
    x = np.repeat(np.log10(np.clip(km, 1, 20_000)), 2)
    share = np.repeat(np.arange(len(km) + 1) / len(km), 2)[1:-1]
    line = ShapeStyle(stroke=BLUE, width_px=2)
    chart.line([0, *x, max(ticks)], [0, *share, 1], line)
    return chart.figure


def error_map(scored: Sequence[ScoredPhoto]) -> Figure:
    """A map with a dot where each photo was taken, and a line to the predicted point."""
    known = [(item, d) for item in scored if (d := item.distance_km) is not None]
    world = WorldMap("Where photos were taken, coloured by how far off they were placed")
    bounds = [km for km, _ in NEARER]
    group = np.searchsorted(bounds, [km for _, km in known])
    colours = [*(colour for _, colour in NEARER), FARTHER]
    words = [*(f"within {km:,} km" for km in bounds), "farther"]
    for number in reversed(range(len(colours))):
        own = [item for (item, _), at in zip(known, group, strict=True) if at == number]
        truths = [item.truth.point for item in own if item.truth.point is not None]
        if len(known) <= MAX_LINES:
            ways = [
                great_circle(truth, item.prediction.point)
                for truth, item in zip(truths, own, strict=True)
            ]
            tracks = [track for way in ways for track in world.pixel_lines(*way)]
            world.figure.add(Polylines(tracks, ShapeStyle(stroke=colours[number], opacity=0.45)))
        if truths:
            centres = world.pixels([p.lat for p in truths], [p.lon for p in truths])
            dots = ShapeStyle(fill=colours[number], stroke="#ffffff", width_px=0.6)
            world.figure.add(Dots(centres, np.full(len(own), 3.5), dots))
    height = world.figure.height_px
    for number, (colour, text) in enumerate(zip(colours, words, strict=True)):
        y = height - 78 + 15 * number
        world.figure.add(Dots(np.array([[16.0, y - 4]]), np.array([4.0]), ShapeStyle(fill=colour)))
        count = int((group == number).sum())
        world.figure.add(TextLabel(26, y, f"{text}: {count}", 11))
    return world.figure
