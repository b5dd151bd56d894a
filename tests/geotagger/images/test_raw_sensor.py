"""Camera RAW without a preview is developed by rawpy, where that is installed."""

from contextlib import suppress

import numpy as np
import pytest

from geotagger.errors import UnreadableImageError
from geotagger.images import decode as decoding
from geotagger.images.decode import decode
from geotagger.images.raw_preview import raw_preview
from geotagger.images.raw_sensor import develop
from geotagger.images.sniff import is_camera_raw
from geotagger.reasons import ReasonCode
from tests.fixtures import raws


def test_sensor_data_are_developed_upright():
    pytest.importorskip("rawpy")
    data = raws.sensor_dng()
    assert is_camera_raw(data)
    assert raw_preview(data) is None
    picture = decode(data, 20)
    assert (picture.width_px, picture.height_px) == (320, 240)
    width, height = picture.image.size
    red, _, blue = picture.image.getpixel((width // 2, height // 4))
    assert red > blue + 40
    red, _, blue = picture.image.getpixel((width // 2, 3 * height // 4))
    assert blue > red + 40


def test_a_monochrome_sensor_gives_a_picture_in_rgb():
    pytest.importorskip("rawpy")
    picture = decode(raws.sensor_dng(monochrome=True), 20)
    assert picture.image.mode == "RGB"
    red, green, blue = picture.image.getpixel((0, 0))
    assert red == green == blue


@pytest.mark.parametrize("seed", range(40))
def test_damaged_raw_is_a_picture_or_refused(seed):
    pytest.importorskip("rawpy")
    random = np.random.default_rng(seed)
    data = bytearray(raws.sensor_dng())
    for at in random.integers(8, 400, 4):
        data[at] = random.integers(256)
    with suppress(UnreadableImageError):
        assert decode(bytes(data[: random.integers(300, len(data))]), 20).image.mode == "RGB"


def test_what_libraw_does_not_read_gives_nothing():
    pytest.importorskip("rawpy")
    assert develop(raws.tiff_block()) is None


def test_without_rawpy_it_is_refused_as_before(monkeypatch):
    monkeypatch.setattr(decoding, "can_develop", lambda: False)
    with pytest.raises(UnreadableImageError) as caught:
        decode(raws.sensor_dng(), 20)
    assert caught.value.code is ReasonCode.CAMERA_RAW
