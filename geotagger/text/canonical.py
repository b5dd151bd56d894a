"""One form of a recognised text for all cues, however the recogniser or a person writes it.

Unicode has several ways to write the same sign: composed and decomposed letters, forms of Arabic
letters by their position, marks of the writing direction, digits of each script, and Latin letters
that look like Cyrillic or Greek ones. Text in Latin, Chinese and Japanese letters stays as it is.
"""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, on purpose

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u0640\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670]"
)
"""Marks of direction, fillers, soft hyphens, kashida; points of vowels in Hebrew and Arabic, which
signs hardly ever have."""
_JOINER_BETWEEN_WORDS = re.compile("(?<=[\u0600-\u06ff])\u200c(?=[\u0600-\u06ff])")
"""In Persian, it ends a part of a word like a narrow space."""
_COMPATIBLE = re.compile("[\ufb13-\ufdff\ufe70-\ufefc]+")
"""Ligatures and positional forms of Armenian, Hebrew and Arabic letters."""
_PUNCTUATION = str.maketrans(
    {
        "،": ",", "؛": ";", "٫": ".", "٬": ",", "٪": "%", "۔": ".", "־": "-", "״": '"', "׳": "'",
        **dict.fromkeys("।॥෴๏๚๛၊။፡።፣፤፥፦፧፨។៕៖༌།༎", " "),
    }
)  # fmt: skip
"""Signs of other scripts as those that the patterns know; signs between words and sentences."""
_LIKE_CYRILLIC = str.maketrans("ABCEHIJKMOPSTXYaceijopsxyÏï", "АВСЕНІЈКМОРЅТХУасеіјорѕхуЇї")
_LIKE_GREEK = str.maketrans("ABEZHIKMNOPTYXovu", "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧονυ")
_LATIN, _CYRILLIC, _GREEK = "A-Za-zÏï", "\u0400-\u04ff", "\u0370-\u03ff"
_MIXED = re.compile(
    rf"\b(?:(?=[^\W\d_]*[{_LATIN}])(?:[{_CYRILLIC}{_LATIN}]*[{_CYRILLIC}][{_CYRILLIC}{_LATIN}]*"
    rf"|[{_GREEK}{_LATIN}]*[{_GREEK}][{_GREEK}{_LATIN}]*))\b"
)
"""A word of Cyrillic or Greek letters and Latin ones."""


def canonical_text(text: str) -> str:
    """Return the text as all cues expect it.

    Args:
        text: a line in reading order, in any normal form.

    Returns:
        NFC, with digits from 0 to 9, without vowel points and without invisible characters except
        joiners within words.
    """
    if text.isascii():
        return text
    text = _COMPATIBLE.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    text = unicodedata.normalize("NFC", text)
    text = _JOINER_BETWEEN_WORDS.sub(" ", text).translate(_PUNCTUATION)
    text = "".join(map(_digit, text))
    return _MIXED.sub(lambda word: _of_one_script(word[0]), text)


@lru_cache(maxsize=4096)
def _digit(character: str) -> str:
    """A digit of any script as one from 0 to 9; other characters and fullwidth digits as is."""
    if character.isascii() or not character.isdecimal() or "\uff10" <= character <= "\uff19":
        return character
    return str(unicodedata.decimal(character))


def _of_one_script(word: str) -> str:
    """The word in Cyrillic or Greek alone if its Latin letters all look so, else as it is."""
    is_cyrillic = re.search(f"[{_CYRILLIC}]", word)
    unified = word.translate(_LIKE_CYRILLIC if is_cyrillic else _LIKE_GREEK)
    return word if re.search("[A-Za-z]", unified) else unified
