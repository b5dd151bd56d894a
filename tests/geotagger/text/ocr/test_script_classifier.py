"""The script classifier on rendered lines, in fonts that it was not trained on."""

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geotagger.errors import BundleError
from geotagger.text.ocr.script_classifier import FOLDER, MAX_WIDTH_PX, ScriptClassifier, resize_line

LINES = Path(__file__).parents[3] / "data" / "scripts"
READABLE = {"Latn", "Grek", "Hani"}


@pytest.fixture(scope="module")
def classifier():
    return ScriptClassifier(threads=1)


@pytest.fixture(scope="module")
def lines():
    """(script, uint8 [32, w, 3]) of each line in the sheet, in which the lines are stacked."""
    sheet = np.asarray(Image.open(LINES / "lines.jpg").convert("RGB"))
    with (LINES / "lines.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [
        (row["script"], sheet[32 * number : 32 * number + 32, : int(row["width_px"])])
        for number, row in enumerate(rows)
    ]


def test_most_scripts_are_recognised_and_hardly_any_wrongly(classifier, lines):
    named = Counter()
    for (script, _), (answer, _) in zip(
        lines, classifier([crop for _, crop in lines]), strict=True
    ):
        truth = "" if script in READABLE else script
        named["right" if answer == truth else "silent" if not answer else "wrong"] += 1
        if not truth:
            assert answer == "", f"{script} taken for {answer}"
    assert named["wrong"] <= 0.02 * len(lines)
    assert named["right"] >= 0.5 * len(lines)


def test_answers_are_probabilities(classifier, lines):
    for _, crop in lines[::10]:
        probabilities = classifier.probabilities(crop)
        assert probabilities.shape == (len(classifier.scripts) + 1,)
        assert probabilities.sum() == pytest.approx(1, abs=1e-4)
        [(script, probability)] = classifier([crop])
        if script:
            assert probability >= classifier.threshold
            assert probability == pytest.approx(probabilities[:-1].max())
        else:
            assert probability == pytest.approx(probabilities[-1])


def test_pictures_of_nothing_have_no_script(classifier):
    rng = np.random.default_rng(0)
    plain = [np.full((48, 200, 3), shade, np.uint8) for shade in (0, 128, 255)]
    noise = [rng.integers(0, 256, (48, 150, 3), np.uint8) for _ in range(20)]
    bricks = np.tile(np.kron([[0, 1], [1, 0]], np.ones((12, 24)))[:, :, None] * 200, (2, 5, 3))
    railing = np.tile(np.arange(200)[None, :, None] % 20 < 5, (48, 1, 3)) * 220
    crops = [*plain, *noise, bricks.astype(np.uint8), railing.astype(np.uint8)]
    assert {script for script, _ in classifier(crops)} == {""}


def test_every_size_is_accepted(classifier):
    assert classifier([]) == []
    for height, width in ((1, 1), (1, 500), (500, 1), (48, 16), (48, 1600), (7, 3000)):
        crop = np.zeros((height, width, 3), np.uint8)
        [(script, probability)] = classifier([crop])
        assert script == ""
        assert 0 <= probability <= 1


def test_long_lines_are_cut_and_short_ones_filled():
    assert resize_line(np.zeros((48, 5000), np.uint8)).shape == (32, MAX_WIDTH_PX)
    assert resize_line(np.zeros((64, 128), np.uint8)).shape == (32, 64)
    assert resize_line(np.zeros((64, 2), np.uint8)).shape == (32, 24)


def test_the_same_line_larger_or_negative_gets_the_same_answer(classifier, lines):
    same = 0
    for _, crop in lines[::5]:
        large = np.asarray(Image.fromarray(crop).resize((crop.shape[1] * 2, 64)))
        answers = classifier([crop, large, 255 - crop])
        same += len({script for script, _ in answers}) == 1
    assert same >= 0.75 * len(lines[::5])


def test_a_changed_network_is_refused(tmp_path):
    folder = tmp_path / "script"
    shutil.copytree(FOLDER, folder)
    with (folder / "model.onnx").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(BundleError, match="not what its card says"):
        ScriptClassifier(folder=folder)


@pytest.mark.parametrize("missing", ["model.onnx", "card.json"])
def test_a_missing_file_is_named(tmp_path, missing):
    folder = tmp_path / "script"
    shutil.copytree(FOLDER, folder)
    (folder / missing).unlink()
    with pytest.raises(BundleError, match=missing):
        ScriptClassifier(folder=folder)


def test_a_broken_card_is_refused(tmp_path):
    folder = tmp_path / "script"
    shutil.copytree(FOLDER, folder)
    (folder / "card.json").write_text("{", "utf-8")
    with pytest.raises(BundleError, match="cannot be read"):
        ScriptClassifier(folder=folder)


def test_card_and_size():
    card = json.loads((FOLDER / "card.json").read_text("utf-8"))
    assert {"Thai", "Cyrl", "Hang", "Arab"} <= set(card["scripts"])
    assert (FOLDER / "model.onnx").stat().st_size < 1_500_000
    assert card["threshold"] >= 0.5
