"""Reads lines in the scripts that the recogniser of the package `rapidocr` does not know.

The network was trained on drawn lines (`training/train_text_reader.py`); its first layers are those
of PP-OCRv6. It emits symbols by CTC
(Graves et al., ICML 2006).
"""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, on purpose

from __future__ import annotations

import hashlib
import re
import threading
import unicodedata
from collections import Counter
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from geotagger.config import Device
from geotagger.errors import BundleError
from geotagger.text.language.writing_system import script_of_letter, script_of_symbol
from geotagger.text.ocr.line_labels import UNKNOWN, to_text
from geotagger.text.ocr.packaged_network import read_packaged_network
from geotagger.text.ocr.recogniser import stack_lines
from geotagger.vision.runtime.devices import open_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.resources.abc import Traversable

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

FOLDER = files("geotagger.data").joinpath("text_reader")
RECENT = 4
"""Outputs of the network that are kept: about a megabyte each."""
COLUMN_PX = 4
"""Width of a column, for which the network gives one class."""

LOOKALIKES = {
    "Cyrl": str.maketrans("ABCEHIJKMOPSTXYaceijopsxynktmru", "АВСЕНІЈКМОРЅТХУасеіјорѕхупктмги"),
    "Grek": str.maketrans("ABEHIKMNOPTXYZov", "ΑΒΕΗΙΚΜΝΟΡΤΧΥΖον"),
}
"""Latin letters -> letters of the script that look the same."""
WORD = re.compile(r"\w+")
LOOSE_JAMO = re.compile("[\u1100-\u11ff]")
"""Letters that form no Hangul syllable: misread, or none."""
OWN_DIGITS = {"Arab": "٠-٩۰-۹", "Beng": "০-৯", "Deva": "०-९"}
DIGIT_LOOKALIKES = {
    "Arab": str.maketrans("0oiIl1|اV", "٥٥١١١١١١٧"),
    "Beng": str.maketrans("08", "০৪"),
    "Deva": str.maketrans("0239", "०२३९"),
}
"""Characters that stand for a digit of the script if they stand among such digits."""
DIGITS_ALIKE = {"Guru": "Deva", "Gujr": "Deva"}
"""Scripts whose digits look like those of a commoner one."""
_TO_PERSIAN = str.maketrans("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹")
_TO_ARABIC = str.maketrans("۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩")
_AIN_IN_WORD = re.compile("(?<=[اأإآدذرزو])٤(?![٠-٩0-9])|(?<=[ء-ي])٤(?=[ء-ي])")
"""After letters that join no other, `ع` looks like a digit; no digit stands within a word."""
_ARABIC_LETTER = "[\u0621-\u064a\u066e-\u06d3]"
"""Of any language; the digits between are none."""
_PERSIAN_ONLY = re.compile(f"[۴۵۶پچژگٹڈڑںہھے]|ک(?!{_ARABIC_LETTER})")
"""Digits and letters of Persian and Urdu."""
_ARABIC_ONLY = re.compile(f"[٤٥٦ةأإ]|ي(?!{_ARABIC_LETTER})")
_PERSIAN_LETTERS = str.maketrans("كىي", "کیی")
_ARABIC_LETTERS = str.maketrans("کی", "كى")
_ARABIC_WORD = re.compile(f"{_ARABIC_LETTER}{{3,}}")
_YEH_BEFORE_LETTER = re.compile(f"ى(?={_ARABIC_LETTER})")


