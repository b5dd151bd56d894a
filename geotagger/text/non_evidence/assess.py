"""Text that is no evidence of where the photo was taken, or weaker evidence than a sign.

Each trap is recognised by what it says and by how its lines stand in the picture, and never with
certainty. So its lines get a weight: the probability that they speak of the place after all,

    weight = P(sign | rule) + P(trap | rule) * P(the trap's own words fit the place)

with P(sign | rule) from how often the rule fires on drawn traps and on photos of real signs
(`python -m training.eval.measure_non_evidence`), and one text in ten taken for a trap. Where a
date or an
agency's name says nothing of any place the weight is 0.

What cannot be told from the lines alone: a slogan on a shirt from one on a wall (but for the usual
ones), a poster for a far country, a mirrored picture, a map without a publisher's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from geotagger.text.non_evidence.frames import LEVEL, NonEvidence, frame_of
from geotagger.text.non_evidence.overlays import date_stamps, news, watermarks

if TYPE_CHECKING:
    from geotagger.text.types import Reading


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the lines of a reading are worth."""

    line_weights: tuple[float, ...]
    """For each line of the reading, 0 (ignore) to 1 (as good as a sign)."""
    notes: tuple[str, ...]
    """Why lines count less: "date stamp: 2012/05/03"."""


def judge(reading: Reading) -> Judgement:
    """How much each line counts; where several traps hold a line, the lowest weight."""
    found = [trap for rule in RULES for trap in rule(reading)]
    weights = [1.0] * len(reading.lines)
    for trap in found:
        for index in trap.lines:
            weights[index] = min(weights[index], trap.weight)
    return Judgement(tuple(weights), tuple(dict.fromkeys(trap.note for trap in found)))


# --- pictures that show nothing but text ---

STATUS = re.compile(r"^\d\d?[:.]\d\d\b|\b\d{1,3}\s?%$|\b(?:LTE|5G|4G|3G|Wi-?Fi|VoLTE)\b")
BUTTONS = re.compile(
    r"^(?:reply|comments?|share|follow(?:ing|ers)?|message|search|settings|subscribe|sign in|log in"
    r"|home|notifications?|likes?|sent|delivered|online|typing.*|back|done|cancel|edit|directions"
    r"|reviews?|type a message|today|yesterday|retweets?|send|save|download|antworten|teilen"
    r"|suchen|gefällt mir|répondre|partager|rechercher|responder|compartir|buscar|seguir"
    r"|\d+ (?:min|h|hours?|days?) ago|\d+[.,]?\d*[KM]? (?:views|likes|followers))\W*$",
    re.I,
)


def screenshots(reading: Reading) -> list[NonEvidence]:
    """A telephone's screen: its status bar on top, and words that stand on buttons."""
    frames = [frame_of(line, reading) for line in reading.lines]
    tall = reading.height_px > 1.6 * reading.width_px
    bar = [
        index
        for index, line in enumerate(reading.lines)
        if frames[index].bottom < 0.07 and frames[index].height < 0.05
        and STATUS.search(line.text)
    ]  # fmt: skip
    buttons = [index for index, line in enumerate(reading.lines) if BUTTONS.match(line.text)]
    level = bool(frames) and median(frame.rise for frame in frames) < LEVEL
    if not level or not ((tall and bar) or (len(buttons) >= 3 and (bar or tall))):
        return []
    every = frozenset(range(len(reading.lines)))
    return [
        NonEvidence("screenshot", 0.25, every),
        NonEvidence("screenshot", 0.0, frozenset(bar + buttons)),
    ]


def pages(reading: Reading) -> list[NonEvidence]:
    """A page of a book or document: many lines of one height, one below the other, that begin at
    one edge and fill the picture. Notice boards look much alike, so they keep half."""
    frames = [frame_of(line, reading) for line in reading.lines]
    if len(frames) < 10:
        return []
    usual = median(frame.height for frame in frames)
    body = [i for i, frame in enumerate(frames) if 0.6 * usual < frame.height < 1.6 * usual]
    edge = median(frames[index].left for index in body)
    aligned = [index for index in body if abs(frames[index].left - edge) < 0.08]
    long = [index for index in aligned if frames[index].right - frames[index].left > 0.2]
    if len(long) < 10 or len(body) < 0.7 * len(frames):
        return []
    tall = max(frames[index].bottom for index in long) - min(frames[index].top for index in long)
    wide = median(frames[index].right - frames[index].left for index in long)
    if tall < 0.45 or wide < 0.25:
        return []
    return [NonEvidence("page of text", 0.5, frozenset(range(len(frames))))]


