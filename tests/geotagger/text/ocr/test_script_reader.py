"""The reader of scripts on drawn lines, in fonts that it was not trained on."""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, on purpose

import csv
import json
import shutil
from collections import defaultdict
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geotagger.errors import BundleError
from geotagger.text.ocr.line_labels import UNKNOWN
from geotagger.text.ocr.other_scripts import main_script
from geotagger.text.ocr.recogniser import HEIGHT_PX
from geotagger.text.ocr.script_reader import (
    FOLDER,
    ScriptReader,
    _allowed,
    _decode,
    _in_own_symbols,
    _read,
)

LINES = Path(__file__).parents[3] / "data" / "text_reader"


@pytest.fixture(scope="module")
def reader():
    return ScriptReader()


@pytest.fixture(scope="module")
def lines():
    """script -> (text, uint8 BGR [48, w, 3]) of the lines that are stacked in the sheet."""
    sheet = np.asarray(Image.open(LINES / "lines.webp").convert("RGB"))
    by_script = defaultdict(list)
    with (LINES / "lines.csv").open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream)):
            top = HEIGHT_PX * number
            crop = sheet[top : top + HEIGHT_PX, : int(row["width_px"]), ::-1]
            by_script[row["script"]].append((row["text"], crop))
    return by_script


@pytest.fixture(scope="module")
def read(reader, lines):
    """script -> (text, confidence) of its lines, read together and as of that script."""
    return {
        script: reader.recognise([crop for _, crop in of_script], script)
        for script, of_script in lines.items()
    }


def likeness(one, other):
    return SequenceMatcher(None, one, other).ratio()


def test_most_letters_of_every_script_are_read(read, lines):
    mean = {}
    for script, of_script in lines.items():
        pairs = zip(of_script, read[script], strict=True)
        mean[script] = np.mean([likeness(text, found) for (text, _), (found, _) in pairs])
    assert np.mean(list(mean.values())) > 0.75, mean
    assert np.mean([likely > 0.6 for likely in mean.values()]) > 0.8, mean


def test_surer_lines_are_read_better(read, lines):
    rows = [
        (confidence, likeness(text, found))
        for script, of_script in lines.items()
        for (text, _), (found, confidence) in zip(of_script, read[script], strict=True)
    ]
    rows.sort()
    half = len(rows) // 2
    assert np.mean([right for _, right in rows[half:]]) > np.mean(
        [right for _, right in rows[:half]]
    )


def test_the_script_of_a_line_is_found(reader, lines):
    found = [
        main_script(text) == script
        for script, of_script in lines.items()
        for text, _ in reader.recognise([crop for _, crop in of_script], "")
    ]
    assert np.mean(found) > 0.8


def test_a_line_is_read_alike_beside_a_longer_one(reader, read, lines):
    for script, of_script in lines.items():
        widths = [crop.shape[1] for _, crop in of_script]
        narrowest = widths.index(min(widths))
        crop = of_script[narrowest][1]
        assert reader.recognise([crop], script)[0] == read[script][narrowest]


def test_lines_of_another_script_count_as_not_read(reader, lines):
    crops = [crop for _, crop in lines["Thai"]]
    read = reader.recognise(crops, "Geor")
    assert all(main_script(text) in {"", "Geor"} for text, _ in read)
    assert sum(not text for text, _ in read) >= len(read) - 2


def test_the_share_of_the_script_tells_its_lines_from_noise(reader, lines):
    for script in ("Arab", "Thai", "Hang"):
        shares = [reader.script_share(crop) for _, crop in lines[script]]
        assert np.median([share for share, _ in shares]) > 0.9
        assert all(
            0 < columns <= crop.shape[1] / 4 + 1
            for (_, columns), (_, crop) in zip(shares, lines[script], strict=True)
        )
    _, columns = reader.script_share(np.full((48, 160, 3), 200, np.uint8))
    assert columns < 1


def test_the_network_runs_once_for_a_line_that_is_read_in_several_ways(lines):
    reader = ScriptReader()
    (_, first), (_, second) = lines["Arab"][:2]
    session, symbols = reader._loaded
    runs = []

    class Counting:
        def run(self, names, inputs):
            runs.append(inputs["lines"].shape)
            return session.run(names, inputs)

    reader.__dict__["_loaded"] = (Counting(), symbols)
    texts = [reader.recognise([crop], "Arab") for crop in (first, second)]
    reader.script_share(first)
    reader.script_share(second)
    assert reader.recognise([first, second], "Arab") == [text for (text,) in texts]
    assert len(runs) == 2


def test_a_blank_line_has_no_text(reader):
    assert reader.recognise([np.full((48, 96, 3), 200, np.uint8)], "Cyrl") == [("", 0.0)]


