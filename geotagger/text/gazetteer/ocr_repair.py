"""Names of big towns that the edge of the picture cuts off, or of which one letter is misread.

Only for words that no word list knows: of 1.2 million such words 0.05 % begin or end like one of
these names, and 0.01 % are one confusable letter away from one.
"""

from __future__ import annotations

from collections.abc import Collection

MIN_LETTERS = 6
MIN_SHARE = 0.75
"""Letters of a name that are left of it."""
MIN_MISREAD_LETTERS = 8
CONFUSABLE = "ao ce eo co il lt it nh hm nm nu uv hb ft rn ij gq ec oq fr kx vy sz bd"
"""Pairs of letters that readers take for one another."""

_TAKEN_FOR = {
    letter: "".join(pair.replace(letter, "") for pair in CONFUSABLE.split() if letter in pair)
    for letter in CONFUSABLE.replace(" ", "")
}


def complete_cut_name(part: str, names: Collection[str], *, no_start: bool, no_end: bool) -> str:
    """The one name that a part may be left of; empty when there is none, or several."""
    if len(part) < MIN_LETTERS or not (no_start or no_end):
        return ""
    found = [
        name
        for name in names
        if MIN_SHARE * len(name) <= len(part) < len(name)
        and ((no_end and name.startswith(part)) or (no_start and name.endswith(part)))
    ]
    return found[0] if len(found) == 1 else ""


def correct_misread_letter(word: str, names: Collection[str]) -> str:
    """The name that the word becomes by one letter taken for another; empty when none."""
    if len(word) < MIN_MISREAD_LETTERS:
        return ""
    for at, letter in enumerate(word):
        for meant in _TAKEN_FOR.get(letter, ""):
            name = word[:at] + meant + word[at + 1 :]
            if name in names:
                return name
    return ""
