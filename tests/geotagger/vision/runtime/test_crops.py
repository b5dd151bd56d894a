import numpy as np
import pytest
from PIL import Image

from geotagger import Geotagger
from geotagger.errors import UsageError
from geotagger.images.decode import InputSpec, fit
from geotagger.vision.runtime.crops import average_crops, crop_pixels, enlarged_side_px
from tests.fixtures.bundles import HEADS


@pytest.fixture(scope="module")
def image():
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (6, 9, 3), np.uint8))
    return small.resize((480, 320), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("fits", ["crop", "clip", "squash", "pad"])
@pytest.mark.parametrize("count", [1, 5, 10])
def test_as_many_as_asked_for(image, fits, count):
    pixels = crop_pixels(image, InputSpec(64, fits, "bicubic"), count)
    assert pixels.shape == (count, 64, 64, 3)
    assert pixels.dtype == np.uint8
    if count == 10:
        assert np.array_equal(pixels[5:], pixels[:5, :, ::-1])


def test_corners_and_middle(image):
    """Against cutting them from the whole picture, resized."""
    spec = InputSpec(112, "clip", "bicubic")
    short = enlarged_side_px(112, 5)
    whole = np.asarray(image.resize((short * 3 // 2, short), Image.Resampling.BICUBIC), float)
    five = crop_pixels(image, spec, 5).astype(float)
    assert np.abs(five[0] - whole[:112, :112]).mean() < 1
    assert np.abs(five[3] - whole[-112:, -112:]).mean() < 1
    middle = whole[8:120, (192 - 112) // 2 : (192 + 112) // 2]
    assert np.abs(five[4] - middle).mean() < 1


def test_one_crop_is_what_fit_gives(image):
    spec = InputSpec(32, "crop", "bicubic")
    assert np.array_equal(crop_pixels(image, spec, 1)[0], fit(image, spec))


def test_logits_are_averaged():
    values = np.arange(20, dtype=np.float32).reshape(10, 2)
    mean = average_crops(HEADS["classify"], values, 5)
    assert mean.tolist() == [[4, 5], [14, 15]]
    assert average_crops(HEADS["classify"], values, 1) is values


def test_coordinates_are_averaged_on_the_sphere():
    degrees = np.array([[10, 179], [10, -179]] * 5, np.float32)
    ((lat, lon),) = average_crops(HEADS["regress"], degrees, 10)
    assert lat == pytest.approx(10, abs=0.01)
    assert abs(lon) == pytest.approx(180, abs=0.01)


def test_another_number_of_crops_is_refused_before_any_photo_is_read():
    with pytest.raises(UsageError, match="crops: 3 is not one of 1, 5, 10"):
        Geotagger(crops=3)
