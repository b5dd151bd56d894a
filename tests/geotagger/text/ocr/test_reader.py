"""The text reader on rendered words."""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, on purpose

import json
import logging
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from geotagger.errors import BundleError, DeviceError
from geotagger.images.decode import decode
from geotagger.text.ocr import reader as text_reader
from geotagger.text.ocr.boxes import keep_largest, mirror, rotate_start, sort_in_reading_order
from geotagger.text.ocr.detector import TextDetector, _text_region
from geotagger.text.ocr.other_scripts import OtherScripts
from geotagger.text.ocr.reader import (
    BATCH_LINES,
    BATCH_WIDTH_PX,
    DETECTION,
    KEPT_SIDE_PX,
    TextReader,
    _chunks_by_width,
)
from geotagger.text.ocr.recogniser import HEIGHT_PX, crop_line
from geotagger.text.types import OcrResult

ROOT = Path(__file__).parents[4]
SIGNS = Path(os.environ.get("GEOTAGGER_TEST_PHOTOS", ROOT.parent / "shared" / "photos")) / "signs"


@pytest.fixture(scope="module")
def reader():
    return TextReader("cpu", threads=2)


def draw(*lines, size=(960, 720), height_px=56, at=(120, 180)):
    """White sign with dark letters on a plain wall."""
    image = Image.new("RGB", size, (105, 125, 110))
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(height_px)
    step = round(1.7 * height_px)
    longest = max(pen.textlength(line, font) for line in lines)
    left, top = at
    pen.rectangle(
        (left - 40, top - 30, left + longest + 40, top + step * len(lines) + 20), (245, 245, 240)
    )
    for row, line in enumerate(lines):
        pen.text((left, top + row * step), line, (20, 30, 90), font)
    return image


def read(reader, *images):
    return reader.read([reader.prepare(image) for image in images])


def texts(result):
    return [line.text for line in result.lines]


def test_lines_are_in_reading_order(reader):
    (result,) = read(reader, draw("Rathausplatz", "Bielefeld 12 km"))
    assert texts(result) == ["Rathausplatz", "Bielefeld 12 km"]
    assert all(line.confidence > 0.9 for line in result.lines)
    assert (result.width_px, result.height_px) == (960, 720)


def test_a_box_is_around_its_words(reader):
    (result,) = read(reader, draw("Rathausplatz"))
    (left, top), (right, _), (_, bottom), _ = result.lines[0].box
    assert left == pytest.approx(120 / 960, abs=0.02)
    assert right == pytest.approx(440 / 960, abs=0.08)
    assert 170 / 720 < top < 210 / 720 < 230 / 720 < bottom < 260 / 720


@pytest.mark.parametrize(
    ("turn", "first_corner"),
    [
        (Image.Transpose.ROTATE_270, "upper right"),  # clockwise by a quarter: reads downwards
        (Image.Transpose.ROTATE_180, "lower right"),
        (Image.Transpose.ROTATE_90, "lower left"),
    ],
)
def test_rotated_words_are_read(reader, turn, first_corner):
    (result,) = read(reader, draw("Rathausplatz", "Bielefeld").transpose(turn))
    assert sorted(texts(result)) == ["Bielefeld", "Rathausplatz"]
    for line in result.lines:
        xs, ys = zip(*line.box, strict=True)
        x, y = line.box[0]
        assert ("right" in first_corner) == (x > sum(xs) / 4)
        assert ("lower" in first_corner) == (y > sum(ys) / 4)


