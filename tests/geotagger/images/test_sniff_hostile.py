"""JPEGs whose picture never begins."""

import pytest

from geotagger.errors import UnreadableImageError
from geotagger.images.sniff import JPEG, detect_format
from tests.fixtures.drawer import encode, texture

SMALL = encode(texture(64, 48), "JPEG")


@pytest.mark.parametrize(
    "more", [b"\xff" * ((1 << 20) + 10), b"\xff\xe5\0\2" * 100_001, b"\xff\x01" * 100_001]
)
def test_more_before_the_picture_than_a_photo_can_need_is_refused(more):
    with pytest.raises(UnreadableImageError, match="too many"):
        detect_format(SMALL[:2] + more + SMALL[2:])


@pytest.mark.parametrize(
    "data",
    [
        SMALL,
        SMALL[:2] + b"\xff" * 100 + b"\xff\xe5\0\2" * 1000 + SMALL[2:],
        SMALL[:20] + b"junk" * 1000 + SMALL[20:],
        SMALL[:20] + bytes(1_000_000),
        SMALL[:30],
    ],
)
def test_odd_ones_are_still_jpegs(data):
    assert detect_format(data) is JPEG
