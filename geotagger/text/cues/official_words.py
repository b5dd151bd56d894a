"""Words that one country puts on its signs: offices, traffic, and what a language's countries say
differently (`car park` and `parking lot`, `aseos` and `baños`, `parkieren`, `dépanneur`).

The table `data/official_words.csv` is written from general knowledge of the languages. A word has
the rate 1 in its countries, ALSO in those that use it less, and ELSEWHERE in any other. That this
is no smaller has a reason: what sets the word apart from the world the language has told already;
the cue parts the countries of a language, which are alike in size, and does little more.
Words are compared without case and marks, which readers lose.

A stop sign's word must stand alone on its line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from geotagger.data import read_text
from geotagger.text.country_profiles import country_profiles
from geotagger.text.language.words import fold_text
from geotagger.text.likelihood_ratios import likelihood_ratios
from geotagger.text.types import Cue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geotagger.text.types import TextLine

ELSEWHERE = 0.04
ALSO = 0.2
MORE_WORDS = 3
"""Further words of the same countries count as much, up to so many."""
MAX_CUES = 6

STOP_SIGNS: Mapping[str, Mapping[str, float]] = {
    "arret": {"CA": 1.0, "FR": 0.05, "BE": 0.05, "CH": 0.05},
    "alto": dict.fromkeys(("MX", "GT", "SV", "HN", "NI", "CR"), 1.0),
    "pare": dict.fromkeys(("BR", "AR", "CL", "CO", "PE", "EC", "VE", "BO", "PY", "UY", "DO"), 1.0)
    | dict.fromkeys(("PA", "CU", "PR"), 1.0),
    "dur": {"TR": 1.0, "CY": 0.1},
    "berhenti": {"MY": 1.0, "BN": 1.0, "ID": 0.1},
    "止まれ": {"JP": 1.0},
    "정지": {"KR": 1.0},
    "停": {"CN": 1.0, "TW": 1.0},
    "หยุด": {"TH": 1.0},
    "קצור": {"IL": 1.0},
    "قف": dict.fromkeys(("EG", "SA", "AE", "IQ", "JO", "LB", "SY", "YE", "OM", "KW", "LY"), 1.0)
    | dict.fromkeys(("MA", "DZ", "TN", "QA", "BH", "PS", "SD"), 1.0),
    "ایست": {"IR": 1.0, "AF": 0.5},
    "стоп": dict.fromkeys(("RU", "UA", "BY", "KZ", "BG", "RS", "MK", "KG", "MN"), 1.0),
}
SWISS_STRASSE = re.compile(r"\b[A-ZÄÖÜ]?[a-zäöü]+strasse\b|\bStrasse\b")
"""Swiss spelling has no ß; elsewhere it is lost by readers, in capitals and on old signs."""
SWISS_RATES = {"CH": 1.0, "LI": 1.0, "DE": 0.05, "AT": 0.05, "LU": 0.05}


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """One cue for each set of countries whose words are met, and one for a stop sign."""
    kept = [line.text for line in lines if line.legible]
    text = " ".join(map(fold_text, kept))
    if not text:
        return []
    met: dict[int, list[str]] = {}
    pattern, group_of = _table()[:2]
    for match in pattern.finditer(text):
        for group in group_of[match[0]]:
            met.setdefault(group, []).append(match[0])
    cues = [_cue(group, words) for group, words in met.items()][:MAX_CUES]
    return cues + _stop_signs(kept) + _swiss(kept)


def _cue(group: int, words: list[str]) -> Cue:
    rates = _table()[2][group]
    main = [code for code, rate in rates.items() if rate == 1.0]
    times = min(len(set(words)), MORE_WORDS)
    named = {code: 1 + times * rate / ELSEWHERE for code, rate in rates.items()}
    said = ", ".join(dict.fromkeys(words))
    return Cue("official word", said, f"words of {', '.join(main[:4])}", named)


def _stop_signs(texts: Sequence[str]) -> list[Cue]:
    for text in texts:
        word = fold_text(text) or text.strip()
        rates = STOP_SIGNS.get(word) or STOP_SIGNS.get(text.strip())
        if rates and text == text.upper():
            return [
                Cue("official word", text, f"stop sign {text}", likelihood_ratios(rates, 0.0, 0.1))
            ]
    return []


def _swiss(texts: Sequence[str]) -> list[Cue]:
    for text in texts:
        if match := SWISS_STRASSE.search(text):
            named = {code: 1 + rate / ELSEWHERE for code, rate in SWISS_RATES.items()}
            return [Cue("official word", match[0], "-strasse without ß", named)]
    return []


@cache
def _table() -> tuple[re.Pattern[str], dict[str, list[int]], list[dict[str, float]]]:
    """Pattern of all words, word -> groups, group -> rates by country."""
    rows = list(csv.DictReader(read_text("official_words.csv").splitlines()))
    group_of: dict[str, list[int]] = {}
    rates = []
    for group, row in enumerate(rows):
        for word in row["words"].split(";"):
            group_of.setdefault(word, []).append(group)
        also = dict.fromkeys(row["also"].split(), ALSO)
        both = also | dict.fromkeys(row["countries"].split(), 1.0)
        rates.append({code: rate for code, rate in both.items() if code in country_profiles()})
    longest_first = sorted(group_of, key=lambda word: (-len(word), word))
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b")
    return pattern, group_of, rates
