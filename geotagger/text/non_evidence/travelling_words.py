"""Words that travel: maps name far places; shirts, souvenirs and books are the same anywhere."""

# ruff: noqa: RUF001  Turkish has an i without a dot

from __future__ import annotations

import re
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from geotagger.text.non_evidence.line_geometry import line_geometries
from geotagger.text.non_evidence.types import NonEvidence

if TYPE_CHECKING:
    from geotagger.text.non_evidence.line_geometry import LineGeometry
    from geotagger.text.types import OcrResult

MAP = re.compile(
    r"map data|google maps|openstreetmap|©\s?osm|leaflet|mapbox|here maps|michelin|falk ?plan"
    r"|rand mcnally|ordnance survey|freytag|kümmerly|\bscale 1\s?:\s?\d"
    r"|\b1\s?:\s?\d{2,3}[ .,]?000\b|road ?map|stra(?:ß|ss)enkarte"
    r"|carte routière|mapa de carreteras",
    re.I,
)
SLOGAN = re.compile(
    r"\bI\s?[♥❤]\s?\w+|\bI (?:love|heart) (?:NY|LA|[A-Z])|hard rock cafe|planet hollywood"
    r"|property of\b|athletic dep|\bvarsity\b|university of|\bsurf (?:team|club|co)\b"
    r"|\bfly emirates\b|etihad airways|qatar airways|\byankees\b|\blakers\b|chicago bulls"
    r"|abercrombie|superdry|original brand|\best(?:d|\.)? ?(?:18|19|20)\d\d\b|been there",
    re.I,
)

BOOK = re.compile(
    r"\bISBN\b|\bbest ?sell(?:er|ing)\b|\b(?:penguin|vintage) (?:books|classics)\b"
    r"|\b(?:university|oxford|cambridge) press\b|\bhachette\b|\bgallimard\b|\bseuil\b"
    r"|\b(?:rowohlt|suhrkamp|diogenes|reclam)\b|taschenbuch|\balfaguara\b|\bpenguin random\b"
    r"|\byay[ıi]n(?:lar[ıi]|evi|c[ıi]l[ıi]k)\b|\bkitabevi\b|\bk[üu]lt[üu]r yay[ıi]n"
    r"|^(?:(?:modern|türk(?:iye)?|osmanl[ıi]|cumhuriyet|dünya|islam|sanat|edebiyat)\s)+tarihi$",
    re.I,
)
GENRE = re.compile(r"(?:a novel|novela|roman|thriller|krimi|kriminalroman|öyküler|şiirler)$", re.I)
BOOK_WEIGHT = 0.02
"""People read in trains and on beaches, and take books along to other countries."""


def maps(ocr: OcrResult) -> list[NonEvidence]:
    """A map: a publisher's name or a scale, or ten scattered names of one height."""
    all_lines = frozenset(range(len(ocr.lines)))
    hints = [line.text for line in ocr.lines if MAP.search(line.text)]
    if hints and len(all_lines) >= 6:
        return [NonEvidence(f"map: {hints[0]}", 0.25, all_lines)]
    if len(all_lines) >= 10 and _has_scattered_names(ocr):
        return [NonEvidence("map: names all over", 0.5, all_lines)]
    return []


def _has_scattered_names(ocr: OcrResult) -> bool:
    """Whether nearly all lines are short names of one height, in no row or column."""
    texts = [line.text for line in ocr.lines]
    geometries = line_geometries(ocr)
    usual_height = median(g.height for g in geometries)
    names = sum(text[:1].isupper() and len(text.split()) <= 3 for text in texts)
    same_height = sum(0.6 * usual_height < g.height < 1.6 * usual_height for g in geometries)
    aligned = sum(
        any(_is_aligned(one, other) for other in geometries if other is not one)
        for one in geometries
    )
    nearly_all = 0.8 * len(texts)
    return names >= nearly_all and same_height >= nearly_all and aligned <= 0.35 * len(texts)


def _is_aligned(one: LineGeometry, other: LineGeometry) -> bool:
    """Whether two lines are close to each other and in one row or column."""
    if max(abs(one.left - other.left), abs(one.top - other.top)) >= 0.15:
        return False
    (x, y), (other_x, other_y) = one.centre, other.centre
    in_column = min(abs(one.left - other.left), abs(x - other_x)) < 0.015
    return in_column or abs(y - other_y) < 0.01


def slogans(ocr: OcrResult) -> list[NonEvidence]:
    """Slogans of shirts and souvenirs, which may run over two lines, and the lines around them."""
    texts = [line.text for line in ocr.lines]
    slogan_of_line: dict[int, str] = {}
    for index, (text, following) in enumerate(pairwise([*texts, ""])):
        match = SLOGAN.search(f"{text} {following}")
        if match and match.start() < len(text):
            slogan_of_line[index] = match.group()
    if not slogan_of_line:
        return []
    geometries = line_geometries(ocr)
    lines = {near for index in slogan_of_line for near in _lines_around(geometries, index)}
    words = ", ".join(slogan_of_line.values())
    return [NonEvidence(f"slogan: {words}", 0.25, frozenset(lines))]


def books(ocr: OcrResult) -> list[NonEvidence]:
    """A book's cover or title page: a publisher, an ISBN, or a genre with two other lines."""
    texts = [line.text.strip() for line in ocr.lines]
    hints = [text for text in texts if BOOK.search(text)]
    if len(texts) >= 3:
        hints += [text for text in texts if GENRE.match(text)]
    if not hints:
        return []
    return [NonEvidence(f"book: {hints[0]}", BOOK_WEIGHT, frozenset(range(len(ocr.lines))))]


def _lines_around(geometries: list[LineGeometry], index: int) -> list[int]:
    """Return the line itself, and lines that overlap it sideways within two heights of it."""
    line = geometries[index]
    reach = 2 * line.height
    return [
        number
        for number, other in enumerate(geometries)
        if other.top < line.bottom + reach
        and other.bottom > line.top - reach
        and other.left < line.right
        and other.right > line.left
    ]