class ScriptReader:
    """The network. It is loaded when the first line is read, and runs on the CPU.

    Attributes:
        model_id: changes with the network, for the cache of outputs.
    """

    def __init__(self, threads: int = 1, folder: Traversable = FOLDER) -> None:
        """Remember where the network is.

        Args:
            threads: of ONNX Runtime.
            folder: with `card.json` and `model.onnx`.

        Raises:
            BundleError: the card of the network is missing.
        """
        try:
            card = folder.joinpath("card.json").read_bytes()
        except OSError as error:
            problem = f"The reader of scripts in {folder} cannot be read: {error}."
            raise BundleError(f"{problem} Install geotagger again.") from error
        self.model_id = f"scripts-2-{hashlib.sha256(card).hexdigest()[:8]}"
        self._threads, self._folder = threads, folder
        self._lock = threading.Lock()
        self._recent: dict[bytes, NDArray[np.float32]] = {}

    @cached_property
    def _loaded(self) -> tuple[InferenceSession, str]:
        card, model = read_packaged_network(self._folder, "reader of scripts")
        session = open_session(model, Device.CPU, self._threads, memory_pattern=False)
        return session, card["symbols"]

    def script_share(self, crop: NDArray[np.uint8]) -> tuple[float, float]:
        """How surely a line is in the script in which most of it is read, whatever its letters are.

        Args:
            crop: uint8 BGR [48, w, 3].

        Returns:
            Share of that script in what is no blank and has a script (Latin counts), and the number
            of columns that are no blank.

        Raises:
            BundleError: the network is missing, or is not the one that its card describes.
        """
        probabilities, symbols = self._probabilities(crop)
        by_script = probabilities.sum(axis=0)[1:] @ _membership(symbols)
        with_script = by_script[1:]
        return float(with_script.max() / max(with_script.sum(), 1e-9)), float(by_script.sum())

    def _probabilities(self, crop: NDArray[np.uint8]) -> tuple[NDArray[np.float32], str]:
        """Output of the network [t, 1 + symbols], and the symbols. It runs once for a line, though
        a line is read in several ways."""
        key = crop.tobytes()
        with self._lock:
            session, symbols = self._loaded
            known = self._recent.get(key)
        if known is not None:
            return known, symbols
        output: NDArray[np.float32] = session.run(None, {"lines": stack_lines([crop])})[0][0]
        with self._lock:
            while len(self._recent) >= RECENT:
                self._recent.pop(next(iter(self._recent)))
            self._recent[key] = output
        return output, symbols

    def recognise(self, crops: Sequence[NDArray[np.uint8]], script: str) -> list[tuple[str, float]]:
        """Read lines, one by one: beside a longer line, the padding would disturb a short one.

        Args:
            crops: uint8 BGR [48, w, 3] each.
            script: their script, ISO 15924; a line without a letter or digit of it counts as not
                read. "" takes the script, but Latin, that most symbols of a line have.

        Returns:
            Text, in the order in which it is read, and confidence of each crop.

        Raises:
            BundleError: the network is missing, or is not the one that its card describes.
        """
        return [_read(*self._probabilities(crop), script) for crop in crops]


def _read(probabilities: NDArray[np.float32], symbols: str, script: str) -> tuple[str, float]:
    """Read one line [t, 1 + len(symbols)] in a script; "" finds it."""
    script = script or _main_script(probabilities, symbols)
    if not script:
        return "", 0.0
    probabilities = _with_digits_alike(probabilities, symbols, script) * _allowed(symbols, script)
    return _decode(probabilities / probabilities.sum(axis=1, keepdims=True), symbols, script)


def _main_script(probabilities: NDArray[np.float32], symbols: str) -> str:
    """The script, but Latin, of most best symbols; "" if Latin has more of them."""
    classes = probabilities.argmax(axis=1)
    scripts = Counter(script_of_symbol(symbols[number - 1]) for number in classes if number)
    del scripts[""]
    script = scripts.most_common(1)[0][0] if scripts else ""
    return "" if script == "Latn" else script


@cache
def _membership(symbols: str) -> NDArray[np.float32]:
    """Which script each symbol has, float32 [symbols, scripts]; the first column is for none."""
    scripts = [script_of_symbol(symbol) for symbol in symbols]
    columns = ["", *sorted(set(scripts) - {""})]
    return np.array([[script == column for column in columns] for script in scripts], np.float32)


def _with_digits_alike(
    probabilities: NDArray[np.float32], symbols: str, script: str
) -> NDArray[np.float32]:
    """Add the probabilities of other scripts' digits to those of the script that look like them."""
    alike = _digits_alike(symbols, script)
    if not alike:
        return probabilities
    probabilities = probabilities.copy()
    for own, other in alike:
        probabilities[:, own] += probabilities[:, other]
    return probabilities


