"""From a picture of a sign to evidence, through the whole of the text room and the run."""

import json

import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw, ImageFont

from geotagger.cli.main import cli
from geotagger.config import RunOptions
from geotagger.evidence.ocr_text import TextSource
from geotagger.evidence.source import LoadedPhoto
from geotagger.images.decode import decode
from geotagger.pipeline.run import predictions
from geotagger.types import Level, Photo, PhotoMetadata, SourceKind, Status

SIGN = ("Stadt Bielefeld", "Betreten verboten", "Eltern haften", "für ihre Kinder")


def picture(*lines, size=(900, 600)):
    """A sign with dark letters on a white board, in Pillow's own font."""
    image = Image.new("RGB", size, "darkgreen")
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 40, size[0] - 60, size[1] - 40), fill="white")
    for index, line in enumerate(lines):
        draw.text((100, 80 + 110 * index), line, fill="black", font=ImageFont.load_default(64))
    return image


@pytest.fixture(scope="module")
def source(places):
    return TextSource(places, device="cpu")


@pytest.fixture
def shot(tmp_path):
    def shot(image):
        path = tmp_path / "sign.png"
        image.save(path)
        return LoadedPhoto(
            Photo(path, tmp_path), PhotoMetadata(), lambda _: decode(path.read_bytes(), 600)
        )

    return shot


def test_a_sign_names_its_town_and_says_why(source, belief, shot):
    (evidence,) = source.weigh([source.prepare(shot(picture(*SIGN)))])
    prediction = belief.decide([evidence])
    assert prediction.level is Level.CITY
    assert (prediction.place.city, prediction.place.country_code) == ("Bielefeld", "DE")
    reason = prediction.evidence[0].text
    assert reason.startswith('sign: "Stadt Bielefeld" -> Bielefeld, DE')
    assert "language de" in reason


def test_a_picture_without_text_is_no_evidence(source, shot):
    assert source.weigh([source.prepare(shot(Image.new("RGB", (900, 600), "teal")))]) == [None]


def test_a_batch_answers_each_photo_in_order(source, belief, shot):
    blank = source.prepare(shot(Image.new("RGB", (900, 600), "teal")))
    sign = source.prepare(shot(picture(*SIGN)))
    first, second, third = source.weigh([blank, sign, blank])
    assert first is None
    assert "Bielefeld" in belief.decide([second]).evidence[0].text
    assert third is None


def test_a_run_reads_signs_unless_told_not_to(tmp_path):
    picture(*SIGN).save(tmp_path / "sign.png")
    (read,) = predictions(RunOptions(paths=(tmp_path,)))
    assert read.prediction.place.city == "Bielefeld"
    assert read.status is Status.PREDICTED
    assert "ppocrv6" in read.model
    (unread,) = predictions(RunOptions(paths=(tmp_path,), read_text=False))
    assert all(note.source != SourceKind.TEXT for note in unread.prediction.evidence)
    assert "ppocrv6" not in unread.model


def test_read_prints_lines_cues_and_what_they_come_to(tmp_path):
    picture(*SIGN).save(tmp_path / "sign.png")
    Image.new("RGB", (90, 60), "teal").save(tmp_path / "blank.png")
    done = CliRunner().invoke(cli, ["read", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "Stadt Bielefeld" in done.stdout
    assert 'place name: "' in done.stdout
    assert "together: Bielefeld" in done.stdout
    assert "no text found" in done.stdout


def test_read_prints_json_lines(tmp_path):
    picture(*SIGN).save(tmp_path / "sign.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8nothing")
    done = CliRunner().invoke(cli, ["read", str(tmp_path), "--json"])
    assert done.exit_code == 3
    broken, sign = (json.loads(line) for line in done.stdout.splitlines())
    assert broken["problem"]
    assert sign["lines"][0]["text"] == "Stadt Bielefeld"
    assert {"place name", "language"} <= {cue["kind"] for cue in sign["cues"]}
    assert sign["prediction"]["city"] == "Bielefeld"
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in sign["lines"][0]["box"])


def test_read_without_photos_says_so(tmp_path):
    assert CliRunner().invoke(cli, ["read", str(tmp_path)]).exit_code != 0
