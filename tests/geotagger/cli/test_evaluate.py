import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD

from geotagger.config import RunOptions
from geotagger.errors import UsageError
from geotagger.evaluation import tables
from geotagger.evaluation.ablation import AblationRun, Difference
from geotagger.evaluation.by_trip import TripCollector
from geotagger.evaluation.calibration import (
    area_under_risk,
    error_by_chance,
    expected_calibration_error,
    reliability,
    risk_coverage,
)
from geotagger.evaluation.charts import charts
from geotagger.evaluation.intervals import bootstrap, wilson
from geotagger.evaluation.labels import KnownPlace
from geotagger.evaluation.report import write
from geotagger.evaluation.run import Evaluation, PhotoScorer, run
from geotagger.evaluation.scored import ScoredPhoto
from geotagger.evaluation.scores import score, weighted_median
from geotagger.geography.sphere import haversine_km
from geotagger.plots import files
from geotagger.types import (
    Candidate,
    Evidence,
    Level,
    Outcome,
    Photo,
    PhotoMetadata,
    Place,
    Prediction,
    Status,
)
from tests.fixtures.bundles import make_bundle
from tests.fixtures.samples import BERLIN, LYON, PARIS, TOKYO


def guess(place, level=Level.COUNTRY, radius_km=500.0, others=()):
    candidates = tuple(Candidate(p, p.point, 0.3) for p in (place, *others))
    return Prediction(place.point, place, level, 0.7, radius_km, candidates)


def scored(prediction, truth, *, exact=True, sure=None, radii_km=()):
    """Exact labels have a point; the others a country alone."""
    named = truth if exact else Place(truth.point, truth.country_code, continent=truth.continent)
    point = truth.point if exact else None
    return ScoredPhoto(
        prediction,
        KnownPlace(truth.country_code, point),
        named,
        prediction.place.city,
        country_belief=sure,
        radii_km=radii_km,
    )


def figures(items, top_k=5):
    return score(items, top_k, [Status.PREDICTED] * len(items), 0).figures


def test_shares_distances_and_coverage():
    items = [
        scored(guess(PARIS), PARIS, radii_km=(0.1, 400.0)),
        scored(guess(PARIS, others=[BERLIN], radius_km=900), BERLIN, radii_km=(100.0, 800.0)),
        scored(guess(BERLIN), TOKYO, radii_km=(100.0, 400.0)),
    ]
    found = score(items, 5, [Status.PREDICTED] * 3 + [Status.FAILED], unlabelled=1)
    assert (found.photos, found.failed, found.scored, found.unlabelled) == (4, 1, 3, 1)
    of = {name: figure.value for name, figure in found.figures.items()}
    assert of["continent"] == pytest.approx(2 / 3)
    assert of["country"] == of["region"] == of["city"] == pytest.approx(1 / 3)
    assert of["country_top_k"] == pytest.approx(2 / 3)
    assert of["within_1_km"] == pytest.approx(1 / 3)
    assert of["within_2500_km"] == pytest.approx(2 / 3)
    assert of["median_km"] == pytest.approx(878, abs=3)
    km = [0, haversine_km(48.8566, 2.3522, 52.5244, 13.4105)]
    km.append(haversine_km(52.5244, 13.4105, 35.7, 139.7))
    assert of["mean_km"] == pytest.approx(sum(km) / 3)
    assert of["geoscore"] == pytest.approx(sum(5000 * math.exp(-d / 1492.7) for d in km) / 3)
    assert of["inside_50_radius"] == of["inside_80_radius"] == pytest.approx(1 / 3)
    assert of["inside_90_radius"] == pytest.approx(2 / 3)


def test_countries_weigh_alike_whatever_their_photos():
    items = [scored(guess(PARIS), PARIS)] * 9 + [scored(guess(PARIS), BERLIN)]
    found = figures(items)
    assert found["country"].value == pytest.approx(0.9)
    assert found["country"].by_country == pytest.approx(0.5)
    assert found["mean_km"].by_country == pytest.approx(878 / 2, abs=3)
    assert found["median_km"].value == 0
    assert found["median_km"].by_country == pytest.approx(878 / 2, abs=3)


