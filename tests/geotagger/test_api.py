import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageDraw, ImageFont

import geotagger
from geotagger import (
    BundleError,
    Geotagger,
    LocationEncoder,
    Status,
    TopPoints,
    UnreadableImageError,
)
from tests.fixtures.bundles import COLOURS, make_bundle
from tests.fixtures.matching_bundles import caption_bundle, make_location_encoder, position_bundle

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TOKYO, BERLIN, RIO = (35.69, 139.69), (52.52, 13.41), (-22.91, -43.17)


@pytest.fixture(scope="module")
def positions(tmp_path_factory):
    return position_bundle(tmp_path_factory.mktemp("api") / "positions").path


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    folder = tmp_path_factory.mktemp("album")
    for city, colour in COLOURS.items():
        Image.new("RGB", (30, 20), colour).save(folder / f"{city}.png")
    return [folder / f"{city}.png" for city in COLOURS]


@pytest.fixture(scope="module")
def tagger(positions):
    return Geotagger(positions, device="cpu", threads=2)


def test_one_photo_gives_points_and_probabilities(tagger, album):
    points, probabilities = tagger.predict(str(album[0]), top_k=3)
    assert points.shape == (3, 2)
    assert probabilities.shape == (3,)
    assert points[0] == pytest.approx(TOKYO, abs=0.01)
    shares = np.exp([10, 0, 0]) / (3 * np.exp(10) + 1 + 2)  # Tokyo counts three times
    assert probabilities == pytest.approx(shares, rel=1e-3)


def test_paths_pictures_and_arrays_together(tagger, album):
    batch = [album[0], Image.open(album[1]), np.asarray(Image.open(album[2]))]
    found = tagger.predict(batch, top_k=1)
    assert isinstance(found, TopPoints)
    assert found.points.shape == (3, 1, 2)
    assert found.points[:, 0] == pytest.approx(np.array([TOKYO, BERLIN, RIO]), abs=0.01)
    array = np.stack([np.asarray(Image.open(path)) for path in album])
    assert np.array_equal(tagger.predict(array, 1).points, found.points)


def test_more_photos_than_one_batch_keep_their_order(positions, album):
    tagger = Geotagger(positions, device="cpu", batch_size=2, threads=2)
    found = tagger.predict((album[i % 3] for i in range(7)), 1)
    expected = [(TOKYO, BERLIN, RIO)[i % 3] for i in range(7)]
    assert found.points[:, 0] == pytest.approx(np.array(expected), abs=0.01)


def test_no_photos(tagger):
    assert tagger.predict([], 2).points.shape == (0, 2, 2)


def test_pictures_are_turned_upright(tagger):
    image = Image.new("RGB", (40, 20), (255, 0, 0))
    image.paste((0, 0, 255), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    assert tagger.encode_image(image) == pytest.approx(
        tagger.encode_image(image.rotate(90, expand=True))
    )
    image.info["exif"] = exif.tobytes()
    assert tagger.encode_image(image).shape == (3,)


def test_vectors(tagger, album):
    assert tagger.encode_image(album[1]) == pytest.approx([0, 1, 0], abs=1e-6)
    assert tagger.encode_image(album).shape == (3, 3)


def test_a_model_of_scores_has_no_vectors(tmp_path, album):
    tagger = Geotagger(
        make_bundle(tmp_path / "tiny").path, device="cpu", gate=False, read_text=False
    )
    with pytest.raises(BundleError, match="no image encoder; geotagger models pull geoclip"):
        tagger.encode_image(album)
    points, probabilities = tagger.predict(album[1])
    assert points.shape == (3, 2)  # no more labels than three
    assert probabilities.sum() == pytest.approx(1)
    prediction = tagger.locate(album[1]).prediction
    assert prediction.place.country_code == "DE"


def test_coordinates_are_one_guess(tmp_path, album):
    points, probabilities = Geotagger(make_bundle(tmp_path / "tiny", "regress").path).predict(
        album[0]
    )
    assert points == pytest.approx(np.array([TOKYO]), abs=0.01)
    assert probabilities.tolist() == [1]


def test_an_attribute_alone_is_no_place(tmp_path, album):
    with pytest.raises(BundleError, match="has no head for places"):
        Geotagger(make_bundle(tmp_path / "tiny", "attribute").path).predict(album[0])


def test_captions_give_towns_with_the_probability_of_their_country(tmp_path, album):
    bundle = caption_bundle(tmp_path / "captions")
    points, probabilities = Geotagger(bundle.path, device="cpu").predict(album[1], 5)
    assert points[0] == pytest.approx(BERLIN, abs=0.01)
    assert probabilities.sum() == pytest.approx(1, abs=1e-4)
    only = Geotagger(bundle.path, device="cpu", places="Munich, Germany; Tokyo, Japan")
    points, probabilities = only.predict(album[1], 5)
    assert points.shape == (2, 2)
    assert points[0] == pytest.approx((48.14, 11.58), abs=0.05)


def test_countries_and_towns_together(tmp_path, album):
    bundle = caption_bundle(tmp_path / "captions")
    mixed = Geotagger(bundle.path, device="cpu", places="Brazil; Tokyo, Japan; Munich, Germany")
    points, probabilities = mixed.predict(album[2], 5)
    assert points.shape == (3, 2)
    assert points[0] == pytest.approx((-23.5, -46.6), abs=0.1)  # where most of Brazil's people are
    assert probabilities.sum() == pytest.approx(1, abs=1e-4)


def test_the_first_guess_is_the_best_town_of_the_best_area(tmp_path):
    """Also where a town alone in its country is likelier by itself than either of two."""
    bundle = caption_bundle(tmp_path / "captions")
    twin = {"city": "Tokyo", "region": "Kanto", "country": "Japan", "lat": 36, "lon": 140}
    towns = [twin, {"city": "Tokyo", "country": "Japan"}, {"city": "Munich", "country": "Germany"}]
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"locations": towns}))
    tagger = Geotagger(bundle.path, device="cpu", candidates=file)
    points, probabilities = tagger.predict(np.full((8, 8, 3), (255, 250, 0), np.uint8), 3)
    assert points[0, 1] > 100  # Japan, by a hair
    assert probabilities[0] < probabilities[1]
    assert points[1] == pytest.approx((48.14, 11.58), abs=0.05)
    assert (np.diff(probabilities[1:]) <= 0).all()


