"""The text reader with all that reads: PP-OCR, the classifier of scripts, the reader of scripts."""

from __future__ import annotations

from geotagger.config import TextBackend
from geotagger.text.ocr.other_scripts import OtherScripts
from geotagger.text.ocr.reader import TextReader
from geotagger.text.ocr.script_classifier import ScriptClassifier
from geotagger.text.ocr.script_reader import ScriptReader
from geotagger.text.ocr.tesseract import TesseractRecogniser


def open_text_reader(
    device: str = "auto", threads: int = 1, backend: TextBackend = TextBackend.AUTO
) -> TextReader:
    """Load the text reader.

    Args:
        device: as in `TextReader`.
        threads: as in `TextReader`.
        backend: what reads lines in scripts that PP-OCR does not know.

    Raises:
        DeviceError: the device does not run the networks.
        BundleError: a network of the package is damaged.
        UsageError: the backend is not installed.
    """
    first = ScriptReader()
    readers: list[ScriptReader | TesseractRecogniser] = [first]
    if backend is TextBackend.TESSERACT:
        readers.append(TesseractRecogniser())
    scripts = OtherScripts(
        ScriptClassifier(),
        [reader.recognise for reader in readers],
        "+".join(reader.model_id for reader in readers),
        first.script_share,
    )
    return TextReader(device, threads, scripts)
