"""Texts of lines, and the lines that are drawn of them."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest

from geotagger.text.ocr.line_labels import UNKNOWN, to_text
from training.synthetic import text_lines
from training.synthetic.fonts import read_faces
from training.synthetic.line_texts import DIGITS, JAMO, LineTexts
from training.synthetic.text_lines import BATCH_PX, MAX_WIDTH_PX, Line, LineDrawer

WORDS = {
    "Cyrl": ["Москва", "Київ", *2 * ["абвгґдеєёжзиїійклмнопрстуфхцчшщъыьэюя"]],
    "Grek": ["Αθήνα", "Κως", *2 * ["αάβγδεέζηήθιίκλμνξοόπρστυύφχψωώϊϋ"]],
    "Hang": ["서울", "부산", "한글"],
    "Latn": ["Hanoi", "Hà", "Nội", "Đà", "Nẵng"],
    "Hani": ["北京", "東京"],
}
FONTS = Path(matplotlib.__file__).parent / "mpl-data" / "fonts" / "ttf"


@pytest.fixture
def texts(monkeypatch):
    monkeypatch.setattr("training.synthetic.line_texts.words", lambda: WORDS)
    return LineTexts(1, ("Cyrl", "Grek", "Hang", "Latn"))


@pytest.fixture
def drawer(texts, monkeypatch):
    texts.scripts = ("Cyrl", "Grek")
    monkeypatch.setattr(texts, "draw_script", lambda: "Cyrl")
    faces = [face for face in read_faces(FONTS) if face.family.startswith("DejaVu")]
    return LineDrawer(faces, texts, [], False, 1)


def test_the_alphabet_has_each_symbol_once_and_unknown_last(texts):
    alphabet = texts.alphabet
    assert len(set(alphabet)) == len(alphabet)
    assert alphabet[-1] == UNKNOWN
    assert {" ", "0", "€", *JAMO, *DIGITS["Thai"]} <= set(alphabet)


def test_lines_of_every_script_have_symbols(texts):
    for script in ("Cyrl", "Grek", "Hang"):
        lines = [texts.line(script) for _ in range(300)]
        symbols = [texts.symbols(script, line) for line in lines]
        # Faker's names have signs that these few words lack
        assert sum(found is not None for found in symbols) > 100
        assert len(set(lines)) > 100


def test_chinese_characters_are_unknown(texts):
    assert texts.symbols("Hani", "北京 12") == UNKNOWN * 2 + " 12"
    assert texts.symbols("Cyrl", "京") is None


def test_greek_capitals_have_no_accents(texts):
    capitals = [line for line in (texts.line("Grek") for _ in range(300)) if line.isupper()]
    assert capitals
    assert not any(letter in "ΆΈΉΊΌΎΏ" for line in capitals for letter in line)


def test_a_drawn_line_has_room_for_its_symbols(drawer):
    for _ in range(30):
        line = drawer.line()
        height, width, channels = line.pixels.shape
        assert (height, channels) == (48, 3)
        assert len(line.symbols) <= width // 4 <= MAX_WIDTH_PX // 4
        assert to_text(line.symbols)
        assert line.pixels.std() > 1


def test_fonts_are_for_training_or_held_out(texts, drawer):
    faces = [face for face in read_faces(FONTS) if face.family.startswith("DejaVu")]
    held_out = LineDrawer(faces, texts, [], True, 1)
    for script in ("Cyrl", "Grek"):
        families = [{face.family for some in d._families[script] for face in some}
                    for d in (drawer, held_out)]  # fmt: skip
        assert all(families)
        assert not families[0] & families[1]


def test_batches_have_one_width(drawer):
    batch = next(drawer.batches())
    widths = {-(-line.pixels.shape[1] // 32) for line in batch}
    assert len(widths) == 1
    assert widths.pop() * 32 * len(batch) >= BATCH_PX


def test_lines_without_text_are_pieces_of_photos(drawer, monkeypatch):
    monkeypatch.setattr(text_lines, "EMPTY_SHARE", 1.0)
    drawer._photos = [np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)]
    line = drawer.line()
    assert line == Line(line.pixels, "", "")
    assert line.pixels.shape[0] == 48