def test_labels_of_a_country_alone_tell_no_distance_and_no_town():
    found = figures([scored(guess(PARIS), PARIS, exact=False)])
    assert (found["country"].value, found["continent"].value) == (1, 1)
    for name in ("median_km", "within_1_km", "geoscore", "region", "city", "inside_90_radius"):
        assert (found[name].value, found[name].photos) == (None, 0)


def test_answers_are_judged_at_their_level():
    items = [
        scored(guess(PARIS, Level.CITY), PARIS),
        scored(guess(PARIS, Level.CITY), LYON),
        scored(guess(PARIS, Level.CITY), PARIS, exact=False),  # cannot be told
        scored(guess(PARIS, Level.REGION), LYON),
        scored(guess(PARIS, Level.COUNTRY), LYON),
        scored(guess(PARIS, Level.CONTINENT), BERLIN),
        scored(guess(PARIS, Level.NONE), BERLIN),
    ]
    levels = score(items, 5, [Status.PREDICTED] * 7, 0, no_evidence=3).levels
    right = {level: (own.right.value, own.right.photos) for level, own in levels.items()}
    assert right == {
        "city": (0.5, 2),
        "region": (0, 1),
        "country": (1, 1),
        "continent": (1, 1),
        "none": (None, 0),
    }
    assert levels["city"].share == pytest.approx(0.3)
    assert levels["city"].confidence == pytest.approx(0.7)
    assert (levels["none"].photos, levels["none"].share) == (4, pytest.approx(0.4))


def test_the_calibration_error_by_hand():
    """Two bins: 0.3 stated and 0.5 right on two photos, 0.9 stated and 1.0 right on two."""
    sure, right = np.array([0.3, 0.3, 0.9, 0.9]), np.array([0.0, 1, 1, 1])
    assert expected_calibration_error(sure, right) == pytest.approx(0.5 * 0.2 + 0.5 * 0.1)
    low, high = reliability(sure, right)
    assert (low.photos, low.confidence, low.right) == (2, pytest.approx(0.3), 0.5)
    assert (high.photos, high.confidence, high.right) == (2, pytest.approx(0.9), 1.0)
    assert low.above <= 0.3 <= low.upto
    assert high.low < 0.9 < high.high
    assert expected_calibration_error(np.array([1.0]), np.array([1.0])) == 0


def test_opposite_gaps_in_one_bin_cancel_and_in_two_do_not():
    assert expected_calibration_error(np.array([0.5, 0.5]), np.array([0.0, 1.0])) == pytest.approx(
        0
    )
    assert expected_calibration_error(np.array([0.2, 0.8]), np.array([1.0, 0.0])) == pytest.approx(
        0.8
    )


def test_chance_alone_shows_a_calibration_error_on_few_photos():
    few, many = np.full(4, 0.5), np.full(10_000, 0.5)
    # |mean of 4 coins - 1/2|: 0 in 6 of 16 cases, 1/4 in 8, 1/2 in 2
    assert error_by_chance(few) == pytest.approx((8 * 0.25 + 2 * 0.5) / 16, abs=0.02)
    assert error_by_chance(many) < 0.01


def test_the_risk_curve_by_hand():
    sure, right = np.array([0.2, 0.9, 0.5, 0.7]), np.array([0.0, 1, 0, 1])
    assert risk_coverage(sure, right) == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert area_under_risk(sure, right) == pytest.approx((1 / 3 + 1 / 2) / 4)


def test_equal_confidences_share_their_errors_in_any_order():
    sure = np.full(4, 0.5)
    for right in ([1, 1, 0, 0], [0, 0, 1, 1]):
        assert risk_coverage(sure, np.array(right, float)) == pytest.approx([0.5] * 4)


def test_the_figures_use_the_confidence_in_the_country():
    items = [
        scored(guess(PARIS), PARIS, sure=0.9),
        scored(guess(PARIS), BERLIN, sure=0.3),
        scored(guess(PARIS), BERLIN),  # nothing is known of its confidence
    ]
    found = score(items, 5, [Status.PREDICTED] * 3, 0)
    assert found.figures["ece"].value == pytest.approx((0.1 + 0.3) / 2)
    assert found.figures["ece"].photos == 2
    assert [(r.answered, r.confidence, r.wrong) for r in found.risk_coverage] == [
        (0.5, 0.9, 0.0),
        (1.0, 0.3, 0.5),
    ]