def test_mirrored_words_are_read_and_their_box_is_mirrored(reader):
    (result,) = read(reader, draw("Rathausplatz").transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    assert texts(result) == ["Rathausplatz"]
    (x0, _), (x1, _), *_ = result.lines[0].box
    assert x0 > x1


def test_small_words_in_a_large_picture_are_read(reader):
    image = draw("Rathausplatz", size=(4000, 3000), height_px=60, at=(2600, 300))
    (result,) = read(reader, image)
    assert texts(result) == ["Rathausplatz"]


def test_a_batch_gives_the_same_as_its_photos_alone(reader):
    images = [draw("Bahnhof"), Image.new("RGB", (640, 480), (90, 120, 90)), draw("Museum", "Oslo")]
    together = read(reader, *images)
    alone = [read(reader, image)[0] for image in images]
    assert [texts(result) for result in together] == [texts(result) for result in alone]
    for one, other in zip(together, alone, strict=True):
        for line, twin in zip(one.lines, other.lines, strict=True):
            assert line.confidence == pytest.approx(twin.confidence, abs=0.01)
            assert line.box == twin.box
    assert texts(together[0]) == ["Bahnhof"]
    assert texts(together[1]) == []


def test_one_thread_gives_the_same_as_two(reader):
    images = [draw("Bahnhof"), draw("Museum", "Oslo"), draw("Apotek")]
    single = TextReader("cpu", threads=1)
    assert [texts(one) for one in read(single, *images)] == [
        texts(one) for one in read(reader, *images)
    ]


def test_recognition_does_not_run_without_boxes(reader, monkeypatch):
    def fail(_):
        raise AssertionError("recognition ran")

    monkeypatch.setattr(reader._recogniser, "recognise", fail)
    results = read(reader, Image.new("RGB", (640, 480), (200, 200, 200)))
    assert results == [OcrResult((), 640, 480)]
    assert reader.read([]) == []


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 5000), (20000, 3), (3000, 40), (12000, 9000)])
def test_odd_sizes_give_no_lines(reader, size):
    prepared = reader.prepare(Image.new("RGB", size, (250, 250, 250)))
    assert prepared.pixels.nbytes <= 3 * 1.01 * KEPT_SIDE_PX**2
    assert reader.read([prepared]) == [OcrResult((), *size)]


def test_a_photo_that_fails_does_not_affect_the_others(reader, monkeypatch, caplog):
    good, bad = draw("Bahnhof"), draw("Museum")
    prepared = [reader.prepare(bad), reader.prepare(good)]
    detect = reader._detector.detect

    def fail_on_the_first(pixels):
        if pixels is prepared[0].pixels:
            raise RuntimeError("no such layer")
        return detect(pixels)

    monkeypatch.setattr(reader._detector, "detect", fail_on_the_first)
    with caplog.at_level(logging.WARNING):
        results = reader.read(prepared)
    assert [texts(result) for result in results] == [[], ["Bahnhof"]]
    assert "no such layer" in caplog.text


def test_lines_that_fail_are_dropped(reader, monkeypatch, caplog):
    def fail(_):
        raise RuntimeError("no memory")

    monkeypatch.setattr(reader._recogniser, "recognise", fail)
    with caplog.at_level(logging.WARNING):
        assert texts(read(reader, draw("Bahnhof"))[0]) == []
    assert "no memory" in caplog.text


class Classifier:
    """Gives every line these probabilities, and names the script from 0.9 on."""

    scripts = ("Beng", "Cyrl", "Thai")

    def __init__(self, **probabilities):
        self._probabilities = [probabilities.get(script, 0.0) for script in self.scripts]

    def probabilities(self, crop):
        assert crop.shape[0] == HEIGHT_PX
        blue, _, red = crop.reshape(-1, 3).min(axis=0)
        assert red < blue  # the letters are blue: the crop is BGR
        return np.array([*self._probabilities, 1 - sum(self._probabilities)], np.float32)

    def __call__(self, crops):
        best = int(np.argmax(self._probabilities))
        sure = self._probabilities[best]
        return [(self.scripts[best] if sure >= 0.9 else "", sure)] * len(crops)


def reads(text, confidence, script="Thai"):
    """Reads every line in the script like this, and lines in others not at all."""

    def recognise(crops, asked):
        return [(text, confidence) if asked in {"", script} else ("", 0.0)] * len(crops)

    return recognise


@pytest.fixture
def line_of(monkeypatch):
    """The line that is read if PP-OCR reads `read_as`: (text, script, confidence)."""

    def line(read_as, classifier, *readers, share=None):
        scripts = OtherScripts(classifier, readers, script_share=share)
        reader = TextReader("cpu", other_scripts=scripts)
        monkeypatch.setattr(reader._recogniser, "recognise", lambda crops: [read_as] * len(crops))
        (found,) = read(reader, draw("Rathausplatz"))[0].lines
        return found.text, found.script, pytest.approx(found.confidence)

    return line


def test_the_script_of_unreadable_lines_is_recognised(line_of):
    assert line_of(("CJ1U", 0.6), Classifier(Thai=0.97)) == ("", "Thai", 0.97)


