"""Text that was put over a picture: date stamps, watermarks, captions; see `traps.py`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from geotagger.text.non_evidence.frames import LEVEL, NonEvidence, frame_of

if TYPE_CHECKING:
    from geotagger.text.types import Reading

_YEAR = r"(?:19|20)\d\d"
_DAY = rf"(?:['\u2019`]?\d\d?|{_YEAR})\s?[ ./\-:年]\s?\d\d?\s?[ ./\-:月]\s?(?:{_YEAR}|\d\d?)日?"
_CLOCK = r"\d\d?[:.]\d\d(?:[:.]\d\d)?\s?(?:[ap]\.?m\.?)?"
_RUN_TOGETHER = rf"{_YEAR}\D?(?:0[1-9]|1[0-2])\D?(?:0[1-9]|[12]\d|3[01])"
_SHORT = r"['\u2019`]\d{4,6}"
DATE = re.compile(
    rf"(?:{_DAY}|{_RUN_TOGETHER}|{_SHORT})(?:[\s.,]*{_CLOCK})?|{_CLOCK}[\s.,]*{_DAY}", re.I
)
"""The recogniser loses the points between the thin digits of some cameras."""

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


def date_stamps(reading: Reading) -> list[NonEvidence]:
    """The camera's date in a lower corner: no line but the date, small, level."""
    found = []
    for index, line in enumerate(reading.lines):
        frame = frame_of(line, reading)
        low = frame.middle[1] > 0.82 and not 0.35 < frame.middle[0] < 0.55
        if low and frame.looks_put_over and DATE.fullmatch(line.text.strip()):
            found.append(NonEvidence(f"date stamp: {line.text}", 0.0, frozenset({index})))
    return found


def watermarks(reading: Reading) -> list[NonEvidence]:
    """Names of picture agencies anywhere; credits and sites where marks are put."""
    found = []
    for index, line in enumerate(reading.lines):
        put_over = frame_of(line, reading).looks_put_over
        credit = CREDIT.search(line.text) or NAME_AND_YEAR.search(line.text)
        if AGENCY.search(line.text) or (put_over and credit):
            found.append(NonEvidence(f"watermark: {line.text}", 0.0, frozenset({index})))
        elif put_over and SITE.search(line.text):
            found.append(NonEvidence(f"watermark: {line.text}", 0.25, frozenset({index})))
    return found


CHANNELS = re.compile(
    r"\bbreaking\b|\blive\b|\w*news\b|\bnoticias\b|\bnachrichten\b|\bcnn\b|j?azeera\b|\bnhk\b"
    r"|\btagesschau\b|\bntv\b|\brtl\s?aktuell|\bfrance\s?24|\breuters\b|\bcctv\b|\bexclusive\b",
    re.I,
)


def news(reading: Reading) -> list[NonEvidence]:
    """A channel's captions: its words at an edge, and a broad level line low in the picture."""
    frames = [frame_of(line, reading) for line in reading.lines]
    words = [
        index
        for index, line in enumerate(reading.lines)
        if CHANNELS.search(line.text) and frames[index].height < 0.1
        and (frames[index].middle[1] > 0.6 or frames[index].middle[1] < 0.15)
    ]  # fmt: skip
    captions = [
        index
        for index, frame in enumerate(frames)
        if frame.middle[1] > 0.65 and frame.rise < LEVEL and frame.right - frame.left > 0.2
    ]
    wide = reading.width_px > 1.2 * reading.height_px
    if not (words and captions and wide):
        return []
    return [NonEvidence("news caption", 0.5, frozenset(words + captions))]
