"""The text reader with all that reads: PP-OCR, the classifier of scripts, the reader of scripts."""

from __future__ import annotations

from geotagger.text.ocr.other_scripts import OtherScripts
from geotagger.text.ocr.reader import TextReader
from geotagger.text.ocr.script_classifier import ScriptClassifier
from geotagger.text.ocr.script_reader import ScriptReader


def open_text_reader(device: str = "auto", threads: int = 1) -> TextReader:
    """Load the text reader.

    Args:
        device: as in `TextReader`.
        threads: as in `TextReader`.

    Raises:
        DeviceError: the device does not run the networks.
        BundleError: a network of the package is damaged.
    """
    scripts = OtherScripts(ScriptClassifier(), [ScriptReader().recognise])
    return TextReader(device, threads, scripts)
