"""Lines of text in colour, as a detector cuts them out of photos, with what stands in them."""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import cv2
import numpy as np
from PIL import Image

from geotagger.text.ocr.recogniser import HEIGHT_PX
from geotagger.text.ocr.script_reader import COLUMN_PX
from training.synthetic.fonts import Face, able_families
from training.synthetic.line_texts import LineTexts
from training.synthetic.script_crops import MIN_CONTRAST, captured, draw_text, warp
from training.synthetic.script_examples import HELD_OUT_DIVISOR, is_held_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

WIDTH_STEP_PX, MAX_WIDTH_PX = 32, 640
BATCH_PX = 6400
"""Summed width of the lines of a batch."""
MAX_PHOTOS = 1500
"""Photos that are kept in memory."""
FRAMED_SHARE, FRAMED_SHARES = 0.06, {"Arab": 0.3}
"""How often a line stands on a plate that is cut out with its frame: small, off the middle, beside
edges that are no letters. Arabic letters stand alone on number plates only."""
EMPTY_SHARE = 0.05
"""Pieces of photos without text."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True)
class Line:
    """A drawn line."""

    pixels: NDArray[np.uint8]
    """RGB uint8 [48, w, 3]."""
    symbols: str
    """What the reader should emit."""
    script: str


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate around a line: margins in pixels, and what is painted on them."""

    top: int
    bottom: int
    side: int
    band: bool
    """Whether a strip above the line has another colour."""
    rim: int
    """Width of the frame; 0 for none."""

    @classmethod
    def around(cls, shape: tuple[int, ...], rng: np.random.Generator) -> Plate:
        """Returns a plate for ink of a shape."""
        height = shape[0]
        top, bottom = (int(share * height) for share in rng.uniform(0.02, [0.75, 0.45]))
        side = int(rng.uniform(0, 0.6) * height)
        rim = int(rng.choice([0, 0, 1, 2, 4]))
        return cls(top, bottom, side, bool(rng.random() < 0.6), rim)

    def widen(self, ink: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the ink with the margins around it."""
        return np.pad(ink, ((self.top, self.bottom), (self.side, self.side)))

    def paint(self, field: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """Returns a ground RGB [h, w, 3] with the band and the frame."""
        painted = field.copy()
        if self.band:
            painted[: int(rng.uniform(0.5, 1) * self.top)] = rng.integers(0, 256, 3)
        if self.rim:
            away = int(rng.uniform(0, 0.5) * min(self.bottom, self.side))
            corner = (painted.shape[1] - 1 - away, painted.shape[0] - 1 - away)
            shade = tuple(map(float, rng.integers(0, 256, 3)))
            cv2.rectangle(painted, (away, away + self.top // 2), corner, shade, self.rim)
        return painted


class LineDrawer:
    """Draws lines in the fonts that have their letters, over pieces of photos.

    A quarter of the font families of each script and of the photos is for training or held out.
    """

    def __init__(
        self,
        faces: Sequence[Face],
        texts: LineTexts,
        photos: Sequence[Path],
        held_out: bool,
        seed: int,
    ) -> None:
        """Finds the fonts of each script.

        Raises:
            click.ClickException: Less than two font families draw a script.
        """
        self._rng = np.random.default_rng(seed)
        self._texts = texts
        able = [path for path in photos if is_held_out(path.name) == held_out]
        some = self._rng.permutation(len(able))[:MAX_PHOTOS]
        self._photos = [np.asarray(Image.open(able[index]).convert("RGB")) for index in some]
        self._families = {
            script: self._families_of(script, faces, held_out) for script in texts.scripts
        }

    def _families_of(self, script: str, faces: Sequence[Face], held_out: bool) -> list[list[Face]]:
        words = self._texts.words_of(script)
        able = able_families(faces, words[:: max(1, len(words) // 60)][:60])
        order = sorted(able, key=lambda name: hashlib.sha256(name.encode()).digest())
        if len(order) < 2:
            raise click.ClickException(
                f"{len(order)} font families draw {script}, two are needed: install more fonts."
            )
        count = max(1, len(order) // HELD_OUT_DIVISOR)
        return [able[name] for name in (order[:count] if held_out else order[count:])]

    def report(self) -> str:
        """Describes the number of families of each script."""
        return ", ".join(f"{script} {len(some)}" for script, some in self._families.items())

    def line(self, script: str | None = None) -> Line:
        """Draws a line of a script, or of a random one."""
        if script is None and self._photos and self._rng.random() < EMPTY_SHARE:
            return Line(self._without_text(), "", "")
        script = script or self._texts.draw_script()
        while True:
            line = self._texts.line(script)
            symbols = self._texts.symbols(script, line.text)
            pixels = self._draw(script, line.drawn) if symbols else None
            if symbols and pixels is not None and _columns(symbols) <= pixels.shape[1] // COLUMN_PX:
                return Line(pixels, symbols, script)

    def batches(self) -> Iterator[list[Line]]:
        """Yields lines of about one width, without end."""
        by_width: dict[int, list[Line]] = defaultdict(list)
        while True:
            line = self.line()
            width = -(-line.pixels.shape[1] // WIDTH_STEP_PX) * WIDTH_STEP_PX
            by_width[width].append(line)
            if width * len(by_width[width]) >= BATCH_PX:
                yield by_width.pop(width)

    def _draw(self, script: str, text: str) -> NDArray[np.uint8] | None:
        """Returns RGB uint8 [48, w, 3]; None if the font lacks a letter or the line is long."""
        rng = self._rng
        families = self._families[script]
        faces = families[rng.integers(len(families))]
        face = faces[rng.integers(len(faces))]
        if not face.draws(text):
            return None
        try:
            ink = draw_text(text, face, rng)
        except OSError:  # a damaged font
            return None
        if ink is None or ink.shape[1] > 1.2 * MAX_WIDTH_PX / HEIGHT_PX * ink.shape[0]:
            return None
        ink = warp(ink, rng)
        framed = rng.random() < FRAMED_SHARES.get(script, FRAMED_SHARE)
        plate = Plate.around(ink.shape, rng) if framed else None
        return _photographed(ink, self._ground(), plate, rng)

    def _photo(self) -> NDArray[np.uint8]:
        return self._photos[self._rng.integers(len(self._photos))]

    def _ground(self) -> NDArray[np.uint8] | None:
        """Returns a piece of a photo, or nothing half of the time."""
        if not self._photos or self._rng.random() < 0.5:
            return None
        photo = self._photo()
        top = int(self._rng.integers(0, max(1, photo.shape[0] - 48)))
        left = int(self._rng.integers(0, max(1, photo.shape[1] - 200)))
        return photo[top : top + 48, left : left + 200]

    def _without_text(self) -> NDArray[np.uint8]:
        photo, rng = self._photo(), self._rng
        height, width = photo.shape[:2]
        tall = int(np.exp(rng.uniform(np.log(10), np.log(height / 4))))
        wide = int(np.clip(tall * np.exp(rng.uniform(0, np.log(6))), 10, width))
        top, left = rng.integers(0, height - tall), rng.integers(0, max(1, width - wide))
        return _at_height(photo[top : top + tall, left : left + wide])


def _columns(symbols: str) -> int:
    """Returns how many columns CTC needs: one for each symbol, and one between two alike."""
    return len(symbols) + sum(one == two for one, two in itertools.pairwise(symbols))


def _photographed(
    ink: NDArray[np.float32],
    ground: NDArray[np.uint8] | None,
    plate: Plate | None,
    rng: np.random.Generator,
) -> NDArray[np.uint8] | None:
    """Puts ink on a ground and photographs it; None if the line gets too long.

    Args:
        ink: Coverage [h, w].
        ground: RGB [h, w, 3]; None for a plain one.
        plate: What stands around the ink, if the crop is loose.
        rng: Random numbers.
    """
    line_height = ink.shape[0]
    ink = plate.widen(ink) if plate else ink
    height, width = ink.shape
    plain = rng.integers(0, 256, 3).astype(np.float32)
    if rng.random() < 0.4:  # most signs are white or black somewhere
        plain[:] = rng.choice([20, 60, 190, 235, 250])
    field = np.broadcast_to(plain, (height, width, 3)).astype(np.float32)
    if ground is not None:
        patch = cv2.resize(ground, (width, height)).astype(np.float32)
        field = field + rng.choice([0.15, 0.4, 0.8]) * (patch - patch.mean((0, 1)))
    colour = _contrasting(float((field @ LUMA).mean()), rng)
    field = plate.paint(field, rng) if plate else field
    cover = ink[..., None]
    if rng.random() < 0.15:  # a shadow or a rim
        shadow = np.roll(cover, tuple(rng.integers(-3, 4, 2)), (0, 1))
        field = field * (1 - shadow) + rng.integers(0, 256, 3) * shadow
    picture = field * (1 - cover) + colour * cover
    if rng.random() < 0.4:  # light that falls off
        slope = rng.normal(0, 25, 2)
        light = (
            slope[0] * np.linspace(-1, 1, width) + slope[1] * np.linspace(-1, 1, height)[:, None]
        )
        picture = picture + light[..., None]
    line = _at_height(captured(picture.astype(np.float32), rng, height / line_height))
    return line if line.shape[1] <= MAX_WIDTH_PX else None


def _contrasting(luma: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Returns a colour RGB that is lighter or darker than a ground of that luma."""
    while True:
        colour = rng.integers(0, 256, 3).astype(np.float32)
        if rng.random() < 0.6:
            colour[:] = rng.integers(0, 256)
        if abs(float(colour @ LUMA) - luma) >= MIN_CONTRAST:
            return colour


def _at_height(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Resizes to the height of the network's lines."""
    height, width = pixels.shape[:2]
    size = (max(16, round(width * HEIGHT_PX / height)), HEIGHT_PX)
    shrinks = height > HEIGHT_PX
    return np.asarray(
        cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    )