def test_intervals():
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)  # Newcombe 1998, table I
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    values = np.random.default_rng(1).normal(10, 2, 400)
    low, high = bootstrap(lambda rows: float(values[rows].mean()), 400)
    assert (high - low) == pytest.approx(2 * 1.96 * 2 / 20, rel=0.1)
    assert low < values.mean() < high
    assert bootstrap(lambda rows: 0.0 * len(rows), 9) == (None, None)


def test_the_weighted_median():
    assert weighted_median(np.array([3.0, 1, 2]), np.array([1.0, 1, 1])) == 2
    assert weighted_median(np.array([1.0, 2]), np.array([1.0, 1])) == 1.5
    assert weighted_median(np.array([1.0, 2, 9]), np.array([0.2, 0.2, 0.6])) == 9


def near(belief, place, source):
    km = haversine_km(place.point.lat, place.point.lon, belief.places.lat, belief.places.lon)
    return Evidence(source, 1.0, "", (-0.5 * (km / 20) ** 2).astype(np.float32))


def test_the_scorer_reads_the_posterior(belief):
    bench = PhotoScorer(belief, KnownPlace("FR", PARIS.point))
    item = bench.score_evidence([near(belief, PARIS, "a")])
    assert item.country_right
    assert item.city_right
    assert item.country_belief == item.truth_belief == pytest.approx(1, abs=1e-3)
    assert item.radii_km[0] <= item.radii_km[1] <= item.prediction.radius_km
    wrong = bench.score_evidence([near(belief, BERLIN, "a")])
    assert wrong.country_belief == pytest.approx(1, abs=1e-3)
    assert wrong.truth_belief < 1e-3


def test_radii_hold_their_share_of_the_mass(belief):
    places = belief.places
    mass = belief.posterior([near(belief, PARIS, "a")])
    cosine = places.unit @ places.unit[int(mass.argmax())]
    point = places.place(int(mass.argmax())).point
    km = haversine_km(point.lat, point.lon, places.lat, places.lon)
    for share, radius_km in zip(
        (0.5, 0.8, 0.9), belief.radii_km(mass, cosine, (0.5, 0.8, 0.9)), strict=True
    ):
        assert mass[km <= radius_km + 0.1].sum() >= share - 1e-4
        assert mass[km <= 0.8 * radius_km - 2].sum() < share


def trials(belief, *photos):
    """Each photo: its truth and the places for which sources a, b, ... speak; None is silence."""
    made = AblationRun(5)
    for truth, *said in photos:
        bench = PhotoScorer(belief, KnownPlace(truth.country_code, truth.point))
        evidence = [
            near(belief, place, name) for name, place in zip("abc", said, strict=False) if place
        ]
        made.add(evidence, bench.score_evidence(evidence), bench.score_evidence)
    return made.result()


def test_ablation_tells_the_source_that_helps_from_the_one_that_harms(belief):
    places = [PARIS, BERLIN, TOKYO, LYON]
    good = 2 * [(place, place, None) for place in places]
    misled = 2 * [(place, None, BERLIN if place is not BERLIN else TOKYO) for place in places]
    found = trials(belief, *good, *misled)
    assert found.spoke == {"a": 8, "b": 8}
    value = {name: own.figures["country"].value for name, own in found.subsets.items()}
    assert value["all"] == value["only a"] - value["prior alone"] == pytest.approx(0.5)
    gains = {(d.source, d.figure): d for d in found.differences}
    assert gains["a", "country"].mean == pytest.approx(0.5)
    assert gains["a", "country"].verdict == "helps"
    assert gains["b", "surprise"].mean < 0
    assert gains["b", "surprise"].verdict == "harms"
    assert found.harmful == ["b"]


