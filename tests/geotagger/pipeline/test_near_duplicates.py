"""Near-duplicates share an inference; others do not."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageEnhance

from geotagger.evidence.cached import CachedSource, PackedOutput
from geotagger.evidence.source import LoadedPhoto
from geotagger.images.decode import Picture
from geotagger.images.difference_hash import difference_hash
from geotagger.pipeline.near_duplicates import (
    Likeness,
    SharedInference,
    group_near_duplicates,
    likeness_of,
)
from geotagger.types import Photo, PhotoMetadata
from tests.fixtures.sources import EchoSource, MemoryCache

PHONE = PhotoMetadata(taken_at="2024-05-05T10:00:00", camera="Apple iPhone 15")


def scene(seed):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (6, 8, 3), np.uint8))
    return small.resize((640, 480), Image.Resampling.BICUBIC)


def loaded(image, metadata=PHONE, name="0.jpg", sha256=""):
    picture = Picture(image, *image.size)
    return LoadedPhoto(Photo(Path(name), Path()), metadata, lambda _: picture, sha256)


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
    assert likeness_of(loaded(image, PhotoMetadata(taken_at=PHONE.taken_at))) is None
    assert likeness_of(loaded(image, PhotoMetadata(camera=PHONE.camera))) is None
    assert likeness_of(loaded(image)).is_near(likeness_of(loaded(image)))
    later = dataclasses.replace(PHONE, taken_at="2024-05-05T10:00:06")
    other = dataclasses.replace(PHONE, camera_serial="2")
    for metadata in (later, other):
        assert not likeness_of(loaded(image)).is_near(likeness_of(loaded(image, metadata)))


def test_the_first_of_each_kind_stands_for_the_others():
    a, b = Likeness(("x", ""), 0.0, 0), Likeness(("x", ""), 1.0, 2**40 - 1)
    assert group_near_duplicates([a, b, None, a, b, None]) == [0, 1, 2, 0, 1, 5]
    assert group_near_duplicates([]) == []


def test_a_network_runs_once_for_a_burst():
    """A cached frame is not shared; the others are, and each is cached under its own hash."""
    near, far = scene(0), scene(1)
    source, cache = EchoSource(), MemoryCache({"1": PackedOutput(b"known", "")})
    cached = CachedSource(SharedInference(source), cache)
    photos = [
        loaded(near, name="first", sha256="0"),
        loaded(near, name="cached", sha256="1"),
        loaded(far, name="second", sha256="2"),
        loaded(near, name="third", sha256="3"),
        loaded(near, PhotoMetadata(), name="fourth", sha256="4"),
    ]
    found = cached.weigh([cached.prepare(photo) for photo in photos])
    assert source.inferred == ["first", "second", "fourth"]
    assert found == ["first", "known", "second", "first", "fourth"]
    stored = {sha256: output.packed for sha256, output in cache.outputs.items()}
    assert stored == {"0": b"first", "1": b"known", "2": b"second", "3": b"first", "4": b"fourth"}
