"""Every photo becomes an upright RGB picture, or is refused with a reason: nothing else."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from geotagger.errors import UnreadableImageError
from geotagger.images import decode as images
from geotagger.images.decode import InputSpec, Picture, decode, fit
from geotagger.metadata.containers.png import for_pillow
from tests.fixtures import drawer, photo_files

# At run time images.py silences them; pytest puts "error" before that.
pytestmark = pytest.mark.filterwarnings(r"ignore:::PIL\.")

SHARED = Path(__file__).parents[4] / "shared"
CONTENTS = (
    drawer.sound()
    | drawer.oriented()
    | drawer.odd_pixels()
    | drawer.damaged()
    | drawer.no_pictures()
    | drawer.raw()
    | drawer.bombs()
)
READABLE = sorted(CONTENTS.keys() - drawer.UNREADABLE.keys())
UPRIGHT = sorted(
    name
    for name in drawer.sound() | drawer.oriented()
    if not name.startswith(("orientation-9", "interlaced"))
)


def corner_colours(image: Image.Image) -> list[tuple[int, ...]]:
    right, bottom = image.width - 4, image.height - 4
    return [image.getpixel(at) for at in ((3, 3), (right, 3), (3, bottom), (right, bottom))]


def assert_close(found: object, wanted: object, tolerance: float = 6) -> None:
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(wanted, float), atol=tolerance)


# --- what is decoded, and how ----------------------------------------------------------------


@pytest.mark.parametrize("name", READABLE)
def test_readable(name):
    picture = decode(CONTENTS[name], 16)
    assert picture.image.mode == "RGB"
    assert min(picture.image.size) >= min(32, picture.width_px, picture.height_px)
    assert bool(picture.truncation) == name.startswith(("truncated", "no-end-mark"))


@pytest.mark.parametrize("name", sorted(drawer.UNREADABLE))
def test_unreadable(name):
    with pytest.raises(UnreadableImageError, match=drawer.UNREADABLE[name]):
        decode(CONTENTS[name], 16)


@pytest.mark.parametrize("min_side_px", [16, 1000])
@pytest.mark.parametrize("name", UPRIGHT)
def test_upright(name, min_side_px):
    """Once, and not twice: HEIF and TIFF turn themselves, AVIF keeps a tag that says how."""
    picture = decode(CONTENTS[name], min_side_px)
    assert (picture.width_px, picture.height_px) in ((96, 128), (48, 64))
    wanted = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
    assert_close(corner_colours(picture.image), wanted)


def test_upright_interlaced():
    assert_close(decode(CONTENTS["interlaced.png"], 64).image, drawer.quadrants(), tolerance=0)


@pytest.mark.parametrize("name", ["orientation-9.jpg", "exif-broken.jpg", "exif-looping.jpg"])
def test_broken_orientation_is_ignored(name):
    assert_close(decode(CONTENTS[name], 1000).image.getpixel((3, 3))[0], 255)


def test_first_frame_of_an_animation_is_whole():
    """The second one is black: no mixture of the two."""
    for name in ("animated.gif", "animated.webp", "animated.png", "two-pages.tif"):
        assert_close(decode(CONTENTS[name], 1000).image, drawer.quadrants())


@pytest.mark.parametrize(
    "name",
    [
        "grey-16-bit.png",
        "grey-16-bit.tif",
        "grey-12-in-16-bit.tif",
        "float-0-to-1.tif",
        "float-0-to-255.tif",
        "integer-32-bit.tif",
    ],
)
@pytest.mark.parametrize("min_side_px", [16, 1000])
def test_deep_grey_keeps_its_ramp(name, min_side_px):
    row = np.asarray(decode(CONTENTS[name], min_side_px).image)[5, :, 1]
    assert_close(row, np.linspace(0, 255, len(row)), tolerance=5)


def test_float_with_nan_keeps_its_ramp():
    row = np.asarray(decode(CONTENTS["float-with-nan.tif"], 1000).image)[50, :, 1]
    assert_close(row, np.linspace(0, 255, 128), tolerance=5)


def test_sixteen_bit_colours():
    assert_close(decode(CONTENTS["rgb-16-bit.png"], 1000).image, drawer.quadrants(), tolerance=1)


@pytest.mark.parametrize("name", ["cmyk.jpg", "cmyk.tif", "lab.tif", "palette.png"])
def test_other_colour_spaces(name):
    assert_close(decode(CONTENTS[name], 1000).image, drawer.quadrants(), tolerance=32)


@pytest.mark.parametrize(
    "name", [name for name in READABLE if "transparent" in name or "hidden" in name]
)
@pytest.mark.parametrize("min_side_px", [16, 1000])
def test_transparent_parts_are_neutral(name, min_side_px):
    corners = corner_colours(decode(CONTENTS[name], min_side_px).image)
    assert_close(corners, [images.NEUTRAL, (0, 255, 0), (0, 0, 255), (255, 255, 255)])


def test_transparent_grey_and_colour_key():
    assert decode(CONTENTS["grey-with-alpha.png"], 16).image.getpixel((3, 3)) == images.NEUTRAL
    assert decode(CONTENTS["colour-key.png"], 16).image.getpixel((3, 3)) == images.NEUTRAL


# --- truncated -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in READABLE if "40-percent" in name])
@pytest.mark.parametrize("min_side_px", [16, 1000])
def test_truncated_says_how_much_is_missing(name, min_side_px):
    picture = decode(CONTENTS[name], min_side_px)
    share, rest = picture.truncation.split(maxsplit=1)
    assert rest == "% of the rows are missing"
    share = int(share)
    assert 34 <= share <= 46
    assert (picture.width_px, picture.height_px) == (320, 240)
    kept = picture.image.height / (240 * picture.image.width / 320)
    assert kept == pytest.approx(1 - share / 100, abs=0.03)
    whole = drawer.texture().resize(
        (picture.image.width, round(240 * picture.image.width / 320)), Image.Resampling.BOX
    )
    top = 0 if not name.endswith("bmp") else whole.height - picture.image.height  # stored upwards
    rows = whole.crop((0, top, whole.width, top + picture.image.height))
    difference = np.abs(np.asarray(rows, float) - np.asarray(picture.image, float))
    assert np.median(difference) < 12  # the same rows of the same picture


def test_truncated_progressive_is_coarse_but_whole():
    picture = decode(CONTENTS["truncated-progressive.jpg"], 1000)
    assert picture.image.size == (320, 240)
    assert "last bytes" in picture.truncation


def test_missing_end_mark_loses_nothing():
    whole = drawer.encode(drawer.texture(), "JPEG", quality=90)
    with_mark, without = decode(whole, 1000), decode(whole[:-2], 1000)
    np.testing.assert_array_equal(np.asarray(with_mark.image), np.asarray(without.image))


def test_pillow_globals_stay_as_they_are():
    before = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS
    for data in CONTENTS.values():
        decode_or_refuse(data)
    after = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS
    assert before == after


# --- size, speed that can be seen, threads ---------------------------------------------------


def test_a_panorama_beyond_the_limit_is_read_smaller():
    """144 megapixels of JPEG would take 1.1 GiB in full; an eighth of its size is enough."""
    data = drawer.encode(Image.new("L", (16_000, 9_000), 77), "JPEG")
    picture = decode(data, 224)
    assert (picture.width_px, picture.height_px) == (16_000, 9_000)
    assert 448 <= min(picture.image.size) < 1200
    with pytest.raises(UnreadableImageError, match="16000 x 9000"):
        decode(data, 4_500)


def test_shrunk_is_as_good_as_full():
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 255, (30, 40, 3), dtype=np.uint8))
    photo = coarse.resize((2000, 1500), Image.Resampling.BICUBIC)
    noisy = np.asarray(photo, float) + rng.normal(scale=6, size=(1500, 2000, 1))
    photo = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    spec = InputSpec(224, "crop", "bicubic")
    for kind in ("JPEG", "PNG"):
        data = drawer.encode(photo, kind)
        small, full = decode(data, 224).image, decode(data, 10_000).image
        assert small.width < full.width == 2000
        difference = np.abs(fit(small, spec).astype(float) - fit(full, spec))
        assert difference.mean() < 1


def test_many_threads_get_the_same_pixels():
    names = READABLE * 2
    alone = {name: np.asarray(decode(CONTENTS[name], 16).image) for name in READABLE}
    with ThreadPoolExecutor(8) as pool:
        together = pool.map(lambda name: np.asarray(decode(CONTENTS[name], 16).image), names)
    for name, pixels in zip(names, together, strict=True):
        np.testing.assert_array_equal(pixels, alone[name], err_msg=name)


# --- fit -------------------------------------------------------------------------------------


@pytest.mark.parametrize("filter_name", ["bicubic", "bilinear", "lanczos"])
def test_crop_is_resize_then_centre_crop(filter_name):
    image = drawer.texture(400, 304)
    resampling = Image.Resampling[filter_name.upper()]
    whole = image.resize((200, 152), resampling).crop((24, 0, 176, 152))
    assert_close(fit(image, InputSpec(152, "crop", filter_name)), whole, tolerance=1)


def test_squash_is_resize():
    image = drawer.texture(400, 304)
    whole = image.resize((152, 152), Image.Resampling.BICUBIC)
    assert_close(fit(image, InputSpec(152, "squash", "bicubic")), whole, tolerance=1)


@pytest.mark.parametrize("size", [(400, 200), (200, 400)])
def test_pad_keeps_all_and_fills_with_neutral(size):
    pixels = fit(drawer.quadrants(*size), InputSpec(100, "pad", "bicubic"))
    if size[1] > size[0]:
        pixels = pixels.transpose(1, 0, 2)
    assert (pixels[:24] == images.NEUTRAL).all()
    assert (pixels[76:] == images.NEUTRAL).all()
    assert_close(pixels[30, 5], (255, 0, 0))
    assert_close(pixels[70, 95], (255, 255, 255))


@pytest.mark.parametrize("how", ["crop", "squash", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (10_000, 10), (3, 224), (224, 224)])
def test_any_shape_fits(how, size):
    pixels = fit(Image.new("RGB", size, (10, 200, 30)), InputSpec(64, how, "bicubic"))
    assert pixels.shape == (64, 64, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert pixels.flags.writeable
    assert (pixels == (10, 200, 30)).all(axis=-1).any()


def test_crop_of_a_strip_takes_its_very_middle():
    strip = decode(CONTENTS["strip.png"], 224).image
    assert (fit(strip, InputSpec(8, "crop", "bicubic")) == (255, 0, 0)).all(axis=-1).mean() > 0.7


# --- nothing but a picture or a reason -------------------------------------------------------


def decode_or_refuse(data: bytes, min_side_px: int = 64) -> Picture | None:
    try:
        picture = decode(data, min_side_px)
    except UnreadableImageError:
        return None
    assert picture.image.mode == "RGB"
    assert min(picture.image.size) >= 1
    return picture


MUTATED = [data for name, data in CONTENTS.items() if name not in drawer.UNREADABLE and data]


@settings(suppress_health_check=list(HealthCheck))
@given(
    data=st.sampled_from(MUTATED),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
    in_header=st.booleans(),
    keep=st.floats(0.05, 1),
)
def test_mutated_files_are_decoded_or_refused(data, changes, in_header, keep):
    mutated = bytearray(data)
    reach = min(len(data), 200) if in_header else len(data)
    for where, value in changes:
        mutated[min(int(where * reach), reach - 1)] = value
    decode_or_refuse(bytes(mutated[: max(1, int(len(mutated) * keep))]))


@given(magic=st.sampled_from([data[:12] for data in MUTATED]), rest=st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(magic, rest):
    decode_or_refuse(rest)
    decode_or_refuse(magic + rest)


def shared_files(variable: str, name: str) -> list[Path]:
    folder = Path(os.environ.get(variable, SHARED / name))
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_camera_files_are_decoded_or_refused():
    files = shared_files("GEOTAGGER_TEST_CORPUS", "corpus")
    if not files:
        pytest.skip("no corpus of camera files here")
    decoded = sum(decode_or_refuse(path.read_bytes()) is not None for path in files)
    assert decoded > 50


def test_real_photos_are_decoded():
    files = [
        path
        for path in shared_files("GEOTAGGER_TEST_PHOTOS", "photos")
        if path.suffix.lower() in (".jpg", ".jpeg", ".png")
    ]
    if not files:
        pytest.skip("no real photos here")
    for path in files[::20]:
        assert decode_or_refuse(path.read_bytes()) is not None, path


@pytest.mark.parametrize("name", photo_files.LARGE_TEXT)
def test_a_png_with_much_packed_text_is_not_damaged(name):
    plain = decode(photo_files.SOUND["PNG"], 8)
    found = decode(photo_files.LARGE_TEXT[name], 8)
    assert found.image.tobytes() == plain.image.tobytes()
    assert found.truncation == ""


def test_text_that_pillow_accepts_stays():
    for name in ("PNG, text", "PNG, XMP", "PNG, trailer"):
        assert for_pillow(photo_files.SOUND[name]) is photo_files.SOUND[name]
