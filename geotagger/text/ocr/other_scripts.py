"""Decides which lines are in a script that PP-OCR does not know, and what they say.

Two networks must agree before a line counts as Thai: the classifier, which saw patches of photos
and so knows what only looks like letters, and the reader, which reads them.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from geotagger.text.language.writing_system import script_of_letter

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray

    ReadScript = Callable[[Sequence[NDArray[np.uint8]], str], list[tuple[str, float]]]
    """Crops of lines, uint8 BGR [48, w, 3], and their script (ISO 15924), or "" to find it -> text
    and confidence of each; ("", 0.0) where nothing is read."""

MIN_PROBABILITY = 0.02
"""Least probability of the classifier at which a script is tried."""
MIN_CONFIDENCE, MIN_LETTERS = 0.6, 2
"""Least confidence of the reader, and least letters, if the classifier is not sure."""
MIN_NAMED_CONFIDENCE = 0.5
"""Least confidence if it is sure."""
MIN_SHARED_CONFIDENCE = 0.7
"""Least confidence for Greek, and for letters that Latin shares beside lines of the script."""
SURE_CONFIDENCE = 0.9
"""Lines that are read with less confidence are read again, and given to the next reader."""
GREEK = re.compile("[\u0370-\u03ff]")
"""PP-OCR reads Greek, but lacks the letters with accents, and does not know what it lacks."""
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
    ) -> None:
        """Use these networks.

        Args:
            classifier: recognises the script.
            readers: each gets the lines that the ones before did not read surely. The first also
                finds the script of a line.
            model_id: names the readers, for the cache of outputs.
        """
        self.model_id = model_id
        self._classifier = classifier
        self._readers = readers

    def read(self, crop: NDArray[np.uint8], text: str, confidence: float) -> ScriptReading | None:
        """Read a line again, if PP-OCR was unsure or read Greek.

        Args:
            crop: uint8 BGR [48, w, 3].
            text: what PP-OCR read.
            confidence: with which it read that.

        Returns:
            None if it is in none of the scripts, or was read better before.
        """
        reading = self._read_unsure(crop, confidence) if confidence < SURE_CONFIDENCE else None
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

    def _read_unsure(self, crop: NDArray[np.uint8], confidence: float) -> ScriptReading | None:
        probabilities = self._classifier.probabilities(crop)[:-1]
        likely = zip(self._classifier.scripts, probabilities, strict=True)
        tried = {script for script, some in likely if some >= MIN_PROBABILITY}
        if not tried:
            return None
        ((named, probability),) = self._classifier([crop])
        if named:
            text, sure = self._best(crop, named)
            if text and sure >= MIN_NAMED_CONFIDENCE:
                return ScriptReading(named, text, sure)
            return ScriptReading(named, "", probability)
        text, sure = self._readers[0]([crop], "")[0] if self._readers else ("", 0.0)
        script = main_script(text)
        if script not in tried or sure < max(MIN_CONFIDENCE, confidence):
            return None
        return ScriptReading(script, *self._best(crop, script, (text, sure)))

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


def main_script(text: str) -> str:
    """Return the script of most letters, if it is not Latin and they are enough; else ""."""
    counts = Counter(filter(None, map(script_of_letter, text)))
    script, count = counts.most_common(1)[0] if counts else ("", 0)
    return script if script != "Latn" and count >= MIN_LETTERS else ""
