"""How well real lines in the world's scripts are read, by geotagger's reader and by Tesseract.

    python -m benchmarks.quality.script_lines FOLDER [--photos PHOTOS --limit 2000]

FOLDER has `labels.csv` (file, text, kind) and the pictures in `images/`. Of kind `word` and `line`
are crops of one line; of kind `photo` are whole photos, whose lines are separated by " | ". Spaces
do not count: plates and shop signs space their letters as they like. Tesseract is used where it is
installed, on the same crops. A crop is "clean" if it is at least 28 px high and ink and ground
differ by at least 60 of 255 levels; the others are hard. Countries are those that the words of a
single crop tell, as read and as labelled; right is a country where signs are in that language.

PHOTOS is a folder of photos, most of them without text in these scripts: each line that is read in
one of them is printed, with the places that it names.
"""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cv2
import numpy as np
from PIL import Image
from rapidfuzz.distance import Levenshtein

from benchmarks.quality.sign_words import judge
from geotagger.errors import UsageError
from geotagger.text.find_cues import find_cues
from geotagger.text.language.writing_system import script_of_symbol
from geotagger.text.ocr.line_labels import to_symbols, to_text
from geotagger.text.ocr.open_reader import open_text_reader
from geotagger.text.ocr.other_scripts import OtherScripts
from geotagger.text.ocr.reader import RECOGNITION, open_session
from geotagger.text.ocr.recogniser import TextRecogniser, crop_line
from geotagger.text.ocr.script_classifier import ScriptClassifier
from geotagger.text.ocr.script_reader import ScriptReader
from geotagger.text.ocr.tesseract import TesseractRecogniser

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.text.ocr.other_scripts import ReadScript

Row = dict[str, str]
BATCH = 8
CLEAN_HEIGHT_PX, CLEAN_CONTRAST = 28, 60
COUNTRIES = {
    "bg": "BG", "bn": "BD IN", "el": "GR CY", "he": "IL", "hi": "IN", "ka": "GE", "km": "KH",
    "ko": "KR", "lo": "LA", "ne": "NP", "or": "IN", "pa": "IN", "ru": "RU", "sr": "RS", "ta": "IN",
    "te": "IN", "tg": "TJ", "th": "TH", "uk": "UA",
}  # fmt: skip
"""Language of a label -> countries with signs in it. Arabic has too many to tell."""


def plain(text: str) -> str:
    """The text without spaces, vowel points and signs that do not show."""
    return "".join(to_text(to_symbols(unicodedata.normalize("NFKC", text))).split())


def script_of(text: str) -> str:
    """The commonest script of its letters and digits but Latin; "" if there is none."""
    found = Counter(filter(None, map(script_of_symbol, text)))
    found.pop("Latn", None)
    return found.most_common(1)[0][0] if found else ""


def crop_of(file: Path) -> NDArray[np.uint8]:
    """The picture of a line as the reader gets it: BGR uint8 [48, w, 3]."""
    pixels = np.ascontiguousarray(np.asarray(Image.open(file).convert("RGB"))[:, :, ::-1])
    height, width = pixels.shape[:2]
    return crop_line(pixels, np.array([[0, 0], [width, 0], [width, height], [0, height]], "f4"))


def is_clean(file: Path) -> bool:
    """Whether a crop is large, and its ink stands out from its ground (parted as by Otsu, 1979)."""
    grey = np.asarray(Image.open(file).convert("L"))
    level, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)
    dark, light = grey[grey <= level], grey[grey > level]
    contrast = light.mean() - dark.mean() if len(dark) and len(light) else 0
    return bool(grey.shape[0] >= CLEAN_HEIGHT_PX and contrast >= CLEAN_CONTRAST)


def score(rows: list[Row], folder: Path, read: ReadScript) -> dict[str, tuple[int, float, float]]:
    """Lines, share of right characters, share of right lines of each script."""
    counts: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in rows:
        script, text = script_of(row["text"]), plain(row["text"])
        if script:
            found = plain(read([crop_of(folder / "images" / row["file"])], script)[0][0])
            wrong = min(len(text), Levenshtein.distance(found, text))
            added = (1, len(text), wrong, found == text)
            counts[script] = [a + b for a, b in zip(counts[script], added, strict=True)]
    return {
        script: (int(lines), 1 - wrong / letters, right / lines)
        for script, (lines, letters, wrong, right) in sorted(counts.items())
    }


def read_as_in_a_photo() -> ReadScript:
    """A reader that is not told the script: PP-OCR first, then the other scripts."""
    first = TextRecogniser(open_session(RECOGNITION, "cpu"))
    reader = ScriptReader()
    others = OtherScripts(ScriptClassifier(), [reader.recognise], script_share=reader.script_share)

    def read(crops: Sequence[NDArray[np.uint8]], _: str) -> list[tuple[str, float]]:
        readings = []
        for crop in crops:
            text, confidence = first.recognise([crop])[0]
            other = others.read(crop, text, confidence)
            readings.append((other.text, other.confidence) if other else (text, confidence))
        return readings

    return read


