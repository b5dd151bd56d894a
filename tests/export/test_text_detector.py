"""The text detector with 8-bit convolutions is made of photos."""

import hashlib
import json

import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw, ImageFont

from export.text_detector import main

pytestmark = pytest.mark.slow  # quantises a network


def make_photos(folder):
    for index, text in enumerate(("Rathausplatz", "", "Bahnhof 300 m")):
        photo = Image.new("RGB", (320, 240), (90 + 20 * index, 120, 100))
        if text:
            font = ImageFont.load_default(28)
            ImageDraw.Draw(photo).text((30, 90), text, (250, 250, 245), font)
        photo.save(folder / f"{index}.jpg", quality=95)


def test_the_card_describes_the_network(tmp_path):
    make_photos(tmp_path)
    out = tmp_path / "out"
    counts = ["--with-text", "2", "--without-text", "1"]
    done = CliRunner().invoke(main, [str(tmp_path), str(out), *counts])
    assert done.exit_code == 0, done.output
    card = json.loads((out / "card.json").read_text())
    model = (out / "model.onnx").read_bytes()
    assert card["photos"] == 3
    assert card["sha256"] == hashlib.sha256(model).hexdigest()
    assert len(model) < 4_000_000


def test_too_few_photos_are_an_error(tmp_path):
    make_photos(tmp_path)
    done = CliRunner().invoke(main, [str(tmp_path), str(tmp_path / "out"), "--with-text", "5"])
    assert done.exit_code != 0
    assert "lacks 3 photos with text" in str(done.exception)
