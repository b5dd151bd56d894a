"""Fits how much each kind of textual cue counts: python -m training.calibrate.fit_text SET...
[--write]

A SET is a folder of photos with labels.csv (file, lat, lon, country); or FILE.jsonl:LABELS.csv with
what `geotagger read --json` printed for such photos, which saves reading them again; or a CSV of
texts (text with " / " between the lines, lat, lon, country).
Fitted are the power of each kind's likelihood ratio and the share of foreign words, for the least
surprise at the true country (and at the true town, where the label is that fine), with a pull
towards 1, the power that an honest ratio deserves. Every set counts alike, every country in it by
the square root of its photos. Printed is what the text alone achieves: on each SET with strengths
fitted on the other SETs only, and as a whole.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from geotagger.fusion.decide import Fusion
from geotagger.fusion.prior import Constants
from geotagger.geography.places import Places, load_places
from geotagger.geography.sphere import haversine_km
from geotagger.text.combine import Combiner, Strengths, together
from geotagger.text.find_cues import find_cues
from geotagger.text.types import OcrResult
from geotagger.types import Evidence, Level
from training.data.readings import read_readings, well_read

STRENGTHS_FILE = Path(__file__).parents[2] / "geotagger" / "data" / "text.json"
POWERS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0, 1.2, 1.4)
FOREIGN_SHARES = (0.03, 0.05, 0.08, 0.12, 0.2)
"""No set holds enough brands and souvenirs to prove less than 3 %."""
ROUNDS = 3
PULL = 0.02
"""Penalty per squared distance of a power from 1, in nats per photo with cues."""
NEAR_KM = 50.0
NO_CUES = Strengths({}, 0.05)

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled photo and what its text says, by kind of cue."""

    log_ratios: Mapping[str, Values]
    """float32 [len(places)] by kind, of weight 1."""
    country: int
    lat: float
    lon: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class LabelledSet:
    name: str
    examples: Sequence[Example]
    """Those photos alone in which a cue was found."""
    photos: int
    with_text: int


@click.command(help=__doc__)
@click.argument("sets", metavar="SET...", nargs=-1, required=True)
@click.option("--write/--no-write", default=True, show_default=True)
@click.option("--judge-only", is_flag=True, help="Fit nothing: how the strengths in use fare.")
def main(sets: tuple[str, ...], write: bool, judge_only: bool) -> None:
    places = load_places()
    belief = Fusion(places, Constants.load())
    known = [read_set(name, places) for name in sets]
    if judge_only:
        for one in known:
            click.echo(judge(one, Strengths.load(), places, belief))
        return
    for one in known:
        others = [example for other in known if other is not one for example in other.examples]
        if others:
            strengths = fit(others, places, belief)
            click.echo(f"fitted on the other sets: {judge(one, strengths, places, belief)}")
    strengths = fit([example for one in known for example in one.examples], places, belief)
    click.echo(json.dumps(asdict(strengths), indent=2))
    for one in known:
        click.echo(f"fitted on all sets: {judge(one, strengths, places, belief)}")
    if write:
        STRENGTHS_FILE.write_text(json.dumps(asdict(strengths), indent=2) + "\n", "utf-8")


def read_set(name: str, places: Places) -> LabelledSet:
    """Cues of every labelled photo of a set."""
    readings, labels = _readings(name)
    combiner = Combiner(places, NO_CUES)
    examples, with_text = [], 0
    for row in labels:
        reading = readings.get(Path(row["file"]).name)
        if reading is None or not row.get("country"):
            continue
        with_text += bool(reading.lines)
        cues, _ = find_cues(reading)
        if not cues:
            continue
        of_kind: dict[str, list[Values]] = defaultdict(list)
        for item in combiner.weigh(cues):
            of_kind[item.cue.kind].append(item.log_ratio)
        log_ratios = {kind: together(values) for kind, values in of_kind.items()}
        lat, lon = (float(row[axis] or "nan") for axis in ("lat", "lon"))
        exact = row.get("precision", "point") in ("point", "city", "")
        country = places.country_codes.index(row["country"])
        examples.append(Example(log_ratios, country, lat if exact else np.nan, lon))
    return LabelledSet(name, _weighted(examples), len(labels), with_text)


def _readings(name: str) -> tuple[dict[str, OcrResult], list[dict[str, str]]]:
    if name.endswith(".csv") and ":" not in name:
        return _texts(Path(name))
    if ":" in name:
        file, labels = (Path(part) for part in name.split(":", 1))
        readings = read_readings(file)
    else:
        from geotagger.text.explain import explain_text

        labels = Path(name) / "labels.csv"
        readings = {
            explanation.path.name: OcrResult(
                tuple(explanation.lines), explanation.width_px, explanation.height_px
            )
            for explanation in explain_text([Path(name)])
        }
    with labels.open(encoding="utf-8", newline="") as file:
        return readings, list(csv.DictReader(file))


