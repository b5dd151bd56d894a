"""Tesseract as a program that may be missing, slow, broken or hostile."""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, on purpose

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from geotagger.errors import UsageError
from geotagger.text.ocr import tesseract
from geotagger.text.ocr.tesseract import TesseractRecogniser

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the programs here are scripts")

CROPS = [np.full((48, 120, 3), 255, np.uint8)] * 2
HEADER = (
    "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
)
NOTHING = [("", 0.0)] * 2


def row(page: object, text: str, conf: object = 90, left: int = 0, width: int = 40) -> str:
    return f"5\t{page}\t1\t1\t1\t1\t{left}\t0\t{width}\t40\t{conf}\t{text}"


def program(
    folder: Path, answer: str, version: str = "tesseract 5.3.0", models: str = "rus kor tha"
) -> str:
    """A program that answers like Tesseract; `answer` is Python code for its reading."""
    path = folder / "fake-tesseract"
    listed = "\n".join(["List of available languages (3):", *models.split()])
    path.write_text(
        f"#!{sys.executable}\n"
        "import os, sys, time\n"
        f"if '--version' in sys.argv: print({version!r}); sys.exit()\n"
        f"if '--list-langs' in sys.argv: print({listed!r}); sys.exit()\n"
        f"{answer}\n",
        encoding="utf-8",
    )
    path.chmod(0o755)
    return str(path)


def table(*rows: str) -> str:
    text = "\n".join([HEADER, *rows]) + "\n"
    return f"sys.stdin.buffer.read(); sys.stdout.buffer.write({text.encode()!r})"


def test_words_of_pages_become_lines(tmp_path: Path) -> None:
    answer = table(
        row(1, "ул.", 80, 0), row(1, "Ленина", 95, 60), row(2, "Мо\u200fсква", 50), row(7, "нет")
    )
    recogniser = TesseractRecogniser(program(tmp_path, answer))
    first, second = recogniser.recognise(CROPS, "Cyrl")
    assert first == ("ул. Ленина", pytest.approx((3 * 0.8 + 6 * 0.95) / 9))
    assert second == ("Москва", pytest.approx(0.5))
    assert recogniser.scripts == {"Cyrl", "Hang", "Thai"}
    assert recogniser.model_id == "tesseract-5.3.0:kor+rus+tha"


def test_spaces_that_are_none(tmp_path: Path) -> None:
    hangul = table(row(1, "서", left=0, width=30), row(1, "울", left=34), row(1, "역", left=90))
    recogniser = TesseractRecogniser(program(tmp_path, hangul))
    assert recogniser.recognise(CROPS[:1], "Hang")[0][0] == "서울 역"
    assert recogniser.recognise(CROPS[:1], "Thai")[0][0] == "서울역"


def test_script_without_a_model_is_not_read(tmp_path: Path) -> None:
    recogniser = TesseractRecogniser(program(tmp_path, table(row(1, "x"))))
    assert recogniser.recognise(CROPS, "Geor") == NOTHING
    assert recogniser.recognise(CROPS, "../../etc") == NOTHING
    assert recogniser.recognise([], "Cyrl") == []


def test_model_of_a_script_is_preferred(tmp_path: Path) -> None:
    models = "script/Cyrillic rus ukr ara fas osd"
    show = "sys.stdin.buffer.read(); open(os.environ['SEEN'], 'w').write(' '.join(sys.argv))"
    recogniser = TesseractRecogniser(program(tmp_path, show, models=models))
    seen = tmp_path / "seen"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEEN", str(seen))
        recogniser.recognise(CROPS, "Cyrl")
        assert "-l script/Cyrillic --psm 7" in seen.read_text()
        recogniser.recognise(CROPS, "Arab")
        assert "-l ara+fas --psm 7" in seen.read_text()


@pytest.mark.parametrize(
    "bad",
    [
        row("x", "text"),
        row(0, "text"),
        row(-1, "text"),
        row("9" * 5000, "text"),
        row(1, "text", "nan"),
        row(1, "text", "inf"),
        row(1, "text", -1),
        row(1, "text", 101),
        row(1, "\x00\x1b\u202e"),
        row(1, "long" * 1000),
        row(1, "text") + "\tone more",
        "5\t1",
    ],
)
def test_odd_rows_are_left_out(tmp_path: Path, bad: str) -> None:
    recogniser = TesseractRecogniser(program(tmp_path, table(bad)))
    assert recogniser.recognise(CROPS, "Cyrl") == NOTHING


def test_output_that_is_not_text(tmp_path: Path) -> None:
    answer = "sys.stdin.buffer.read(); sys.stdout.buffer.write(bytes(range(256)) * 100)"
    assert TesseractRecogniser(program(tmp_path, answer)).recognise(CROPS, "Cyrl") == NOTHING


@pytest.mark.parametrize(
    "answer",
    [
        "sys.exit(1)",
        "os.kill(os.getpid(), 9)",
        "time.sleep(600)",
        "sys.stdout.close(); os.close(1); time.sleep(600)",
        "os.fork() or time.sleep(600)",
        "while True: sys.stdout.write('x' * 65536)",
    ],
    ids=["fails", "is killed", "hangs", "closes and hangs", "leaves a child", "never ends"],
)
def test_program_that_fails_reads_nothing(
    tmp_path: Path, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recogniser = TesseractRecogniser(program(tmp_path, answer))
    monkeypatch.setattr(tesseract, "START_S", 0.5)
    monkeypatch.setattr(tesseract, "LINE_S", 0.0)
    assert recogniser.recognise(CROPS, "Cyrl") == NOTHING


def test_program_that_keeps_failing_is_left_alone(tmp_path: Path) -> None:
    count = tmp_path / "count"
    recogniser = TesseractRecogniser(
        program(tmp_path, f"open({str(count)!r}, 'a').write('x'); sys.exit(1)")
    )
    for _ in range(5):
        assert recogniser.recognise(CROPS, "Cyrl") == NOTHING
    assert count.read_text() == "x" * tesseract.MAX_FAILURES


def test_missing_old_and_empty_programs_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not installed"):
        TesseractRecogniser(str(tmp_path / "none"))
    with pytest.raises(UsageError, match="too old"):
        TesseractRecogniser(program(tmp_path, "", version="tesseract 3.05.02"))
    with pytest.raises(UsageError, match="does not run"):
        TesseractRecogniser(program(tmp_path, "", version="segmentation fault"))
    with pytest.raises(UsageError, match="no model"):
        TesseractRecogniser(program(tmp_path, "", models="eng osd"))


def test_installed_program_reads() -> None:
    try:
        recogniser = TesseractRecogniser()
    except UsageError as error:
        pytest.skip(str(error))
    if "Cyrl" not in recogniser.scripts:
        pytest.skip("its model for Cyrillic is not installed")
    picture = Image.new("RGB", (110, 48), "white")
    font = ImageFont.load_default(34)
    ImageDraw.Draw(picture).text((6, 24), "2046", fill="black", font=font, anchor="lm")
    ((read, confidence),) = recogniser.recognise([np.asarray(picture)[:, :, ::-1]], "Cyrl")
    assert read == "2046"
    assert confidence > 0.5
