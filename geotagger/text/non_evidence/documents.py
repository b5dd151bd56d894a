"""Pictures that show nothing but text: screenshots, pages of text, menus."""

from __future__ import annotations

import re
from statistics import median
from typing import TYPE_CHECKING

from geotagger.text.non_evidence.line_geometry import MAX_OVERLAY_SLOPE, line_geometries
from geotagger.text.non_evidence.types import NonEvidence

if TYPE_CHECKING:
    from geotagger.text.types import OcrResult

STATUS_BAR = re.compile(r"^\d\d?[:.]\d\d\b|\b\d{1,3}\s?%$|\b(?:LTE|5G|4G|3G|Wi-?Fi|VoLTE)\b")
BUTTON = re.compile(
    r"^(?:reply|comments?|share|follow(?:ing|ers)?|message|search|settings|subscribe|sign in|log in"
    r"|home|notifications?|likes?|sent|delivered|online|typing.*|back|done|cancel|edit|directions"
    r"|reviews?|type a message|today|yesterday|retweets?|send|save|download|antworten|teilen"
    r"|suchen|gefällt mir|répondre|partager|rechercher|responder|compartir|buscar|seguir"
    r"|\d+ (?:min|h|hours?|days?) ago|\d+[.,]?\d*[KM]? (?:views|likes|followers))\W*$",
    re.I,
)
PRICE = re.compile(
    r"(?:[€$£¥₺₹฿₩₽]|\b(?:EUR|USD|CHF|kr|zł|Kč|Ft|lei)\b)\s?\d+(?:[.,]\d\d?)?"
    r"|\b\d{1,4}[.,]\d\d?0?\s?(?:[€$£¥₺₹฿₩₽]|EUR|CHF|kr|zł|Kč|Ft|lei|,-)?$"
    r"|\b\d{1,4}\s?(?:[€$£¥₺₹฿₩₽]|EUR|CHF|kr|zł|Kč|Ft|lei|,-)",
    re.I,
)


def screenshots(ocr: OcrResult) -> list[NonEvidence]:
    """A phone's screen: a status bar at the top, or words that are on buttons."""
    geometries = line_geometries(ocr)
    is_tall = ocr.height_px > 1.6 * ocr.width_px
    status_bar = [
        index
        for index, line in enumerate(ocr.lines)
        if geometries[index].bottom < 0.07 and geometries[index].height < 0.05
        and STATUS_BAR.search(line.text)
    ]  # fmt: skip
    buttons = [index for index, line in enumerate(ocr.lines) if BUTTON.match(line.text)]
    is_level = bool(geometries) and median(g.slope for g in geometries) < MAX_OVERLAY_SLOPE
    is_screen = (is_tall and status_bar) or (len(buttons) >= 3 and (status_bar or is_tall))
    if not (is_level and is_screen):
        return []
    return [
        NonEvidence("screenshot", 0.25, frozenset(range(len(ocr.lines)))),
        NonEvidence("screenshot", 0.0, frozenset(status_bar + buttons)),
    ]


def pages(ocr: OcrResult) -> list[NonEvidence]:
    """A page of a book or document: many lines of one height and left edge that fill the picture.

    Notice boards look much alike, so the lines keep half of their weight.
    """
    geometries = line_geometries(ocr)
    if len(geometries) < 10:
        return []
    usual_height = median(g.height for g in geometries)
    body = [g for g in geometries if 0.6 * usual_height < g.height < 1.6 * usual_height]
    left_edge = median(g.left for g in body)
    aligned = [g for g in body if abs(g.left - left_edge) < 0.08]
    long_lines = [g for g in aligned if g.right - g.left > 0.2]
    if len(long_lines) < 10 or len(body) < 0.7 * len(geometries):
        return []
    block_height = max(g.bottom for g in long_lines) - min(g.top for g in long_lines)
    block_width = median(g.right - g.left for g in long_lines)
    if block_height < 0.45 or block_width < 0.25:
        return []
    return [NonEvidence("page of text", 0.5, frozenset(range(len(geometries))))]


def menus(ocr: OcrResult) -> list[NonEvidence]:
    """A list of dishes: at least five prices, in a column or at the ends of lines.

    The prices keep their weight, as they show the currency of the place. The dishes may come from
    any country.
    """
    priced = [index for index, line in enumerate(ocr.lines) if PRICE.search(line.text)]
    others = set(range(len(ocr.lines))) - set(priced)
    if len(priced) < 5 or len(priced) < 0.25 * len(ocr.lines):
        return []
    geometries = line_geometries(ocr)
    right_edge = median(geometries[index].right for index in priced)
    if sum(abs(geometries[index].right - right_edge) < 0.06 for index in priced) < 4:
        return []
    return [NonEvidence("menu", 0.5, frozenset(others))]