def _texts(file: Path) -> tuple[dict[str, OcrResult], list[dict[str, str]]]:
    with file.open(encoding="utf-8", newline="") as lines:
        labels = [{"file": str(i), **row} for i, row in enumerate(csv.DictReader(lines))]
    return {row["file"]: well_read(row["text"].split(" / ")) for row in labels}, labels


def _weighted(examples: Sequence[Example]) -> list[Example]:
    """Weights that sum to 1 over the set."""
    counts = np.bincount([e.country for e in examples], minlength=1)
    weights = counts[[e.country for e in examples]] ** -0.5
    return [
        replace(example, weight=float(weight / weights.sum()))
        for example, weight in zip(examples, weights, strict=True)
    ]


def fit(examples: Sequence[Example], places: Places, belief: Fusion) -> Strengths:
    """Strengths of least surprise, found by trying powers kind by kind."""
    kinds = sorted({kind for example in examples for kind in example.log_ratios})
    powers = dict.fromkeys(kinds, 1.0)
    foreign = NO_CUES.outlier_probability
    prior = np.exp(belief.log_prior)
    near = [_near(example, places) for example in examples]

    def loss(powers: Mapping[str, float], foreign: float, kind: str | None = None) -> float:
        """Over the photos that `kind` has a say in; all for None."""
        total = weight = 0.0
        for example, close in zip(examples, near, strict=True):
            if kind is None or kind in example.log_ratios:
                total += example.weight * _surprise(example, close, powers, foreign, prior, places)
                weight += example.weight
        pull = PULL * sum((power - 1) ** 2 for power in powers.values())
        return total / max(weight, 1e-9) + pull

    for _ in range(ROUNDS):
        before = (dict(powers), foreign)
        for kind in kinds:
            tried = {power: loss({**powers, kind: power}, foreign, kind) for power in POWERS}
            powers[kind] = min(tried, key=lambda power: tried[power])
        shares = {share: loss(powers, share) for share in FOREIGN_SHARES}
        foreign = min(shares, key=lambda share: shares[share])
        if (powers, foreign) == before:
            break
    return Strengths(powers, foreign)


def _near(example: Example, places: Places) -> NDArray[np.intp] | None:
    if not np.isfinite(example.lat):
        return None
    return np.flatnonzero(haversine_km(places.lat, places.lon, example.lat, example.lon) < NEAR_KM)


def _surprise(
    example: Example,
    near: NDArray[np.intp] | None,
    powers: Mapping[str, float],
    foreign: float,
    prior: Values,
    places: Places,
) -> float:
    mass = _posterior(example, powers, foreign, prior)
    surprise = -np.log(mass[places.country == example.country].sum() + 1e-12)
    if near is not None and len(near):
        surprise += -0.5 * np.log(mass[near].sum() + 1e-9)
    return float(surprise)


def _posterior(
    example: Example, powers: Mapping[str, float], foreign: float, prior: Values
) -> Values:
    summed = sum(powers.get(kind, 1.0) * values for kind, values in example.log_ratios.items())
    likelihood = np.exp(summed - np.max(summed))
    likelihood /= prior @ likelihood
    mass: Values = prior * ((1 - foreign) * likelihood + foreign)
    return mass / mass.sum()


def judge(one: LabelledSet, strengths: Strengths, places: Places, belief: Fusion) -> str:
    """What the text alone achieves on a set: country, and answers at city level."""
    prior = np.exp(belief.log_prior)
    right, city, city_near, surprise = 0, 0, 0, []
    for example in one.examples:
        mass = _posterior(example, strengths.weights, strengths.outlier_probability, prior)
        prediction = belief.decide([Evidence("text", 1.0, "", np.log(mass / prior))])
        code = places.country_codes[example.country]
        right += prediction.place.country_code == code
        surprise.append(-np.log(mass[places.country == example.country].sum() + 1e-12))
        if prediction.level is Level.CITY and np.isfinite(example.lat):
            point = prediction.point
            city += 1
            city_near += haversine_km(point.lat, point.lon, example.lat, example.lon) <= 25
    return (
        f"{one.name}: {one.photos} photos, {one.with_text} with text, {len(one.examples)} with"
        f" cues; country right {right} ({right / one.photos:.1%} of all,"
        f" {right / max(one.with_text, 1):.1%} of those with text); surprise"
        f" {np.mean(surprise or [0]):.3f} nats; city answers {city}, within 25 km {city_near}"
    )


if __name__ == "__main__":
    main()
