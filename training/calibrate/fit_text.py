"""Fits the weights of textual cues: python -m training.calibrate.fit_text SET... [--write]

A SET is a folder of photos with labels.csv (file, lat, lon, country); or FILE.jsonl:LABELS.csv,
where FILE is the output of `geotagger read --json` for such photos, which avoids reading them
again; or a CSV of texts (text with " / " between the lines, lat, lon, country).

Fitted are the power of each kind's likelihood ratio and the outlier probability, by maximum
likelihood of the true country (and of the true town, if the label is that precise), with a penalty
for powers other than 1, the right power of an honest ratio. Every set has the same weight; in a set
a country is weighed by the square root of its photos. The accuracy of the text alone is printed: on
each SET with weights that were fitted on the other SETs, and with the final weights.
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
from training.calibrate.package_data import write_package_json
from training.data.readings import read_readings, reading_from_texts

STRENGTHS_FILE = "text.json"
POWERS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0, 1.2, 1.4)
OUTLIER_PROBABILITIES = (0.03, 0.05, 0.08, 0.12, 0.2)
"""No set has enough brands and souvenirs to support less than 3 %."""
ROUNDS = 3
PENALTY = 0.02
"""Per squared distance of a power from 1, in nats per photo with cues."""
NEAR_KM = 50.0
NO_CUES = Strengths({}, 0.05)

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CueExample:
    """One labelled photo, and the evidence of its text by kind of cue."""

    log_ratios: Mapping[str, Values]
    """Kind -> float32 [places] log-likelihood ratios, at weight 1."""
    country: int
    """Index into the country codes of the places table."""
    lat: float
    lon: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class CueSet:
    """The photos of a set."""

    name: str
    examples: Sequence[CueExample]
    """Only the photos with a cue."""
    photos: int
    """The number of all photos of the set."""
    photos_with_text: int


@click.command(help=__doc__)
@click.argument("sets", metavar="SET...", nargs=-1, required=True)
@click.option("--write/--no-write", default=True, show_default=True)
@click.option("--judge-only", is_flag=True, help="Do not fit: evaluate the strengths in use.")
def main(sets: tuple[str, ...], write: bool, judge_only: bool) -> None:
    places = load_places()
    fusion = Fusion(places, Constants.load())
    labelled_sets = [read_set(name, places) for name in sets]
    if judge_only:
        for one in labelled_sets:
            click.echo(evaluate(one, Strengths.load(), places, fusion))
        return
    for one in labelled_sets:
        others = [
            example for other in labelled_sets if other is not one for example in other.examples
        ]
        if others:
            strengths = fit(others, places, fusion)
            click.echo(f"fitted on the other sets: {evaluate(one, strengths, places, fusion)}")
    strengths = fit([example for one in labelled_sets for example in one.examples], places, fusion)
    click.echo(json.dumps(asdict(strengths), indent=2))
    for one in labelled_sets:
        click.echo(f"fitted on all sets: {evaluate(one, strengths, places, fusion)}")
    if write:
        write_package_json(STRENGTHS_FILE, asdict(strengths))


def read_set(name: str, places: Places) -> CueSet:
    """Reads the cues of every labelled photo of a set."""
    readings, labels = _read_readings(name)
    combiner = Combiner(places, NO_CUES)
    examples, photos_with_text = [], 0
    for row in labels:
        reading = readings.get(Path(row["file"]).name)
        if reading is None or not row.get("country"):
            continue
        photos_with_text += bool(reading.lines)
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
        examples.append(CueExample(log_ratios, country, lat if exact else np.nan, lon))
    return CueSet(name, _weighted(examples), len(labels), photos_with_text)


def _read_readings(name: str) -> tuple[dict[str, OcrResult], list[dict[str, str]]]:
    """Returns (file name -> text, labels) of a set."""
    if name.endswith(".csv") and ":" not in name:
        return _read_texts(Path(name))
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


def _read_texts(file: Path) -> tuple[dict[str, OcrResult], list[dict[str, str]]]:
    with file.open(encoding="utf-8", newline="") as lines:
        labels = [{"file": str(i), **row} for i, row in enumerate(csv.DictReader(lines))]
    return {row["file"]: reading_from_texts(row["text"].split(" / ")) for row in labels}, labels


def _weighted(examples: Sequence[CueExample]) -> list[CueExample]:
    """Adds weights that sum to 1 over the set."""
    counts = np.bincount([e.country for e in examples], minlength=1)
    weights = counts[[e.country for e in examples]] ** -0.5
    return [
        replace(example, weight=float(weight / weights.sum()))
        for example, weight in zip(examples, weights, strict=True)
    ]


def fit(examples: Sequence[CueExample], places: Places, fusion: Fusion) -> Strengths:
    """Fits the weights by coordinate descent over the powers of each kind.

    Args:
        examples: Photos of all sets.
        places: The places table.
        fusion: Has the prior.
    """
    kinds = sorted({kind for example in examples for kind in example.log_ratios})
    powers = dict.fromkeys(kinds, 1.0)
    outlier_probability = NO_CUES.outlier_probability
    prior = np.exp(fusion.log_prior)
    near = [_near(example, places) for example in examples]

    def loss(
        powers: Mapping[str, float], outlier_probability: float, kind: str | None = None
    ) -> float:
        """Averages over the photos with a cue of `kind`; over all photos for None."""
        total = weight = 0.0
        for example, near_rows in zip(examples, near, strict=True):
            if kind is None or kind in example.log_ratios:
                total += example.weight * _photo_loss(
                    example, near_rows, powers, outlier_probability, prior, places
                )
                weight += example.weight
        penalty = PENALTY * sum((power - 1) ** 2 for power in powers.values())
        return total / max(weight, 1e-9) + penalty

    for _ in range(ROUNDS):
        before = (dict(powers), outlier_probability)
        for kind in kinds:
            losses = {
                power: loss({**powers, kind: power}, outlier_probability, kind) for power in POWERS
            }
            powers[kind] = min(losses, key=lambda power: losses[power])
        shares = {share: loss(powers, share) for share in OUTLIER_PROBABILITIES}
        outlier_probability = min(shares, key=lambda share: shares[share])
        if (powers, outlier_probability) == before:
            break
    return Strengths(powers, outlier_probability)


def _near(example: CueExample, places: Places) -> NDArray[np.intp] | None:
    """Returns the places near the photo; None if its position is unknown."""
    if not np.isfinite(example.lat):
        return None
    return np.flatnonzero(haversine_km(places.lat, places.lon, example.lat, example.lon) < NEAR_KM)


def _photo_loss(
    example: CueExample,
    near: NDArray[np.intp] | None,
    powers: Mapping[str, float],
    outlier_probability: float,
    prior: Values,
    places: Places,
) -> float:
    """Returns the negative log-likelihood of the true country, plus half that of the true town."""
    mass = _posterior(example, powers, outlier_probability, prior)
    loss = -np.log(mass[places.country == example.country].sum() + 1e-12)
    if near is not None and len(near):
        loss += -0.5 * np.log(mass[near].sum() + 1e-9)
    return float(loss)


def _posterior(
    example: CueExample, powers: Mapping[str, float], outlier_probability: float, prior: Values
) -> Values:
    """Returns the posterior of the places [places] from the text alone."""
    summed = sum(powers.get(kind, 1.0) * values for kind, values in example.log_ratios.items())
    likelihood = np.exp(summed - np.max(summed))
    likelihood /= prior @ likelihood
    mass: Values = prior * ((1 - outlier_probability) * likelihood + outlier_probability)
    return mass / mass.sum()


def evaluate(one: CueSet, strengths: Strengths, places: Places, fusion: Fusion) -> str:
    """Describes the accuracy of the text alone on a set: country, and predictions at city level."""
    prior = np.exp(fusion.log_prior)
    right, city, city_near, losses = 0, 0, 0, []
    for example in one.examples:
        mass = _posterior(example, strengths.weights, strengths.outlier_probability, prior)
        prediction = fusion.decide([Evidence("text", 1.0, "", np.log(mass / prior))])
        code = places.country_codes[example.country]
        right += prediction.place.country_code == code
        losses.append(-np.log(mass[places.country == example.country].sum() + 1e-12))
        if prediction.level is Level.CITY and np.isfinite(example.lat):
            point = prediction.point
            city += 1
            city_near += haversine_km(point.lat, point.lon, example.lat, example.lon) <= 25
    return (
        f"{one.name}: {one.photos} photos, {one.photos_with_text} with text,"
        f" {len(one.examples)} with cues; country right {right}"
        f" ({100 * right / one.photos:.1f} % of all,"
        f" {100 * right / max(one.photos_with_text, 1):.1f} % of those with text); loss"
        f" {np.mean(losses or [0]):.3f} nats; city answers {city}, within 25 km {city_near}"
    )


if __name__ == "__main__":
    main()
