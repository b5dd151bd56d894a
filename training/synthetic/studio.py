"""Photo-like pictures with text whose truth is known.

    python -m training.synthetic.studio OUT --kind signs --count 200 --fonts /usr/share/fonts
    --photos DATA
    python -m training.synthetic.studio OUT --kind traps --count 200 --fonts /usr/share/fonts
    --photos DATA

OUT gets pictures and labels.csv: file, lat, lon, country, kind, text. Signs name the place they
stand in. Traps are pictures of one place with text from another, or that is no sign at all; what is
put over a picture (stamps, marks, captions) lies over the sign of the true place.

Backgrounds are photos of a folder with labels.csv (`--photos`), else noise with the spectrum of
photos. The texts stand in `sign_texts.csv`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cv2
import numpy as np
from PIL import Image

from training.synthetic.fonts import read_faces
from training.synthetic.lettering import Fonts, Panel

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEXTS = Path(__file__).with_name("sign_texts.csv")
SIZE_PX = (1280, 960)


@dataclass(frozen=True, slots=True)
class Sign:
    """What stands on a sign, and where."""

    country: str
    town: str
    lat: float
    lon: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    pixels: NDArray[np.uint8]
    """RGB [h, w, 3]."""
    kind: str
    place: Sign
    """Where the picture is taken."""
    text: str
    """All that is written in it."""


def read_signs(file: Path = TEXTS) -> list[Sign]:
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
    """Makes scenes. All chance comes from one seed."""

    def __init__(
        self, fonts: Fonts, signs: Sequence[Sign], photos: Sequence[Path], seed: int
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.fonts = fonts
        self._photos = photos
        self._signs = [sign for sign in signs if all(map(fonts.can_draw, sign.lines))]
        self._latin = [sign for sign in self._signs if " ".join(sign.lines).isascii()]

    def sign(self, latin: bool = False) -> Sign:
        some = self._latin if latin else self._signs
        return some[self.rng.integers(len(some))]

    def elsewhere(self, sign: Sign, latin: bool = False) -> Sign:
        """A sign of another country."""
        while (other := self.sign(latin)).country == sign.country:
            pass
        return other

    def background(self) -> NDArray[np.uint8]:
        """RGB, of the size of SIZE_PX or upright."""
        width, height = SIZE_PX if self.rng.random() < 0.7 else SIZE_PX[::-1]
        if self._photos:
            photo = Image.open(self._photos[self.rng.integers(len(self._photos))]).convert("RGB")
            return np.asarray(photo.resize((width, height), Image.Resampling.BICUBIC))
        return photo_noise((height, width), self.rng)

    def street(self, sign: Sign, share: float | None = None) -> NDArray[np.uint8]:
        """The sign in its surroundings, seen from some side."""
        scene = self.background()
        panel = self.panel(sign.lines)
        share = share or self.rng.uniform(0.2, 0.6)
        return self.photographed(hung(scene, panel, share, self.rng))

    def panel(self, lines: Sequence[str]) -> NDArray[np.uint8]:
        """RGBA: lines on a plate in colours that can be told apart."""
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
        return Panel(ground, ink, border=rng.random() < 0.4).drawn(lines, self.fonts, rng)

    def photographed(self, scene: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Light, a little blur, noise."""
        rng = self.rng
        height, width = scene.shape[:2]
        light = np.linspace(1, rng.uniform(0.75, 1.15), width)[None, :, None]
        seen = scene * (light * rng.uniform(0.7, 1.15))
        seen = cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.3, 1.3))
        seen += rng.normal(0, rng.uniform(1, 6), (height, width, 1))
        return np.clip(seen, 0, 255).astype(np.uint8)


def photo_noise(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """RGB noise whose amplitude falls with frequency as it does in photos (Field, JOSA A 1987)."""
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


def hung(
    scene: NDArray[np.uint8], panel: NDArray[np.uint8], share: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The RGBA panel in the scene, `share` of its width (or height) wide, seen from some side."""
    height, width = scene.shape[:2]
    tall, wide = panel.shape[:2]
    scale = min(share * width / wide, 0.8 * height / tall)
    across, down = wide * scale, tall * scale
    left, top = rng.uniform(0, width - across), rng.uniform(0, height - down)
    corners = np.array([[0, 0], [across, 0], [across, down], [0, down]])
    corners += np.array((left, top))
    corners += rng.normal(0, 0.03, (4, 2)) * (across, down)
    return over(scene, panel, corners)


def over(
    scene: NDArray[np.uint8], panel: NDArray[np.uint8], corners: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """The RGBA panel over the scene, its corners [4, 2] in pixels x, y."""
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


def signs(studio: Studio) -> Scene:
    sign = studio.sign()
    return Scene(studio.street(sign), "sign", sign, " / ".join(sign.lines))


def save(
    scenes: Callable[[Studio], Scene], studio: Studio, count: int, folder: Path, name: str
) -> None:
    """Writes pictures as JPEG and one table of what is true of them."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["file", "lat", "lon", "country", "kind", "text"])
        for number in range(count):
            scene = scenes(studio)
            file = f"{name}_{number:04d}.jpg"
            quality = int(studio.rng.integers(60, 95))
            Image.fromarray(scene.pixels).save(folder / file, quality=quality)
            place = scene.place
            row = [file, place.lat, place.lon, place.country, scene.kind, scene.text]
            table.writerow(row)


@click.command(help=__doc__)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice(["signs", "traps"]), required=True)
@click.option("--count", default=100, show_default=True)
@click.option("--fonts", type=click.Path(path_type=Path, exists=True), default="/usr/share/fonts")
@click.option("--photos", type=click.Path(path_type=Path, exists=True), help="For backgrounds.")
@click.option("--seed", default=0, show_default=True)
def main(out: Path, kind: str, count: int, fonts: Path, photos: Path | None, seed: int) -> None:
    from training.synthetic.non_evidence_scenes import traps

    paths = sorted(photos.rglob("*.jpg")) if photos else []
    drawing = Fonts(read_faces(fonts))
    all_signs = read_signs()
    missing = [s for s in all_signs if not all(map(drawing.can_draw, s.lines))]
    if missing:
        countries = " ".join(sorted({sign.country for sign in missing}))
        click.echo(f"{len(missing)} signs left out, no font draws them: {countries}", err=True)
    studio = Studio(drawing, all_signs, paths, seed)
    save(signs if kind == "signs" else traps, studio, count, out, kind)


if __name__ == "__main__":
    main()