def test_a_source_that_is_silent_makes_no_difference(belief):
    found = trials(belief, (PARIS, PARIS), (BERLIN, BERLIN))
    assert set(found.subsets) == {"all", "without a", "only a", "prior alone"}
    assert found.subsets["all"].figures == found.subsets["only a"].figures
    assert found.subsets["without a"].figures == found.subsets["prior alone"].figures


def test_few_photos_prove_nothing(belief):
    found = trials(belief, (PARIS, PARIS), (BERLIN, BERLIN))
    assert {item.verdict for item in found.differences} == {"no clear difference"}
    assert "too few photos to tell" in tables.to_text(Evaluation(evaluated(), found, []))


def test_a_negligible_difference_is_unclear():
    assert Difference("a", "geoscore", -0.1, -0.2, -0.05).verdict == "no clear difference"
    assert Difference("a", "geoscore", -9.0, -12.0, -0.05).verdict == "harms"
    assert Difference("a", "geoscore", -9.0, -12.0, 0.05).verdict == "no clear difference"


def test_figures_that_are_not_shares_have_bootstrap_intervals():
    """Wilson's would call a surprise of 0 on every photo a share of 0."""
    items = [replace(scored(guess(PARIS), PARIS), truth_belief=1.0)] * 20
    found = figures(items)
    assert (found["surprise"].low, found["surprise"].high) == (0, 0)
    assert (found["mean_km"].low, found["mean_km"].high) == (0, 0)
    assert found["country"].low == pytest.approx(0.839, abs=1e-3)


def evaluated():
    return score([scored(guess(PARIS), PARIS)], 5, [Status.PREDICTED], 0)


def evaluation(belief):
    items = [scored(guess(PARIS, radius_km=900), t, sure=0.6) for t in (PARIS, BERLIN, TOKYO)]
    scores = score(items, 5, [Status.PREDICTED] * 3, 0)
    return Evaluation(scores, trials(belief, (PARIS, PARIS), (BERLIN, TOKYO)), items)


def test_the_json_keeps_its_keys(belief):
    document = json.loads(tables.to_json(evaluation(belief)))
    assert document["format"] == 1
    assert list(document) == [
        *("format", "photos", "unlabelled", "failed", "skipped", "no_evidence", "scored", "top_k"),
        *(
            "figures",
            "levels",
            "ece_by_chance",
            "reliability",
            "risk_coverage",
            "ablation",
            "trips",
        ),
    ]
    thresholds = [f"within_{km}_km" for km in (1, 25, 200, 750, 2500)]
    radii = [f"inside_{share}_radius" for share in (50, 80, 90)]
    names = ["continent", "country", "country_top_k", "region", "city", "geoscore", "surprise"]
    names += [*thresholds, *radii, "mean_km", "median_km", "ece", "aurc"]
    assert set(document["figures"]) == set(names)
    figure = ["value", "low", "high", "by_country", "photos"]
    assert all(list(own) == figure for own in document["figures"].values())
    assert list(document["levels"]) == ["city", "region", "country", "continent", "none"]
    assert list(document["levels"]["city"]) == ["photos", "share", "confidence", "right"]
    assert list(document["reliability"][0]) == [
        *("above", "upto", "photos", "confidence", "right", "low", "high")
    ]
    assert list(document["risk_coverage"][0]) == ["answered", "confidence", "wrong"]
    assert list(document["ablation"]) == ["spoke", "subsets", "differences", "harmful"]
    assert list(document["ablation"]["differences"][0]) == [
        *("source", "figure", "mean", "low", "high", "says")
    ]
    assert set(document["ablation"]["subsets"]["all"]) == set(names)


def test_nothing_scored_is_not_an_error(tmp_path):
    nothing = Evaluation(score([], 5, [], 0), None, [])
    assert "0 of 0 photos" in tables.to_text(nothing)
    assert json.loads(tables.to_json(nothing))["figures"]["country"]["value"] is None
    assert charts(nothing) == []
    write(tmp_path / "r.html", nothing)
    assert "0 of 0 photos" in (tmp_path / "r.html").read_text("utf-8")


