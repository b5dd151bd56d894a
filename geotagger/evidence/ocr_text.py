"""Evidence from the words in the picture: signs, shop fronts, number plates, posters."""

from __future__ import annotations

import json
from dataclasses import astuple
from importlib.metadata import version
from typing import TYPE_CHECKING

from geotagger.cache.fingerprint import output_key
from geotagger.config import TextBackend
from geotagger.text.combine import Combiner, named_towns
from geotagger.text.find_cues import find_cues
from geotagger.text.ocr.open_reader import open_text_reader
from geotagger.text.types import OcrResult, TextLine
from geotagger.types import Evidence, SourceKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geotagger.evidence.source import LoadedPhoto
    from geotagger.geography.places import Places
    from geotagger.text.ocr.reader import PreparedImage


class TextSource:
    """Reads the text in a batch of photos and weighs what it says."""

    name: str = SourceKind.TEXT
    batch_size = 8

    def __init__(
        self,
        places: Places,
        *,
        device: str = "auto",
        threads: int = 1,
        backend: TextBackend = TextBackend.AUTO,
    ) -> None:
        """Load the text reader.

        Args:
            places: the places table.
            device: where the reader's models run.
            threads: threads that read text on a CPU.
            backend: what reads lines in scripts that PP-OCR does not know.

        Raises:
            DeviceError: the device does not run the reader's models.
        """
        self._reader = open_text_reader(device, threads, backend)
        self._combiner = Combiner(places)
        self.model_id = self._reader.model_id
        self.output_key = output_key("text", self.model_id, version("rapidocr"))
        self.min_side_px = self._reader.min_side_px

    def prepare(self, photo: LoadedPhoto) -> PreparedImage:
        """The picture at the size at which text is detected."""
        picture = photo.picture(self.min_side_px)
        return self._reader.prepare(picture.image, picture.width_px, picture.height_px)

    def weigh(self, batch: Sequence[PreparedImage]) -> list[Evidence | None]:
        """The evidence of each picture; None where no words say anything about the place."""
        return self.interpret(self.infer(batch))

    def infer(self, batch: Sequence[PreparedImage]) -> list[OcrResult]:
        """The text lines in each picture."""
        return self._reader.read(batch)

    def interpret(self, outputs: Sequence[OcrResult]) -> list[Evidence | None]:
        """The evidence in the text lines of each picture."""
        return [evidence_of(result, self._combiner) for result in outputs]

    def pack(self, output: OcrResult) -> bytes:
        return json.dumps(astuple(output)).encode()

    def unpack(self, packed: bytes) -> OcrResult:
        lines, width_px, height_px = json.loads(packed)
        return OcrResult(tuple(_line(*line) for line in lines), width_px, height_px)


def _line(text: str, confidence: float, box: list[list[float]], script: str) -> TextLine:
    a, b, c, d = ((x, y) for x, y in box)
    return TextLine(text, confidence, (a, b, c, d), script)


def evidence_of(result: OcrResult, combiner: Combiner) -> Evidence | None:
    """The evidence in the text lines of one photo; None if they say nothing about the place."""
    cues, notes = find_cues(result)
    weighted = combiner.weigh(cues)
    telling = [item.cue for item in weighted if item.is_telling]
    if not telling:
        return None

    def reason(row: int) -> str:
        return "; ".join((f"sign: {combiner.explain(telling, row)}", *notes))

    return Evidence(
        source=TextSource.name,
        weight=1.0,
        reason=reason,
        log_likelihood=combiner.total(weighted),
        outlier_probability=combiner.strengths.outlier_probability,
        named_towns=named_towns(telling),
    )
