"""A delta leads back from what another program made, or says that it does not."""

import hashlib
import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.errors import CannotEmbedError
from geotagger.metadata.undo.delta import (
    MAX_PACKED_BYTES,
    NO_FILE,
    delta,
    earlier_version,
    leads_to,
    only_in_earlier,
)

few = st.lists(st.sampled_from([b"a", b"\0", b"0123456789" * 5, b"xy" * 20]), max_size=30)


@given(few, few)
def test_any_version_comes_back(earlier, later):
    earlier, later = b"".join(earlier), b"".join(later)
    packed = delta(later, earlier)
    assert earlier_version(later, packed) == earlier
    assert leads_to(packed) == hashlib.sha256(earlier).hexdigest()


def test_a_rewritten_header_and_a_moved_picture_cost_little():
    picture = random.Random(1).randbytes(300_000)
    earlier = b"head" * 50 + picture[:200_000] + b"index" * 9 + picture[200_000:]
    later = b"HEAD" * 90 + picture[200_000:] + b"INDEX" * 30 + picture[:200_000] + b"tail"
    packed = delta(later, earlier)
    assert earlier_version(later, packed) == earlier
    assert len(packed) < 1000
    assert only_in_earlier(packed) < 400


def test_only_the_very_file_is_led_back():
    shared = random.Random(1).randbytes(500)
    packed = delta(b"later" + shared, b"earlier" + shared)
    assert earlier_version(b"later" + shared, packed) == b"earlier" + shared
    assert earlier_version(b"later" + shared[:-1], packed) is None
    assert earlier_version(b"later" + shared, packed[:-3]) is None
    assert earlier_version(b"later" + shared, b"") is None
    assert leads_to(b"something else") is None


def test_no_file_is_an_earlier_version_too():
    packed = delta(b"a sidecar", None)
    assert leads_to(packed) == NO_FILE
    assert earlier_version(b"a sidecar", packed) is None


def test_what_would_fill_the_journal_is_refused():
    earlier = os.urandom(MAX_PACKED_BYTES + 1000)
    with pytest.raises(CannotEmbedError, match=r"1\.0 MB of the journal"):
        delta(b"", earlier)
