"""Text laid over a picture: date stamps, watermarks, news captions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from geotagger.text.non_evidence.line_geometry import MAX_OVERLAY_SLOPE, line_geometries
from geotagger.text.non_evidence.types import NonEvidence

if TYPE_CHECKING:
    from geotagger.text.types import OcrResult

_YEAR = r"(?:19|20)\d\d"
_DAY = rf"(?:['\u2019`]?\d\d?|{_YEAR})\s?[ ./\-:年]\s?\d\d?\s?[ ./\-:月]\s?(?:{_YEAR}|\d\d?)日?"
_TIME = r"\d\d?[:.]\d\d(?:[:.]\d\d)?\s?(?:[ap]\.?m\.?)?"
_COMPACT = rf"{_YEAR}\D?(?:0[1-9]|1[0-2])\D?(?:0[1-9]|[12]\d|3[01])"
_SHORT = r"['\u2019`]\d{4,6}"
DATE = re.compile(rf"(?:{_DAY}|{_COMPACT}|{_SHORT})(?:[\s.,]*{_TIME})?|{_TIME}[\s.,]*{_DAY}", re.I)
"""The recogniser loses the full stops between the thin digits of some cameras."""

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
"""The recogniser loses the first letter of a line that begins at the edge: "oto: Anna Berg"."""
NAME_AND_YEAR = re.compile(rf"^(?:[A-Z]\S*[\s.]*){{2,4}}{_YEAR}$")
SITE_OR_HANDLE = re.compile(
    r"^(?:https?://)?[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}(?:/\S*)?$|^@[\w.]{3,}$", re.I
)
CHANNEL = re.compile(
    r"\bbreaking\b|\blive\b|\w*news\b|\bnoticias\b|\bnachrichten\b|\bcnn\b|j?azeera\b|\bnhk\b"
    r"|\btagesschau\b|\bntv\b|\brtl\s?aktuell|\bfrance\s?24|\breuters\b|\bcctv\b|\bexclusive\b",
    re.I,
)


def date_stamps(ocr: OcrResult) -> list[NonEvidence]:
    """The camera's date in a lower corner: a small level line with nothing but the date."""
    stamps = []
    geometries = line_geometries(ocr)
    for index, (line, geometry) in enumerate(zip(ocr.lines, geometries, strict=True)):
        x, y = geometry.centre
        in_lower_corner = y > 0.82 and not 0.35 < x < 0.55
        is_date = DATE.fullmatch(line.text.strip())
        if in_lower_corner and geometry.looks_like_overlay and is_date:
            stamps.append(NonEvidence(f"date stamp: {line.text}", 0.0, frozenset({index})))
    return stamps


def watermarks(ocr: OcrResult) -> list[NonEvidence]:
    """Names of picture agencies anywhere; credits and sites only where overlays are."""
    marks = []
    geometries = line_geometries(ocr)
    for index, (line, geometry) in enumerate(zip(ocr.lines, geometries, strict=True)):
        is_overlay = geometry.looks_like_overlay
        is_credit = CREDIT.search(line.text) or NAME_AND_YEAR.search(line.text)
        if AGENCY.search(line.text) or (is_overlay and is_credit):
            marks.append(NonEvidence(f"watermark: {line.text}", 0.0, frozenset({index})))
        elif is_overlay and SITE_OR_HANDLE.search(line.text):
            marks.append(NonEvidence(f"watermark: {line.text}", 0.25, frozenset({index})))
    return marks


def news_captions(ocr: OcrResult) -> list[NonEvidence]:
    """A news channel's captions: its words at an edge, and a wide level line low in the picture."""
    geometries = line_geometries(ocr)
    channel = [
        index
        for index, line in enumerate(ocr.lines)
        if CHANNEL.search(line.text) and geometries[index].height < 0.1
        and not 0.15 <= geometries[index].centre[1] <= 0.6
    ]  # fmt: skip
    captions = [
        index
        for index, g in enumerate(geometries)
        if g.centre[1] > 0.65 and g.slope < MAX_OVERLAY_SLOPE and g.right - g.left > 0.2
    ]
    is_wide = ocr.width_px > 1.2 * ocr.height_px
    if not (channel and captions and is_wide):
        return []
    return [NonEvidence("news caption", 0.5, frozenset(channel + captions))]
