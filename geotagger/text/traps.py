"""Text that is no evidence of where the photo was taken, or weaker evidence than a sign.

Each trap is recognised by what it says and by how its lines stand in the picture, and never with
certainty. So its lines get a weight: the probability that they speak of the place after all,

    weight = P(sign | rule) + P(trap | rule) * P(the trap's own words fit the place)

with P(sign | rule) from how often the rule fires on drawn traps and on photos of real signs
(`training/README.md`), and one text in ten taken for a trap. Where a date or an agency's name says
nothing of any place the weight is 0.

What cannot be told from the lines alone: a slogan on a shirt from one on a wall (but for the usual
ones), a poster for a far country, a mirrored picture, a map without a publisher's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geotagger.text import Line, Reading

MARGIN = 0.1
"""A line whose middle is nearer to an edge than this share of the side stands at the edge."""
SMALL = 0.07
"""Height of lines that were put over a picture, at most, as a share of its height."""
LEVEL = 0.03
"""Rise over run of lines that were put over a picture, at most."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the lines of a reading are worth."""

    line_weights: tuple[float, ...]
    """For each line of the reading, 0 (ignore) to 1 (as good as a sign)."""
    notes: tuple[str, ...]
    """Why lines count less: "date stamp: 2012/05/03"."""


@dataclass(frozen=True, slots=True)
class Trap:
    """One trap that was recognised."""

    note: str
    weight: float
    lines: frozenset[int]


def judge(reading: Reading) -> Judgement:
    """How much each line counts; where several traps hold a line, the lowest weight."""
    found = [trap for rule in RULES for trap in rule(reading)]
    weights = [1.0] * len(reading.lines)
    for trap in found:
        for index in trap.lines:
            weights[index] = min(weights[index], trap.weight)
    return Judgement(tuple(weights), tuple(dict.fromkeys(trap.note for trap in found)))


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a line stands, as shares of the picture's sides."""

    left: float
    top: float
    right: float
    bottom: float
    rise: float
    """Of the line over its run, in pixels."""

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def looks_put_over(self) -> bool:
        """Small, level and at an edge."""
        across, down = self.middle
        at_edge = min(down, 1 - down) < MARGIN or min(across, 1 - across) < MARGIN / 2
        return at_edge and self.height < SMALL and self.rise < LEVEL


def _frame(line: Line, reading: Reading) -> _Frame:
    across, down = zip(*line.box, strict=True)
    run = abs(across[1] - across[0]) * reading.width_px
    rise = abs(down[1] - down[0]) * reading.height_px / max(run, 1.0)
    return _Frame(min(across), min(down), max(across), max(down), rise)


# --- stamps and marks that were put over the picture ---

_YEAR = r"(?:19|20)\d\d"
_DAY = rf"(?:['\u2019`]?\d\d|{_YEAR})\s?[ ./\-:年]\s?\d\d?\s?[ ./\-:月]\s?(?:{_YEAR}|\d\d?)日?"
_CLOCK = r"\d\d?[:.]\d\d(?:[:.]\d\d)?\s?(?:[ap]\.?m\.?)?"
DATE = re.compile(rf"{_DAY}(?:[\s.,]*{_CLOCK})?|{_CLOCK}[\s.,]*{_DAY}", re.I)

AGENCY = re.compile(
    r"alamy|shutterst[o0]ck|gettyimages|getty images|istock|adobe ?stock|123rf|depositphotos"
    r"|dreamstime|bigstock|age ?fotostock|stock photo|picture.?alliance|sipaphoto|vecteezy"
    r"|photocase|robertharding|mauritius.images|imago.?images|visual china",
    re.I,
)
CREDIT = re.compile(
    r"©|\(c\)\s?\S|\bcopyright\b|all rights reserved|版权|\bphotograph(?:y|er)\b|\b(?:bild|ph)\s?:"
    r"|\b(?:ph|f)?oto(?:graf\w*|s)?\s?(?::|©|by\b)|\bpic(?:ture)? by\b",
    re.I,
)
"""The recogniser loses the first letters of lines that begin at the edge: "oto: Anna Berg"."""
NAME_AND_YEAR = re.compile(rf"^(?:[A-Z]\S*[\s.]*){{2,4}}{_YEAR}$")
SITE = re.compile(r"^(?:https?://)?[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}(?:/\S*)?$|^@[\w.]{3,}$", re.I)


def date_stamps(reading: Reading) -> list[Trap]:
    """The camera's date in a lower corner: no line but the date, small, level."""
    found = []
    for index, line in enumerate(reading.lines):
        frame = _frame(line, reading)
        low = frame.middle[1] > 0.82 and not 0.35 < frame.middle[0] < 0.55
        if low and frame.looks_put_over and DATE.fullmatch(line.text.strip()):
            found.append(Trap(f"date stamp: {line.text}", 0.0, frozenset({index})))
    return found


def watermarks(reading: Reading) -> list[Trap]:
    """Names of picture agencies anywhere; credits and sites where marks are put."""
    found = []
    for index, line in enumerate(reading.lines):
        put_over = _frame(line, reading).looks_put_over
        credit = CREDIT.search(line.text) or NAME_AND_YEAR.search(line.text)
        if AGENCY.search(line.text) or (put_over and credit):
            found.append(Trap(f"watermark: {line.text}", 0.0, frozenset({index})))
        elif put_over and SITE.search(line.text):
            found.append(Trap(f"watermark: {line.text}", 0.25, frozenset({index})))
    return found


CHANNELS = re.compile(
    r"\b(?:breaking news|live|news|noticias|nachrichten|cnn|bbc news|al jazeera|sky news|euronews"
    r"|fox news|nhk|tagesschau|ntv|rtl aktuell|france ?24|reuters|cctv|abc news|exclusive)\b",
    re.I,
)


