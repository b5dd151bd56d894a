"""The hint at a larger model: to a person, about unsure photos, once."""

import pytest

from geotagger.cli import hint
from geotagger.cli.hint import model_hint, seconds_text
from geotagger.config import Device, RunOptions
from geotagger.doctor import speed
from geotagger.doctor.speed import Speed
from geotagger.download import known
from geotagger.reports.run_summary import RunSummary
from geotagger.types import Status
from tests.fixtures.bundles import make_bundle


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setattr(hint, "_is_terminal", lambda: True)
    monkeypatch.setattr(hint, "_gain", lambda: "GeoCLIP is larger.")
    monkeypatch.setattr(known, "known_models", lambda: {hint.MODEL: None})


def summary(unsure=15, predicted=10):
    found = RunSummary()
    found.statuses[Status.UNSURE], found.statuses[Status.PREDICTED] = unsure, predicted
    return found


OPTIONS = RunOptions(paths=())


def test_it_is_given_once():
    assert model_hint(summary(), OPTIONS) == "15 of 25 photos are unsure. GeoCLIP is larger."
    assert model_hint(summary(), OPTIONS) == ""


@pytest.mark.parametrize(
    ("counts", "options"),
    [
        ((12, 13), OPTIONS),
        ((15, 2), OPTIONS),
        ((15, 10), RunOptions(paths=(), models=("mine",))),
        ((15, 10), RunOptions(paths=(), models=("starter", "clip"))),
    ],
    ids=["half is sure", "few photos", "another model", "several models"],
)
def test_it_is_not_given(counts, options):
    assert model_hint(summary(*counts), options) == ""
    assert model_hint(summary(), OPTIONS)  # and the one chance is still there


def test_it_is_for_a_terminal(monkeypatch):
    monkeypatch.setattr(hint, "_is_terminal", lambda: False)
    assert model_hint(summary(), OPTIONS) == ""


def test_who_has_the_model_needs_no_hint():
    from geotagger.vision.bundle.bundle import models_folder

    make_bundle(models_folder() / "geoclip")
    assert model_hint(summary(), OPTIONS) == ""


def test_without_a_state_folder_it_would_come_after_every_run(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GEOTAGGER_STATE", str(tmp_path / "file"))
    assert model_hint(summary(), OPTIONS) == ""


def test_a_new_user_has_no_state_folder_yet(tmp_path, monkeypatch):
    monkeypatch.setenv("GEOTAGGER_STATE", str(tmp_path / "new" / "state"))
    assert model_hint(summary(), OPTIONS)
    assert model_hint(summary(), OPTIONS) == ""


def test_a_model_that_cannot_be_pulled_is_not_named(monkeypatch):
    monkeypatch.setattr(known, "known_models", dict)
    assert model_hint(summary(), OPTIONS) == ""


def test_it_says_what_the_model_brings_and_costs(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(speed, "measure_speed", lambda: Speed(Device.CPU, 1e11))
    assert hint._gain() == (
        "GeoCLIP is larger: in its authors' test 67 % of photos were within 750 km.\n"
        "geotagger models pull geoclip downloads 1.3 GB (licence MIT); a photo then takes about"
        " 1.6 s on this CPU. geotagger models recommend shows others."
    )


def test_estimates_have_few_digits():
    assert [seconds_text(s) for s in (0.01234, 3.456, 123.4)] == ["0.012 s", "3.5 s", "123 s"]


def test_quiet_runs_give_none(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from geotagger.cli import tag
    from geotagger.cli.main import cli
    from tests.fixtures.gps_photos import make_library

    given = []
    monkeypatch.setattr(tag, "model_hint", lambda *_: given.append(1) or "a hint")
    photos = make_library(tmp_path / "photos", days=1)
    arguments = ["tag", str(photos), "--no-read-text", "--report", str(tmp_path / "r.csv")]
    assert "a hint" not in CliRunner().invoke(cli, [*arguments, "-q"]).output
    assert not given
    assert "a hint" in CliRunner().invoke(cli, arguments).output