@cache
def _digits_alike(symbols: str, script: str) -> tuple[tuple[int, int], ...]:
    """Classes of digits of a script, each with that of one that looks like it."""
    digits = [
        (number, script_of_symbol(symbol), unicodedata.digit(symbol))
        for number, symbol in enumerate(symbols, 1)
        if symbol.isdigit()
    ]
    own = {value: number for number, of_script, value in digits if of_script == script}
    return tuple(
        (own[value], number)
        for number, of_script, value in digits
        if DIGITS_ALIKE.get(of_script) == script and value in own
    )


@cache
def _allowed(symbols: str, script: str) -> NDArray[np.float32]:
    """What may stand in a line of a script, float32 [1 + len(symbols)]: 1 or 0.

    Besides its own letters that is Latin, and what has no script: blanks, digits, punctuation.
    """
    allowed = [script_of_symbol(symbol) in {"", "Latn", script} for symbol in symbols]
    return np.array([True, *allowed], np.float32)


def _decode(probabilities: NDArray[np.float32], symbols: str, script: str) -> tuple[str, float]:
    """Decode one line [t, 1 + len(symbols)]: the best class of each column, without repeats and
    blanks."""
    classes = probabilities.argmax(axis=1)
    kept = (classes > 0) & np.append(True, classes[1:] != classes[:-1])
    text = to_text("".join(symbols[number - 1] for number in classes[kept]))
    if UNKNOWN in text or not any(script_of_symbol(symbol) == script for symbol in text):
        return "", 0.0
    text = WORD.sub(lambda word: _in_one_script(word[0], script), text)
    text = _in_own_symbols(text, script)
    whole = 1 - len(LOOSE_JAMO.findall(text)) / len(text)
    return text, whole * float(probabilities.max(axis=1)[kept].mean())


def _in_one_script(word: str, script: str) -> str:
    """Turn Latin letters that look like letters of the script into those, if the word has both."""
    if script not in LOOKALIKES or not any(script_of_letter(letter) == script for letter in word):
        return word
    return word.translate(LOOKALIKES[script])


def _in_own_symbols(text: str, script: str) -> str:
    """Give a number one set of digits, and an Arabic line one alphabet.

    Arabs and Persians write seven of ten digits alike, and most letters.
    """
    if script not in OWN_DIGITS:
        return text
    text = _AIN_IN_WORD.sub("ع", text)
    text = _number(script).sub(lambda run: run[0].translate(DIGIT_LOOKALIKES[script]), text)
    return text if script != "Arab" else _in_one_alphabet(text)


def _in_one_alphabet(text: str) -> str:
    """Write an Arabic line in the letters and digits of Persian and Urdu, or of Arabic.

    Of `ك` and `ک`, and of `ي`, `ی` and `ى`, only the last letter of a word shows which it is. If
    nothing shows it, most of the letters that the network chose in words decide: it knows many.
    """
    persian = len(_PERSIAN_ONLY.findall(text)) - len(_ARABIC_ONLY.findall(text))
    words = "".join(_ARABIC_WORD.findall(text))
    chosen = sum((letter in "کی") - (letter in "كي") for letter in words)
    if persian > 0 or (persian == 0 and chosen > 0):
        return text.translate(_TO_PERSIAN).translate(_PERSIAN_LETTERS)
    text = text.translate(_TO_ARABIC).translate(_ARABIC_LETTERS)
    return _YEH_BEFORE_LETTER.sub("ي", text)


@cache
def _number(script: str) -> re.Pattern[str]:
    """Digits of the script, with what looks like its digits; two of them in Arabic, where that may
    be a letter."""
    own = f"[{OWN_DIGITS[script]}]"
    alike = re.escape("".join(map(chr, DIGIT_LOOKALIKES[script])))
    least = 2 if script == "Arab" else 1
    return re.compile(f"(?=(?:[{alike}]*{own}){{{least}}})[{OWN_DIGITS[script]}{alike}]+")
