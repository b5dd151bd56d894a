"""Reads lines by Tesseract, if the program is installed: scripts that the own networks read badly.

The program runs once for all lines of a script, which come as the pages of one TIFF on its standard
input. It answers with a table of words (TSV). Its answer is not trusted: it has a limit in time and
in bytes, and rows of another form are left out.
"""

from __future__ import annotations

import io
import logging
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unicodedata
from contextlib import suppress
from itertools import pairwise
from typing import IO, TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from PIL import Image

from geotagger.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

log = logging.getLogger(__name__)

MODELS: Mapping[str, tuple[str, str]] = {
    "Arab": ("script/Arabic", "ara fas urd"),
    "Armn": ("script/Armenian", "hye"),
    "Beng": ("script/Bengali", "ben asm"),
    "Cyrl": ("script/Cyrillic", "rus ukr bul"),
    "Deva": ("script/Devanagari", "hin mar nep"),
    "Ethi": ("script/Ethiopic", "amh tir"),
    "Geor": ("script/Georgian", "kat"),
    "Grek": ("script/Greek", "ell"),
    "Gujr": ("script/Gujarati", "guj"),
    "Guru": ("script/Gurmukhi", "pan"),
    "Hang": ("script/Hangul", "kor"),
    "Hebr": ("script/Hebrew", "heb"),
    "Khmr": ("script/Khmer", "khm"),
    "Knda": ("script/Kannada", "kan"),
    "Laoo": ("script/Lao", "lao"),
    "Mlym": ("script/Malayalam", "mal"),
    "Mymr": ("script/Myanmar", "mya"),
    "Orya": ("script/Oriya", "ori"),
    "Sinh": ("script/Sinhala", "sin"),
    "Taml": ("script/Tamil", "tam"),
    "Telu": ("script/Telugu", "tel"),
    "Thaa": ("script/Thaana", "div"),
    "Thai": ("script/Thai", "tha"),
    "Tibt": ("script/Tibetan", "bod"),
}
"""ISO 15924 code -> Tesseract's model of the script, and the languages to use without it."""
MIN_VERSION = 4
"""First version with a network for lines."""
START_S, LINE_S = 20.0, 2.0
"""Seconds that the program has to start, and further ones for each line."""
MAX_OUTPUT_BYTES = 2_000_000
MAX_LINES = 64
"""Of one run of the program."""
MAX_LINE_CHARACTERS = 200
"""A line that is 1600 px long and 48 px high has fewer."""
MAX_FAILURES = 3
"""After so many failed runs in a row the program is left alone."""
MARGIN_PX = 8
"""Tesseract needs some background around the letters."""
SINGLE_LINE = "7"
"""Page segmentation mode: the picture is one line of text."""
WORD_LEVEL, COLUMNS = "5", 12
"""In the table: level of the rows for words, and number of columns."""
MIN_SPACE_PX: Mapping[str, float] = {
    "Hang": 8.0,
    **dict.fromkeys(("Khmr", "Laoo", "Mymr", "Thai", "Tibt"), math.inf),
}
"""Smallest gap between two words, in scripts in which Tesseract also takes letters for words. A
space of Hangul has about 10 px; the others hardly have any spaces."""


class _Word(NamedTuple):
    """One word of the table."""

    page: int
    """Index of its line."""
    text: str
    confidence: float
    """0 to 1."""
    left: int
    """Pixels."""
    right: int
    """Pixels."""


class TesseractRecogniser:
    """Tesseract's line recogniser. It may be used from several threads.

    Attributes:
        scripts: ISO 15924 codes of the scripts that the installed models read.
        model_id: the program's version and models, for the cache of outputs.
    """

    def __init__(self, program: str = "tesseract") -> None:
        """Find the program and its models.

        Args:
            program: name or path.

        Raises:
            UsageError: the program is not installed, too old, or has no model for a script.
        """
        path = shutil.which(program)
        if path is None:
            raise UsageError(
                f"{program} is not installed: install it from your system's packages "
                "(tesseract-ocr), or leave --text-backend away"
            )
        self._program = path
        version = _version(_output([path, "--version"]))
        if int(version.partition(".")[0]) < MIN_VERSION:
            raise UsageError(f"{path} is too old or does not run: version {MIN_VERSION} is needed")
        installed = set(_output([path, "--list-langs"]).split())
        self._models = _models_by_script(installed)
        if not self._models:
            raise UsageError(
                f"{path} has no model of a script that it is needed for: install some "
                "(tesseract-ocr-rus, tesseract-ocr-kor, tesseract-ocr-script-arab, ...)"
            )
        self.scripts = frozenset(self._models)
        models = "+".join(sorted(set(self._models.values())))
        self.model_id = f"tesseract-{version}:{models}"
        self._failures = 0

    def recognise(self, crops: Sequence[NDArray[np.uint8]], script: str) -> list[tuple[str, float]]:
        """Recognise lines of one script.

        Args:
            crops: uint8 BGR [48, w, 3] each.
            script: ISO 15924 code of the letters.

        Returns:
            Text (NFC, in the order of reading) and confidence of each crop; ("", 0.0) where nothing
            is read, the script has no model, or the program fails.
        """
        read: list[tuple[str, float]] = []
        for start in range(0, len(crops), MAX_LINES):
            read += self._recognise(crops[start : start + MAX_LINES], script)
        return read

    def _recognise(
        self, crops: Sequence[NDArray[np.uint8]], script: str
    ) -> list[tuple[str, float]]:
        models = self._models.get(script)
        table = self._run(crops, models) if models and self._failures < MAX_FAILURES else ""
        words: list[list[_Word]] = [[] for _ in crops]
        for word in _words(table):
            if word.page < len(words):
                words[word.page].append(word)
        return [_joined(of_page, script) for of_page in words]

    def _run(self, crops: Sequence[NDArray[np.uint8]], models: str) -> str:
        """The table of words in the crops, or "" if the program fails."""
        arguments = ["-l", models, "--psm", SINGLE_LINE, "-c", "tessedit_create_tsv=1"]
        with tempfile.TemporaryFile() as pages:
            pages.write(_tiff(crops))
            pages.seek(0)
            command = [self._program, "stdin", "stdout", *arguments]
            table = _run(command, pages, START_S + LINE_S * len(crops))
        self._failures = self._failures + 1 if table is None else 0
        if self._failures == MAX_FAILURES:
            log.warning("%s failed %d times and is not used any more", self._program, MAX_FAILURES)
        return table or ""


