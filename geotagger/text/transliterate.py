"""Latin letters for text in another script, for people who cannot read it.

The package `anyascii` (ISC licence) knows every script and needs nothing else. It goes letter by
letter, so vowels that are not written (Arabic, Hebrew, Thai) are missing. A transliteration is
shown and never searched: the gazetteer has names as people write them.
"""

from __future__ import annotations

from geotagger.text.language.writing_system import script_of

WITHOUT = frozenset({"", "Latn", "Hani", "Kana"})
"""Latin letters need none. Han characters sound different in each language."""


def transliterate(text: str) -> str:
    """Return the text in Latin letters.

    Args:
        text: in any script.

    Returns:
        ASCII; "" if most letters are Latin, Chinese or Japanese, or `anyascii` is not installed.
    """
    if script_of(text) in WITHOUT:
        return ""
    try:
        from anyascii import anyascii
    except ImportError:
        return ""
    return " ".join(anyascii(text).split())