def test_a_script_that_the_classifier_does_not_expect_must_be_read_surely(line_of):
    unexpected = Classifier(Thai=0.01)
    assert line_of(("abc", 0.6), unexpected, reads("ถนนใหญ่", 0.7)) == ("abc", "", 0.6)
    assert line_of(("abc", 0.6), unexpected, reads("ถนนใหญ่", 0.77)) == ("ถนนใหญ่", "Thai", 0.77)
    assert line_of(("abc", 0.6), Classifier(Thai=0.5)) == ("abc", "", 0.6)


def test_a_line_that_is_surely_in_a_script_is_read_in_it_though_its_letters_are_unsure(line_of):
    unsure = reads("ถนนใหญ่", 0.55)
    for share, script in [((0.9, 9.0), "Thai"), ((0.7, 9.0), ""), ((0.9, 4.0), "")]:
        found = line_of(("abc", 0.85), Classifier(), unsure, share=lambda _, s=share: s)
        assert found[1] == script
    assert line_of(("abc", 0.95), Classifier(), unsure, share=lambda _: (0.9, 9.0))[1] == ""
    for text, is_read in [("او وو ن", False), ("او وو ن ١", True), ("اوه وو ن", True)]:
        found = line_of(
            ("abc", 0.85), Classifier(), reads(text, 0.55, "Arab"), share=lambda _: (0.9, 9.0)
        )
        assert (found[1] == "Arab") is is_read
    weak = reads("ถนนใหญ่", 0.45)
    assert line_of(("abc", 0.85), Classifier(), weak, share=lambda _: (0.9, 9.0))[1] == ""


def test_where_classifier_and_reader_agree_a_latin_reading_may_be_surer(line_of):
    read = reads("ถนนใหญ่", 0.92)
    assert line_of(("abc", 0.97), Classifier(Thai=0.97), read)[1] == "Thai"
    assert line_of(("abc", 0.97), Classifier(Cyrl=0.97), read)[1] == ""
    assert line_of(("abc", 0.97), Classifier(Thai=0.5), read)[1] == ""
    assert line_of(("abc", 0.985), Classifier(Thai=0.97), read)[1] == ""


def test_letters_that_repeat_are_an_arcade(line_of):
    assert line_of(("nn", 0.5), Classifier(Cyrl=0.01), reads("ПППЛЛ", 0.9, "Cyrl"))[0] == "nn"
    assert line_of(("nn", 0.5), Classifier(Cyrl=0.3), reads("ППП", 0.9, "Cyrl"))[0] == "nn"
    assert line_of(("nn", 0.5), Classifier(Cyrl=0.3), reads("ПППЛЛ", 0.9, "Cyrl"))[0] == "ПППЛЛ"


def test_a_script_that_is_read_for_certain_overrules_the_classifier(line_of):
    certain, sure = reads("дом", 0.96, "Cyrl"), reads("дом", 0.9, "Cyrl")
    assert line_of(("abc", 0.6), Classifier(Thai=0.97), certain) == ("дом", "Cyrl", 0.96)
    assert line_of(("abc", 0.6), Classifier(Thai=0.97), sure) == ("", "Thai", 0.97)


def test_lines_that_may_be_taken_for_latin_must_be_read_for_certain(line_of):
    assert line_of(("abc", 0.95), Classifier(Thai=0.3), reads("ถนนใหญ่", 0.96))[0] == "ถนนใหญ่"
    assert line_of(("abc", 0.95), Classifier(), reads("ถนนใหญ่", 0.96))[0] == "abc"
    assert line_of(("abc", 0.95), Classifier(Thai=0.97), reads("ถนนใหญ่", 0.88))[0] == "abc"
    assert line_of(("abc", 0.95), Classifier(Thai=0.97)) == ("abc", "", 0.95)


def test_letters_that_greek_shares_are_cyrillic_where_the_classifier_says_so(line_of):
    def either(crops, asked):
        text = {"": "ΠΟΚΡΟΒ", "Grek": "ΠΟΚΡΟΒ", "Cyrl": "ПОКРОВ"}[asked]
        return [(text, 0.97)] * len(crops)

    assert line_of(("POB", 0.8), Classifier(Cyrl=0.5), either)[:2] == ("ПОКРОВ", "Cyrl")
    assert line_of(("POB", 0.8), Classifier(Cyrl=0.05), either)[:2] == ("ΠΟΚΡΟΒ", "Grek")


