"""Training crops of the script classifier: drawn words, and lines that a detector takes for words.

Whole font families and whole photos are either for training or held out.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from PIL import Image

from geotagger.text.ocr.other_scripts import SURE_CONFIDENCE, OtherScripts
from geotagger.text.ocr.script_classifier import to_grey_line
from training.synthetic.fonts import Face, able_families
from training.synthetic.script_crops import degrade, draw_text, patch_of
from training.synthetic.script_words import RANGES

if TYPE_CHECKING:
    from numpy.typing import NDArray

READABLE = ("Grek", "Hani", "Latn")
SCRIPTS = tuple(sorted(set(RANGES) - set(READABLE)))
OTHER = len(SCRIPTS)
"""The last class: scripts that the recogniser reads, or no text."""

COUNTRIES_WITH_SCRIPTS = frozenset(
    {
        *("AE", "AF", "AM", "AZ", "BA", "BD", "BG", "BH", "BT", "BY", "CN", "DJ", "DZ", "EG", "ER"),
        *("ET", "FJ", "GE", "IL", "IN", "IQ", "IR", "JO", "KG", "KH", "KM", "KP", "KR", "KW", "KZ"),
        *("LA", "LB", "LK", "LY", "MA", "MD", "ME", "MK", "MM", "MN", "MR", "MU", "MV", "MY", "NP"),
        *("OM", "PK", "PS", "QA", "RS", "RU", "SA", "SD", "SG", "SO", "SY", "TD", "TH", "TJ", "TM"),
        *("TN", "UA", "UZ", "XK", "YE"),
    }
)
"""Countries whose photos may show a script of `SCRIPTS`; their photos are no examples of
`OTHER`."""

SIGNS = "0123456789€$£¥%&+-/.:,!?()#*@№°→←↑↓"
HELD_OUT_DIVISOR = 4
"""One family or photo in this many is held out."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A line of text with its class."""

    grey: NDArray[np.uint8]
    """uint8 [32, w]."""
    label: int
    """Index into SCRIPTS, or OTHER."""
    kind: str
    """The script that was drawn, or "patch", "found"."""


@dataclass(frozen=True, slots=True)
class DetectedLine:
    """A line in a real photo that the recogniser could not read confidently."""

    file: str
    country: str
    grey: NDArray[np.uint8]
    """uint8 [32, w]."""


def is_held_out(name: str) -> bool:
    """Whether the hash of the name puts it into the held-out part."""
    return hashlib.sha256(name.encode()).digest()[0] % HELD_OUT_DIVISOR == 0


