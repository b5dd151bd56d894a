r"""Pattern cues: texts of a known form that are commoner in some countries than in others.

Each kind of pattern cue is a table in `geotagger/data`. A row is one form, with these columns:

    meaning        what the form is, for people: "postcode as in PL"
    pattern        regular expression; <name> stands for a fragment that the cue's module defines
    countries      rate by country: `DE AT CH:0.3`; a currency code stands for its countries
    accident_rate  rate at which something else looks like it; 0 if empty
    source         standard or reference that the row follows

and, where the kind needs them:

    template       name of a template of the module to put the pattern in
    foreign_share  share outside its countries, if it differs from the kind's
    check          name of a function of the module that a match must pass

`likelihood_ratios.py` turns the rates into likelihood ratios. Rows come in order of precedence: a
line counts for the first form that fits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from geotagger.data import read_table
from geotagger.text.country_profiles import country_profiles
from geotagger.text.likelihood_ratios import FOREIGN_SHARE, likelihood_ratios
from geotagger.text.types import MIN_LEGIBLE_CONFIDENCE, Cue

if TYPE_CHECKING:
    from geotagger.text.types import TextLine

Check = Callable[["re.Match[str]"], bool]

PATTERN = "<pattern>"
"""In a template: the row's pattern."""
AS_IT_IS: Mapping[str, str] = MappingProxyType({"": PATTERN})
NO_FRAGMENTS: Mapping[str, str] = MappingProxyType({})
NO_CHECKS: Mapping[str, Check] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PatternCue:
    """One form, and the countries that use it."""

    kind: str
    """As in `Cue.kind`."""
    meaning: str
    """As in `Cue.meaning`."""
    pattern: re.Pattern[str]
    rates: Mapping[str, float]
    """Rate by ISO 3166-1 alpha-2 code, 1 where the form is usual."""
    accident_rate: float = 0.0
    """Rate at which something else looks like the form."""
    foreign_share: float = FOREIGN_SHARE
    """Share of the form's occurrences outside its countries."""
    check: Check | None = None
    """What a match must pass besides."""
    min_confidence: float = MIN_LEGIBLE_CONFIDENCE
    """Of the recogniser."""

    def search(self, text: str) -> re.Match[str] | None:
        """Return the first match, if it passes the check."""
        match = self.pattern.search(text)
        return match if match and (self.check is None or self.check(match)) else None

    def cue(self, words: str) -> Cue:
        """Return the cue that the words are."""
        countries = likelihood_ratios(self.rates, self.accident_rate, self.foreign_share)
        return Cue(self.kind, words.strip(), self.meaning, countries)


def first_cue(
    line: TextLine, patterns: Iterable[PatternCue], *, quote_line: bool = False
) -> Iterator[Cue]:
    """Yield the cue of the first pattern that fits the line, if any.

    Args:
        line: the line to search.
        patterns: in order of precedence.
        quote_line: whether the cue's words are the whole line instead of the match.
    """
    text = line.text.strip()
    for pattern in patterns:
        if line.confidence >= pattern.min_confidence and (match := pattern.search(text)):
            yield pattern.cue(text if quote_line else match[0])
            return


def all_cues(line: TextLine, patterns: Iterable[PatternCue]) -> Iterator[Cue]:
    """Yield the cue of every pattern that fits the line; a piece of text counts only once."""
    text = line.text.strip()
    for pattern in patterns:
        if line.confidence >= pattern.min_confidence and (match := pattern.search(text)):
            yield pattern.cue(match[0])
            text = text[: match.start()] + " " * len(match[0]) + text[match.end() :]


def one_per_meaning(cues: Iterable[Cue]) -> list[Cue]:
    """Keep the first cue of each meaning."""
    kept: dict[str, Cue] = {}
    for cue in cues:
        kept.setdefault(cue.meaning, cue)
    return list(kept.values())


def read_patterns(
    file: str,
    kind: str,
    *,
    templates: Mapping[str, str] = AS_IT_IS,
    fragments: Mapping[str, str] = NO_FRAGMENTS,
    checks: Mapping[str, Check] = NO_CHECKS,
    flags: re.RegexFlag = re.NOFLAG,
    foreign_share: float = FOREIGN_SHARE,
    min_confidence: float = MIN_LEGIBLE_CONFIDENCE,
) -> tuple[PatternCue, ...]:
    """Read a table of patterns and compile them.

    Args:
        file: name of a CSV file in `geotagger/data`.
        kind: kind of the cues.
        templates: regular expression with `<pattern>` by the name in the column `template`.
        fragments: regular expression by the name that stands for it in patterns: `<town>`.
        checks: function by the name in the column `check`.
        flags: of `re.compile`.
        foreign_share: share outside the countries, of rows that give none.
        min_confidence: lowest confidence of a line that counts.
    """

    def compiled(row: Mapping[str, str]) -> re.Pattern[str]:
        expression = templates[row.get("template", "")].replace(PATTERN, row["pattern"])
        for name, fragment in fragments.items():
            expression = expression.replace(f"<{name}>", fragment)
        return re.compile(expression, flags)

    return tuple(
        PatternCue(
            kind,
            row["meaning"],
            compiled(row),
            parse_rates(row["countries"]),
            float(row["accident_rate"] or 0),
            float(row.get("foreign_share") or foreign_share),
            checks[row["check"]] if row.get("check") else None,
            min_confidence,
        )
        for row in read_table(file)
    )


def parse_rates(cell: str) -> dict[str, float]:
    """Parse `DE AT CH:0.3` or `EUR NL:0.5`: rate by country, 1 if not given.

    A currency code stands for every country where it is legal tender. Later rates replace earlier
    ones.
    """
    rates: dict[str, float] = {}
    for part in cell.split():
        code, _, rate = part.partition(":")
        countries = (code,) if len(code) == 2 else countries_using(code)
        rates |= dict.fromkeys(countries, float(rate or 1))
    return rates


@cache
def countries_using(currency: str) -> Sequence[str]:
    """Return the countries where a currency (ISO 4217) is legal tender (Unicode CLDR)."""
    profiles = country_profiles().items()
    return tuple(country for country, profile in profiles if currency in profile.currencies)