def test_the_report_holds_every_chart_and_table_and_fetches_nothing(belief, tmp_path):
    whole = evaluation(belief)
    write(tmp_path / "r.html", whole)
    html = (tmp_path / "r.html").read_text("utf-8")
    for table in tables.tables(whole):
        assert table.title in html
        assert table.title in tables.to_text(whole)
    assert html.count("<svg") == 5
    addresses = html.replace("http://www.w3.org/2000/svg", "")
    assert not any(word in addresses for word in ("http:", "https:", "<script", "src=", "url("))


@pytest.mark.parametrize(("name", "complaint"), [("r.pdf", ".html"), ("no/r.html", "no folder")])
def test_a_report_that_cannot_come_to_be_is_wrong_usage(tmp_path, name, complaint):
    with pytest.raises(UsageError, match=complaint):
        files.check_target(tmp_path / name)


def test_one_pass_over_a_folder(tmp_path):
    """The tiny bundle takes red for Tokyo, green for Berlin, blue for Rio de Janeiro."""
    bundle = make_bundle(tmp_path / "tiny")
    folder = tmp_path / "album"
    folder.mkdir()
    for name, colour in {"a": "red", "b": "lime", "c": "blue", "d": "red"}.items():
        Image.new("RGB", (64, 48), colour).save(folder / f"{name}.jpg")
    (folder / "bad.jpg").write_bytes(b"nothing")
    labels = (
        "file,lat,lon,country\na.jpg,35.7,139.7,\nb.jpg,,,DE\nc.jpg,48.86,2.35,\nbad.jpg,1,1,\n"
    )
    (folder / "labels.csv").write_text(labels)
    seen = []
    options = RunOptions((folder,), models=(str(bundle.path),), read_text=False, workers=1)
    found = run(options, None, seen.append, ablate=True)
    assert [outcome.photo.path.name for outcome in seen] == [
        *("a.jpg", "b.jpg", "bad.jpg", "c.jpg", "d.jpg")
    ]
    scores = found.scores
    assert (scores.photos, scores.scored, scores.unlabelled, scores.failed) == (5, 3, 1, 1)
    assert scores.figures["country"].value == pytest.approx(2 / 3)
    assert (scores.figures["median_km"].photos, scores.figures["country"].photos) == (2, 3)
    assert list(found.ablation.subsets) == ["all", "without vision", "only vision", "prior alone"]
    assert found.ablation.subsets["all"].figures == scores.figures
    assert found.ablation.subsets["only vision"].figures["country"] == scores.figures["country"]


def test_the_gps_of_photos_is_the_truth_where_there_are_no_labels(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    folder = tmp_path / "album"
    folder.mkdir()
    exif = Image.Exif()
    exif.get_ifd(IFD.GPSInfo).update(
        {GPS.GPSLatitudeRef: "N", GPS.GPSLatitude: (35, 42, 0)}
        | {GPS.GPSLongitudeRef: "E", GPS.GPSLongitude: (139, 42, 0)}
    )
    Image.new("RGB", (64, 48), "red").save(folder / "a.jpg", exif=exif)
    Image.new("RGB", (64, 48), "red").save(folder / "b.jpg")
    set_by_a_person = '{"geoData": {"latitude": 48.8, "longitude": 2.3}}'
    (folder / "b.jpg.json").write_text(set_by_a_person)
    options = RunOptions((folder,), models=(str(bundle.path),), read_text=False, workers=1)
    scores = run(options, None, lambda _: None).scores
    assert (scores.scored, scores.unlabelled) == (1, 1)
    assert scores.figures["country"].value == 1


def test_the_scores_by_trip_are_a_table_and_in_the_json(belief):
    trips = TripCollector()
    for hour, (camera, item) in enumerate(zip("AAB", evaluation(belief).scored, strict=False)):
        metadata = PhotoMetadata(taken_at=f"2024-05-01T1{hour}:00:00", camera=camera)
        outcome = Outcome(Photo(Path("a.jpg"), Path()), metadata=metadata)
        trips.add(outcome, item)
    found = replace(evaluation(belief), trips=trips.result())
    assert "By trip" in tables.to_text(found)
    assert json.loads(tables.to_json(found))["trips"]["trips"] == 1
    assert "0 trips" in tables.to_text(replace(found, trips=TripCollector().result()))
