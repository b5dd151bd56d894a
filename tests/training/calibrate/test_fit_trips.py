"""How pictures of trips are fitted, and what signs do, on drawn journeys of the embedded model."""

import csv

import numpy as np
import pytest
from click.testing import CliRunner

from geotagger.vision.bundle.bundle import EMBEDDED_FOLDER
from training.calibrate import drawn_trips, fit_trips
from training.calibrate.fit_trips import Judged, Trial, best, by_chance, held_out
from training.eval import wrong_signs

BUNDLE = EMBEDDED_FOLDER / "starter"
PEOPLE = ("anna", "ben", "carl")
COUNTRIES = ("DE", "JP", "PE")
PHOTOS_A_STOP = 16


def write_run(folder, misled=()):
    """Three people in three countries; the pictures of the misled ones look like another."""
    with (BUNDLE / "labels.csv").open(encoding="utf-8", newline="") as stream:
        cells = [row["country_code"] for row in csv.DictReader(stream)]
    rng = np.random.default_rng(0)
    logits, rows = [], []
    for person in PEOPLE:
        for number, code in enumerate(COUNTRIES):
            shown = COUNTRIES[number - 1] if (person, code) in misled else code
            for photo in range(PHOTOS_A_STOP):
                logits.append(rng.normal(0, 1, len(cells)) + 2.5 * (np.array(cells) == shown))
                rows.append((f"{person}-{code}-{photo}.jpg", person, code))
    names, people, codes = map(np.array, zip(*rows, strict=True))
    np.savez(
        folder / "oof.npz",
        logits=np.array(logits, np.float32),
        photo=names,
        source=people,
        country=codes,
    )
    with (folder / "labels.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "place"])
        writer.writerows((name, f"stop in {code}") for name, _, code in rows)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """One draw of times, and two trials."""
    for module in (drawn_trips, fit_trips):
        monkeypatch.setattr(module, "DRAWS", 1)
    monkeypatch.setattr(fit_trips, "OUTLIER_PROBABILITIES", (0.6,))
    monkeypatch.setattr(fit_trips, "BASE_CORRELATIONS", (0.01,))
    monkeypatch.setattr(fit_trips, "SIMILARITY_POWERS", (4.0,))
    monkeypatch.setattr(fit_trips, "BIAS_SHARES", (0.0,))
    monkeypatch.setattr(fit_trips, "MISLEAD_PROBABILITIES", (0.0, 0.4))


def run(command, folder, *options):
    found = CliRunner().invoke(
        command, [str(folder), str(BUNDLE), str(folder), *options], catch_exceptions=False
    )
    assert not found.exit_code
    return found.output


def test_trips_place_more_photos_than_each_alone(tmp_path):
    write_run(tmp_path)
    lines = run(fit_trips.main, tmp_path, "--no-write").splitlines()
    assert lines[0] == "3 people, 144 photos, times drawn 1 times"
    right = [float(line.split("country ")[1].split()[0]) for line in lines if "country" in line]
    alone, unseen, fitted = right
    assert alone < unseen <= fitted
    assert '"pictures_mislead_probability": 0.0' in lines[-1]


def test_stays_whose_pictures_mislead_together_are_noticed(tmp_path):
    write_run(tmp_path, misled={("anna", "JP"), ("ben", "DE"), ("carl", "PE")})
    output = run(fit_trips.main, tmp_path, "--no-write", "--keep-weights")
    assert '"pictures_mislead_probability": 0.4' in output


def test_the_times_of_a_journey():
    stops = {("DE", "a"): list(range(50)), ("DE", "b"): [50, 51], ("JP", "c"): [52]}
    timed = drawn_trips.draw_times(stops, np.random.default_rng(0))
    rows, hours = zip(*timed, strict=True)
    assert list(hours) == sorted(hours)
    assert len(set(rows)) == len(rows) == drawn_trips.MAX_STOP + 3
    in_japan = rows.index(52)
    assert in_japan in (0, len(rows) - 1)


def judged(share_of_right, person, photos=40, stays=1):
    """Confidence 0.8 everywhere, right or wrong in turn."""
    mass = np.tile([0.8, 0.2], (photos, 1))
    truth = (np.arange(photos) >= share_of_right * photos).astype(np.intp)
    stay = np.array([f"{person} {number % stays}" for number in range(photos)])
    return Judged(mass, truth, np.ones(photos), stay)


def test_people_do_not_choose_the_constants_that_place_them():
    rolls = [drawn_trips.Roll(person, (), np.empty((0, 2)), np.empty(0, int)) for person in "ab"]
    for_a, for_b = (judged(1, "a"), judged(0, "b")), (judged(0, "a"), judged(1, "b"))
    trials = [Trial(None, for_a), Trial(None, for_b)]
    assert best(trials, [0]) is trials[0]
    assert [one.nats for one in held_out(trials, rolls)] == [for_b[0].nats, for_a[1].nats]


def test_by_chance_few_stays_are_worse_calibrated():
    rng = np.random.default_rng(0)
    one = by_chance(judged(1, "a", 400), rng)
    many = judged(1, "a", 400, stays=100)
    assert one == pytest.approx(2 * 0.8 * 0.2, abs=0.05)
    assert by_chance(many, rng) < 0.1


def test_one_wrong_sign_against_pictures_a_sign_and_a_position(tmp_path):
    write_run(tmp_path)
    lines = run(wrong_signs.main, tmp_path).splitlines()
    assert lines[0] == "9 stays"
    cases = [line[:22].strip() for line in lines[2::3]]
    assert cases == list(wrong_signs.CASES)
    pulled = {
        case: int(line[34:].split()[1]) for case, line in zip(cases, lines[3::3], strict=True)
    }
    assert pulled["pictures, two signs"] == 0
    assert pulled["pictures, a position"] == 0
