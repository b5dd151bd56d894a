"""Puts signs into photos: the studio in which scenes are drawn."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from training.synthetic.lettering import Fonts, SignPlate

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TEXTS = resources.files(__package__) / "sign_texts.csv"
SIZE_PX = (1280, 960)


@dataclass(frozen=True, slots=True)
class Sign:
    """The text of a sign, and its place."""

    country: str
    town: str
    lat: float
    lon: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture and its truth."""

    pixels: NDArray[np.uint8]
    """RGB uint8 [h, w, 3]."""
    kind: str
    place: Sign
    """Where the picture is taken."""
    text: str
    """All text in it."""


def read_signs(file: Traversable = TEXTS) -> list[Sign]:
    """Reads the signs of sign_texts.csv."""
    with file.open(encoding="utf-8", newline="") as stream:
        return [
            Sign(
                row["country"],
                row["town"],
                float(row["lat"]),
                float(row["lon"]),
                tuple(row["text"].split(" / ")),
            )
            for row in csv.DictReader(stream)
        ]


class Studio:
    """Makes scenes. One seed determines all random choices."""

    def __init__(
        self, fonts: Fonts, signs: Sequence[Sign], photos: Sequence[Path], seed: int
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.fonts = fonts
        self._photos = photos
        self._signs = [sign for sign in signs if all(map(fonts.can_draw, sign.lines))]
        self._latin = [sign for sign in self._signs if " ".join(sign.lines).isascii()]

    def sign(self, latin: bool = False) -> Sign:
        """Returns a random sign; with `latin` one in ASCII."""
        some = self._latin if latin else self._signs
        return some[self.rng.integers(len(some))]

    def elsewhere(self, sign: Sign, latin: bool = False) -> Sign:
        """Returns a random sign of another country."""
        while (other := self.sign(latin)).country == sign.country:
            pass
        return other

    def background(self) -> NDArray[np.uint8]:
        """Returns a background RGB uint8 [h, w, 3] of SIZE_PX, or upright."""
        width, height = SIZE_PX if self.rng.random() < 0.7 else SIZE_PX[::-1]
        if self._photos:
            photo = Image.open(self._photos[self.rng.integers(len(self._photos))]).convert("RGB")
            return np.asarray(photo.resize((width, height), Image.Resampling.BICUBIC))
        return photo_noise((height, width), self.rng)

    def street(self, sign: Sign, share: float | None = None) -> NDArray[np.uint8]:
        """Returns the sign in a street, seen from an angle: RGB uint8 [h, w, 3]."""
        scene = self.background()
        panel = self.panel(sign.lines)
        share = share or self.rng.uniform(0.2, 0.6)
        return self.photograph(hang_panel(scene, panel, share, self.rng))

    def panel(self, lines: Sequence[str]) -> NDArray[np.uint8]:
        """Returns lines on a plate as RGBA uint8 [h, w, 4], in colours with contrast."""
        rng = self.rng
        colours = [
            ((255, 255, 255), (20, 20, 20)),
            ((20, 60, 150), (255, 255, 255)),
            ((190, 25, 30), (255, 255, 255)),
            ((250, 205, 20), (20, 20, 20)),
            ((20, 100, 50), (250, 250, 240)),
            ((40, 40, 45), (235, 225, 190)),
            ((225, 215, 195), (90, 40, 20)),
        ]
        ground, ink = colours[rng.integers(len(colours))]
        return SignPlate(ground, ink, border=rng.random() < 0.4).draw(lines, self.fonts, rng)

    def photograph(self, scene: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Adds light, slight blur and noise."""
        rng = self.rng
        height, width = scene.shape[:2]
        light = np.linspace(1, rng.uniform(0.75, 1.15), width)[None, :, None]
        lit = scene * (light * rng.uniform(0.7, 1.15))
        lit = cv2.GaussianBlur(lit, (0, 0), rng.uniform(0.3, 1.3))
        lit += rng.normal(0, rng.uniform(1, 6), (height, width, 1))
        return np.clip(lit, 0, 255).astype(np.uint8)


def photo_noise(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Returns RGB noise with the spectrum of photos (Field, JOSA A 1987)."""
    height, width = size
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    falloff = 1 / np.maximum(np.hypot(rows, columns), 1 / max(size))
    planes = []
    for _ in range(3):
        phase = np.exp(2j * np.pi * rng.random((height, width // 2 + 1)))
        plane = np.fft.irfft2(phase * falloff, size)
        planes.append(plane / plane.std())
    grey, *tints = planes
    mixed = np.stack([grey + 0.3 * tint for tint in (*tints, -tints[0])], axis=2)
    return np.clip(120 + 50 * mixed, 0, 255).astype(np.uint8)


def hang_panel(
    scene: NDArray[np.uint8], panel: NDArray[np.uint8], share: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Puts an RGBA panel into a scene, seen from an angle.

    Args:
        scene: RGB uint8 [h, w, 3].
        panel: RGBA uint8.
        share: The width of the panel as a share of the scene.
        rng: Random numbers.
    """
    height, width = scene.shape[:2]
    tall, wide = panel.shape[:2]
    scale = min(share * width / wide, 0.8 * height / tall)
    across, down = wide * scale, tall * scale
    left, top = rng.uniform(0, width - across), rng.uniform(0, height - down)
    corners = np.array([[0, 0], [across, 0], [across, down], [0, down]])
    corners += np.array((left, top))
    corners += rng.normal(0, 0.03, (4, 2)) * (across, down)
    return overlay(scene, panel, corners)


def overlay(
    scene: NDArray[np.uint8], panel: NDArray[np.uint8], corners: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Puts an RGBA panel over a scene, with its corners [4, 2] at pixels (x, y)."""
    tall, wide = panel.shape[:2]
    source = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    size = (scene.shape[1], scene.shape[0])
    shrink = (corners[1, 0] - corners[0, 0]) / wide
    if shrink < 1:
        panel = cv2.GaussianBlur(panel, (0, 0), 0.4 / max(shrink, 0.05))
    warped = cv2.warpPerspective(panel, matrix, size).astype(np.float32)
    cover = warped[:, :, 3:] / 255
    return (scene * (1 - cover) + warped[:, :, :3] * cover).astype(np.uint8)
