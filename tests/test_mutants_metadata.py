"""Edges of the parsers and patches that the other tests stand back from."""

import random

import jpegs
import pytest

from geotagger.errors import CannotEmbedError
from geotagger.metadata import delta as deltas
from geotagger.metadata.delta import MAGIC, NO_FILE, delta, earlier_version, leads_to
from geotagger.metadata.jpeg import segments
from geotagger.metadata.undo import record_at_end

PICTURE = random.Random(5).randbytes(50_000)


@pytest.mark.parametrize("length", [0, 8, 20, 31])
def test_a_delta_without_its_hash_is_none(length):
    assert leads_to(MAGIC + b"x" * length) is None
    assert earlier_version(b"later", MAGIC + b"x" * length) is None


def test_a_delta_of_zeros_says_that_there_was_no_file():
    assert leads_to(MAGIC + bytes(32)) == NO_FILE
    assert leads_to(MAGIC + bytes(31) + b"\1") == "00" * 31 + "01"


def test_runs_are_found_from_their_first_byte():
    """What was inserted is no multiple of the anchors: the run begins before the next of them."""
    earlier = b"#" + PICTURE
    for inserted in (b"x", b"y" * 7, b"z" * 33):
        packed = delta(inserted + PICTURE, earlier)
        assert deltas.only_in_earlier(packed) == 1
        assert earlier_version(inserted + PICTURE, packed) == earlier


def test_runs_of_every_length_are_found_to_their_end():
    for length in (100, 1 << 16, (1 << 16) + 1, (1 << 17) - 1):
        data = random.Random(length).randbytes(length)
        earlier, later = data + b"old end", data + b"new tail"
        packed = delta(later, earlier)
        assert deltas.only_in_earlier(packed) <= len(b"old end")
        assert earlier_version(later, packed) == earlier


def test_searches_end_where_a_file_was_rewritten(monkeypatch):
    """Else each 32 bytes would be looked for in the whole file."""
    monkeypatch.setattr(deltas, "_MAX_SEARCHES", 3)
    looked = []

    class Later(bytes):
        def find(self, *where):
            looked.append(where)
            return super().find(*where)

    earlier = random.Random(6).randbytes(10_000)
    packed = delta(Later(PICTURE), earlier)
    assert len(looked) == 2 * 3
    assert earlier_version(PICTURE, packed) == earlier


def test_runs_of_one_byte_are_not_looked_for(monkeypatch):
    """They are everywhere, and the first place found is seldom the right one."""
    monkeypatch.setattr(deltas, "_MAX_SEARCHES", 1)
    earlier = b"\0" * 320 + PICTURE
    packed = delta(b"head" + PICTURE, earlier)
    assert deltas.only_in_earlier(packed) == 320
    assert earlier_version(b"head" + PICTURE, packed) == earlier


@pytest.mark.parametrize("marker", [0x00, 0x01, 0xD0, 0xD7, 0xD8, 0xD9])
def test_markers_without_a_length_are_out_of_place(marker):
    photo = jpegs.photo()
    odd = photo[:2] + b"\xff" + bytes([marker]) + b"\0\4ab" + photo[2:]
    with pytest.raises(CannotEmbedError, match=f"FF{marker:02X}"):
        segments(odd)


@pytest.mark.parametrize("length", range(0, 80, 3))
def test_a_block_too_short_for_a_record_has_none(length):
    assert record_at_end(b"\xff" * length) is None
    assert record_at_end(bytes(length)) is None
