"""Near-duplicates share an inference; others do not."""

import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageEnhance

from geotagger.pipeline.executor_local import weigh_batch
from geotagger.pipeline.near_duplicates import (
    Likeness,
    difference_hash,
    group_near_duplicates,
    likeness_of,
)
from geotagger.pipeline.prepare import CachedOutput, Prepared
from geotagger.types import Outcome, Photo, PhotoMetadata

PHONE = PhotoMetadata(taken_at="2024-05-05T10:00:00", camera="Apple iPhone 15")


def scene(seed):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (6, 8, 3), np.uint8))
    return small.resize((640, 480), Image.Resampling.BICUBIC)


def bits_apart(one, other):
    return (difference_hash(one) ^ difference_hash(other)).bit_count()


@pytest.mark.parametrize("seed", range(5))
def test_a_shaken_or_brighter_picture_is_nearly_the_same(seed):
    image = scene(seed)
    assert bits_apart(image, ImageChops.offset(image, 3, 2)) <= 3
    assert bits_apart(image, ImageEnhance.Brightness(image).enhance(0.9)) <= 3
    assert bits_apart(image, image.resize((320, 240))) <= 3
    assert bits_apart(image, scene(seed + 100)) > 10


def test_only_a_camera_and_a_time_make_a_burst():
    image = scene(0)
    assert likeness_of(image, PhotoMetadata(taken_at=PHONE.taken_at)) is None
    assert likeness_of(image, PhotoMetadata(camera=PHONE.camera)) is None
    assert likeness_of(image, PHONE).is_near(likeness_of(image, PHONE))
    later = dataclasses.replace(PHONE, taken_at="2024-05-05T10:00:06")
    other = dataclasses.replace(PHONE, camera_serial="2")
    for existing in (later, other):
        assert not likeness_of(image, PHONE).is_near(likeness_of(image, existing))


def test_the_first_of_each_kind_stands_for_the_others():
    a, b = Likeness(("x", ""), 0.0, 0), Likeness(("x", ""), 1.0, 2**40 - 1)
    assert group_near_duplicates([a, b, None, a, b, None]) == [0, 1, 2, 0, 1, 5]
    assert group_near_duplicates([]) == []


class Counting:
    """A source that answers with its input, and counts what it is asked."""

    name = "counting"
    min_side_px = 0
    batch_size = 0
    model_id = ""
    output_key = "counting"

    def __init__(self):
        self.asked = []

    def prepare(self, _shot):
        return None

    def ask(self, batch):
        self.asked += batch
        return list(batch)

    def judge(self, answers):
        return list(answers)

    def weigh(self, batch):
        return self.judge(self.ask(batch))

    def pack(self, answer):
        return answer.encode()

    def unpack(self, packed):
        return packed.decode()


class Notes:
    """A memory that only takes."""

    def __init__(self):
        self.kept = {}

    def answer(self, _sha256, _key):
        return None

    def keep(self, _key, answers):
        self.kept |= {sha256: packed for sha256, _, packed in answers}


def test_a_network_is_asked_once_of_a_burst(tmp_path):
    near, far = (likeness_of(scene(seed), PHONE) for seed in (0, 1))

    def photo(number, said, likeness):
        outcome = Outcome(Photo(tmp_path / f"{number}.jpg", tmp_path), sha256=str(number))
        return Prepared(outcome, (said,), True, likeness)

    batch = [
        photo(0, "first", near),
        photo(1, CachedOutput("known"), near),
        photo(2, "second", far),
        photo(3, "third", near),
        photo(4, "fourth", None),
    ]
    source, memory = Counting(), Notes()
    weighed = weigh_batch(batch, [source], memory)
    assert source.asked == ["first", "second", "fourth"]
    said = [item.evidence[0] for item in weighed]
    assert said == ["first", "known", "second", "first", "fourth"]
    assert memory.kept == {"0": b"first", "2": b"second", "3": b"first", "4": b"fourth"}