class Drawer:
    """Draws words of any script in the fonts that have it."""

    def __init__(self, faces: Sequence[Face], words: dict[str, list[str]], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._words = words
        self._families = {script: self._split(script, faces) for script in words}

    def _split(self, script: str, faces: Sequence[Face]) -> tuple[list[list[Face]], ...]:
        """Returns the families that draw the script: (for training, held out).

        At least one is held out: the first by the hash of its name.
        """
        some = self._rng.choice(self._words[script], 60)
        able = able_families(faces, some)
        order = sorted(able, key=lambda name: hashlib.sha256(name.encode()).digest())
        count = max(1, len(order) // HELD_OUT_DIVISOR)
        if len(order) < 2:
            raise click.ClickException(
                f"{len(order)} font families draw {script}, two are needed: install more fonts."
            )
        return [able[name] for name in order[count:]], [able[name] for name in order[:count]]

    def report(self) -> str:
        """Describes the number of families of each script."""
        return ", ".join(f"{s} {len(t)}+{len(h)}" for s, (t, h) in self._families.items())

    def draw(
        self, script: str, held_out: bool, grounds: Sequence[NDArray[np.uint8]]
    ) -> NDArray[np.uint8]:
        """Draws a random text of the script as a grey crop uint8 [32, w]."""
        rng = self._rng
        some = self._families[script][held_out]
        while True:
            faces = some[rng.integers(len(some))]
            face = faces[rng.integers(len(faces))]
            text = self._text(script)
            if not face.draws(text):
                continue
            try:
                ink = draw_text(text, face, rng)
            except OSError:  # a damaged font
                continue
            if ink is None:
                continue
            if script in READABLE:
                ink = self._turn(ink)
            ground = None
            if grounds and rng.random() < 0.5:
                picture = grounds[rng.integers(len(grounds))]
                top, left = (int(rng.integers(0, side - 48)) for side in picture.shape)
                ground = picture[top : top + 48, left : left + 200]
            return degrade(ink, ground, rng)

    def _text(self, script: str) -> str:
        rng = self._rng
        words = self._words[script]
        count = int(rng.choice([1, 1, 1, 2, 3]))
        text = " ".join(words[index] for index in rng.integers(len(words), size=count))
        if script in READABLE and rng.random() < 0.25:
            text = "".join(rng.choice(list(SIGNS), int(rng.integers(1, 12))))
        elif rng.random() < 0.08:
            text = f"{text} {rng.integers(1, 2000)}"
        if script in {"Latn", "Grek", "Cyrl"} and rng.random() < 0.5:
            text = text.upper()
        elif script in {"Latn", "Grek", "Cyrl"} and rng.random() < 0.2:
            text = text.lower()
        return text

    def _turn(self, ink: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rotates or mirrors some text: that does not make it another script."""
        chance = self._rng.random()
        if chance < 0.06:
            return ink[::-1, ::-1]
        if chance < 0.12:
            return ink[:, ::-1]
        if chance < 0.15:
            return ink[::-1]
        if chance < 0.18 and ink.shape[1] < 6 * ink.shape[0]:
            return np.ascontiguousarray(ink.T)
        return ink


def examples(
    drawer: Drawer, photos: BackgroundPhotos, each: int, held_out: bool, rng: np.random.Generator
) -> Iterator[Crop]:
    """Yields `each` crops of every script, and about as many of OTHER as of all scripts
    together."""
    grounds = photos.grounds(held_out)
    for label, script in enumerate(SCRIPTS):
        for _ in range(each):
            yield Crop(drawer.draw(script, held_out, grounds), label, script)
    for script, share in (("Latn", 8), ("Grek", 2), ("Hani", 4)):
        for _ in range(each * share):
            yield Crop(drawer.draw(script, held_out, grounds), OTHER, script)
    for _ in range(4 * each if grounds else 0):
        crop = patch_of(grounds[rng.integers(len(grounds))], rng)
        yield Crop(crop, OTHER, "patch")
    for line in photos.detected_lines(held_out):
        yield Crop(line.grey, OTHER, "found")


class BackgroundPhotos:
    """Real photos: pieces of them, and the lines that the detector finds in them.

    Photos of countries that write in one of SCRIPTS are left out.
    """

    def __init__(
        self, folder: Path, cache: Path, exclude_rights: Sequence[str], limit: int
    ) -> None:
        """Reads the photos and detects lines in them.

        Args:
            folder: Has labels.csv with the columns file and country, optionally rights.
            cache: Keeps the detected lines.
            exclude_rights: Photos with these rights are left out.
            limit: The number of photos in which lines are detected, evenly spread.
        """
        with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
            rows = [
                (row["file"], row["country"])
                for row in csv.DictReader(stream)
                if row.get("rights") not in exclude_rights
                and row["country"] not in COUNTRIES_WITH_SCRIPTS
            ]
        rows = rows[:: -(-len(rows) // limit)]
        self._folder = folder
        self._rows = rows
        if not cache.exists():
            save_lines(cache, list(detect_lines(folder, rows)))
        self._detected = load_lines(cache)

    def grounds(self, held_out: bool) -> list[NDArray[np.uint8]]:
        """Returns the photos as grey uint8 [h, w]."""
        return [
            np.asarray(Image.open(self._folder / file).convert("L"))
            for file, _ in self._rows
            if is_held_out(file) == held_out
        ]

    def detected_lines(self, held_out: bool) -> list[DetectedLine]:
        """Returns the lines that were detected."""
        return [line for line in self._detected if is_held_out(line.file) == held_out]


class _LineCollector(OtherScripts):
    """Keeps the lines for which it is asked, and knows none."""

    def __init__(self) -> None:
        self.lines: list[NDArray[np.uint8]] = []

    def read(self, crop: NDArray[np.uint8], text: str, confidence: float) -> None:  # noqa: ARG002
        if confidence < SURE_CONFIDENCE:
            self.lines.append(to_grey_line(crop))


def detect_lines(folder: Path, rows: Sequence[tuple[str, str]]) -> Iterator[DetectedLine]:
    """Yields the lines that the program's reader cannot read, for which it asks the classifier."""
    from geotagger.text.ocr.reader import TextReader

    collector = _LineCollector()
    reader = TextReader("cpu", other_scripts=collector)
    with click.progressbar(rows, label="finding text in photos") as bar:
        for file, country in bar:
            collector.lines.clear()
            reader.read([reader.prepare(Image.open(folder / file).convert("RGB"))])
            yield from (DetectedLine(file, country, grey) for grey in collector.lines)


def save_crops(file: Path, crops: Sequence[Crop]) -> None:
    """Writes crops to a file."""
    _save(file, crops, [(str(crop.label), crop.kind) for crop in crops])


def load_crops(file: Path) -> list[Crop]:
    """Reads what `save_crops` wrote."""
    return [Crop(grey, int(label), str(kind)) for grey, (label, kind) in _load(file)]


def save_lines(file: Path, lines: Sequence[DetectedLine]) -> None:
    """Writes detected lines to a file."""
    _save(file, lines, [(line.file, line.country) for line in lines])


def load_lines(file: Path) -> list[DetectedLine]:
    """Reads what `save_lines` wrote."""
    return [DetectedLine(str(name), str(country), grey) for grey, (name, country) in _load(file)]


def _save(
    file: Path, lines: Sequence[Crop | DetectedLine], columns: Sequence[tuple[str, ...]]
) -> None:
    """Writes lines next to each other, with their columns."""
    greys = [line.grey for line in lines]
    widths = [grey.shape[1] for grey in greys]
    np.savez(file, grey=np.concatenate(greys, axis=1), width=widths, columns=np.array(columns))


def _load(file: Path) -> list[tuple[NDArray[np.uint8], NDArray[np.str_]]]:
    with np.load(file) as stored:
        greys = np.split(stored["grey"], np.cumsum(stored["width"])[:-1], axis=1)
        return list(zip(greys, stored["columns"], strict=True))