PRICE = re.compile(
    r"(?:[€$£¥₺₹฿₩₽]|\b(?:EUR|USD|CHF|kr|zł|Kč|Ft|lei)\b)\s?\d+(?:[.,]\d\d?)?"
    r"|\b\d{1,4}[.,]\d\d?0?\s?(?:[€$£¥₺₹฿₩₽]|EUR|CHF|kr|zł|Kč|Ft|lei|,-)?$"
    r"|\b\d{1,4}\s?(?:[€$£¥₺₹฿₩₽]|EUR|CHF|kr|zł|Kč|Ft|lei|,-)",
    re.I,
)


def menus(reading: Reading) -> list[NonEvidence]:
    """A list of dishes: five prices or more, which stand in a column or end lines. The prices tell
    the currency of the place; the dishes may be of any country."""
    prices = [index for index, line in enumerate(reading.lines) if PRICE.search(line.text)]
    others = set(range(len(reading.lines))) - set(prices)
    frames = [frame_of(reading.lines[index], reading) for index in prices]
    if len(prices) < 5 or len(prices) < 0.25 * len(reading.lines):
        return []
    ends = median(frame.right for frame in frames)
    if sum(abs(frame.right - ends) < 0.06 for frame in frames) < 4:
        return []
    return [NonEvidence("menu", 0.5, frozenset(others))]


# --- words that travel ---

MAPS = re.compile(
    r"map data|google maps|openstreetmap|©\s?osm|leaflet|mapbox|here maps|michelin|falk ?plan"
    r"|rand mcnally|ordnance survey|freytag|kümmerly|\bscale 1\s?:\s?\d"
    r"|\b1\s?:\s?\d{2,3}[ .,]?000\b|road ?map|stra(?:ß|ss)enkarte"
    r"|carte routière|mapa de carreteras",
    re.I,
)
SHIRTS = re.compile(
    r"\bI\s?[♥❤]\s?\w+|\bI (?:love|heart) (?:NY|LA|[A-Z])|hard rock cafe|planet hollywood"
    r"|property of\b|athletic dep|\bvarsity\b|university of|\bsurf (?:team|club|co)\b"
    r"|\bfly emirates\b|etihad airways|qatar airways|\byankees\b|\blakers\b|chicago bulls"
    r"|abercrombie|superdry|original brand|\best(?:d|\.)? ?(?:18|19|20)\d\d\b|been there",
    re.I,
)


def maps(reading: Reading) -> list[NonEvidence]:
    """A map, which names places far away: by its publisher or scale, or by ten names and more of
    one height that stand in no row or column."""
    every = frozenset(range(len(reading.lines)))
    hints = [line.text for line in reading.lines if MAPS.search(line.text)]
    if hints and len(every) >= 6:
        return [NonEvidence(f"map: {hints[0]}", 0.25, every)]
    if len(every) >= 10 and _are_scattered_names(reading):
        return [NonEvidence("map: names all over", 0.5, every)]
    return []


def _are_scattered_names(reading: Reading) -> bool:
    texts = [line.text for line in reading.lines]
    frames = [frame_of(line, reading) for line in reading.lines]
    usual = median(frame.height for frame in frames)
    names = sum(text[:1].isupper() and len(text.split()) <= 3 for text in texts)
    alike = sum(0.6 * usual < frame.height < 1.6 * usual for frame in frames)
    in_line = sum(
        any(
            min(abs(one.left - two.left), abs(one.middle[0] - two.middle[0])) < 0.015
            or abs(one.middle[1] - two.middle[1]) < 0.01
            for two in frames
            if two is not one and max(abs(one.left - two.left), abs(one.top - two.top)) < 0.15
        )
        for one in frames
    )
    many = 0.8 * len(texts)
    return names >= many and alike >= many and in_line <= 0.35 * len(texts)


def shirts(reading: Reading) -> list[NonEvidence]:
    """Slogans that shirts and souvenirs bear all over the world; the lines close to them too."""
    texts = [line.text for line in reading.lines]
    pairs = [f"{one} {two}" for one, two in pairwise([*texts, ""])]
    hits = [
        index
        for index, pair in enumerate(pairs)
        if (found := SHIRTS.search(pair)) and found.start() < len(texts[index])
    ]
    near = {other for hit in hits for other in _beside(reading, hit)}
    words = ", ".join(found.group() for hit in hits if (found := SHIRTS.search(pairs[hit])))
    return [NonEvidence(f"slogan: {words}", 0.25, frozenset(near))] if hits else []


def _beside(reading: Reading, index: int) -> list[int]:
    """Lines less than two heights above or below, over the same stretch; with the line itself."""
    frame = frame_of(reading.lines[index], reading)
    reach = 2 * frame.height
    others = [frame_of(line, reading) for line in reading.lines]
    return [
        number
        for number, other in enumerate(others)
        if other.top < frame.bottom + reach
        and other.bottom > frame.top - reach
        and other.left < frame.right
        and other.right > frame.left
    ]


RULES: tuple[Callable[[Reading], list[NonEvidence]], ...] = (
    date_stamps,
    watermarks,
    news,
    screenshots,
    pages,
    menus,
    maps,
    shirts,
)