def _models_by_script(installed: set[str]) -> dict[str, str]:
    """The models for each script, as `-l` takes them."""
    found = {}
    for script, (model, languages) in MODELS.items():
        own = [language for language in languages.split() if language in installed]
        if model in installed or own:
            found[script] = model if model in installed else "+".join(own)
    return found


def _version(text: str) -> str:
    """The version in the output of `--version`, such as `5.3.0`; "0" if there is none."""
    match = re.match(r"tesseract v?(\d{1,3}[\d.]{0,20})", text)
    return match[1] if match else "0"


def _output(command: Sequence[str]) -> str:
    """What a short command prints; "" if it fails."""
    return _run(command, subprocess.DEVNULL, START_S) or ""


def _run(command: Sequence[str], stdin: IO[bytes] | int, timeout_s: float) -> str | None:
    """What a command prints; None if it fails, takes too long or prints too much."""
    try:
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_THREAD_LIMIT": "1"},
            start_new_session=True,
        )
    except OSError as error:
        log.warning("%s does not run: %s", command[0], error)
        return None
    timer = threading.Timer(timeout_s, _kill, [process])
    timer.start()
    with process:
        try:
            assert process.stdout is not None
            output: bytes = process.stdout.read(MAX_OUTPUT_BYTES)
            if len(output) == MAX_OUTPUT_BYTES:
                _kill(process)
            process.wait()  # the timer ends it if need be
        finally:
            timer.cancel()
            if process.returncode is None:
                _kill(process)
    if process.returncode != 0:
        log.warning("%s failed, took too long or printed too much", command[0])
        return None
    return output.decode("utf-8", "replace")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that nobody has waited for, and those that it started."""
    with suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


def _tiff(crops: Sequence[NDArray[np.uint8]]) -> bytes:
    """The crops as the pages of a TIFF, with a margin."""
    first, *others = map(_page, crops)
    pages = io.BytesIO()
    first.save(pages, "TIFF", save_all=True, append_images=others)
    return pages.getvalue()


def _page(crop: NDArray[np.uint8]) -> Image.Image:
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8)
    return Image.fromarray(np.pad(grey, MARGIN_PX, mode="edge"))


def _words(table: str) -> Iterator[_Word]:
    """Yield the words of a table."""
    for row in table.split("\n"):
        cells = row.rstrip("\r").split("\t")
        if len(cells) != COLUMNS or cells[0] != WORD_LEVEL:
            continue
        with suppress(ValueError):
            page, left, width = (int(cells[column][:9]) for column in (1, 6, 8))
            word = _Word(page - 1, _plain(cells[11]), float(cells[10]) / 100, left, left + width)
            if word.page >= 0 and word.text and 0 < word.confidence <= 1:
                yield word


def _plain(word: str) -> str:
    """The word in NFC without control characters and marks of the writing direction."""
    composed = unicodedata.normalize("NFC", word)
    return "".join(
        letter
        for letter in composed
        if letter in "\u200c\u200d" or not unicodedata.category(letter).startswith("C")
    ).strip()


def _joined(words: Sequence[_Word], script: str) -> tuple[str, float]:
    """The line of the words, and its confidence: their mean, by letters."""
    text = "".join(word.text for word in words[:1])
    for word, following in pairwise(words):
        is_apart = following.left - word.right >= MIN_SPACE_PX.get(script, -math.inf)
        text += f" {following.text}" if is_apart else following.text
    if not 0 < len(text) <= MAX_LINE_CHARACTERS:
        return "", 0.0
    letters = sum(len(word.text) for word in words)
    return text, sum(len(word.text) * word.confidence for word in words) / letters
