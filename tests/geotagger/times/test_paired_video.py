"""The time of a Live Photo whose picture has lost its own."""

import random
import struct
from datetime import UTC, datetime
from io import BytesIO

import pytest

from geotagger.metadata.containers.quicktime import time_of_video
from geotagger.times.paired_video import time_of_paired_video
from tests.fixtures.videos import box, movie

MADE = datetime(2019, 7, 14, 16, 3, 22, tzinfo=UTC)


@pytest.mark.parametrize("full_meta_box", [False, True])
def test_apple_writes_local_time_with_its_offset(full_meta_box):
    video = movie(MADE, "2019-07-14T18:03:22+0200", full_meta_box)
    assert time_of_video(BytesIO(video)) == "2019-07-14T18:03:22+02:00"


def test_others_have_utc_in_the_header_after_the_pictures():
    pictures = box(b"mdat", bytes(100_000))
    assert time_of_video(BytesIO(movie(MADE, before=pictures))) == "2019-07-14T16:03:22Z"
    large = struct.pack(">L4sQ", 1, b"mdat", 16 + 5000) + bytes(5000)
    assert time_of_video(BytesIO(movie(MADE, before=large))) == "2019-07-14T16:03:22Z"


def test_an_unknown_or_impossible_time_is_none():
    assert time_of_video(BytesIO(movie())) == ""
    assert time_of_video(BytesIO(movie(datetime(2040, 1, 1, tzinfo=UTC)))) == ""
    assert time_of_video(BytesIO(movie(MADE, "soon"))) == "2019-07-14T16:03:22Z"


@pytest.mark.parametrize("length", [0, 4, 8, 15, 16, 30, 39])
def test_videos_that_are_cut_off(length):
    assert time_of_video(BytesIO(movie(MADE, "2019-07-14T18:03:22+0200")[:length])) == ""


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 100,
        bytes(10_000),
        box(b"moov", box(b"mvhd", b"")),
        box(b"moov", box(b"mvhd", b"\1" + b"\xff" * 50)),
        box(b"moov", box(b"meta", b"\xff" * 50)),
        struct.pack(">L4sQ", 1, b"moov", 1 << 62) + bytes(20),
        struct.pack(">L4sQ", 1, b"mdat", 1 << 62) + bytes(20),
        struct.pack(">L4sQ", 1, b"mdat", (1 << 64) - 1) + bytes(20),
        struct.pack(">L4s", 7, b"moov") + bytes(20),
        struct.pack(">L4sQ", 1, b"moov", 9) + bytes(20),
    ],
)
def test_hostile_videos(data):
    assert time_of_video(BytesIO(data)) == ""


@pytest.mark.parametrize("suffix", [".MOV", ".mov", ".mp4"])
def test_the_video_has_the_name_of_the_photo(tmp_path, suffix):
    photo = tmp_path / "IMG_1.HEIC"
    assert time_of_paired_video(photo) == ""
    photo.with_suffix(suffix).write_bytes(movie(MADE))
    assert time_of_paired_video(photo) == "2019-07-14T16:03:22Z"
    assert time_of_paired_video(tmp_path / "IMG_2.HEIC") == ""


def test_a_folder_with_the_name_of_a_video_is_none(tmp_path):
    (tmp_path / "IMG_1.MOV").mkdir()
    assert time_of_paired_video(tmp_path / "IMG_1.HEIC") == ""


def test_any_bytes_have_a_time_or_none():
    rng = random.Random(6)
    sound = movie(MADE, "2019-07-14T18:03:22+0200")
    for _ in range(1000):
        data = bytearray(sound)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        found = time_of_video(BytesIO(data[: rng.randint(0, len(data))]))
        assert found == "" or datetime.fromisoformat(found)
