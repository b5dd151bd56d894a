"""Evidence from the words in the picture: signs, shop fronts, plates, posters."""

from __future__ import annotations

import json
from dataclasses import astuple
from importlib.metadata import version
from typing import TYPE_CHECKING

from geotagger.cache.fingerprint import output_key
from geotagger.text.combine import Combiner
from geotagger.text.find_cues import find_cues
from geotagger.text.ocr.reader import TextReader
from geotagger.text.ocr.script_classifier import ScriptClassifier
from geotagger.text.types import OcrResult, TextLine
from geotagger.types import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from geotagger.evidence.source import LoadedPhoto
    from geotagger.geography.places import Places
    from geotagger.text.ocr.reader import PreparedImage


class TextSource:
    """Reads the text of a batch of photos and weighs what it says."""

    name = "text"
    batch_size = 8

    def __init__(
        self,
        places: Places,
        log_prior: NDArray[np.float32],
        *,
        device: str = "auto",
        threads: int = 1,
    ) -> None:
        """Load the reader. `log_prior`: the belief's, float32 [len(places)].

        Raises DeviceError when the device does not run the reader's models.
        """
        self._reader = TextReader(device, threads, ScriptClassifier())
        self._combiner = Combiner(places, log_prior)
        self.model_id = self._reader.model_id
        self.output_key = output_key("text", self.model_id, version("rapidocr"))
        self.min_side_px = self._reader.min_side_px

    def prepare(self, shot: LoadedPhoto) -> PreparedImage:
        """The picture at the size in which its text is looked for."""
        picture = shot.picture
        return self._reader.prepare(picture.image, picture.width_px, picture.height_px)

    def weigh(self, batch: Sequence[PreparedImage]) -> list[Evidence | None]:
        """One answer for each picture; None where nothing that was read tells of a place."""
        return self.judge(self.ask(batch))

    def ask(self, batch: Sequence[PreparedImage]) -> list[OcrResult]:
        """The words in each picture."""
        return self._reader.read(batch)

    def judge(self, answers: Sequence[OcrResult]) -> list[Evidence | None]:
        """What they say of the place."""
        return [evidence_of(reading, self._combiner) for reading in answers]

    def pack(self, answer: OcrResult) -> bytes:
        return json.dumps(astuple(answer)).encode()

    def unpack(self, packed: bytes) -> OcrResult:
        lines, width_px, height_px = json.loads(packed)
        return OcrResult(tuple(_line(*line) for line in lines), width_px, height_px)


def _line(text: str, confidence: float, box: list[list[float]], script: str) -> TextLine:
    a, b, c, d = ((x, y) for x, y in box)
    return TextLine(text, confidence, (a, b, c, d), script)


def evidence_of(reading: OcrResult, combiner: Combiner) -> Evidence | None:
    """What one photo's text says of its place."""
    cues, notes = find_cues(reading)
    weighted = combiner.weigh(cues)
    if not weighted:
        return None
    total = combiner.total(weighted)
    reason = combiner.explain(weighted, total)
    if not reason:
        return None
    return Evidence(
        source=TextSource.name,
        weight=1.0,
        reason="; ".join((reason, *notes)),
        log_likelihood=total,
        outlier_probability=combiner.strengths.outlier_probability,
    )
