"""The fonts of a folder, and which letters each can draw."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click
from fontTools.ttLib import TTFont
from fontTools.ttLib.ttCollection import TTCollection
from PIL import ImageFont, features

SUFFIXES = frozenset({".ttf", ".otf", ".ttc"})
UNWANTED = ("emoji", "symbol", "icon", "braille", "dingbat", "math", "lastresort")
"""Families that draw pictures or technical signs where they claim letters."""


@dataclass(frozen=True, slots=True)
class Face:
    """One style of a family: "Noto Sans Thai", bold."""

    path: Path
    index: int
    """Within a collection (.ttc); 0 elsewhere."""
    family: str
    letters: frozenset[int]
    """Code points that it draws."""

    def draws(self, text: str) -> bool:
        return all(ord(letter) in self.letters or letter.isspace() for letter in text)

    def at(self, size_px: int) -> ImageFont.FreeTypeFont:
        return _opened(self.path, self.index, size_px)


@functools.lru_cache(maxsize=512)
def _opened(path: Path, index: int, size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size_px, index=index)


def read_faces(folder: Path) -> list[Face]:
    """Every font below the folder, sorted by path. Those that cannot be read are left out.

    Raises:
        click.ClickException: no font, or letters of Arabic or India could not be joined.
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
    except Exception:  # fontTools raises whatever a damaged table makes it stumble over
        return []
    return [face for face in faces if not any(word in face.family.lower() for word in UNWANTED)]


def _face(path: Path, index: int, font: TTFont) -> Face:
    name = font["name"]
    family = name.getDebugName(16) or name.getDebugName(1) or path.stem
    return Face(path, index, family, frozenset(font.getBestCmap() or ()))


def families(faces: Iterable[Face]) -> dict[str, list[Face]]:
    """Faces by the first two words of the family: "Noto Sans Thai UI" belongs to "noto sans"."""
    found: dict[str, list[Face]] = {}
    for face in faces:
        found.setdefault(" ".join(face.family.lower().split()[:2]), []).append(face)
    return found


def is_letter(letter: str) -> bool:
    """Letters and the marks that stand on them."""
    return unicodedata.category(letter)[0] in "LM"
