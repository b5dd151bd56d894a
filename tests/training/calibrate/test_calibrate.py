"""Temperature, weight and radius, fitted on what is known."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from geotagger.calibration.fit import conformal_quantile  # noqa: E402
from geotagger.geography.places import load_places  # noqa: E402
from geotagger.vision.bundle.card import UNCALIBRATED  # noqa: E402
from geotagger.vision.bundle.label_tables import Label  # noqa: E402
from geotagger.vision.decoding.heads import ClassifyDecoder  # noqa: E402
from training.calibrate import calibrate  # noqa: E402
from training.engine.run_folder import HeldOut  # noqa: E402

COUNTRIES = {"DE": (51.0, 10.0), "BR": (-10.0, -52.0), "JP": (36.0, 138.0)}


def overconfident(count, factor, seed=0):
    """Logits whose softmax at temperature `factor` is the truth's own distribution."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1.5, (count, 3))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    target = np.array([random.choice(3, p=row) for row in shares])
    return (logits * factor).astype(np.float32), target


@pytest.mark.parametrize("factor", [0.5, 1.0, 4.0])
def test_the_temperature_undoes_overconfidence(factor):
    logits, target = overconfident(4000, factor)
    target[:100] = -1
    assert calibrate.fit_temperature(logits, target) == pytest.approx(factor, rel=0.12)
    assert calibrate.fit_temperature(logits, np.full(4000, -1)) == 1.0


def held_out(logits, target):
    points = np.array(list(COUNTRIES.values()))[target]
    words = {name: np.full(len(target), "", "U8") for name in ("continent", "source", "file")}
    return HeldOut(
        {"logits": logits},
        {"logits": target},
        lat=points[:, 0],
        lon=points[:, 1],
        country=np.array(list(COUNTRIES))[target],
        precision=np.full(len(target), "region"),
        **words,
    )


@pytest.fixture(scope="module")
def decoders():
    labels = tuple(
        Label(code, country_code=code, log_prior=float(np.log(1 / 3)), scope="country")
        for code in COUNTRIES
    )
    return {"logits": ClassifyDecoder(labels, 1.0, load_places(), "labels")}


def test_trustworthy_evidence_weighs_more_than_noise(decoders):
    places = load_places()
    target = np.arange(60) % 3
    sure = (8 * np.eye(3, dtype=np.float32))[target]
    noise = (8 * np.eye(3, dtype=np.float32))[(target + np.arange(60) // 3) % 3]
    good = calibrate.fit(held_out(sure, target), decoders, places)
    bad = calibrate.fit(held_out(noise, target), decoders, places)
    assert good.weight > bad.weight
    assert good.weight >= 1


def test_predictions_are_those_of_the_belief(decoders):
    held = held_out(8 * np.eye(3, dtype=np.float32), np.arange(3))
    found = calibrate.predict(held, decoders, load_places(), UNCALIBRATED)
    assert [p.place.country_code for p in found] == list(COUNTRIES)


def test_the_conformal_factor_covers_nine_of_ten_unseen_photos():
    random = np.random.default_rng(0)
    covered = []
    for _ in range(300):
        stretch = random.exponential(size=50)
        factor = conformal_quantile(stretch[:40].tolist(), np.ones(40))
        covered.append((stretch[40:] <= factor).mean())
    assert np.mean(covered) == pytest.approx(0.9, abs=0.025)
    assert conformal_quantile([1.0, 5.0], np.ones(2)) == 5.0


def test_a_place_temperature_is_that_of_the_country():
    """Sure of the wrong city and right of the country: the evidence must not be thrown away."""
    places = load_places()
    labels = tuple(
        Label(f"{code} {number}", country_code=code, lat=lat + number, lon=lon, scope="point",
              log_prior=float(np.log(1 / 9)))
        for code, (lat, lon) in COUNTRIES.items()
        for number in range(3)
    )  # fmt: skip
    target = np.arange(90) % 9
    missed = target // 3 * 3 + (target + 1) % 3
    logits = (6 * np.eye(9, dtype=np.float32))[missed]
    held = held_out(logits, target // 3)
    fine = calibrate.fit_temperature(logits, target)
    country = calibrate.fit_place_temperature(held, "logits", labels, places)
    assert country <= 1.0 < fine