def read_photos(rows: list[Row], folder: Path) -> None:
    """Print the lines of whole photos, and which of them the program reads."""
    reader = open_text_reader("cpu")
    for row in rows:
        with Image.open(folder / "images" / row["file"]) as photo:
            (result,) = reader.read([reader.prepare(photo.convert("RGB"))])
        found = [line.text or f"[{line.script}]" for line in result.lines]
        truth = [plain(part) for part in row["text"].split(" | ") if script_of(part)]
        joined = plain("".join(found))
        right = sum(part in joined for part in truth)
        click.echo(f"{row['file']}: {right} of {len(truth)} lines; {' | '.join(found)}")


def read_many(photos: Path, limit: int) -> None:
    """Print the lines that are read in photos, and the names of places among them."""
    files = sorted(photos.rglob("*.[jw]*"))
    files = files[:: max(1, len(files) // limit)][:limit]
    reader = open_text_reader("cpu", threads=2)
    read, naming = 0, 0
    for start in range(0, len(files), BATCH):
        some = files[start : start + BATCH]
        batch = [reader.prepare(Image.open(file).convert("RGB")) for file in some]
        for file, result in zip(some, reader.read(batch), strict=True):
            lines = tuple(line for line in result.lines if line.script and line.text)
            cues, _ = find_cues(replace(result, lines=lines)) if lines else ((), None)
            names = [cue.meaning for cue in cues if cue.kind == "place name"]
            read += bool(lines)
            naming += bool(names)
            if lines:
                texts = [f"{line.text} ({line.script} {line.confidence:.2f})" for line in lines]
                click.echo(f"{file.name}: {' | '.join(texts)}; places: {', '.join(names) or '-'}")
    click.echo(f"{len(files)} photos: {read} with such lines, {naming} with names of places")


def score_countries(
    rows: list[Row], folder: Path, read: ReadScript
) -> dict[str, tuple[int, int, int]]:
    """Lines of each language, and how many give a right country, as read and as labelled."""
    counts: dict[str, tuple[int, int, int]] = {}
    for row in rows:
        if row["language"] in COUNTRIES and script_of(row["text"]):
            right = COUNTRIES[row["language"]].split()
            text = read([crop_of(folder / "images" / row["file"])], "")[0][0]
            found = [_country(text) in right, _country(row["text"]) in right]
            lines, *old = counts.get(row["language"], (0, 0, 0))
            counts[row["language"]] = (lines + 1, old[0] + found[0], old[1] + found[1])
    return counts


def _country(text: str) -> str:
    """The country that is likeliest by words alone."""
    prediction, _ = judge(text)
    return prediction.place.country_code if prediction else ""


def show_countries(counts: dict[str, tuple[int, int, int]]) -> None:
    """Print a table of languages."""
    click.echo("\nlanguage  lines  country right as read  as labelled")
    total = tuple(map(sum, zip(*counts.values(), strict=True)))
    for language, (lines, read, labelled) in [*sorted(counts.items()), ("all", total)]:
        click.echo(f"{language:8} {lines:6}  {read:21}  {labelled:11}")


def show(scores: dict[str, dict[str, tuple[int, float, float]]], clean: bool) -> None:
    """Print a table of the readers: share of characters and of lines right."""
    click.echo(f"\n{'clean' if clean else 'hard'}: share of characters, of lines right")
    click.echo(f"script  lines  {'  '.join(f'{name:>18}' for name in scores)}")
    for script, (count, _, _) in next(iter(scores.values())).items():
        of_readers = (of_reader[script] for of_reader in scores.values())
        cells = (f"{characters:11.2f} {whole:6.2f}" for _, characters, whole in of_readers)
        click.echo(f"{script:6} {count:6}  {'  '.join(cells)}")


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--photos", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--limit", default=2000, show_default=True)
def main(folder: Path, photos: Path | None, limit: int) -> None:
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    lines = [row for row in rows if row["kind"] in {"word", "line"}]
    readers: dict[str, ReadScript] = {
        "known script": ScriptReader().recognise,
        "as in a photo": read_as_in_a_photo(),
    }
    with suppress(UsageError):
        readers["tesseract"] = TesseractRecogniser().recognise
    clean = {row["file"]: is_clean(folder / "images" / row["file"]) for row in lines}
    for wanted in (True, False):
        some = [row for row in lines if clean[row["file"]] is wanted]
        show({name: score(some, folder, read) for name, read in readers.items()}, wanted)
    show_countries(score_countries(lines, folder, readers["as in a photo"]))
    read_photos([row for row in rows if row["kind"] == "photo"], folder)
    if photos:
        read_many(photos, limit)


if __name__ == "__main__":
    main()
