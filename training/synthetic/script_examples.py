"""What the script classifier learns from: drawn words, and what a detector takes for words.

Fonts and photos are either for training or held out, as wholes.
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

from geotagger.text.ocr.script_classifier import to_grey_line
from training.synthetic.fonts import Face, families
from training.synthetic.script_crops import drawn, patch_of, spoilt
from training.synthetic.script_words import RANGES

if TYPE_CHECKING:
    from numpy.typing import NDArray

READABLE = ("Grek", "Hani", "Latn")
SCRIPTS = tuple(sorted(set(RANGES) - set(READABLE)))
OTHER = len(SCRIPTS)
"""The last class: letters that the recogniser knows, or no letters."""

WRITTEN_OTHERWISE = frozenset(
    {
        *("AE", "AF", "AM", "AZ", "BA", "BD", "BG", "BH", "BT", "BY", "CN", "DJ", "DZ", "EG", "ER"),
        *("ET", "FJ", "GE", "IL", "IN", "IQ", "IR", "JO", "KG", "KH", "KM", "KP", "KR", "KW", "KZ"),
        *("LA", "LB", "LK", "LY", "MA", "MD", "ME", "MK", "MM", "MN", "MR", "MU", "MV", "MY", "NP"),
        *("OM", "PK", "PS", "QA", "RS", "RU", "SA", "SD", "SG", "SO", "SY", "TD", "TH", "TJ", "TM"),
        *("TN", "UA", "UZ", "XK", "YE"),
    }
)
"""Countries whose photos may show a script of `SCRIPTS`: they are no examples of `OTHER`."""

SIGNS = "0123456789€$£¥%&+-/.:,!?()#*@№°→←↑↓"
HELD_OUT_SHARE = 4
"""One family or photo in so many is held out."""


@dataclass(frozen=True, slots=True)
class Crop:
    grey: NDArray[np.uint8]
    """uint8 [32, w]."""
    label: int
    """Of SCRIPTS, or OTHER."""
    kind: str
    """The script drawn, or "patch", "found"."""


@dataclass(frozen=True, slots=True)
class Found:
    """A line of a real photo that the recogniser could not read for sure."""

    file: str
    country: str
    grey: NDArray[np.uint8]
    """uint8 [32, w]."""


def is_held_out(name: str) -> bool:
    return hashlib.sha256(name.encode()).digest()[0] % HELD_OUT_SHARE == 0


class Drawer:
    """Draws words of any script in the fonts that have it."""

    def __init__(self, faces: Sequence[Face], words: dict[str, list[str]], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._words = words
        self._families = {script: self._split(script, faces) for script in words}

    def _split(self, script: str, faces: Sequence[Face]) -> tuple[list[list[Face]], ...]:
        """Families that draw the script, those to train with and those held out: of few families
        one is held out, whichever its name's hash puts first."""
        some = self._rng.choice(self._words[script], 60)
        able = families(face for face in faces if sum(map(face.draws, some)) >= 54)
        order = sorted(able, key=lambda name: hashlib.sha256(name.encode()).digest())
        count = max(1, len(order) // HELD_OUT_SHARE)
        if len(order) < 2:
            raise click.ClickException(
                f"{len(order)} font families draw {script}, two are needed: install more fonts."
            )
        return [able[name] for name in order[count:]], [able[name] for name in order[:count]]

    def report(self) -> str:
        return ", ".join(f"{s} {len(t)}+{len(h)}" for s, (t, h) in self._families.items())

    def draw(
        self, script: str, held_out: bool, grounds: Sequence[NDArray[np.uint8]]
    ) -> NDArray[np.uint8]:
        rng = self._rng
        some = self._families[script][held_out]
        while True:
            faces = some[rng.integers(len(some))]
            face = faces[rng.integers(len(faces))]
            text = self._text(script)
            if not face.draws(text):
                continue
            try:
                ink = drawn(text, face, rng)
            except OSError:  # a damaged font
                continue
            if ink is None:
                continue
            if script in READABLE:
                ink = self._turned(ink)
            ground = None
            if grounds and rng.random() < 0.5:
                picture = grounds[rng.integers(len(grounds))]
                top, left = (int(rng.integers(0, side - 48)) for side in picture.shape)
                ground = picture[top : top + 48, left : left + 200]
            return spoilt(ink, ground, rng)

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

    def _turned(self, ink: NDArray[np.float32]) -> NDArray[np.float32]:
        """Text upside down, mirrored or standing is no other script."""
        way = self._rng.random()
        if way < 0.06:
            return ink[::-1, ::-1]
        if way < 0.12:
            return ink[:, ::-1]
        if way < 0.15:
            return ink[::-1]
        if way < 0.18 and ink.shape[1] < 6 * ink.shape[0]:
            return np.ascontiguousarray(ink.T)
        return ink


def examples(
    drawer: Drawer, photos: Photos, each: int, held_out: bool, rng: np.random.Generator
) -> Iterator[Crop]:
    """`each` crops of every script, and about as many as all of them together of OTHER."""
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
    for found in photos.found(held_out):
        yield Crop(found.grey, OTHER, "found")


class Photos:
    """Real photos: pieces of them, and what the detector finds in them.

    Photos of countries that write in one of SCRIPTS are left out.

    Args:
        folder: holds labels.csv with columns file and country, perhaps rights.
        cache: file that keeps what was found.
        limit: photos to look for text in, evenly spread.
    """

    def __init__(
        self, folder: Path, cache: Path, exclude_rights: Sequence[str], limit: int
    ) -> None:
        with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
            rows = [
                (row["file"], row["country"])
                for row in csv.DictReader(stream)
                if row.get("rights") not in exclude_rights
                and row["country"] not in WRITTEN_OTHERWISE
            ]
        rows = rows[:: -(-len(rows) // limit)]
        self._folder = folder
        self._rows = rows
        if not cache.exists():
            save_found(cache, list(find_all(folder, rows)))
        self._all_found = load_found(cache)

    def grounds(self, held_out: bool) -> list[NDArray[np.uint8]]:
        return [
            np.asarray(Image.open(self._folder / file).convert("L"))
            for file, _ in self._rows
            if is_held_out(file) == held_out
        ]

    def found(self, held_out: bool) -> list[Found]:
        return [found for found in self._all_found if is_held_out(found.file) == held_out]


def find_all(folder: Path, rows: Sequence[tuple[str, str]]) -> Iterator[Found]:
    """The lines in the photos that the program's own reader cannot read, and would ask about."""
    from geotagger.text.ocr.reader import TextReader

    asked: list[NDArray[np.uint8]] = []

    def note(crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        asked.extend(to_grey_line(crop) for crop in crops)
        return [("", 1.0)] * len(crops)

    reader = TextReader("cpu", script_classifier=note)
    with click.progressbar(rows, label="finding text in photos") as bar:
        for file, country in bar:
            asked.clear()
            reader.read([reader.prepare(Image.open(folder / file).convert("RGB"))])
            yield from (Found(file, country, grey) for grey in asked)


def save_crops(file: Path, crops: Sequence[Crop]) -> None:
    _save(file, crops, [(str(crop.label), crop.kind) for crop in crops])


def load_crops(file: Path) -> list[Crop]:
    return [Crop(grey, int(label), str(kind)) for grey, (label, kind) in _load(file)]


def save_found(file: Path, found: Sequence[Found]) -> None:
    _save(file, found, [(f.file, f.country) for f in found])


def load_found(file: Path) -> list[Found]:
    return [Found(str(name), str(country), grey) for grey, (name, country) in _load(file)]


def _save(file: Path, lines: Sequence[Crop | Found], columns: Sequence[tuple[str, ...]]) -> None:
    """Lines side by side, and what is known of each."""
    greys = [line.grey for line in lines]
    widths = [grey.shape[1] for grey in greys]
    np.savez(file, grey=np.concatenate(greys, axis=1), width=widths, columns=np.array(columns))


def _load(file: Path) -> list[tuple[NDArray[np.uint8], NDArray[np.str_]]]:
    with np.load(file) as stored:
        greys = np.split(stored["grey"], np.cumsum(stored["width"])[:-1], axis=1)
        return list(zip(greys, stored["columns"], strict=True))
