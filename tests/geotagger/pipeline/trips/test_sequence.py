"""Which photos form a sequence."""

from pathlib import Path

import pytest

from geotagger.pipeline.trips.sequence import NAME_STEP_S, moment_of
from geotagger.types import Outcome, Photo, PhotoMetadata


def outcome(name, **metadata):
    return Outcome(Photo(Path("roll") / name, Path("roll")), metadata=PhotoMetadata(**metadata))


def test_a_camera_with_a_clock_is_a_sequence_across_folders():
    taken = {"taken_at": "2024-05-01T12:00:00", "camera": "X", "camera_serial": "7"}
    moment = moment_of(outcome("IMG_0001.jpg", **taken))
    assert moment.sequence == ("camera", "X", "7")
    assert moment.by_clock
    later = {**taken, "taken_at": "2024-05-01T12:30:00"}
    assert moment_of(outcome("a.jpg", **later)).at_s - moment.at_s == 1800


@pytest.mark.parametrize(
    "metadata", [{}, {"camera": "X"}, {"taken_at": "2024-05-01T12:00:00"}], ids=str
)
def test_otherwise_the_numbers_in_the_names_of_a_folder(metadata):
    first, second = (moment_of(outcome(f"IMG_{n}.jpg", **metadata)) for n in ("0007", "0010"))
    assert first.sequence == second.sequence == ("names", "roll", "IMG_")
    assert second.at_s - first.at_s == 3 * NAME_STEP_S
    assert not first.by_clock


@pytest.mark.parametrize("name", ["DSC01234", "P1010012", "_MG_1234", "IMG-20190701-WA0012"])
def test_names_that_cameras_and_phones_give(name):
    assert moment_of(outcome(f"{name}.jpg")) is not None


@pytest.mark.parametrize(
    "name",
    ["0012", "00000123", "adam_03a0d20eea", "paris", "IMG_12", "IMG_123456789", "2019-07-01", ""],
)
def test_other_names_are_no_sequence(name):
    assert moment_of(outcome(f"{name}.jpg")) is None
