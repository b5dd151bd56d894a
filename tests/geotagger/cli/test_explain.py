import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geotagger.explanation import pictures, words
from geotagger.explanation.steps import explained
from geotagger.geography.sphere import haversine_km
from geotagger.types import Evidence, Level, Outcome, Photo, PhotoMetadata, Point, Status
from tests.fixtures.bundles import make_bundle

PARIS, LYON = Point(48.8566, 2.3522), Point(45.7485, 4.8467)


def country(belief, code, ratio, source):
    favoured = np.where(belief.places.mask([code]), np.log(ratio), 0)
    return Evidence(source, 1.0, f"looks like {code}", favoured.astype(np.float32))


def near(belief, point, source, sigma_km=8.0):
    km = haversine_km(point.lat, point.lon, belief.places.lat, belief.places.lon)
    log_likelihood = np.maximum(-0.5 * (km / sigma_km) ** 2, -12)
    return Evidence(source, 1.0, "", log_likelihood.astype(np.float32))


def of(belief, *evidence, metadata=None):
    outcome = Outcome(Photo(Path("p <b>.jpg"), Path()), metadata=metadata or PhotoMetadata())
    if evidence:
        outcome = Outcome(
            outcome.photo,
            Status.PREDICTED,
            outcome.metadata,
            prediction=belief.decide(evidence),
        )
    return explained(outcome, evidence, belief)


def odds(share):
    return share / (1 - share)


def test_belief_moves_by_the_likelihood_ratio_of_each_source(belief):
    """Bayes: a source that favours one country by a ratio multiplies its odds by it."""
    found = of(belief, country(belief, "FR", 50.0, "vision"), country(belief, "FR", 4.0, "clock"))
    assert found.prediction.place.country_code == "FR"
    prior = odds(found.prior.country)
    first, second = found.steps
    assert (first.source, second.source) == ("vision", "clock")
    assert odds(first.after.country) == pytest.approx(50 * prior, rel=1e-3)
    assert odds(second.after.country) == pytest.approx(200 * prior, rel=1e-3)
    assert odds(second.alone.country) == pytest.approx(4 * prior, rel=1e-3)
    assert odds(second.left_out.country) == pytest.approx(50 * prior, rel=1e-3)
    assert first.before == found.prior
    assert second.before == first.after
    assert second.after == found.total


def test_the_prediction_without_a_source_is_shown(belief):
    found = of(belief, country(belief, "JP", 300.0, "vision"), near(belief, PARIS, "text"))
    assert found.prediction.place.city == "Paris"
    vision, text = found.steps
    assert text.others_say.place.country_code == "JP"
    assert vision.others_say.place.city == "Paris"
    says = words.sentences(found)
    assert "vision (looks like JP) lowers France" in says[1]
    assert "text raises France" in says[2]
    assert "the answer is: Japan" in says[2]


def test_the_circles_hold_their_share(belief):
    found = of(belief, near(belief, PARIS, "text", sigma_km=60))
    point, places = found.prediction.point, belief.places
    km = haversine_km(point.lat, point.lon, places.lat, places.lon)
    for share, radius_km in zip((0.5, 0.8, 0.9), found.radii_km, strict=True):
        assert found.mass[km <= radius_km + 0.1].sum() >= share - 1e-4
    assert found.radii_km[-1] == pytest.approx(found.prediction.radius_km)


def test_a_photo_without_evidence_says_why(belief):
    found = of(belief)
    assert words.sentences(found) == ["no source has evidence of the place"]
    assert words.table(found) is None
    assert pictures.figures(found, belief.places) == []
    assert json.loads(words.to_json(found))["prediction"] is None


def test_the_json_keeps_its_keys(belief):
    document = json.loads(words.to_json(of(belief, near(belief, PARIS, "text"))))
    assert list(document) == [
        *("format", "path", "status", "note", "prediction", "radii_km", "near_km"),
        *("prior", "total", "sources", "trip"),
    ]
    assert list(document["radii_km"]) == ["50", "80", "90"]
    assert list(document["prior"]) == ["country", "near"]
    assert list(document["sources"][0]) == [
        *("source", "reason", "before", "after", "alone", "left_out", "others_say")
    ]
    prediction = [
        *("lat", "lon", "level", "confidence", "radius_km", "country_code", "region", "city")
    ]
    assert list(document["prediction"]) == prediction
    assert list(document["sources"][0]["others_say"]) == prediction


def test_narrow_belief_gets_a_map_of_its_surroundings_and_wide_belief_does_not(belief):
    narrow = of(belief, near(belief, PARIS, "text"), metadata=PhotoMetadata(gps=LYON))
    titles = [figure.title for figure in pictures.figures(narrow, belief.places)]
    assert len(titles) == 3
    assert titles[1].startswith("Within ")
    wide = of(belief, country(belief, "RU", 3.0, "vision"))
    assert wide.prediction.level is Level.NONE
    assert len(pictures.figures(wide, belief.places)) == 2


def test_the_densest_squares_come_first():
    held = np.array([0.05, 0.6, 0.25, 0.005, 0.095])
    assert pictures._densest(held).tolist() == [3, 0, 1, 4, 2]


def test_the_gps_of_the_camera_is_shown_and_a_written_guess_is_not(belief, tmp_path):
    for guessed, shown in ((False, True), (True, False)):
        metadata = PhotoMetadata(gps=LYON, gps_is_prediction=guessed)
        found = of(belief, near(belief, PARIS, "text"), metadata=metadata)
        pictures.write(tmp_path / "e.html", found, belief.places)
        html = (tmp_path / "e.html").read_text("utf-8")
        assert ("GPS of the camera" in html) is shown
        assert "<b>" not in html


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


def geotagger(*arguments):
    command = [sys.executable, "-m", "geotagger", "explain", "--no-read-text", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command(tmp_path, bundle):
    Image.new("RGB", (64, 48), "red").save(tmp_path / "p.jpg")
    before = (tmp_path / "p.jpg").read_bytes()
    report = tmp_path / "why.svg"
    done = geotagger(
        tmp_path / "p.jpg", "--model", bundle.path, "--json", "--no-gate", "--report", report
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["prediction"]["country_code"] == "JP"
    assert [step["source"] for step in document["sources"]] == ["vision"]
    assert report.read_text("utf-8").startswith("<svg")
    assert (tmp_path / "p.jpg").read_bytes() == before


def test_a_file_that_is_not_a_photo(tmp_path, bundle):
    (tmp_path / "bad.jpg").write_bytes(b"nothing")
    done = geotagger(tmp_path / "bad.jpg", "--model", bundle.path)
    assert done.returncode == 3
    assert "bad.jpg" in done.stdout
    assert geotagger(tmp_path / "none.jpg", "--model", bundle.path).returncode == 2
    done = geotagger(tmp_path / "bad.jpg", "--model", bundle.path, "--report", "why.pdf")
    assert done.returncode == 2
