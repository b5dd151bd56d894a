"""Camera RAW without a preview is developed by rawpy, where that is installed."""

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


def test_what_libraw_does_not_read_gives_nothing():
    pytest.importorskip("rawpy")
    assert develop(raws.tiff_block()) is None


def test_without_rawpy_it_is_refused_as_before(monkeypatch):
    monkeypatch.setattr(decoding, "can_develop", lambda: False)
    with pytest.raises(UnreadableImageError) as caught:
        decode(raws.sensor_dng(), 20)
    assert caught.value.code is ReasonCode.CAMERA_RAW
