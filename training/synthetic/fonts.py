"""The fonts of a folder, and the letters that each can draw."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from fontTools.ttLib import TTFont
from fontTools.ttLib.ttCollection import TTCollection
from PIL import ImageFont, features

SUFFIXES = frozenset({".ttf", ".otf", ".ttc"})
UNWANTED = ("emoji", "symbol", "icon", "braille", "dingbat", "math", "lastresort")
"""Families that draw pictures or technical signs in place of letters."""

PROBE_PX, PROBED_LETTERS = 24, 8


@dataclass(frozen=True, slots=True)
class Face:
    """One style of a family, such as "Noto Sans Thai", bold."""

    path: Path
    index: int
    """In a collection (.ttc); 0 otherwise."""
    family: str
    letters: frozenset[int]
    """Code points that it draws."""

    def draws(self, text: str) -> bool:
        """Whether it draws every letter of the text; some fonts draw a box for a space."""
        return all(ord(letter) in self.letters for letter in text)

    def at(self, size_px: int) -> ImageFont.FreeTypeFont:
        """Returns the font at a size."""
        return _opened(self.path, self.index, size_px)


@functools.lru_cache(maxsize=4096)
def _opened(path: Path, index: int, size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size_px, index=index)


def read_faces(folder: Path) -> list[Face]:
    """Reads every font below the folder, sorted by path. Unreadable fonts are left out.

    Raises:
        click.ClickException: There is no font, or Pillow cannot join letters of Arabic or India.
    """
    if not features.check("raqm"):
        raise click.ClickException(
            "This Pillow has no libraqm, so Arabic and Indian letters would come out unjoined: "
            "install one that has (pip's wheels do)."
        )
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    faces = [face for path in paths for face in _faces_of(path)]
    if not faces:
        raise click.ClickException(f"No fonts in {folder}: name a folder of .ttf or .otf files.")
    return faces


def _faces_of(path: Path) -> list[Face]:
    try:
        opened = TTCollection if path.suffix.lower() == ".ttc" else TTFont
        with opened(path, lazy=True) as file:
            fonts = file.fonts if isinstance(file, TTCollection) else [file]
            faces = [_face(path, index, font) for index, font in enumerate(fonts)]
    except Exception:  # fontTools raises any exception on a damaged table
        return []
    return [face for face in faces if not any(word in face.family.lower() for word in UNWANTED)]


def _face(path: Path, index: int, font: TTFont) -> Face:
    name = font["name"]
    family = name.getDebugName(16) or name.getDebugName(1) or path.stem
    return Face(path, index, family, frozenset(font.getBestCmap() or ()))


def font_families(faces: Iterable[Face]) -> dict[str, list[Face]]:
    """Groups faces by the first two words of the family: "Noto Sans Thai UI" is in "noto sans"."""
    by_family: dict[str, list[Face]] = {}
    for face in faces:
        by_family.setdefault(" ".join(face.family.lower().split()[:2]), []).append(face)
    return by_family


def able_families(faces: Iterable[Face], words: Sequence[str]) -> dict[str, list[Face]]:
    """Returns the families that draw at least nine of ten words, each letter in its own shape."""
    able = (f for f in faces if 10 * sum(map(f.draws, words)) >= 9 * len(words))
    letters = sorted({letter for word in words for letter in word if letter.isalpha()})
    some = letters[:: max(1, len(letters) // PROBED_LETTERS)]
    return font_families(face for face in able if _tells_apart(face, some))


def _tells_apart(face: Face, letters: Sequence[str]) -> bool:
    """Whether most letters look different; some fonts draw a box for each letter they lack, others
    have bitmaps of one size only."""
    drawn = [letter for letter in letters if face.draws(letter)]
    try:
        shapes = {bytes(face.at(PROBE_PX).getmask(letter)) for letter in drawn}
    except OSError:
        return False
    return 10 * len(shapes) >= 7 * len(drawn)


def is_letter(letter: str) -> bool:
    """Whether it is a letter or a combining mark."""
    return unicodedata.category(letter)[0] in "LM"
