"""Decides which lines are in a script that PP-OCR does not know, and what they say.

A line counts as Thai if the reader is sure enough that it reads Thai. How sure that is depends on
the classifier, which saw patches of photos and so knows what only looks like letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Protocol

from geotagger.text.language.writing_system import script_of_letter, script_of_symbol
from geotagger.text.ocr.script_reader import DIGITS_ALIKE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray

    ReadScript = Callable[[Sequence[NDArray[np.uint8]], str], list[tuple[str, float]]]
    """Crops of lines, uint8 BGR [48, w, 3], and their script (ISO 15924), or "" to find it -> text
    and confidence of each; ("", 0.0) where nothing is read."""
    ScriptShare = Callable[[NDArray[np.uint8]], tuple[float, float]]
    """Crop of a line -> how surely it is in the script that the first reader finds, and how many
    columns are written on; see `ScriptReader.script_share`."""

MIN_PROBABILITY = 0.02
"""Least probability of the classifier at which it finds a script likely."""
MIN_CONFIDENCE, MIN_UNLIKELY_CONFIDENCE = 0.6, 0.75
"""Least confidence of the reader in a script that the classifier finds likely, or does not."""
MIN_NAMED_CONFIDENCE = 0.5
"""Least confidence of the reader if the classifier is sure of the script."""
MIN_CERTAIN_CONFIDENCE = 0.95
"""From here on the reader is right whatever the classifier says."""
MIN_AGREED_CONFIDENCE = 0.9
"""The same if the classifier is sure of that script, too."""
MIN_SCRIPT_SHARE, MIN_COLUMNS, MIN_UNSURE_CONFIDENCE = 0.8, 6.5, 0.5
"""A line that is so surely in one script, and not too short, is read in it though its letters are
unsure: PP-OCR is often surer of Latin letters that it sees in it. Of 97 unsure lines on 77 photos
of signs none is taken for another script by that."""
MIN_LETTERS, MIN_UNLIKELY_LETTERS, MIN_DIGITS = 2, 3, 4
"""Least different letters and digits in a script that is likely or not, or least digits alone:
arcades and rows of windows repeat one letter."""
MIN_UNSURE_LETTERS = 4
"""The same in an unsure line of a sure script without digits: cormorants on a rock were three
letters of Arabic."""
MIN_SHARED_CONFIDENCE = 0.7
"""Least confidence for Greek, and for letters that Latin shares beside lines of the script."""
SURE_CONFIDENCE, CERTAIN_CONFIDENCE = 0.9, 0.98
"""Lines that are read with less confidence than the first are read again, and given to the next
reader. Between the two, the reader must be surer: PP-OCR takes some Cyrillic lines for Latin, and
digits of India for others, at 0.97."""
MAX_NONE = 0.95
"""Lines between the two are left as they are if the classifier is so sure that they are in none of
its scripts: 36 of the 56 such lines on 77 photos of signs."""
MIN_GAIN = -0.05
"""How much surer the reader must be than PP-OCR."""
MIN_CYRILLIC = 0.2
"""Least probability of the classifier at which letters are Cyrillic that may be Greek."""
GREEK = re.compile("[\u0370-\u03ff]")
"""PP-OCR reads Greek, but lacks the letters with accents, and does not know what it lacks."""
VIETNAMESE = re.compile("[đơưĐƠƯ]")
"""Letters by which a photo is taken for Vietnamese."""
DOUBLY_MARKED = re.compile("[\u1ea0-\u1ef9]")
"""Letters of Vietnamese that PP-OCR lacks: it leaves them out."""
SHARED_LETTERS = {
    script: re.compile(f"[ .,-]*[{letters}][{letters} .,-]*")
    for script, letters in (("Cyrl", "ABCEHIJKMOPSTXYaceijopsxy03"), ("Grek", "ABEZHIKMNOPTYXo"))
}
"""Lines that may be Cyrillic or Greek, though they were read as Latin."""


class ScriptProbabilities(Protocol):
    """What is needed of `ScriptClassifier`."""

    scripts: tuple[str, ...]

    def probabilities(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability of each script, and last of none."""

    def __call__(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """Return the script, or "", and a probability of each line."""


@dataclass(frozen=True, slots=True)
class ScriptReading:
    """A line in a script that PP-OCR does not know."""

    script: str
    """ISO 15924."""
    text: str
    """Empty if only the script is known."""
    confidence: float


class OtherScripts:
    """The classifier of scripts and the readers that know them."""

    def __init__(
        self,
        classifier: ScriptProbabilities,
        readers: Sequence[ReadScript],
        model_id: str = "",
        script_share: ScriptShare | None = None,
    ) -> None:
        """Use these networks.

        Args:
            classifier: recognises the script.
            readers: each gets the lines that the ones before did not read surely. The first also
                finds the script of a line.
            model_id: names the readers, for the cache of outputs.
            script_share: of the first reader, if it can tell.
        """
        self.model_id = model_id
        self._classifier = classifier
        self._readers = readers
        self._script_share = script_share

    def read(self, crop: NDArray[np.uint8], text: str, confidence: float) -> ScriptReading | None:
        """Read a line again, if PP-OCR was unsure or read Greek.

        Args:
            crop: uint8 BGR [48, w, 3].
            text: what PP-OCR read.
            confidence: with which it read that.

        Returns:
            None if it is in none of the scripts, or was read better before.
        """
        reading = None
        if confidence < SURE_CONFIDENCE:
            reading = self._read_unsure(crop, confidence)
        elif confidence < CERTAIN_CONFIDENCE and self._may_be_other(crop):
            reading = self._read_freely(crop, MIN_CERTAIN_CONFIDENCE, MIN_AGREED_CONFIDENCE)
        if reading is None and GREEK.search(text):
            reading = self._read_as(crop, "Grek", min(confidence, MIN_SHARED_CONFIDENCE))
        return reading

    def read_beside(
        self, crop: NDArray[np.uint8], text: str, scripts: Collection[str]
    ) -> ScriptReading | None:
        """Read a line again whose letters Latin shares with a script that stands beside it.

        Args:
            crop: uint8 BGR [48, w, 3].
            text: what PP-OCR read.
            scripts: of other lines in the same photo, ISO 15924.

        Returns:
            None if it is not in one of the scripts.
        """
        for script, letters in SHARED_LETTERS.items():
            if script in scripts and letters.fullmatch(text):
                return self._read_as(crop, script, MIN_SHARED_CONFIDENCE)
        return None

    def read_vietnamese(
        self, crop: NDArray[np.uint8], text: str, confidence: float
    ) -> ScriptReading | None:
        """Read a Latin line again for its marks.

        Args:
            crop: uint8 BGR [48, w, 3].
            text: what PP-OCR read.
            confidence: with which it read that.

        Returns:
            The line with the marks of those words of which both read the same letters; None if
            nothing changes.
        """
        marked, _ = self._readers[0]([crop], "Latn")[0] if self._readers else ("", 0.0)
        found = _with_marks(text, marked)
        return ScriptReading("", found, confidence) if found != text else None

    def _read_unsure(self, crop: NDArray[np.uint8], confidence: float) -> ScriptReading | None:
        ((named, probability),) = self._classifier([crop])
        free = self._read_freely(crop, MIN_CERTAIN_CONFIDENCE if named else confidence + MIN_GAIN)
        if free or not named:
            return free or self._read_in_sure_script(crop)
        text, sure = self._best(crop, named)
        if text and sure >= MIN_NAMED_CONFIDENCE:
            return ScriptReading(named, text, sure)
        return ScriptReading(named, "", probability)

    def _may_be_other(self, crop: NDArray[np.uint8]) -> bool:
        """Whether the classifier, which costs a tenth of the reader, does not rule it out."""
        return float(self._classifier.probabilities(crop)[-1]) < MAX_NONE

    def _read_in_sure_script(self, crop: NDArray[np.uint8]) -> ScriptReading | None:
        """The reading of a line whose script is sure, though its letters are not."""
        if self._script_share is None:
            return None
        share, columns = self._script_share(crop)
        if share < MIN_SCRIPT_SHARE or columns < MIN_COLUMNS:
            return None
        found = self._read_freely(crop, MIN_UNSURE_CONFIDENCE, least=MIN_UNSURE_CONFIDENCE)
        if found is None or any(map(str.isdigit, found.text)):
            return found
        return found if main_script(found.text, MIN_UNSURE_LETTERS) else None

    def _read_freely(
        self,
        crop: NDArray[np.uint8],
        confidence: float,
        agreed: float | None = None,
        least: float | None = None,
    ) -> ScriptReading | None:
        """The reading in the script that the first reader finds, if it is at least so sure.

        Args:
            crop: uint8 BGR [48, w, 3].
            confidence: least one.
            agreed: least one if the classifier is sure of that script; default: `confidence`.
            least: least one whatever the classifier says; default: by what it says.
        """
        text, sure = self._readers[0]([crop], "")[0] if self._readers else ("", 0.0)
        script = main_script(text)
        if not script:
            return None
        is_likely = self._probability(crop, script) >= MIN_PROBABILITY
        if not is_likely and not main_script(text, MIN_UNLIKELY_LETTERS):
            return None
        least = least or (MIN_CONFIDENCE if is_likely else MIN_UNLIKELY_CONFIDENCE)
        if agreed is not None and sure < confidence and self._classifier([crop])[0][0] == script:
            confidence = agreed
        if sure < max(least, confidence):
            return None
        meant = self._meant(crop, script, text)
        best = self._best(crop, meant, (text, sure) if meant == script else ("", 0.0))
        return ScriptReading(meant, *best) if best[0] else None

    def _meant(self, crop: NDArray[np.uint8], script: str, text: str) -> str:
        """The script that is meant, where two look alike."""
        if script == "Grek" and self._probability(crop, "Cyrl") >= MIN_CYRILLIC:
            return "Cyrl"
        return script if any(map(script_of_letter, text)) else DIGITS_ALIKE.get(script, script)

    def _probability(self, crop: NDArray[np.uint8], script: str) -> float:
        """That of the classifier; 0 for a script that it does not know."""
        probabilities = self._classifier.probabilities(crop)[:-1]
        known = zip(self._classifier.scripts, probabilities, strict=True)
        return float(dict(known).get(script, 0.0))

    def _read_as(
        self, crop: NDArray[np.uint8], script: str, confidence: float
    ) -> ScriptReading | None:
        """The reading in a script, if it is surer than this."""
        text, sure = self._best(crop, script)
        return ScriptReading(script, text, sure) if text and sure > confidence else None

    def _best(
        self, crop: NDArray[np.uint8], script: str, best: tuple[str, float] = ("", 0.0)
    ) -> tuple[str, float]:
        """The surest reading of a line in a known script; `best` is that of the first reader."""
        for read in self._readers[1:] if best[0] else self._readers:
            if best[1] < SURE_CONFIDENCE:
                best = max(best, read([crop], script)[0], key=lambda reading: reading[1])
        return best


def main_script(text: str, min_letters: int = MIN_LETTERS) -> str:
    """Return the script of most letters, if it is not Latin and so many differ; else "".

    Digits count if there are no letters.
    """
    letters = Counter(filter(None, map(script_of_letter, text)))
    symbols = Counter(filter(None, map(script_of_symbol, text)))
    script = (letters or symbols).most_common(1)[0][0] if symbols else ""
    differing = sum(script_of_symbol(symbol) == script for symbol in set(text))
    enough = differing >= min_letters if letters else symbols[script] >= MIN_DIGITS
    return script if script != "Latn" and enough else ""


def _with_marks(text: str, marked: str) -> str:
    """Take letters and marks that PP-OCR lacks from a second reading; word by word if both have as
    many words."""
    words, others = text.split(), marked.split()
    if len(words) != len(others):
        words, others = [text], [marked]
    return " ".join(map(_merged, words, others))


def _merged(word: str, other: str) -> str:
    """The word with the doubly marked letters that only the other reading has, and with more marks
    on the same letters; unchanged if anything else differs."""
    word, other = (unicodedata.normalize("NFC", some) for some in (word, other))
    matcher = SequenceMatcher(None, _bare(word), _bare(other), autojunk=False)
    merged = ""
    for kind, first, last, other_first, other_last in matcher.get_opcodes():
        found, added = word[first:last], other[other_first:other_last]
        if kind == "equal":
            merged += "".join(
                max(pair, key=_count_marks) for pair in zip(found, added, strict=True)
            )
        elif kind == "insert" and all(map(DOUBLY_MARKED.match, added)):
            merged += added
        else:
            return word
    return merged


def _count_marks(letter: str) -> int:
    parts = unicodedata.normalize("NFD", letter.casefold().replace("đ", "d\u0335"))
    return sum(unicodedata.combining(part) > 0 for part in parts)


def _bare(text: str) -> str:
    """As many small letters, without marks."""
    first = (unicodedata.normalize("NFD", letter)[0].casefold()[:1] for letter in text)
    return "".join(first).replace("đ", "d")
