"""Drawn scenes: the texts, the geometry, and the command where the system has fonts."""

import csv
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from geotagger.geography.places import load_places
from geotagger.geography.sphere import haversine_km
from training.synthetic.scenes import main
from training.synthetic.script_words import script_of
from training.synthetic.studio import hang_panel, overlay, photo_noise, read_signs

FONTS = Path("/usr/share/fonts")


def test_sign_texts_stand_where_they_say():
    signs = read_signs()
    assert len(signs) >= 300
    assert len({sign.country for sign in signs}) >= 60
    places = load_places()
    rows = places.nearest_rows([sign.lat for sign in signs], [sign.lon for sign in signs])
    for sign, row in zip(signs, rows, strict=True):
        place = places.place(int(row))
        assert place.country_code == sign.country, sign
        assert haversine_km(sign.lat, sign.lon, place.point.lat, place.point.lon) < 25
        assert all(line.strip() == line and line for line in sign.lines), sign


def test_scripts_of_words():
    assert script_of("ห้ามจอดรถ") == "Thai"
    assert script_of("Казань") == "Cyrl"
    assert script_of("Straße") == "Latn"
    assert script_of("Казань-Hof") == ""
    assert script_of("1998") == ""


def test_photo_noise_is_smooth_as_photos_are():
    noise = photo_noise((200, 300), np.random.default_rng(0))
    assert noise.shape == (200, 300, 3)
    grey = noise.mean(axis=2)
    neighbours = np.corrcoef(grey[:, :-1].ravel(), grey[:, 1:].ravel())[0, 1]
    assert neighbours > 0.6
    assert grey.std() > 20


def test_a_panel_lies_where_its_corners_are():
    scene = np.zeros((100, 200, 3), np.uint8)
    panel = np.full((10, 20, 4), 255, np.uint8)
    placed = overlay(scene, panel, np.array([[50, 20], [150, 20], [150, 70], [50, 70]], float))
    assert placed[45, 100].min() > 240
    assert placed[5, 5].max() == 0
    assert placed[90, 190].max() == 0


def test_a_hung_panel_stays_in_the_picture():
    rng = np.random.default_rng(3)
    for share in (0.2, 0.9):
        panel = np.full((30, 90, 4), 255, np.uint8)
        placed = hang_panel(np.zeros((300, 400, 3), np.uint8), panel, share, rng)
        white = (placed.min(axis=2) > 200).mean()
        assert white > 0.2 * share**2 / 3


def test_a_folder_without_fonts_is_named(tmp_path):
    done = CliRunner().invoke(
        main, [str(tmp_path / "out"), "--kind", "signs", "--fonts", str(tmp_path)]
    )
    assert done.exit_code == 1
    assert f"No fonts in {tmp_path}" in done.output


@pytest.mark.parametrize("kind", ["signs", "non-evidence"])
def test_pictures_and_their_table(tmp_path, kind):
    folder = next((path.parent for path in sorted(FONTS.rglob("DejaVuSans.ttf"))), None)
    if folder is None:
        pytest.skip("the system has no DejaVu fonts")
    arguments = [str(tmp_path), "--kind", kind, "--count", "3", "--fonts", str(folder)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "no font draws them" in done.output
    with (tmp_path / "labels.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 3
    for row in rows:
        with Image.open(tmp_path / row["file"]) as picture:
            assert min(picture.size) >= 700
        assert row["text"]
        assert len(row["country"]) == 2
