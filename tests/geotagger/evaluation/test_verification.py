"""`verify`: one verdict a photo, and words that say how much it is worth."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from geotagger.cli.main import cli
from geotagger.evaluation.verification import VAGUE_KM, in_words
from geotagger.fusion.gps_alternatives import agreeing_alternatives
from geotagger.metadata.read import read
from geotagger.types import Level, Outcome, Photo, PhotoMetadata, Place, Point, Prediction, Status
from tests.fixtures import jpegs, xmps
from tests.fixtures.bundles import make_bundle
from tests.fixtures.samples import LYON

NEAR, FAR = Point(45.8, 4.9), Point(-33.9, 18.4)


def outcome(existing, radius_km=20.0, place=LYON, level=Level.CITY, status=Status.PREDICTED):
    prediction = Prediction(place.point, place, level, 0.8, radius_km)
    return Outcome(Photo(Path("a.jpg"), Path()), status, existing, prediction)


def test_words_of_each_verdict():
    assert in_words(outcome(PhotoMetadata())) == "no GPS"
    assert "only a prediction" in in_words(outcome(PhotoMetadata(NEAR, gps_is_prediction=True)))
    assert in_words(outcome(PhotoMetadata(gps_problem="GPS is 0, 0"))) == "invalid GPS: GPS is 0, 0"
    agrees = in_words(outcome(PhotoMetadata(NEAR)))
    assert agrees.startswith("consistent: GPS (")
    assert "Lyon, France, inside the 90 % radius of 20 km" in agrees
    differs = in_words(outcome(PhotoMetadata(FAR)))
    assert differs.startswith("inconsistent: GPS (Cape Town, South Africa) lies 8,9")
    assert "outside the 90 % radius of 20 km" in differs
    assert "spoof" not in differs


SYDNEY = Place(Point(-33.87, 151.21), "AU", "Australia", city="Sydney")


@pytest.mark.parametrize(
    ("mistake", "gps"),
    [
        ("the sign of its latitude changed", Point(33.85, 151.2)),
        ("the sign of its longitude changed", Point(-33.85, -151.2)),
        ("both signs changed", Point(33.85, -151.2)),
    ],
)
@pytest.mark.parametrize("radius_km", [20.0, 15_000.0])
def test_a_lost_sign_is_named_however_wide_the_circle(mistake, gps, radius_km):
    checked = outcome(PhotoMetadata(gps), radius_km, place=SYDNEY)
    words = in_words(checked)
    assert words.startswith("inconsistent" if radius_km == 20 else "doubtful")
    assert f"with {mistake} it would be at -33.85, 151.2 (" in words
    assert "Australia), 2 km from the prediction" in words
    assert agreeing_alternatives(checked)[0].point.lat == pytest.approx(-33.85)


@pytest.mark.parametrize("radius_km", [20.0, 9000.0])
def test_swapped_axes_are_named(radius_km):
    words = in_words(outcome(PhotoMetadata(Point(4.83, 45.76)), radius_km))  # Lyon, off Somalia
    assert "with latitude and longitude swapped it would be at 45.76, 4.83 (Lyon, France)" in words


@pytest.mark.parametrize(
    ("refs", "mistake"),
    [
        (("N", "W"), "latitude and longitude swapped it would"),
        (
            ("N", "E"),
            "latitude and longitude swapped and the sign of the latitude changed it would",
        ),
    ],
)
def test_a_latitude_that_is_out_of_range_may_be_the_longitude(tmp_path, refs, mistake):
    exif = Image.Exif()
    lat, lon = (151.0, 12.0, 0.0), (33.0, 51.0, 0.0)
    exif.get_ifd(0x8825).update({1: refs[0], 2: lat, 3: refs[1], 4: lon})
    Image.new("RGB", (64, 48)).save(tmp_path / "a.jpg", exif=exif)
    metadata = read((tmp_path / "a.jpg").read_bytes())
    assert "out of range" in metadata.gps_problem
    photo = Photo(tmp_path / "a.jpg", tmp_path)
    words = in_words(replace(outcome(metadata, place=SYDNEY), photo=photo))
    assert words.startswith("invalid GPS: ")
    assert f"with {mistake} be at -33.85, 151.2 (" in words
    assert "swapped" not in in_words(replace(outcome(metadata), photo=photo))


def test_sound_gps_gets_no_alternative():
    for radius_km in (20.0, 9000.0):
        assert agreeing_alternatives(outcome(PhotoMetadata(NEAR), radius_km)) == []
        cape_town = outcome(PhotoMetadata(FAR), radius_km)
        assert not any("swapped" in one.mistake for one in agreeing_alternatives(cape_town))
    assert agreeing_alternatives(outcome(PhotoMetadata())) == []
    assert agreeing_alternatives(outcome(PhotoMetadata(gps_problem="GPS is 0, 0"))) == []
    guess = PhotoMetadata(Point(-45.8, 4.9), gps_is_prediction=True)
    assert agreeing_alternatives(outcome(guess)) == []


def test_near_the_equator_a_sign_makes_no_difference():
    quito = Place(Point(-0.2, -78.5), "EC", "Ecuador", city="Quito")
    for radius_km in (50.0, 3000.0):
        assert agreeing_alternatives(outcome(PhotoMetadata(quito.point), radius_km, quito)) == []


def test_a_wide_circle_says_little():
    assert "says little" in in_words(outcome(PhotoMetadata(NEAR), VAGUE_KM + 1))
    assert "says little" not in in_words(outcome(PhotoMetadata(NEAR), VAGUE_KM))
    assert "says little" not in in_words(outcome(PhotoMetadata(FAR), VAGUE_KM + 1))


def test_names_finer_than_the_level_are_left_out():
    assert "predicted France" in in_words(outcome(PhotoMetadata(NEAR), level=Level.COUNTRY))


def test_the_error_of_the_receiver_is_shown_if_it_matters():
    assert "own error of 3 km" in in_words(outcome(PhotoMetadata(NEAR, gps_error_km=3)))
    assert "own error" not in in_words(outcome(PhotoMetadata(NEAR, gps_error_km=0.01)))


def test_the_receivers_error_is_read():
    gps = jpegs.position() | {0x1F: (jpegs.RATIONAL, jpegs.rationals("<", 1500))}
    assert read(jpegs.photo(jpegs.exif(jpegs.tiff(gps=gps)))).gps_error_km == 1.5
    assert read(jpegs.photo(jpegs.exif(jpegs.tiff(gps=jpegs.position())))).gps_error_km == 0


@pytest.fixture
def album(tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    for name, lat in (("agree", (35.0, 41.0, 0.0)), ("far", (22.0, 0.0, 0.0)), ("zero", (0, 0, 0))):
        exif = Image.Exif()
        lon = (139.0, 41.0, 0.0) if lat[0] else (0.0, 0.0, 0.0)
        exif.get_ifd(0x8825).update({1: "N", 2: lat, 3: "E", 4: lon})
        if name == "far":
            exif.get_ifd(0x8825).update({1: "S", 3: "W", 4: (66.0, 0.0, 0.0)})
        Image.new("RGB", (64, 48), "red").save(folder / f"{name}.jpg", exif=exif)
    Image.new("RGB", (64, 48), "red").save(folder / "none.jpg")
    (folder / "bad.jpg").write_bytes(b"")
    return folder


def test_the_command_lists_counts_and_reports(album, tmp_path):
    bundle = make_bundle(tmp_path / "tiny", "retrieve")
    before = {path: path.read_bytes() for path in album.iterdir()}
    report = tmp_path / "v.csv"
    arguments = [
        "verify",
        str(album),
        "--no-gate",
        "--model",
        str(bundle.path),
        "--report",
        str(report),
    ]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 3, done.output
    lines = done.stdout.splitlines()
    found = {Path(line.split(": ")[0].split()[1]).stem: line.split()[0] for line in lines[:-1]}
    assert found == {
        "agree": "agree",
        "bad": "failed",
        "far": "far",
        "none": "no_gps",
        "zero": "invalid",
    }
    assert lines[-1] == "1 agree, 1 far, 1 no_gps, 1 invalid, 1 not_judged"
    assert "1 would fit with the sign" in done.stderr
    assert "; with the sign of its longitude changed" in report.read_text("utf-8")
    assert "inconsistent: GPS" in report.read_text("utf-8")
    assert {path: path.read_bytes() for path in album.iterdir()} == before
    quiet = CliRunner().invoke(cli, [*arguments, "-q"])
    assert quiet.stdout.splitlines() == lines[-1:]


def test_a_position_in_the_sidecar_alone_is_compared(tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    for name, lat, lon in (("agree", "35,41.0N", "139,41.0E"), ("far", "22,0.0S", "66,0.0W")):
        Image.new("RGB", (64, 48), "red").save(folder / f"{name}.jpg")
        (folder / f"{name}.jpg.xmp").write_bytes(xmps.located(lat, lon))
    bundle = make_bundle(tmp_path / "tiny", "retrieve")
    arguments = ["verify", str(folder), "--no-gate", "--model", str(bundle.path)]
    lines = CliRunner().invoke(cli, arguments).stdout.splitlines()
    assert lines[-1] == "1 agree, 1 far"
    assert "GPS of its sidecar far.jpg.xmp (" in lines[1]
