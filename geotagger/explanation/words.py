"""An explanation as sentences, as a table, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from geotagger.evidence.camera_gps import gap_text
from geotagger.explanation.steps import SHARES
from geotagger.geography.distance_text import distance_text
from geotagger.plots.table import Table
from geotagger.printable import printable, printable_path
from geotagger.reasons import note_text
from geotagger.types import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geotagger.explanation.steps import Explanation, Step
    from geotagger.explanation.trip import NeighbourEffect, TripExplanation
    from geotagger.reasons import note_text
from geotagger.types import Place, Prediction

FORMAT = 1
"""Version of the JSON; increased when a key changes its meaning or is removed."""
MAX_NEIGHBOURS_NAMED = 5
UNMOVED, UNMOVED_BY = 0.01, 1.5
"""A probability that changes by less than this difference and factor is called unchanged."""


def title(explanation: Explanation) -> str:
    """The path of the photo."""
    return printable_path(explanation.outcome.photo.path)


def sentences(explanation: Explanation) -> list[str]:
    """The prediction, and one sentence for each source."""
    prediction = explanation.prediction
    note = note_text(explanation.outcome.reasons)
    if prediction is None:
        return [note or "no source has evidence of the place"]
    shares = {  # of equal radii the largest share counts
        f"{radius_km:,.0f} km": percent(share)
        for share, radius_km in zip(SHARES, explanation.radii_km, strict=True)
    }
    circles = ", ".join(f"{share} within {radius}" for radius, share in shares.items())
    lines = [f"{answer(prediction)}. Probability around the point: {circles}."]
    if prediction.measured_by:
        radius = distance_text(prediction.radius_km)
        lines = [f"{answer(prediction)}. A {prediction.measured_by} measured it, within {radius}."]
    lines += [_moved(step, prediction) for step in explanation.steps]
    if explanation.trip is not None:
        lines += neighbour_sentences(explanation.trip)
    if note:
        lines.append(f"note: {note}")
    return lines


def neighbour_sentences(trip: TripExplanation) -> list[str]:
    """The neighbours that moved the answer most, one sentence each."""
    moved = sorted(trip.neighbours, key=lambda one: -abs(trip.support - one.without_it))
    lines = []
    for one in moved[:MAX_NEIGHBOURS_NAMED]:
        if abs(trip.support - one.without_it) < UNMOVED:
            break
        verb = "raises" if trip.support > one.without_it else "lowers"
        lines.append(
            f"its neighbour {printable(one.name)} ({when(one, trip)}, {one.country or 'at sea'})"
            f" {verb} {trip.country} from {percent(one.without_it)} to {percent(trip.support)}."
        )
    count = len(trip.neighbours)
    lines.append(f"{count} neighbour{'s' * (count > 1)} in the folder looked at.")
    return lines


def when(one: NeighbourEffect, trip: TripExplanation) -> str:
    """How long before or after, for example `25 min before`."""
    direction = "before" if one.hours_after < 0 else "after"
    return f"{gap_text(abs(one.hours_after))} {direction}" if trip.by_clock else direction


def answer(prediction: Prediction) -> str:
    """The predicted place and its confidence, as text."""
    place = prediction.place
    if prediction.measured_by and prediction.level is Level.NONE:
        return f"at sea ({percent(prediction.confidence)})"
    if prediction.level is Level.NONE:
        return f"unsure, at best {place.country or 'at sea'} ({percent(prediction.confidence)})"
    return f"{_named(place, prediction.level)} ({percent(prediction.confidence)})"


def _named(place: Place, level: Level) -> str:
    names = {
        Level.CITY: (place.city, place.region, place.country),
        Level.REGION: (place.region, place.country),
        Level.CONTINENT: (place.continent,),
    }.get(level, (place.country,))
    return ", ".join(dict.fromkeys(name for name in names if name))


def _moved(step: Step, prediction: Prediction) -> str:
    country = prediction.place.country or "the country"
    before, after, without = step.before.country, step.after.country, step.left_out.country
    least, most = sorted((before, after))
    if most - least < UNMOVED and most < UNMOVED_BY * least:
        added = f"leaves {country} at {percent(after)}"
    else:
        verb = "raises" if after > before else "lowers"
        added = f"{verb} {country} from {percent(before)} to {percent(after)}"
    other = answer(step.others_say)
    reason = f" ({printable(step.reason)})" if step.reason else ""
    return (
        f"{step.source}{reason} {added}."
        f" Without it {country} has {percent(without)}, and the answer is: {other}."
    )


def table(explanation: Explanation) -> Table | None:
    """Probability of the country and near the point, source by source."""
    prediction, prior, total = explanation.prediction, explanation.prior, explanation.total
    if prediction is None or prior is None or total is None:
        return None
    rows: list[Sequence[str]] = [
        ("the prior", percent(prior.country), "", "", percent(prior.near), "", "")
    ]
    rows += [
        (
            f"+ {step.source}",
            *(percent(s.country) for s in (step.after, step.alone, step.left_out)),
            *(percent(s.near) for s in (step.after, step.alone, step.left_out)),
        )
        for step in explanation.steps
    ]
    rows.append(("all", percent(total.country), "", "", percent(total.near), "", ""))
    country = prediction.place.country or "the country"
    near = f"within {explanation.near_km:.0f} km of {prediction.place.city or 'the point'}"
    header = ("probability of", country, "it alone", "left out", near, "it alone", "left out")
    return Table("What each source does", header, rows)


def to_text(explanation: Explanation) -> str:
    """The explanation as text: sentences and a table."""
    found = table(explanation)
    parts = [title(explanation), *(f"  {line}" for line in sentences(explanation))]
    return "\n".join([*parts, *(["", found.to_text()] if found else [])])


def to_json(explanation: Explanation) -> str:
    """The explanation as JSON. Probabilities are 0 to 1, distances in km."""
    prediction = explanation.prediction
    document: dict[str, Any] = {
        "format": FORMAT,
        "path": title(explanation),
        "status": explanation.outcome.status.value,
        "note": note_text(explanation.outcome.reasons),
        "prediction": prediction and _plain(prediction),
        "radii_km": {
            f"{100 * share:.0f}": radius_km
            for share, radius_km in zip(SHARES, explanation.radii_km, strict=False)
        },
        "near_km": explanation.near_km,
        "prior": explanation.prior and asdict(explanation.prior),
        "total": explanation.total and asdict(explanation.total),
        "sources": [_plain_step(step) for step in explanation.steps],
        "trip": explanation.trip and asdict(explanation.trip),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _plain_step(step: Step) -> dict[str, Any]:
    supports = {name: asdict(getattr(step, name)) for name in _SUPPORTS}
    return {
        "source": step.source,
        "reason": printable(step.reason),
        **supports,
        "others_say": _plain(step.others_say),
    }


_SUPPORTS = ("before", "after", "alone", "left_out")


def _plain(prediction: Prediction) -> dict[str, Any]:
    place = prediction.place
    return {
        "lat": prediction.point.lat,
        "lon": prediction.point.lon,
        "level": prediction.level.value,
        "confidence": prediction.confidence,
        "radius_km": prediction.radius_km,
        "country_code": place.country_code,
        "region": place.region,
        "city": place.city,
    }


def percent(share: float) -> str:
    """A share as text."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"
