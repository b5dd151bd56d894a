"""Texts of lines, and the lines that are drawn of them."""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, on purpose

import re
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from geotagger.text.ocr.line_labels import UNKNOWN, to_text
from training.synthetic import text_lines
from training.synthetic.fonts import able_families, read_faces
from training.synthetic.line_texts import DIGITS, JAMO, LineTexts
from training.synthetic.text_lines import BATCH_PX, MAX_WIDTH_PX, Line, LineDrawer, Plate

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
        lines = [texts.line(script).text for _ in range(300)]
        symbols = [texts.symbols(script, line) for line in lines]
        # Faker's names have signs that these few words lack
        assert sum(found is not None for found in symbols) > 100
        assert len(set(lines)) > 100


def test_chinese_characters_are_unknown(texts):
    assert texts.symbols("Hani", "北京 12") == UNKNOWN * 2 + " 12"
    assert texts.symbols("Cyrl", "京") is None


def test_half_of_the_lines_are_in_the_scripts_to_improve(monkeypatch):
    monkeypatch.setattr("training.synthetic.line_texts.words", lambda: WORDS)
    texts = LineTexts(1, ("Cyrl", "Grek", "Hang", "Latn"), ("Grek", "Hang"))
    drawn = [texts.draw_script() for _ in range(2000)]
    assert 0.45 < sum(script in {"Grek", "Hang"} for script in drawn) / len(drawn) < 0.55
    assert set(drawn) == {"Cyrl", "Grek", "Hang", "Latn", "Hani"}


def test_greek_capitals_have_no_accents(texts):
    lines = [texts.line("Grek").text for _ in range(300)]
    capitals = [line for line in lines if line.isupper()]
    assert capitals
    assert not any(letter in "ΆΈΉΊΌΎΏ" for line in capitals for letter in line)


def test_plates_have_few_letters_and_a_number(texts):
    plates = [texts._plate("Cyrl") for _ in range(200)]
    words = set(WORDS["Cyrl"])
    alone = [plate for plate in plates if not any(word in plate for word in words)]
    assert any(re.fullmatch(r"[А-ЯЁЄІЇҐ]\d\d[А-ЯЁЄІЇҐ]", plate) for plate in alone)
    assert all(len(re.findall(r"[^\W\d]", plate)) <= 4 for plate in alone)


def test_letters_of_an_arabic_plate_do_not_join_where_they_stand_close(texts):
    drawn = {texts._as_drawn("Arab", "ن ج م ٦٦") for _ in range(100)}
    assert {text.translate({0x200C: " ", ord("|"): None}).split()[-1] for text in drawn} == {"٦٦"}
    assert any(text.startswith("ن\u200cج\u200cم") for text in drawn)
    assert any("|" in text for text in drawn)
    assert not any("نج" in text for text in drawn)


def test_letters_that_stand_apart_are_one_word(texts):
    drawn = {texts._as_drawn("Cyrl", "КАФЕ") for _ in range(200)}
    assert drawn == {"КАФЕ", "К А Ф Е"}
    assert {texts._as_drawn("Thai", "กาแฟ") for _ in range(200)} == {"กาแฟ"}


def test_a_font_that_draws_boxes_is_left_out():
    (plain,) = [face for face in read_faces(FONTS) if face.path.name == "DejaVuSans.ttf"]
    boxes = replace(plain, letters=plain.letters | set(range(0x1100, 0x1200)))
    jamo = [chr(code) * 2 for code in range(0x1100, 0x1112)]
    assert able_families([plain, boxes], list(WORDS["Cyrl"]))
    assert not able_families([boxes], jamo)


def test_a_drawn_line_has_room_for_its_symbols(drawer):
    for _ in range(30):
        line = drawer.line()
        height, width, channels = line.pixels.shape
        assert (height, channels) == (48, 3)
        assert len(line.symbols) <= width // 4 <= MAX_WIDTH_PX // 4
        assert to_text(line.symbols)
        assert line.pixels.std() > 1


def test_a_plate_adds_margins_a_band_and_a_frame_around_the_ink():
    ink = np.ones((40, 120), np.float32)
    plate = Plate(top=20, bottom=10, side=15, band=True, rim=2)
    wide = plate.widen(ink)
    assert wide.shape == (70, 150)
    assert wide.sum() == ink.sum()
    assert (wide[20:60, 15:135] == 1).all()
    field = np.full((70, 150, 3), 300, np.float32)  # no colour of paint
    painted = plate.paint(field, np.random.default_rng(3))
    assert (field == 300).all()
    assert (painted[:10] < 256).all()
    assert (painted[20:60, 25:125] == 300).all()
    assert len({tuple(colour) for colour in painted.reshape(-1, 3)}) == 3


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
