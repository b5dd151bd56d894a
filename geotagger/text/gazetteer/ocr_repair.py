"""Repairs names of big towns that the edge of the picture cuts, or with one misread letter.

It is for words that no word list has. Of 1.2 million such words, 0.05 % begin or end like one of
these names, and 0.01 % are one confusable letter away from one.
"""

from __future__ import annotations

from collections.abc import Collection

MIN_LETTERS = 6
"""Fewest letters of a cut name."""
MIN_SHARE = 0.75
"""Smallest part of a name's letters that may be left of it."""
MIN_MISREAD_LETTERS = 8
"""Fewest letters of a name with a misread letter."""
CONFUSABLE = "ao ce eo co il lt it nh hm nm nu uv hb ft rn ij gq ec oq fr kx vy sz bd"
"""Pairs of letters that recognisers confuse."""

_CONFUSED_WITH = {
    letter: "".join(pair.replace(letter, "") for pair in CONFUSABLE.split() if letter in pair)
    for letter in CONFUSABLE.replace(" ", "")
}


def complete_cut_name(
    part: str, names: Collection[str], *, start_is_cut: bool, end_is_cut: bool
) -> str:
    """Return the one name that the edge of the picture may have cut to this part.

    Args:
        part: a word, normalised.
        names: the names to choose from, normalised.
        start_is_cut: whether letters may be missing before the part.
        end_is_cut: whether letters may be missing after the part.

    Returns:
        The name, or "" if there is no such name, or several.
    """
    if len(part) < MIN_LETTERS or not (start_is_cut or end_is_cut):
        return ""
    candidates = [
        name
        for name in names
        if MIN_SHARE * len(name) <= len(part) < len(name)
        and ((end_is_cut and name.startswith(part)) or (start_is_cut and name.endswith(part)))
    ]
    return candidates[0] if len(candidates) == 1 else ""


def correct_misread_letter(word: str, names: Collection[str]) -> str:
    """Return the name that differs from the word by one confusable letter, or ""."""
    if len(word) < MIN_MISREAD_LETTERS:
        return ""
    for index, letter in enumerate(word):
        for other in _CONFUSED_WITH.get(letter, ""):
            name = word[:index] + other + word[index + 1 :]
            if name in names:
                return name
    return ""