def test_within(positions, album):
    points, _ = Geotagger(positions, within="BR,DE", device="cpu").predict(album[0], 3)
    assert len(points) == 2
    assert 139.69 not in points.round(2)[:, 1]


def test_captions_and_positions_compare_with_pictures(positions, tmp_path, album):
    captions = Geotagger.from_pretrained(caption_bundle(tmp_path / "captions").path, device="cpu")
    vectors = captions.encode_text(["Japan", "Germany", "Brazil"])
    assert vectors.shape == (3, 3)
    assert (vectors @ captions.encode_image(album[1])).argmax() == 1
    assert captions.encode_text("Japan") == pytest.approx(vectors[0])
    with pytest.raises(BundleError, match="no location encoder"):
        captions.encode_location([0, 0])
    tagger = Geotagger.from_pretrained(positions, device="cpu")
    places = tagger.encode_location([(60, 10), (-60, 20), (0, 0)])
    assert np.linalg.norm(places, axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    assert (
        places @ tagger.encode_image(album[1])
    ).argmax() == 2  # green: between far north and south
    assert tagger.encode_location((60, 10)) == pytest.approx(places[0])
    with pytest.raises(BundleError, match="no text encoder"):
        tagger.encode_text("Japan")


@pytest.fixture
def trip(tmp_path):
    """Two photos of one camera, ten minutes apart; the first has GPS. And a file that is broken."""
    folder = tmp_path / "trip"
    folder.mkdir()
    for minute in (0, 10):
        exif = Image.Exif()
        exif[0x010F], exif[0x0110] = "Acme", "One"
        exif.get_ifd(ExifTags.IFD.Exif)[0x9003] = f"2024:05:01 12:{minute:02}:00"
        if minute == 0:  # Barcelona
            exif.get_ifd(ExifTags.IFD.GPSInfo).update(
                {1: "N", 2: (41, 23, 0), 3: "E", 4: (2, 10, 0)}
            )
        with Image.open(EXAMPLES / "louvre.jpg") as image:
            image.save(folder / f"{minute}.jpg", exif=exif)
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def starter():
    return Geotagger(device="cpu", threads=2, read_text=False)


def test_locate_uses_the_neighbours_and_returns_failures_as_results(trip, starter):
    found = starter.locate(trip)
    assert [result.path.name for result in found] == ["0.jpg", "10.jpg", "broken.jpg"]
    near = found[1]
    assert near.prediction.place.country_code == "ES"
    assert [note.source for note in near.prediction.evidence] == ["vision", "album"]
    assert found[0].metadata.gps.lat == pytest.approx(41 + 23 / 60)
    assert found[2].status is Status.FAILED
    assert found[2].prediction is None
    assert [str(reason.code) for reason in found[2].reasons] == ["not_a_picture"]
    assert found[2].to_geojson()["geometry"] is None
    alone = starter.locate([trip / "10.jpg"])[0]  # without the pictures of its trip
    assert alone.prediction.place == near.prediction.place
    assert alone.prediction.evidence == near.prediction.evidence
    assert starter.locate(trip / "10.jpg").to_dict() == alone.to_dict()


def test_a_loaded_model_sees_folders_as_they_are_now(trip, starter):
    (trip / "0.jpg").rename(trip.parent / "0.jpg")
    (alone,) = starter.locate([trip / "10.jpg"])
    (trip.parent / "0.jpg").rename(trip / "0.jpg")
    (with_neighbour,) = starter.locate([trip / "10.jpg"])
    assert [note.source for note in alone.prediction.evidence] == ["vision"]
    assert [note.source for note in with_neighbour.prediction.evidence] == ["vision", "album"]


def test_locate_reads_text():
    image = Image.new("RGB", (640, 480), (120, 150, 180))
    font = ImageFont.load_default(60)
    ImageDraw.Draw(image).text((40, 200), "Stadt Bielefeld", (255, 255, 255), font)
    result = Geotagger(device="cpu", gate=False).locate(image)
    assert [note.source for note in result.prediction.evidence] == ["vision", "text"]
    assert result.prediction.place.country_code == "DE"


def test_results_are_what_a_report_holds(trip, tmp_path, starter):
    report = tmp_path / "r.jsonl"
    counts = geotagger.tag(trip, reports=[report], device="cpu", read_text=False, journal=None)
    assert counts.photos == 3
    lines = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    found = starter.locate(trip)
    assert [result.to_dict() for result in found] == lines
    feature = found[1].to_geojson()
    assert feature["geometry"]["coordinates"] == [lines[1]["lon"], lines[1]["lat"]]
    json.dumps(feature)


def test_an_image_in_memory_has_no_neighbours(trip, starter):
    with Image.open(trip / "10.jpg") as image:
        result = starter.locate(image)
        assert [one.to_dict() for one in starter.locate([image])] == [result.to_dict()]
        with pytest.raises(ValueError, match="mixed"):
            starter.locate([image, trip / "10.jpg"])
    assert str(result.path) == "<image>"
    assert [note.source for note in result.prediction.evidence] == ["vision"]
    assert starter.locate([]) == []
    drawing = starter.locate(np.full((40, 60, 3), (255, 0, 0), np.uint8))
    assert drawing.reasons[0].code == "not_a_photo"
    assert drawing.prediction is None


def test_tag_and_untag(trip):
    files = sorted(trip.iterdir())
    before = [file.read_bytes() for file in files]
    counts = geotagger.tag(trip, write_exif=True, device="cpu", read_text=False)
    assert counts.photos == 3
    assert counts.statuses[Status.TAGGED] == counts.statuses[Status.FAILED] == 1
    assert geotagger.read_metadata(trip / "10.jpg").gps_is_prediction
    assert geotagger.untag(trip) == {"untouched": 2, "restored": 1}
    assert [file.read_bytes() for file in files] == before
    out = trip.parent / "out"
    geotagger.tag(str(trip), out=str(out), device="cpu", read_text=False)
    assert [file.name for file in out.iterdir()] == ["10.jpg"]
    assert geotagger.read_metadata(trip / "0.jpg").taken_at == "2024-05-01T12:00:00"
    with pytest.raises(geotagger.UsageError):
        geotagger.untag(trip / "none")


def test_places_and_models_by_name():
    assert geotagger.reverse_geocode(48.8584, 2.2945).city == "Paris"
    assert geotagger.reverse_geocode(0, -30).country == ""
    with pytest.raises(ValueError, match="latitude"):
        geotagger.reverse_geocode(91, 0)
    assert geotagger.list_models()[0] == "starter"


def test_bad_input(tagger, tmp_path):
    with pytest.raises(ValueError, match="top_k"):
        tagger.predict([], 0)
    with pytest.raises(ValueError, match=r"uint8 \[H, W, 3\], not float64"):
        tagger.predict(np.zeros((4, 4, 3)))
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    with pytest.raises(UnreadableImageError):
        tagger.predict(tmp_path / "bad.jpg")
    with pytest.raises(BundleError, match="geotagger models pull"):
        Geotagger("no-such-model")


def test_the_location_encoder(tmp_path, monkeypatch):
    make_location_encoder(tmp_path / "location.onnx")
    encoder = LocationEncoder(tmp_path / "location.onnx")
    vectors = encoder([[60, 10], [-60, 20], [0, 0]])
    assert vectors.shape == (3, 3)
    assert vectors.dtype == np.float32
    assert vectors.argmax(axis=1).tolist() == [0, 2, 1]
    assert encoder(np.empty((0, 2))).shape == (0, 3)
    many = np.zeros((9000, 2), np.float32)
    many[-1, 0] = 60
    assert encoder(many)[-1].tolist() == vectors[0].tolist()
    for wrong in ([1.0, 2.0], [[91.0, 0.0]], [[0.0, np.nan]]):
        with pytest.raises(ValueError, match=r"positions have|is not in"):
            encoder(wrong)
    monkeypatch.setenv("GEOTAGGER_MODELS", str(tmp_path / "none"))
    with pytest.raises(BundleError, match="geotagger models pull location-encoder"):
        LocationEncoder()
    with pytest.raises(BundleError, match="not a location encoder"):
        LocationEncoder(tmp_path / "missing.onnx")


def test_public_names_are_imported_late():
    assert set(geotagger.__all__) <= set(dir(geotagger))
    for name in geotagger.__all__:
        assert getattr(geotagger, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Geotager'"):
        geotagger.Geotager  # noqa: B018
    code = "import sys, geotagger; print(sorted({'numpy', 'onnxruntime'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