def columns(*best, sure=0.9, classes=6):
    """Probabilities of columns with these best classes."""
    probabilities = np.full((len(best), classes), (1 - sure) / (classes - 1), np.float32)
    probabilities[np.arange(len(best)), best] = sure
    return probabilities


def test_repeats_and_blanks_are_dropped():
    symbols = "аб" + UNKNOWN
    assert _decode(columns(0, 1, 1, 0, 1, 2), symbols, "Cyrl") == ("ааб", pytest.approx(0.9))
    assert _decode(columns(1, 3, 2), symbols, "Cyrl") == ("", 0.0)
    assert _decode(columns(0, 0), symbols, "Cyrl") == ("", 0.0)


def test_a_word_is_in_one_script():
    symbols = "дОO 1"
    assert _decode(columns(3, 1, 4, 5), symbols, "Cyrl")[0] == "Од 1"
    assert _decode(columns(3, 4, 1), symbols, "Cyrl")[0] == "O д"


@pytest.mark.parametrize(
    ("read", "meant", "script"),
    [
        ("8৩-৬8০৩", "৪৩-৬৪০৩", "Beng"),
        ("८0 0९ 10", "८० ०९ 10", "Deva"),
        ("ن ج 0٤۱ا", "ن ج ٥٤١١", "Arab"),
        ("گ ۱٢۳", "گ ۱۲۳", "Arab"),
        ("شارع ۱٢۳", "شارع ١٢٣", "Arab"),
        ("اسم ٢ا", "اسم ٢ا", "Arab"),
        ("شار٤ رقم ٣٥٩", "شارع رقم ٣٥٩", "Arab"),
        ("س٤د ٤٤", "سعد ٤٤", "Arab"),
        ("شارع٤", "شارع٤", "Arab"),
        ("دار٤٥", "دار٤٥", "Arab"),
        ("서울 80", "서울 80", "Hang"),
        ("3३५0 2", "३३५० 2", "Deva"),
    ],
)
def test_a_number_has_digits_of_one_set(read, meant, script):
    assert _in_own_symbols(read, script) == meant


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        ("کريات ٤", "كريات ٤"),
        ("کریات", "کریات"),
        ("ی س ن ٤١١", "ى س ن ٤١١"),
        ("أملی", "أملى"),
        ("ى٤٤٤", "ى٤٤٤"),
        ("ی س ن ۱۱۱", "ى س ن ١١١"),  # a plate; no word
        ("شهردارى", "شهردارى"),
        ("ايستگاه", "ایستگاه"),
        ("علي بک", "علي بك"),  # one of each: Arabic
        ("صفدر ہاشمی مارگ", "صفدر ہاشمی مارگ"),
        ("تبریك", "تبريك"),
        ("پاركينگ", "پارکینگ"),
        ("کوچه ۶", "کوچه ۶"),
        ("كوچه ٧", "کوچه ۷"),
    ],
)
def test_a_line_is_in_the_letters_of_arabic_or_of_persian(read, meant):
    assert _in_own_symbols(read, "Arab") == meant


def test_digits_that_look_alike_count_together():
    symbols = "९८੯૯1"
    both = np.array([[0.0, 0.2, 0.3, 0.25, 0.2, 0.05]], np.float32)
    assert _read(both, symbols, "Deva") == ("९", pytest.approx(0.65 / 1.0, abs=0.1))
    assert _read(both, symbols, "Guru")[0] == "੯"


def test_only_the_script_latin_and_what_has_no_script_may_stand_in_a_line():
    assert _allowed("дaλ1\u0e31१๑,", "Thai").tolist() == [1, 0, 1, 0, 1, 1, 0, 1, 1]


def test_a_changed_network_is_refused(tmp_path):
    folder = tmp_path / "text_reader"
    shutil.copytree(FOLDER, folder)
    with (folder / "model.onnx").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(BundleError, match="reader of scripts"):
        ScriptReader(folder=folder).recognise([np.zeros((48, 48, 3), np.uint8)], "Cyrl")


def test_the_card_has_scores_of_every_script():
    card = json.loads((FOLDER / "card.json").read_text("utf-8"))
    assert len(set(card["symbols"])) == len(card["symbols"])
    assert {"Cyrl", "Hang", "Thai", "Arab", "Deva"} <= set(card["scores"]["drawn"])


def test_the_id_changes_with_the_network(tmp_path, reader):
    folder = tmp_path / "text_reader"
    shutil.copytree(FOLDER, folder)
    assert ScriptReader(folder=folder).model_id == reader.model_id
    (folder / "card.json").write_text("{}")
    assert ScriptReader(folder=folder).model_id != reader.model_id
    (folder / "card.json").unlink()
    with pytest.raises(BundleError, match=r"card\.json.*Install"):
        ScriptReader(folder=folder)
