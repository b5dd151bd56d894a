"""Text on plates and pages, in fonts that have its letters."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.synthetic.fonts import Face

PLAIN = (
    "noto sans", "noto serif", "dejavu", "liberation", "roboto", "open sans", "lato", "roadgeek",
    "nimbus", "cantarell", "inter", "bebas", "din", "free", "arundina", "garuda", "tlwg", "kacst",
    "nanum", "khmer os", "padauk", "lohit", "pt sans", "gfs", "ipa", "wenquanyi", "bpg", "culmus",
)  # fmt: skip
"""Prefixes of families that are common on signs."""

Colour = tuple[int, int, int]


class Fonts:
    """Finds fonts for a text. Most signs use plain fonts, some do not."""

    def __init__(self, faces: Sequence[Face]) -> None:
        usual = [face for face in faces if face.family.lower().startswith(PLAIN)]
        self._plain = [face for face in usual if "italic" not in face.path.stem.lower()]
        self._all = list(faces)
        if not self._all:
            raise click.ClickException("No fonts: name a folder of .ttf or .otf files.")

    @functools.cache  # noqa: B019  (lives as long as the run)
    def able(self, text: str, plain: bool = True) -> list[Face]:
        """Returns the faces that draw the text; plain ones if there are any."""
        some = [face for face in (self._plain if plain else self._all) if face.draws(text)]
        return some or ([face for face in self._all if face.draws(text)] if plain else [])

    def can_draw(self, text: str) -> bool:
        """Whether a face draws the text."""
        return bool(self.able(text))

    def pick(self, text: str, rng: np.random.Generator, plain: bool = True) -> Face:
        """Returns a random face for the text.

        Raises:
            click.ClickException: No face draws it.
        """
        some = self.able(text, plain)
        if not some:
            raise click.ClickException(f"No font draws {text!r}: install more, see --fonts.")
        return some[rng.integers(len(some))]


@dataclass(frozen=True, slots=True)
class SignPlate:
    """A plate of one colour with lines in another colour."""

    ground: Colour
    ink: Colour
    border: bool = False

    def draw(
        self, lines: Sequence[str], fonts: Fonts, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Returns RGBA uint8 [h, w, 4]; the first line is the largest."""
        plain = rng.random() < 0.85
        whole = "".join(lines)
        face = fonts.pick(whole, rng, plain) if fonts.able(whole, plain) else None
        rows = []
        for number, line in enumerate(lines):
            size = 90 if number == 0 else int(rng.integers(50, 80))
            rows.append(render_line(line, face or fonts.pick(line, rng), size, self.ink))
        gap, margin = 18, int(rng.integers(20, 60))
        width = max(row.shape[1] for row in rows) + 2 * margin
        height = sum(row.shape[0] + gap for row in rows) - gap + 2 * margin
        plate = Image.new("RGBA", (width, height), (*self.ground, 255))
        if self.border:
            frame = (6, 6, width - 7, height - 7)
            ImageDraw.Draw(plate).rectangle(frame, outline=self.ink, width=5)
        top = margin
        for row in rows:
            plate.alpha_composite(Image.fromarray(row), ((width - row.shape[1]) // 2, top))
            top += row.shape[0] + gap
        return np.asarray(plate)


def render_line(
    text: str, face: Face, size_px: int, ink: Colour, alpha: float = 1.0
) -> NDArray[np.uint8]:
    """Returns one line as RGBA uint8 [h, w, 4], transparent and tightly cropped."""
    font = face.at(size_px)
    left, top, right, bottom = (round(side) for side in font.getbbox(text))
    image = Image.new("RGBA", (max(1, right - left), max(1, bottom - top)), (*ink, 0))
    fill = (*ink, round(255 * alpha))
    ImageDraw.Draw(image).text((-left, -top), text, fill, font)
    return np.asarray(image)
