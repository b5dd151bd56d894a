"""An evaluation as tables for people and as JSON for programs. R = 6371.0 km."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from geotagger.evaluation.scores import THRESHOLDS_KM
from geotagger.plots.table import Table

if TYPE_CHECKING:
    from geotagger.evaluation.ablation import Ablation, Difference
    from geotagger.evaluation.by_trip import TripScores
    from geotagger.evaluation.run import Evaluation
    from geotagger.evaluation.scores import Estimate, Scores

FORMAT = 1
"""Version of the JSON; increased when a key changes its meaning or is removed."""
KM_FIGURES = ("median_km", "mean_km")
ABLATED = ("country", "within_200_km", "geoscore", "surprise", "inside_90_radius", "ece")


def to_json(evaluation: Evaluation) -> str:
    """The evaluation as JSON: shares 0 to 1, distances in km, unknown figures null."""
    ablation = evaluation.ablation
    document = {"format": FORMAT, **asdict(evaluation.scores), "ablation": None}
    document["trips"] = evaluation.trips and asdict(evaluation.trips)
    if ablation is not None:
        document["ablation"] = {
            "spoke": dict(ablation.spoke),
            "subsets": {
                name: {figure: own.value for figure, own in scores.figures.items()}
                for name, scores in ablation.subsets.items()
            },
            "differences": [
                {**asdict(item), "says": item.verdict} for item in ablation.differences
            ],
            "harmful": ablation.harmful,
        }
    return json.dumps(document, indent=2)


def to_text(evaluation: Evaluation) -> str:
    """The evaluation as text: a headline and tables."""
    return "\n\n".join([headline(evaluation.scores), *(t.to_text() for t in tables(evaluation))])


def headline(scores: Scores) -> str:
    """The number of photos by result, as a sentence."""
    return (
        f"{scores.scored} of {scores.photos} photos scored ({scores.unlabelled} without a label,"
        f" {scores.failed} failed, {scores.skipped} skipped,"
        f" {scores.no_evidence} without any evidence)"
    )


def tables(evaluation: Evaluation) -> list[Table]:
    """The tables for which there is data."""
    scores, ablation = evaluation.scores, evaluation.ablation
    if not scores.scored:
        return []
    found = [_accuracy(scores), _levels(scores), _calibration(scores)]
    if scores.reliability:
        found.append(_reliability(scores))
    if evaluation.trips is not None:
        found.append(_by_trip(evaluation.trips))
    return found + ([_subsets(ablation), _differences(ablation)] if ablation else [])


def _accuracy(scores: Scores) -> Table:
    named = {
        "continent": "continent",
        "country": "country",
        "country_top_k": f"country in top {scores.top_k}",
        "region": "region",
        "city": "city",
        **{f"within_{km}_km": f"within {km} km" for km in THRESHOLDS_KM},
        "median_km": "median km",
        "mean_km": "mean km",
        "geoscore": "GeoScore",
    }
    rows = [_row(title, name, scores.figures[name]) for name, title in named.items()]
    header = ("", "per photo", "95 % interval", "per country", "photos")
    return Table("Accuracy", header, rows, "distances: great circle, R = 6371.0 km")


def _calibration(scores: Scores) -> Table:
    named = {
        "inside_50_radius": "inside the 50 % radius",
        "inside_80_radius": "inside the 80 % radius",
        "inside_90_radius": "inside the stated 90 % radius",
        "ece": "ECE of the country",
        "aurc": "AURC of the country",
        "surprise": "surprise at the country, nats",
    }
    rows = [_row(title, name, scores.figures[name]) for name, title in named.items()]
    chance = scores.ece_by_chance
    note = "" if chance is None else f"perfect confidences would have an ECE of about {chance:.3f}"
    header = ("", "per photo", "95 % interval", "per country", "photos")
    return Table("Does the confidence hold?", header, rows, note)


def _row(title: str, name: str, figure: Estimate) -> tuple[str, ...]:
    interval = "-"
    if figure.low is not None:
        interval = f"{figure_text(name, figure.low)} to {figure_text(name, figure.high)}"
    alike = figure_text(name, figure.by_country)
    return title, figure_text(name, figure.value), interval, alike, str(figure.photos)


def _levels(scores: Scores) -> Table:
    rows = []
    for level, answers in scores.levels.items():
        right = answers.right
        interval = "-"
        if right.low is not None:
            interval = f"{percent(right.low)} to {percent(right.high)}"
        rows.append(
            (
                level,
                str(answers.photos),
                percent(answers.share),
                percent(answers.confidence),
                percent(right.value),
                interval,
            )
        )
    header = ("level", "photos", "share", "stated", "right", "95 % interval")
    return Table("Answers by level", header, rows, "a city is right within 25 km")


def _reliability(scores: Scores) -> Table:
    rows = [
        (
            f"{100 * item.above:.0f} to {100 * item.upto:.0f} %",
            str(item.photos),
            percent(item.confidence),
            percent(item.right),
            f"{percent(item.low)} to {percent(item.high)}",
        )
        for item in scores.reliability
    ]
    header = ("confidence", "photos", "stated", "right", "95 % interval")
    return Table("Confidence in the country", header, rows)


def _by_trip(trips: TripScores) -> Table:
    rows = [
        ("photos with the right country", *_share(trips.country)),
        ("trips mostly in the right country", *_share(trips.mostly)),
    ]
    median = "-" if trips.median_photos is None else f"{trips.median_photos:g}"
    note = (
        f"{trips.trips} trips of two and more photos, {trips.photos} photos in all, half of the"
        f" trips with at most {median}; every trip has the same weight"
    )
    return Table("By trip", ("", "share", "95 % interval"), rows, note)


def _share(figure: Estimate) -> tuple[str, str]:
    known = figure.low is not None
    return percent(figure.value), f"{percent(figure.low)} to {percent(figure.high)}" * known or "-"


def _subsets(ablation: Ablation) -> Table:
    rows = [
        (name, *(figure_text(figure, scores.figures[figure].value) for figure in ABLATED))
        for name, scores in ablation.subsets.items()
    ]
    header = ("", "country", "in 200 km", "GeoScore", "surprise", "in 90 % radius", "ECE")
    return Table("With and without each source", header, rows)


def _differences(ablation: Ablation) -> Table:
    rows = [
        (
            f"{item.source}: {FIGURE_WORDS[item.figure]}",
            str(ablation.spoke[item.source]),
            gain_text(item, item.mean),
            "-"
            if item.low is None
            else f"{gain_text(item, item.low)} to {gain_text(item, item.high)}",
            item.verdict,
        )
        for item in ablation.differences
    ]
    harmful = ablation.harmful
    note = "no source makes the predictions clearly worse"
    if harmful:
        note = f"makes the predictions worse: {', '.join(harmful)}"
    elif any(item.low is None for item in ablation.differences):
        note = "too few photos to tell"
    header = ("what a source adds", "photos", "gain", "95 % interval", "it")
    return Table(
        "Does any source make the predictions worse?",
        header,
        rows,
        note,
    )


FIGURE_WORDS = {
    "country": "country right",
    "within_200_km": "within 200 km",
    "geoscore": "GeoScore",
    "surprise": "less surprise, nats",
}


def gain_text(item: Difference, value: float | None) -> str:
    """A gain as text; shares in percentage points."""
    if value is None:
        return "-"
    if item.figure == "geoscore":
        return f"{value:+,.1f}"
    return f"{value:+.3f}" if item.figure == "surprise" else f"{100 * value:+.1f}"


def figure_text(name: str, value: float | None) -> str:
    """A figure as text."""
    if value is None:
        return "-"
    if name in ("geoscore", *KM_FIGURES):
        return f"{value:,.0f}"
    return f"{value:.3f}" if name in ("ece", "aurc", "surprise") else percent(value)


def percent(share: float | None) -> str:
    """A share as text."""
    return "-" if share is None else f"{100 * share:.1f} %"