def test_digits_that_look_like_those_of_a_commoner_script_are_of_that(line_of):
    def either(crops, asked):
        return [({"": "੯੩੮੧", "Guru": "੯੩੮੧", "Deva": "९३८१"}[asked], 0.9)] * len(crops)

    assert line_of(("3T9", 0.7), Classifier(), either)[:2] == ("९३८१", "Deva")
    assert line_of(("3T9", 0.7), Classifier(), reads("੯੩੮੧", 0.9, "Guru"))[:2] == ("3T9", "")


def test_certain_lines_are_not_read_again(line_of):
    assert line_of(("abc", 0.99), Classifier(Thai=0.97), reads("ถนน", 0.99))[0] == "abc"


def test_numbers_in_the_digits_of_a_script_are_read(line_of):
    likely = Classifier(Beng=0.3)
    digits = reads("১২-৩৪৫৬", 0.8, "Beng")
    assert line_of(("52-0686", 0.6), likely, digits) == ("১২-৩৪৫৬", "Beng", 0.8)
    assert line_of(("52", 0.6), likely, reads("১২", 0.8, "Beng")) == ("52", "", 0.6)


@pytest.mark.parametrize(
    ("read_as", "marked", "kept"),
    [
        ("Đưng Nguyn Hu", "Đuờng Nguyễn Huệ", "Đường Nguyễn Huệ"),
        ("Đa khoa Bnh vin", "Đa khoa Bệnh viện", "Đa khoa Bệnh viện"),
        ("Phơ Ha Noi", "Phở Hà Nội", "Phở Hà Nội"),
        ("Phơ Ha Noi", "Phở Hà Nôii", "Phở Hà Noi"),
        ("Đương HaNoi", "Đường Hà Nội", "Đương HaNoi"),
        ("Đương Lang", "Đường", "Đương Lang"),
        ("Pho Ha Noi", "Phở Hà Nội", "Pho Ha Noi"),  # no letter that is Vietnamese
    ],
)
def test_vietnamese_words_get_their_marks(line_of, read_as, marked, kept):
    vietnamese = reads(marked, 0.8, "Latn")
    assert line_of((read_as, 0.99), Classifier(), vietnamese)[:2] == (kept, "")


def test_a_line_in_a_known_script_is_read(line_of):
    thai = Classifier(Thai=0.97)
    assert line_of(("CJ1U", 0.6), thai, reads("ถนน", 0.55)) == ("ถนน", "Thai", 0.55)
    assert line_of(("CJ1U", 0.6), thai, reads("ถนน", 0.4)) == ("", "Thai", 0.97)


def test_two_networks_must_agree_on_a_script_that_is_only_likely(line_of):
    likely = Classifier(Thai=0.3)
    assert line_of(("abc", 0.6), likely, reads("ถนน", 0.7)) == ("ถนน", "Thai", 0.7)
    assert line_of(("abc", 0.8), likely, reads("ถนน", 0.7)) == ("abc", "", 0.8)
    assert line_of(("abc", 0.8), likely, reads("ถนน", 0.76)) == ("ถนน", "Thai", 0.76)
    assert line_of(("abc", 0.5), likely, reads("ถนน", 0.55)) == ("abc", "", 0.5)
    assert line_of(("abc", 0.5), likely, reads("ถ", 0.95)) == ("abc", "", 0.5)
    assert line_of(("abc", 0.5), likely, reads("дом", 0.7, "Cyrl")) == ("abc", "", 0.5)


def test_the_next_reader_gets_what_is_unsure(line_of):
    thai = Classifier(Thai=0.97)
    first, second, sure = reads("ถนม", 0.6), reads("ถนน", 0.7), reads("ถนนน", 0.95)
    assert line_of(("C", 0.6), thai, first, second)[0] == "ถนน"
    assert line_of(("C", 0.6), thai, second, first)[0] == "ถนน"
    assert line_of(("C", 0.6), thai, sure, reads("ถ", 0.99))[0] == "ถนนน"
    assert line_of(("C", 0.5), Classifier(Thai=0.3), first, second)[0] == "ถนน"


