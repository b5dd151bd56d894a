"""How frequent the words of names are in texts, as names of persons, and by chance."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np
import wordfreq
from faker.providers import person

from geotagger.text.gazetteer.gazetteer import normalise
from tools.build_data.names.entry import script_of
from tools.build_data.names.languages import Languages, list_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS = 9.0
"""Legible words in a photo with text: mean over 63 photos of signs."""
PERSONS = 0.05
"""First names, and as many surnames, per photo with text: shops, doors, streets, monuments."""
BY_CHANCE = 20.0, 20.0
"""Share of photos that show a given word of n Latin letters as an acronym, an invented word or
letters misread: the first number over the second to the power of n. So names of three letters tell
nearly nothing and those of six or more lose little."""
LIFT = 10.0
"""How much more often two words of a language follow each other than by chance. The same for two
letters of a script without spaces, if the pair is not in a word list."""
RARE_IN_SMALL_LIST = 3e-7
RARE_IN_LARGE_LIST = 1e-9
RARE_WITHOUT_LIST = 1e-7
"""Frequencies of words that are missing in a list."""


class Words:
    """Frequencies of the words of names in the languages of the world."""

    def __init__(self, languages: Languages, wanted: set[str]) -> None:
        self.languages = languages
        self.rows = {word: i for i, word in enumerate(sorted(wanted))}
        size = len(languages.index)
        rare = [
            RARE_IN_LARGE_LIST if language in languages.large else RARE_IN_SMALL_LIST
            for language in languages.lists
        ]
        self.frequency = np.zeros((len(self.rows), size), dtype=np.float32)
        self.largest: dict[str, float] = defaultdict(float)
        """Population of the largest place with the name."""
        self.usual: dict[str, NDArray[np.float32]] = {}
        """Frequency of a name due to its largest bearer, see `usual_frequency`."""
        self.letters: dict[str, Counter[str]] = {}
        for language in languages.lists:
            self._read(language)
        self.persons = persons()
        self.known = self.frequency > 0
        self.frequency = np.maximum(
            self.frequency, np.array([*rare, RARE_WITHOUT_LIST], np.float32)
        )

    def _read(self, language: str) -> None:
        column = self.languages.index[language]
        letters: Counter[str] = Counter()
        for word, frequency in wordfreq.get_frequency_dict(language).items():
            normal = word if word.isascii() else normalise(word)
            row = self.rows.get(normal)
            if row is not None:
                self.frequency[row, column] += frequency
            if language in ("zh", "ja", "ko"):
                for letter in word:
                    letters[letter] += frequency
        if letters:
            total = sum(letters.values())
            self.letters[language] = Counter({k: v / total for k, v in letters.items()})

    def of_name(self, name: str) -> NDArray[np.float32]:
        """Frequency of a name by language; for several words at most that of the rarest.

        Words meet by chance, LIFT times as often as if they were independent. On top of that the
        name is as usual as its largest bearer makes it.
        """
        each = self.frequency[[self.rows[word] for word in name.split()]]
        if len(each) == 1:
            return each[0]
        return np.minimum(LIFT * each.prod(axis=0) + self.usual.get(name, 0.0), each.min(axis=0))

    def known_of_name(self, name: str) -> NDArray[np.float32]:
        """The same, but 0 in the languages whose lists lack the name."""
        rows = [self.rows[word] for word in name.split()]
        return np.where(self.known[rows].all(axis=0), self.of_name(name), 0.0)

    def by_chance(self, name: str) -> float:
        """Share of photos in which misread letters or parts of other words form the name."""
        letters = name.replace(" ", "")
        if script_of(letters) in ("CJK", "HANGUL", "HIRAGANA", "KATAKANA"):
            lift = 1.0 if self.known_of_name(name).any() else LIFT
            return max(
                2 * WORDS * lift * math.prod(common[letter] for letter in letters)
                for common in self.letters.values()
            )
        return BY_CHANCE[0] * BY_CHANCE[1] ** -len(letters)

    def known_in(self, name: str, language: str) -> float:
        """Frequency of a name in a language; 0 if its list lacks the name."""
        column = self.languages.index.get(list_of(language))
        rows = [self.rows[word] for word in name.split()]
        if column is None or not self.known[rows, column].all():
            return 0.0
        return float(self.of_name(name)[column])


def persons() -> dict[str, float]:
    """Share of photos with text that show a name as the name of a person.

    Of Faker's lists by locale; those without frequencies count all their names alike.
    """
    found: dict[str, float] = {}
    for module in pkgutil.iter_modules(person.__path__):
        provider = importlib.import_module(f"{person.__name__}.{module.name}").Provider
        for kind in ("first", "last"):
            weights: Counter[str] = Counter()
            for which in ("names", "names_male", "names_female", "romanized_names"):
                names = vars(provider).get(f"{kind}_{which}", ())
                if not isinstance(names, dict):
                    names = Counter(names if isinstance(names, tuple | list) else ())
                for name, weight in names.items():
                    weights[normalise(name)] += weight
            total = sum(weights.values())
            for name, weight in weights.items():
                found[name] = max(found.get(name, 0.0), PERSONS * weight / total)
    return found
