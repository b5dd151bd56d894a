"""Words of the lines read, and the forms in which a place name may stand there."""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, and are meant

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geotagger.text.gazetteer.gazetteer import normalise

if TYPE_CHECKING:
    from geotagger.text.types import Corner, TextLine

INFLECTED = 0.5
"""A name with an ending is less sure to be that name."""
MISREAD = 0.2
"""So is one with digits read as letters."""
GENITIVE = frozenset({"AT", "AX", "CH", "DE", "DK", "FI", "FO", "GL", "IS", "LI", "NO", "SE"})
"""Countries where a town's name often ends in -s before another word: "Stockholms stad"."""

ABBREVIATED = {
    "st": ("saint", "sankt"),
    "ste": ("sainte",),
    "sta": ("santa",),
    "sto": ("santo",),
    "mt": ("mount",),
    "ft": ("fort",),
}
AT_EDGE = 0.01
"""Share of the picture's side within which a line touches the edge."""

_TOKEN = re.compile(
    r"(?:[^\W_]|[\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff'’ʼ])+"
)
_ELIDED = re.compile(r"(?i)(?:d|l|dell|dall|nell|all|sull|s|n)['’](\w{3,})$")
"""Articles and prepositions before a vowel: "Mairie d'Abidjan"."""
_DIGITS = tuple(str.maketrans("01589", letters) for letters in ("olsbg", "oisbg"))


@dataclass(frozen=True, slots=True)
class Token:
    """One word; a whole run of letters in scripts without spaces."""

    raw: str
    normal: str
    line: int
    confidence: float
    in_line: int
    """Words in its line."""
    no_start: bool = False
    """The picture's edge may cut letters off before it, ..."""
    no_end: bool = False
    """... or after it."""


def tokenize(lines: Sequence[TextLine]) -> Iterator[Token]:
    for number, line in enumerate(lines):
        found = _TOKEN.findall(line.text)
        words = []
        for raw in found:
            normal = normalise(raw)
            if normal:
                words.append((raw, normal))
        first, second, third, fourth = line.box
        for index, (raw, normal) in enumerate(words):
            no_start = index == 0 and _is_at_edge(first, fourth)
            no_end = index == len(words) - 1 and _is_at_edge(second, third)
            yield Token(raw, normal, number, line.confidence, len(found), no_start, no_end)


def _is_at_edge(one: Corner, other: Corner) -> bool:
    """That side of a box lies along an edge of the picture."""
    return any(
        max(abs(one[axis] - edge), abs(other[axis] - edge)) < AT_EDGE
        for axis in (0, 1)
        for edge in (0.0, 1.0)
    )


def name_variants(
    span: Sequence[Token], *, is_last: bool = False
) -> Iterator[tuple[str, float, frozenset[str] | None]]:
    """The words as they stand, then without an ending, then with digits read as letters.

    Yields normalised form, factor, and the countries where such forms are in use. A genitive stands
    before another word, so not last in its line.
    """
    normal = " ".join(token.normal for token in span)
    if len(normal) < 2 or normal.isdigit():
        return
    yield normal, 1.0, None
    for full in ABBREVIATED.get(span[0].normal, ()) if len(span) > 1 else ():
        yield full + normal[len(span[0].normal) :], 1.0, None
    elided = _ELIDED.match(span[0].raw)
    if elided:
        tail = normal[len(span[0].normal) :]
        yield normalise(elided[1]) + tail, 1.0, None
    parts = re.split("['’]", span[-1].raw)
    if len(parts) == 2 and not elided:
        head = normal[: len(normal) - len(span[-1].normal)]
        yield head + normalise(parts[0]), INFLECTED, None
    if len(normal) >= 5 and normal.endswith("s") and not is_last:
        yield normal[:-1], INFLECTED, GENITIVE
    if len(normal) >= 5 and re.search("[а-я]$", normal):
        for nominative in _cyrillic_nominatives(normal):
            yield nominative, INFLECTED, None
    if re.search(r"\d", normal) and re.search(r"[a-z]", normal):
        for letters in _DIGITS:
            yield normal.translate(letters), MISREAD, None


def _cyrillic_nominatives(normal: str) -> Iterator[str]:
    """Of "Москвы" "Москва", of "Новгорода" "Новгород", of "Казани" "Казань"."""
    stem, ending = normal[:-1], normal[-1]
    if ending in "ыиеу":
        yield stem + "а"
    if ending in "ауе":
        yield stem
    if ending == "и":
        yield stem + "ь"
