"""A photo is read once and decoded at most once, as large as a source needs it."""

from dataclasses import replace

import pytest
from PIL import Image

from geotagger.config import RunOptions
from geotagger.evidence.cached import CachedSource, PackedOutput
from geotagger.images.decode import decode
from geotagger.images.scan import walk
from geotagger.pipeline import prepare as module
from geotagger.pipeline.prepare import prepare
from geotagger.types import Status
from tests.fixtures.sources import EchoSource, MemoryCache

OPTIONS = RunOptions(paths=())


class KnowsAll:
    """A cache that knows the output for every file."""

    def find(self, _sha256, _output_key):
        return PackedOutput(b"known", "")

    def keep(self, _output_key, _outputs):
        raise AssertionError


@pytest.fixture
def photo(tmp_path):
    Image.new("RGB", (640, 480), "teal").save(tmp_path / "a.png")
    (found,) = walk([tmp_path])
    return found


@pytest.fixture
def decoded(monkeypatch):
    """The sizes at which pictures are decoded."""
    sizes = []

    def counted(data, min_side_px):
        sizes.append(min_side_px)
        return decode(data, min_side_px)

    monkeypatch.setattr(module, "decode", counted)
    return sizes


def source(min_side_px):
    found = EchoSource()
    found.min_side_px = min_side_px
    return found


def test_it_is_decoded_once_at_the_largest_size(photo, decoded):
    prepared = prepare(photo, [source(20), source(90), source(0), source(30)], OPTIONS)
    assert decoded == [90]
    assert prepared.inputs == ("a.png",) * 4
    assert prepared.was_decoded


def test_it_is_only_as_large_as_the_sources_without_a_cached_output_need(photo, decoded):
    cached = CachedSource(source(90), KnowsAll())
    prepared = prepare(photo, [source(20), cached], OPTIONS)
    assert decoded == [20]
    assert prepared.was_decoded


def test_it_is_not_decoded_where_all_outputs_are_cached(photo, decoded):
    prepared = prepare(photo, [CachedSource(source(90), KnowsAll())], OPTIONS)
    assert decoded == []
    assert not prepared.was_decoded
    assert cached_output(prepared) == "known"


def cached_output(prepared):
    (found,) = prepared.inputs
    return found.output


def test_a_picture_that_is_no_photo_has_no_inputs(photo):
    prepared = prepare(photo, [source(20)], replace(OPTIONS, gate=True))
    assert prepared.inputs == ()
    assert prepared.outcome.status is Status.UNSURE
    assert "no place to predict" in str(prepared.outcome.reasons[0])


def test_a_new_output_is_cached_under_the_hash_of_the_file(photo):
    cache = MemoryCache()
    cached = CachedSource(source(20), cache)
    prepared = prepare(photo, [cached], OPTIONS)
    cached.weigh(prepared.inputs)
    assert list(cache.outputs) == [prepared.outcome.sha256]
