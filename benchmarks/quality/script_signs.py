"""Signs in the world's other scripts: the country and the town from their words alone.

    python -m benchmarks.quality.script_signs

`tests/data/script_signs.csv` has signs as they stand in the streets of 50 countries, in correct
letters: 7 to 18 of each larger country, many of which name no town and some no country. The rules
were made with one half of them; the halves are told apart by a hash of the text. A town counts as
right within 25 km.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from benchmarks.quality.sign_words import COUNTRY_OR_FINER, NEAR_KM, judge, rows
from geotagger.geography.sphere import haversine_km
from geotagger.text.language.writing_system import script_of
from geotagger.types import Level

SIGNS = Path(__file__).parents[2] / "tests" / "data" / "script_signs.csv"
HALVES = ("tune", "held out")


def half_of(text: str) -> str:
    """The half that a text is in."""
    return HALVES[hashlib.blake2b(text.encode(), digest_size=1).digest()[0] % 2]


def outcome_of(row: dict[str, str]) -> Counter[str]:
    """What the words of a sign are answered with, as counts of 0 and 1."""
    prediction, _ = judge(row["text"])
    level = prediction.level if prediction else Level.NONE
    is_right = prediction is not None and prediction.place.country_code == row["country"]
    km = (
        haversine_km(
            float(row["lat"]), float(row["lon"]), prediction.point.lat, prediction.point.lon
        )
        if prediction and row["town"]
        else float("inf")
    )
    return Counter(
        {
            "signs": 1,
            "country right": int(is_right),
            "wrong country": int(level in COUNTRY_OR_FINER and not is_right),
            "with a town": int(bool(row["town"])),
            "town right": int(level is Level.CITY and km <= NEAR_KM),
            "wrong town": int(level is Level.CITY and km > NEAR_KM),
        }
    )


def measure() -> Iterator[tuple[str, str, str, Counter[str]]]:
    """Yield the half, the script and the country of each sign, and what became of it."""
    for row in rows(SIGNS):
        yield half_of(row["text"]), script_of(row["text"]), row["country"], outcome_of(row)


@click.command(help=__doc__)
@click.option("--failures", is_flag=True, help="Show each sign of the half `tune` that is wrong.")
def main(failures: bool) -> None:
    counts: dict[tuple[str, str], Counter[str]] = {}
    for half, script, country, outcome in measure():
        for group in (f"script {script}", f"country {country}", "all"):
            counts.setdefault((half, group), Counter()).update(outcome)
    for (half, group), count in sorted(counts.items()):
        figures = ", ".join(f"{name} {number}" for name, number in count.items())
        click.echo(f"{half:9}{group:13}{figures}")
    if failures:
        _show_failures()


def _show_failures() -> None:
    for row in rows(SIGNS):
        if half_of(row["text"]) != "tune":
            continue
        outcome = outcome_of(row)
        if not outcome["country right"] or outcome["wrong town"]:
            prediction, names = judge(row["text"])
            answer = prediction and f"{prediction.place.country_code} {prediction.level.value}"
            meanings = "; ".join(cue.meaning for cue in names)
            click.echo(f"{row['country']}: {row['text']} -> {answer} ({meanings})")


if __name__ == "__main__":
    main()
