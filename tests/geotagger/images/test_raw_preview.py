"""Camera RAW is judged by the largest JPEG inside, upright, with the metadata of the RAW file."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from geotagger.errors import UnreadableImageError
from geotagger.images.decode import decode
from geotagger.images.raw_preview import raw_orientation, raw_preview, twins_of
from geotagger.images.sniff import is_camera_raw
from geotagger.metadata.containers import jpeg_xl
from geotagger.metadata.read_raw import read_jpeg_xl, read_raw
from geotagger.reasons import ReasonCode
from tests.fixtures import drawer, jpegs, raws

LARGE = drawer.encode(drawer.quadrants(240, 320), "JPEG", quality=95)
SMALL = drawer.encode(Image.new("RGB", (160, 120), "black"), "JPEG")
TINY = drawer.encode(Image.new("RGB", (24, 24), "black"), "JPEG")
PROGRESSIVE = drawer.encode(drawer.quadrants(240, 320), "JPEG", progressive=True, quality=95)
TURNED = drawer.encode(drawer.quadrants(240, 320).rotate(90, expand=True), "JPEG", quality=95)
CORNERS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]

RAWS = {
    "dng": raws.tiff_like(LARGE),
    "motorola byte order": raws.tiff_like(LARGE, order=">"),
    "cr2": raws.tiff_like(LARGE, magic=b"II*\0", raw=True),
    "orf": raws.tiff_like(LARGE, magic=b"IIRO", raw=False),
    "orf, motorola": raws.tiff_like(LARGE, magic=b"MMOR", order=">", raw=False),
    "rw2": raws.tiff_like(LARGE, magic=b"IIU\0", raw=False),
    "cr3": raws.cr3(LARGE),
    "raf": raws.fuji(jpegs.photo(jpegs.exif(raws.tiff_block()), body=LARGE[20:])),
    "x3f": b"FOVb" + raws.NOISE + LARGE,
    "several": raws.tiff_like(SMALL + raws.NOISE + LARGE + raws.NOISE + SMALL),
    "progressive": raws.tiff_like(PROGRESSIVE),
    "turned": raws.tiff_like(TURNED, orientation=6),
    "turned cr3": raws.cr3(TURNED, orientation=6),
    "turned orf": raws.tiff_like(TURNED, magic=b"IIRS", orientation=6, raw=False),
    "turned by itself": raws.tiff_like(
        jpegs.photo(jpegs.exif(raws.tiff_block(orientation=6, raw=False)), body=TURNED[20:]),
        orientation=6,
    ),
}


@pytest.mark.parametrize("name", RAWS)
def test_the_largest_preview_is_decoded_upright(name):
    data = RAWS[name]
    assert is_camera_raw(data)
    picture = decode(data, 100)
    assert (picture.width_px, picture.height_px) == (240, 320)
    right, bottom = picture.image.width - 9, picture.image.height - 9
    for at, wanted in zip(((9, 9), (right, 9), (9, bottom), (right, bottom)), CORNERS, strict=True):
        assert picture.image.getpixel(at) == pytest.approx(wanted, abs=8)


@pytest.mark.parametrize("name", sorted(RAWS.keys() - {"x3f"}))
def test_time_and_camera_are_read(name):
    preview = raw_preview(RAWS[name])
    metadata = read_raw(RAWS[name], preview.jpeg)
    assert metadata.taken_at == "2024-05-05T10:00:00"
    assert metadata.camera == "Maker Model 1"
    assert (metadata.gps, metadata.gps_problem) == (None, "")


@pytest.mark.parametrize(
    "data",
    [
        raws.tiff_like(LARGE, gps=True),
        raws.tiff_like(LARGE, magic=b"IIRO", gps=True, raw=False),
        raws.tiff_like(LARGE, magic=b"IIU\0", gps=True, raw=False),
        raws.cr3(LARGE, gps=True),
        raws.fuji(jpegs.photo(jpegs.exif(raws.tiff_block(gps=True)), body=LARGE[20:])),
    ],
)
def test_gps_is_read_so_that_it_is_never_taken_for_missing(data):
    gps = read_raw(data, None).gps
    assert (gps.lat, gps.lon) == pytest.approx((60.168, -24.945), abs=1e-3)


@pytest.mark.parametrize("preview", [b"", TINY, LARGE[:40], raws.LOSSLESS])
@pytest.mark.parametrize("lay_out", [raws.tiff_like, raws.cr3, raws.fuji])
def test_without_a_useful_preview_it_says_so(lay_out, preview):
    data = lay_out(preview)
    assert raw_preview(data) is None
    with pytest.raises(UnreadableImageError, match="no preview inside") as caught:
        decode(data, 16)
    assert caught.value.code is ReasonCode.CAMERA_RAW


def test_damaged_raw_is_refused_and_nothing_else():
    whole = raws.cr3(LARGE)
    for end in range(0, len(whole), 997):
        data = whole[:end]
        read_raw(data, None)
        assert 1 <= raw_orientation(data) <= 8
        with suppress(UnreadableImageError):
            decode(data, 16)
    assert decode(raws.tiff_like(b"", raw=True)[:200] + LARGE[:-300], 16).truncation


def test_many_starts_of_a_jpeg_take_no_time():
    assert raw_preview(b"FOVb" + b"\xff\xd8\xff" * 2_000_000) is None


def test_twins_are_pictures_of_the_same_name_beside_it(tmp_path):
    for name in ("a.CR2", "a.JPG", "a.jpg.xmp", "ab.jpg", "b.cr2", "c.dng", "c.heic", "c.tif"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "b.jpg").mkdir()
    assert [path.name for path in twins_of(tmp_path / "a.CR2")] == ["a.JPG"]
    assert twins_of(tmp_path / "b.cr2") == []
    assert [path.name for path in twins_of(tmp_path / "c.dng")] == ["c.heic"]


# --- JPEG XL ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bits", "size"),
    [
        ("1 00000 001", (8, 8)),  # small: 8 high, as wide
        ("1 00101 000 00010", (24, 48)),
        ("0 01 0001011101111 000 01 0011111001111", (2000, 752)),
        ("0 00 000000111 101", (14, 8)),
    ],
)
def test_the_size_of_jpeg_xl_is_read_from_its_header(bits, size):
    numbers = bits.split()
    value = at = 0
    for number in numbers:
        value |= int(number, 2) << at
        at += len(number)
    stream = b"\xff\x0a" + value.to_bytes(14, "little")
    assert jpeg_xl.size_px(stream) == size
    boxed = raws.box(b"JXL ", b"\r\n\x87\n") + raws.box(b"ftyp", b"jxl \0\0\0\0jxl ")
    assert jpeg_xl.size_px(boxed + raws.box(b"jxlc", stream)) == size
    assert jpeg_xl.size_px(boxed + raws.box(b"jxlp", bytes(4) + stream)) == size
    assert jpeg_xl.size_px(boxed) == (0, 0)
    exif = raws.box(b"Exif", bytes(4) + raws.tiff_block(gps=True))
    assert read_jpeg_xl(boxed + exif).gps is not None
    assert read_jpeg_xl(boxed + exif).camera == "Maker Model 1"


def test_jpeg_xl_is_read_where_its_decoder_is_installed():
    pillow_jxl = pytest.importorskip("pillow_jxl")
    assert pillow_jxl
    picture = decode(drawer.encode(drawer.quadrants(), "JXL", lossless=True), 1000)
    assert (picture.width_px, picture.height_px) == (96, 128)
    assert picture.image.getpixel((3, 3)) == (255, 0, 0)


def test_without_the_decoder_jpeg_xl_names_the_package():
    code = (
        "import sys; sys.modules['pillow_jxl'] = None\n"
        "from geotagger.images.decode import decode\n"
        "try: decode(b'\\xff\\x0a' + bytes(40), 16)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert "UnreadableImageError JPEG XL is not decoded here: pip install" in done.stdout