def test_a_reader_that_fails_leaves_the_line(line_of, caplog):
    def fail(*_):
        raise RuntimeError("no memory")

    with caplog.at_level(logging.WARNING):
        assert line_of(("C", 0.6), Classifier(Thai=0.97), fail) == ("C", "", 0.6)
    assert "no memory" in caplog.text


def test_greek_lines_compete(line_of):
    unsure, sure = reads("Αθήνα", 0.65, "Grek"), reads("Αθήνα", 0.75, "Grek")
    assert line_of(("Aθηva", 0.97), Classifier(), sure)[0] == "Αθήνα"
    assert line_of(("Aθηva", 0.97), Classifier(), unsure)[0] == "Aθηva"
    assert line_of(("Aθηva", 0.6), Classifier(), unsure)[0] == "Αθήνα"


def test_capitals_that_latin_shares_are_read_again_beside_cyrillic(monkeypatch):
    answers = [("PECTOPAH", 0.97), ("CJ1U", 0.6)]
    cyrillic = reads("РЕСТОРАН", 0.8, "Cyrl")
    reader = TextReader("cpu", other_scripts=OtherScripts(Classifier(Cyrl=0.97), [cyrillic]))

    def recognise(crops):
        return [answers[crop.shape[1] < 200] for crop in crops]

    monkeypatch.setattr(reader._recogniser, "recognise", recognise)
    image = draw("Rathausplatz am Markt", "Rat")
    assert texts(read(reader, image)[0]) == ["РЕСТОРАН"] * 2
    answers[1] = ("WHISKY", 0.95)  # nothing Cyrillic beside it
    assert texts(read(reader, image)[0]) == ["PECTOPAH", "WHISKY"]


def test_lines_with_low_confidence_are_dropped(reader, monkeypatch):
    monkeypatch.setattr(reader._recogniser, "recognise", lambda crops: [("abc", 0.4)] * len(crops))
    assert texts(read(reader, draw("Rathausplatz"))[0]) == []


def test_an_unavailable_device_is_an_error():
    with pytest.raises(DeviceError, match="not known"):
        TextReader("abacus")
    with pytest.raises(DeviceError, match="coreml"):
        TextReader("coreml")


