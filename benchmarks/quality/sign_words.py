"""Words that name no place, and words that do: what text alone makes of them.

    python -m benchmarks.quality.sign_words

`tests/data/travelling_texts.csv` has names of persons, brands, dishes, titles, shops and slogans,
with the places that a reason may name. `tests/data/town_signs.csv` has signs: towns called like
a person or a product with something that supports them, lone towns, names of towns in other
languages, and signs that name none. The rules were made with the half `tune`.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click

from geotagger.evidence.ocr_text import evidence_of
from geotagger.fusion.decide import Fusion
from geotagger.geography.places import load_places
from geotagger.geography.sphere import haversine_km
from geotagger.text.combine import Combiner
from geotagger.text.find_cues import find_cues
from geotagger.text.types import Cue, OcrResult, TextLine
from geotagger.types import Level, Prediction

DATA = Path(__file__).parents[2] / "tests" / "data"
PHRASES, SIGNS = DATA / "travelling_texts.csv", DATA / "town_signs.csv"
BOX = ((0.1, 0.4), (0.9, 0.4), (0.9, 0.6), (0.1, 0.6))
NEAR_KM = 25.0
COUNTRY_OR_FINER = frozenset({Level.CITY, Level.REGION, Level.COUNTRY})


@cache
def _fusion() -> tuple[Fusion, Combiner]:
    places = load_places()
    return Fusion(places), Combiner(places)


def judge(text: str) -> tuple[Prediction | None, list[Cue]]:
    """The prediction from a text alone, and the names that its reason may quote.

    Args:
        text: lines, separated by " / ".
    """
    fusion, combiner = _fusion()
    lines = tuple(TextLine(part, 0.95, BOX) for part in text.split(" / "))
    ocr = OcrResult(lines, 1000, 1000)
    evidence = evidence_of(ocr, combiner)
    weighted = combiner.weigh(find_cues(ocr)[0])
    names = [item.cue for item in weighted if item.is_telling and item.cue.kind == "place name"]
    return (fusion.decide([evidence]) if evidence else None), names


def rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def measure_phrases() -> dict[tuple[str, str], Counter[str]]:
    """Counts by half and kind: answered with a town, a country at least, absurd reasons."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for row in rows(PHRASES):
        prediction, names = judge(row["text"])
        may_name = set(row["may_name"].split(";"))
        level = prediction.level if prediction else Level.NONE
        for kind in (row["kind"], "all"):
            count = counts.setdefault((row["half"], kind), Counter())
            count["texts"] += 1
            count["town"] += level is Level.CITY
            count["country or finer"] += level in COUNTRY_OR_FINER
            count["absurd reason"] += any(_first_place(cue) not in may_name for cue in names)
    return counts


def measure_signs() -> dict[tuple[str, str], Counter[str]]:
    """Counts by half and kind: right countries, towns answered near and far, towns named first."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for row in rows(SIGNS):
        prediction, names = judge(row["text"])
        level = prediction.level if prediction else Level.NONE
        is_right = prediction is not None and prediction.place.country_code == row["country"]
        near = (
            level is Level.CITY
            and prediction is not None
            and _is_near(row, prediction.point.lat, prediction.point.lon)
        )
        for kind in (row["kind"], "all"):
            count = counts.setdefault((row["half"], kind), Counter())
            count["texts"] += 1
            count["country right"] += is_right
            count["wrong country"] += level in COUNTRY_OR_FINER and not is_right
            count["town near"] += near
            count["town far"] += level is Level.CITY and not near
            count["town named"] += any(
                _is_near(row, spot.lat, spot.lon) for cue in names for spot in cue.spots
            )
    return counts


def _first_place(cue: Cue) -> str:
    return re.sub(r" \(and \d+ more\)$", "", cue.meaning)


def _is_near(row: dict[str, str], lat: float, lon: float) -> bool:
    if not row["town"]:
        return False
    return bool(haversine_km(float(row["lat"]), float(row["lon"]), lat, lon) <= NEAR_KM)


@click.command(help=__doc__)
def main() -> None:
    for counts in (measure_phrases(), measure_signs()):
        for (half, kind), count in sorted(counts.items()):
            figures = ", ".join(f"{name} {number}" for name, number in count.items())
            click.echo(f"{half:9}{kind:9}{figures}")


if __name__ == "__main__":
    main()