def news(reading: Reading) -> list[Trap]:
    """A channel's captions: its words at an edge, and a broad level line low in the picture."""
    frames = [_frame(line, reading) for line in reading.lines]
    words = [
        index
        for index, line in enumerate(reading.lines)
        if CHANNELS.search(line.text) and frames[index].height < 0.1
        and (frames[index].middle[1] > 0.6 or frames[index].middle[1] < 0.15)
    ]  # fmt: skip
    captions = [
        index
        for index, frame in enumerate(frames)
        if frame.middle[1] > 0.65 and frame.rise < LEVEL and frame.right - frame.left > 0.3
    ]
    wide = reading.width_px > 1.2 * reading.height_px
    if not (words and captions and wide):
        return []
    return [Trap("news caption", 0.5, frozenset(words + captions))]


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


def screenshots(reading: Reading) -> list[Trap]:
    """A telephone's screen: its status bar on top, and words that stand on buttons."""
    frames = [_frame(line, reading) for line in reading.lines]
    tall = reading.height_px > 1.6 * reading.width_px
    bar = [
        index
        for index, line in enumerate(reading.lines)
        if frames[index].bottom < 0.07 and frames[index].height < 0.04
        and STATUS.search(line.text)
    ]  # fmt: skip
    buttons = [index for index, line in enumerate(reading.lines) if BUTTONS.match(line.text)]
    level = all(frame.rise < LEVEL for frame in frames)
    if not level or not ((tall and bar) or (len(buttons) >= 3 and (bar or tall))):
        return []
    every = frozenset(range(len(reading.lines)))
    return [
        Trap("screenshot", 0.25, every),
        Trap("screenshot", 0.0, frozenset(bar + buttons)),
    ]


def pages(reading: Reading) -> list[Trap]:
    """A page of a book or document: many lines of one height, one below the other, that begin at
    one edge and fill the picture. Notice boards look much alike, so they keep half."""
    frames = [_frame(line, reading) for line in reading.lines]
    if len(frames) < 10:
        return []
    usual = median(frame.height for frame in frames)
    body = [i for i, frame in enumerate(frames) if 0.6 * usual < frame.height < 1.6 * usual]
    edge = median(frames[index].left for index in body)
    aligned = [index for index in body if abs(frames[index].left - edge) < 0.06]
    long = [index for index in aligned if frames[index].right - frames[index].left > 0.35]
    if len(long) < 8 or len(body) < 0.7 * len(frames):
        return []
    tall = max(frames[index].bottom for index in long) - min(frames[index].top for index in long)
    wide = median(frames[index].right - frames[index].left for index in long)
    if tall < 0.5 or wide < 0.45:
        return []
    return [Trap("page of text", 0.5, frozenset(range(len(frames))))]


PRICE = re.compile(
    r"(?:[€$£¥₺₹฿₩₽]|\b(?:EUR|USD|CHF|kr|zł|Kč|Ft|lei)\b)\s?\d+(?:[.,]\d\d?)?"
    r"|\b\d{1,4}[.,]\d\d?0?\s?(?:[€$£¥₺₹฿₩₽]|EUR|CHF|kr|zł|Kč|Ft|lei|,-)?$"
    r"|\b\d{1,4}\s?(?:[€$£¥₺₹฿₩₽]|EUR|CHF|kr|zł|Kč|Ft|lei|,-)",
    re.I,
)


def menus(reading: Reading) -> list[Trap]:
    """A list of dishes: five prices or more, which stand in a column or end lines. The prices tell
    the currency of the place; the dishes may be of any country."""
    prices = [index for index, line in enumerate(reading.lines) if PRICE.search(line.text)]
    others = set(range(len(reading.lines))) - set(prices)
    frames = [_frame(reading.lines[index], reading) for index in prices]
    if len(prices) < 5 or len(prices) < 0.25 * len(reading.lines):
        return []
    ends = median(frame.right for frame in frames)
    if sum(abs(frame.right - ends) < 0.06 for frame in frames) < 4:
        return []
    return [Trap("menu", 0.5, frozenset(others))]


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


def maps(reading: Reading) -> list[Trap]:
    """A map by a publisher whose name or scale stands on it; it names places far away."""
    hints = [line.text for line in reading.lines if MAPS.search(line.text)]
    if not hints or len(reading.lines) < 6:
        return []
    return [Trap(f"map: {hints[0]}", 0.25, frozenset(range(len(reading.lines))))]


def shirts(reading: Reading) -> list[Trap]:
    """Slogans that shirts and souvenirs bear all over the world; the lines close to them too."""
    hits = [index for index, line in enumerate(reading.lines) if SHIRTS.search(line.text)]
    near = {other for hit in hits for other in _beside(reading, hit)}
    words = ", ".join(reading.lines[index].text for index in hits)
    return [Trap(f"slogan: {words}", 0.25, frozenset(near))] if hits else []


def _beside(reading: Reading, index: int) -> list[int]:
    """Lines less than two heights above or below, over the same stretch; with the line itself."""
    frame = _frame(reading.lines[index], reading)
    reach = 2 * frame.height
    others = [_frame(line, reading) for line in reading.lines]
    return [
        number
        for number, other in enumerate(others)
        if other.top < frame.bottom + reach
        and other.bottom > frame.top - reach
        and other.left < frame.right
        and other.right > frame.left
    ]


RULES: tuple[Callable[[Reading], list[Trap]], ...] = (
    date_stamps,
    watermarks,
    news,
    screenshots,
    pages,
    menus,
    maps,
    shirts,
)