def test_loading_and_reading_open_no_socket_write_nothing_and_print_nothing():
    code = """
import json, sys
import rapidocr.ch_ppocr_det.utils  # exclude the effects of its own imports
seen = []
def watch(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.mkdir", "os.remove", "os.rename")):
        seen.append(event)
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        if "__pycache__" not in str(arguments[0]):
            seen.append(str(arguments[0]))
sys.addaudithook(watch)
sys.path.insert(0, ".")
from tests.geotagger.text.ocr.test_reader import draw
from geotagger.text.ocr.reader import TextReader
reader = TextReader("cpu")
text = reader.read([reader.prepare(draw("Bahnhof"))])[0].lines[0].text
print(json.dumps([seen, text]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.stderr == ""
    assert json.loads(done.stdout) == [[], "Bahnhof"]


def test_chunks_hold_lines_of_similar_width_and_bounded_size():
    widths = [100, 900, 110, 90, 1600, 850, 95, 105, 1600, 100, 100, 100, 100, 16]
    chunks = _chunks_by_width(widths)
    assert sorted(index for chunk in chunks for index in chunk) == list(range(len(widths)))
    for chunk in chunks:
        widest = max(widths[index] for index in chunk)
        assert len(chunk) == 1 or len(chunk) * widest <= BATCH_WIDTH_PX
        assert len(chunk) <= BATCH_LINES
    assert _chunks_by_width([]) == []


def test_the_region_contains_all_text():
    heat = np.zeros((20, 40), np.float32)
    assert _text_region(heat, (1000, 2000, 3)) is None
    heat[10, 20] = heat[12, 25] = 0.5
    left, top, right, bottom = _text_region(heat, (1000, 2000, 3))
    assert 800 < left < 1000 < 1300 < right < 1500
    assert 400 < top < 500 < 650 < bottom < 750
    heat[0, 0] = heat[-1, -1] = 0.5
    assert _text_region(heat, (1000, 2000, 3)) == (0, 0, 2000, 1000)


def test_a_faint_spot_is_no_text_but_the_rim_of_a_clear_one_is():
    heat = np.zeros((20, 40), np.float32)
    heat[2:4, 2:8] = 0.2
    assert _text_region(heat, (1000, 2000, 3)) is None
    heat[10, 20:24] = 0.2
    only_rim = _text_region(heat, (1000, 2000, 3))
    heat[10, 24] = 0.9
    left, top, right, bottom = _text_region(heat, (1000, 2000, 3))
    assert only_rim is None
    assert 800 < left < 1000 < 1250 < right < 1500
    assert 400 < top < 500 < 550 < bottom < 650


def test_a_cpu_runs_the_detector_in_8_bits_and_other_devices_the_float_one(monkeypatch):
    opened = []
    monkeypatch.setattr(text_reader, "open_session", lambda _, device: opened.append(device))
    text_reader._open_detection("cuda")
    session = text_reader._open_detection("cpu")
    assert opened == ["cuda"]
    monkeypatch.undo()
    sign = np.asarray(draw("Rathausplatz", "Bielefeld 12 km"))
    whole, eight_bits = (
        TextDetector(each, 64).detect(sign)
        for each in (text_reader.open_session(DETECTION, "cpu"), session)
    )
    assert eight_bits == pytest.approx(whole, abs=8)


def test_a_damaged_detector_is_named(monkeypatch, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    (tmp_path / "card.json").write_text('{"sha256": ""}')
    monkeypatch.setattr(text_reader, "DETECTOR_FOLDER", tmp_path)
    with pytest.raises(BundleError, match=r"text detector.*not what its card says"):
        TextReader("cpu")


def test_a_single_letter_is_not_turned(reader, monkeypatch):
    letter = np.array([[0, 0], [40, 0], [40, 50], [0, 50]], np.float32)
    word = letter * (4, 1)
    widths_px = []

    def unsure(crops):
        widths_px.extend(crop.shape[1] for crop in crops)
        return [("o", 0.6)] * len(crops)

    monkeypatch.setattr(reader, "detect", lambda _: [np.stack([letter, word])])
    monkeypatch.setattr(reader._recogniser, "recognise", unsure)
    read(reader, Image.new("RGB", (200, 60), (255, 255, 255)))
    assert sorted(Counter(widths_px).items()) == [(38, 1), (154, 3)]


def test_the_largest_boxes_are_kept():
    heights = np.array([5, 30, 10, 20], np.float32)
    boxes = np.zeros((4, 4, 2), np.float32)
    boxes[:, 1:3, 0] = 100
    boxes[:, 2:, 1] = heights[:, None]
    assert sorted(keep_largest(boxes, 2)[:, 2, 1]) == [20, 30]
    assert len(keep_largest(boxes[:0], 2)) == 0


def test_boxes_are_ordered_by_row_then_from_the_left():
    def box(left, top):
        return [[left, top], [left + 50, top], [left + 50, top + 20], [left, top + 20]]

    boxes = np.array([box(200, 102), box(0, 200), box(0, 100), box(100, 96)], np.float32)
    ordered = sort_in_reading_order(boxes)
    assert ordered[:, 0].tolist() == [[0, 100], [100, 96], [200, 102], [0, 200]]


def test_a_crop_begins_at_the_first_corner():
    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[50:100, 40:100] = 255  # the left part of the line is white
    box = np.array([[40, 50], [240, 50], [240, 100], [40, 100]], np.float32)
    for way, white_side in ((box, 0), (rotate_start(box, 2), -1), (mirror(box), -1)):
        crop = crop_line(pixels, way)
        assert crop.shape[0] == HEIGHT_PX
        assert crop.shape[1] == pytest.approx(4 * HEIGHT_PX, abs=2)
        assert crop[24, 5 if white_side == 0 else -6, 0] > 250
        assert crop[24, -6 if white_side == 0 else 5, 0] < 5
    assert (crop_line(np.tile(pixels, (4, 4, 1)), box * 3).shape[0]) == HEIGHT_PX


@pytest.mark.skipif(not SIGNS.exists(), reason="photos of signs are not available")
def test_real_signs_are_read(reader):
    names = sorted(SIGNS.glob("*.jpeg"))[:12]
    pictures = [decode(name.read_bytes(), reader.min_side_px).image for name in names]
    results = read(reader, *pictures)
    assert sum(bool(result.lines) for result in results) >= 10
    assert "Wilhelmsburger" in [text for result in results for text in texts(result)]
