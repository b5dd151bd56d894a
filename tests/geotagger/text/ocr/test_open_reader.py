"""The text reader with all that reads."""

import pytest

from geotagger.config import TextBackend
from geotagger.errors import UsageError
from geotagger.text.ocr import open_reader
from geotagger.text.ocr.open_reader import open_text_reader


def test_the_id_names_all_that_reads(monkeypatch):
    class Fake:
        model_id = "tesseract-5:rus"

        def recognise(self, crops, script):
            raise AssertionError((crops, script))

    monkeypatch.setattr(open_reader, "TesseractRecogniser", Fake)
    plain = open_text_reader("cpu").model_id
    assert plain.startswith("ppocrv6-small-2+scripts-")
    assert open_text_reader("cpu", backend=TextBackend.TESSERACT).model_id == (
        f"{plain}+tesseract-5:rus"
    )


def test_a_missing_program_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="tesseract is not installed"):
        open_text_reader("cpu", backend=TextBackend.TESSERACT)
