"""A delta leads back from what another program made, or says that it does not."""

import hashlib
import os
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.errors import CannotEmbedError
from geotagger.metadata.undo import delta as deltas
from geotagger.metadata.undo.delta import (
    MAGIC,
    MAX_PACKED_BYTES,
    NO_FILE,
    delta,
    earlier_version,
    restores_sha256,
)

few = st.lists(st.sampled_from([b"a", b"\0", b"0123456789" * 5, b"xy" * 20]), max_size=30)


def literal_bytes(packed: bytes) -> int:
    """How many bytes the delta stores because the later version lacks them."""
    instructions, pos, count = zlib.decompress(packed[len(MAGIC) + 32 :]), 0, 0
    while pos < len(instructions):
        offset, length = deltas._INSTRUCTION.unpack_from(instructions, pos)
        pos += deltas._INSTRUCTION.size
        if offset == deltas._LITERAL:
            pos += length
            count += length
    return count


@given(few, few)
def test_any_version_comes_back(earlier, later):
    earlier, later = b"".join(earlier), b"".join(later)
    packed = delta(later, earlier)
    assert earlier_version(later, packed) == earlier
    assert restores_sha256(packed) == hashlib.sha256(earlier).hexdigest()


def test_a_rewritten_header_and_a_moved_picture_cost_little():
    picture = random.Random(1).randbytes(300_000)
    earlier = b"head" * 50 + picture[:200_000] + b"index" * 9 + picture[200_000:]
    later = b"HEAD" * 90 + picture[200_000:] + b"INDEX" * 30 + picture[:200_000] + b"tail"
    packed = delta(later, earlier)
    assert earlier_version(later, packed) == earlier
    assert len(packed) < 1000
    assert literal_bytes(packed) < 400


def test_only_the_very_file_is_led_back():
    shared = random.Random(1).randbytes(500)
    packed = delta(b"later" + shared, b"earlier" + shared)
    assert earlier_version(b"later" + shared, packed) == b"earlier" + shared
    assert earlier_version(b"later" + shared[:-1], packed) is None
    assert earlier_version(b"later" + shared, packed[:-3]) is None
    assert earlier_version(b"later" + shared, b"") is None
    assert restores_sha256(b"something else") is None


def test_no_file_is_an_earlier_version_too():
    packed = delta(b"a sidecar", None)
    assert restores_sha256(packed) == NO_FILE
    assert earlier_version(b"a sidecar", packed) is None


def test_what_would_fill_the_journal_is_refused():
    earlier = os.urandom(MAX_PACKED_BYTES + 1000)
    with pytest.raises(CannotEmbedError, match=r"1\.0 MB of the journal"):
        delta(b"", earlier)


PICTURE = random.Random(5).randbytes(50_000)


@pytest.mark.parametrize("length", [0, 8, 20, 31])
def test_a_delta_without_its_hash_is_none(length):
    assert restores_sha256(MAGIC + b"x" * length) is None
    assert earlier_version(b"later", MAGIC + b"x" * length) is None


def test_a_delta_of_zeros_says_that_there_was_no_file():
    assert restores_sha256(MAGIC + bytes(32)) == NO_FILE
    assert restores_sha256(MAGIC + bytes(31) + b"\1") == "00" * 31 + "01"


def test_runs_are_found_from_their_first_byte():
    """What was inserted is no multiple of the anchors: the run begins before the next of them."""
    earlier = b"#" + PICTURE
    for inserted in (b"x", b"y" * 7, b"z" * 33):
        packed = delta(inserted + PICTURE, earlier)
        assert literal_bytes(packed) == 1
        assert earlier_version(inserted + PICTURE, packed) == earlier


def test_runs_of_every_length_are_found_to_their_end():
    for length in (100, 1 << 16, (1 << 16) + 1, (1 << 17) - 1):
        data = random.Random(length).randbytes(length)
        earlier, later = data + b"old end", data + b"new tail"
        packed = delta(later, earlier)
        assert literal_bytes(packed) <= len(b"old end")
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
    assert literal_bytes(packed) == 320
    assert earlier_version(b"head" + PICTURE, packed) == earlier
