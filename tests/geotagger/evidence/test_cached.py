"""A network with a cache runs only for files that the cache does not know."""

from pathlib import Path

import pytest
from PIL import Image

from geotagger.evidence.cached import CachedSource, PackedOutput
from geotagger.evidence.source import LoadedPhoto
from geotagger.images.decode import Picture
from geotagger.types import Photo, PhotoMetadata
from tests.fixtures.sources import EchoSource, MemoryCache


def loaded(sha256, note=""):
    picture = Picture(Image.new("RGB", (4, 4)), 4, 4, note)
    return LoadedPhoto(Photo(Path(sha256), Path()), PhotoMetadata(), lambda _: picture, sha256)


def test_a_known_file_is_not_decoded_and_keeps_its_note():
    source = EchoSource()
    cached = CachedSource(source, MemoryCache({"a": PackedOutput(b"known", "truncated")}))
    photo = loaded("a")
    assert cached.weigh([cached.prepare(photo)]) == ["known"]
    assert not photo.is_decoded
    assert photo.truncation == "truncated"
    assert source.inferred == []


def test_an_unknown_file_is_decoded_inferred_and_stored():
    source, cache = EchoSource(), MemoryCache()
    photo = loaded("a", note="truncated")
    cached = CachedSource(source, cache)
    assert cached.weigh([cached.prepare(photo)]) == ["a"]
    assert photo.is_decoded
    assert cache.outputs == {"a": PackedOutput(b"a", "truncated")}
    assert source.inferred == ["a"]


def test_known_and_unknown_files_keep_their_order():
    cache = MemoryCache({"b": PackedOutput(b"known", "")})
    cached = CachedSource(EchoSource(), cache)
    batch = [cached.prepare(loaded(name)) for name in "abc"]
    assert cached.weigh(batch) == ["a", "known", "c"]


@pytest.mark.parametrize("packed", [b"\xff", None])
def test_a_damaged_output_is_inferred_again(packed):
    source = EchoSource()
    cached = CachedSource(source, MemoryCache({"a": PackedOutput(packed, "")}))
    assert cached.weigh([cached.prepare(loaded("a"))]) == ["a"]
    assert source.inferred == ["a"]
