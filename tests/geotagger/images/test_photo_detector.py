"""Pictures that are no photos are told from photos, and are unsure with the reason."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw, ImageFilter

from geotagger.cli.main import cli
from geotagger.images.photo_detector import is_photo, measures
from geotagger.types import PhotoMetadata
from tests.fixtures.bundles import make_bundle

NOBODY = PhotoMetadata()
SIZE = (640, 480)


def page(dark=False):
    """Lines of text on a plain ground, as on a screen."""
    ground, ink = ("#181818", "#dddddd") if dark else ("white", "black")
    image = Image.new("RGB", SIZE, ground)
    draw = ImageDraw.Draw(image)
    for line in range(12):
        draw.text((40, 30 + 34 * line), "The quick brown fox jumps over the lazy dog. " * 2, ink)
    return image


def drawing():
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((100, 80, 400, 380), fill="#3060c0", outline="black", width=4)
    draw.rectangle((350, 200, 600, 440), fill="#c03030")
    return image


def scan():
    rng = np.random.default_rng(1)
    paper = np.asarray(page().filter(ImageFilter.GaussianBlur(0.8)), float) * 0.92
    return Image.fromarray((paper + rng.normal(0, 1.5, paper.shape)).clip(0, 255).astype(np.uint8))


def landscape(seed=0, sky=0.3):
    """Shading and noise at all scales under a bright sky, as in photos."""
    rng = np.random.default_rng(seed)
    width, height = SIZE
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
    falls = 1 / np.maximum(np.hypot(fx, fy), 1 / width)
    waves = np.fft.fft2(rng.normal(size=(3, height, width))) * falls
    field = np.fft.ifft2(waves).real
    field = 110 + 45 * field / field.std() + rng.normal(0, 2, field.shape)
    horizon = int(sky * height)
    field[:, :horizon] = 235 + rng.normal(0, 1.5, field[:, :horizon].shape)
    return Image.fromarray(field.clip(0, 255).astype(np.uint8).transpose(1, 2, 0))


@pytest.mark.parametrize("image", [page(), page(dark=True), drawing(), scan()])
def test_made_pictures_are_no_photos(image):
    assert not is_photo(image, NOBODY)


@pytest.mark.parametrize("seed", range(4))
def test_photos_are_photos(seed):
    assert is_photo(landscape(seed), NOBODY)


def test_what_a_camera_took_is_never_doubted():
    assert is_photo(page(), PhotoMetadata(camera="EPSON scanner"))


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (2, 2), (5000, 3)])
def test_any_size_is_measured(size):
    found = measures(Image.new("RGB", size, "grey"))
    assert found.shape == (9,)
    assert np.isfinite(found).all()


def test_the_size_of_the_copy_matters_little():
    image = landscape()
    twice = image.resize((SIZE[0] * 2, SIZE[1] * 2), Image.Resampling.BICUBIC)
    assert is_photo(image, NOBODY) == is_photo(twice, NOBODY)
    assert not is_photo(page().resize((320, 240)), NOBODY)


def test_a_run_leaves_them_out_with_the_reason(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    folder = tmp_path / "album"
    folder.mkdir()
    page().save(folder / "page.png")
    landscape().save(folder / "photo.jpg")
    rows = {}
    for flag in ("--gate", "--no-gate"):
        report = tmp_path / f"{flag}.jsonl"
        arguments = ["tag", str(folder), "--model", str(bundle.path), flag, "--no-read-text"]
        done = CliRunner().invoke(cli, [*arguments, "--report", str(report)])
        assert done.exit_code == 0, done.output
        lines = map(json.loads, report.read_text().splitlines())
        rows[flag] = {row["path"].rpartition("/")[2]: row for row in lines}
    gated = rows["--gate"]["page.png"]
    assert gated["status"] == "unsure"
    assert gated["note"].startswith("no place to predict: ")
    assert gated["lat"] is None
    assert rows["--no-gate"]["page.png"]["lat"] is not None
    assert rows["--gate"]["photo.jpg"] == rows["--no-gate"]["photo.jpg"]
