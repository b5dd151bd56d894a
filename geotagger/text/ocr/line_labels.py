"""The symbols that the reader of scripts emits, from left to right, and the text they stand for.

Three things differ from the text that people write: symbols follow the eye from left to right, also
in Arabic and Hebrew; Hangul syllables are spelled in their letters (jamo), 67 symbols in place of
11,172; and what no sign shows (joiners, direction marks) or few signs show (vowel points) is left
out.
"""

from __future__ import annotations

import re
import unicodedata

UNKNOWN = "\ufffd"
"""A letter of a script that the recogniser does not read, such as a Chinese character."""

_RTL = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_RTL_LETTER = re.compile(f"[{_RTL}]")
_DIGIT = "0-9\u0660-\u0669\u06f0-\u06f9"
_LATIN = "A-Za-z\u00c0-\u024f\u1e00-\u1eff"
_WORD = f"[{_DIGIT}{_LATIN}](?:[.,:/'&@+%\u066b\u066c-]*[{_DIGIT}{_LATIN}])*%?"
_LEFT_TO_RIGHT = re.compile(f"{_WORD}(?:(?<=[{_LATIN}]) {_WORD})*")
"""Numbers and Latin words, which run from left to right in a line that runs from right to left. A
word after a Latin word belongs to its run (Unicode Standard Annex 9, rules W4 and W7)."""

_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_POINTS = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed]"
)
_INVISIBLE = re.compile("[\u00ad\u061c\u0640\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_SYLLABLE = re.compile("[\uac00-\ud7a3]")
_SPACES = re.compile(r"\s+")


def to_symbols(text: str) -> str:
    """Return the symbols of a text, in the order in which they stand in the picture."""
    text = unicodedata.normalize("NFC", _SPACES.sub(" ", _INVISIBLE.sub("", text)).strip())
    text = _POINTS.sub("", text)
    text = _SYLLABLE.sub(lambda found: unicodedata.normalize("NFD", found[0]), text)
    return _other_direction(text)


def to_text(symbols: str) -> str:
    """Return the text of symbols, in the order in which it is read; the reverse of `to_symbols`."""
    return unicodedata.normalize("NFC", _other_direction(symbols).strip())


def _other_direction(text: str) -> str:
    """Turn reading order into order from left to right, or back, if the line has letters that run
    from right to left. Numbers and Latin words keep their order."""
    if not _RTL_LETTER.search(text):
        return text
    parts, start = [], 0
    for found in _LEFT_TO_RIGHT.finditer(text):
        parts += [_reversed(text[start : found.start()]), found[0]]
        start = found.end()
    parts.append(_reversed(text[start:]))
    return "".join(reversed(parts))


def _reversed(text: str) -> str:
    return text[::-1].translate(_MIRRORED)
