"""One drawer of awkward photo files, each made by code and named after what is wrong with it.

    files = drawer.fill(tmp_path)         # name -> path
    drawer.UNREADABLE                     # the names of those that hold no picture, with a word of
                                          # the reason; all others can be decoded

Where it makes sense a file shows `quadrants()`: red, green, blue and white, so that a test sees at
once which way is up.
"""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

ORIENTATION = 0x0112
END_OF_IMAGE = b"\xff\xd9"

UNREADABLE = {
    "empty.jpg": "empty",
    "all-zero-bytes.jpg": "zero bytes",
    "a-web-page.jpg": "HTML",
    "a-drawing.png": "SVG",
    "a-document.jpg": "PDF",
    "an-archive.jpg": "archive",
    "a-video.jpg": "video",
    "a-photoshop-document.jpg": "Photoshop",
    "plain-text.jpg": "format",
    "jpeg-xl.jxl": "JPEG XL",
    "jpeg-xl-in-a-box.jxl": "JPEG XL",
    "canon.cr2": "RAW",
    "canon.cr3": "RAW",
    "nikon-shows-its-thumbnail.nef": "RAW",
    "adobe-shows-its-thumbnail.dng": "RAW",
    "phase-one.iiq": "RAW",
    "raw-named-tif.tif": "RAW",
    "bomb.png": "13500 x 13500",
    "bomb.jpg": "65500 x 65500",
    "bomb-progressive.jpg": "22000 x 22000",
    "bomb.gif": "65000 x 65000",
    "bomb.webp": "268435456 pixels|damaged or truncated WebP",
    "header-only.jpg": "damaged or truncated JPEG",
    "header-only.png": "damaged or truncated PNG",
    "noise-after-the-magic.jpg": "damaged or truncated JPEG",
    "twelve-bit.jpg": "12-bit",
    "truncated-80-percent-missing.jpg": "truncated",
    "truncated-80-percent-missing-but-ended.jpg": "truncated",
    "truncated.tif": "damaged or truncated TIFF",
    "truncated.webp": "damaged or truncated WebP",
    "truncated.heic": "damaged or truncated HEIF",
    "item-type-is-no-text.heic": "no text",
    "truncated.avif": "damaged or truncated AVIF",
    "truncated-interlaced.png": "damaged or truncated PNG",
}


def fill(folder: Path) -> dict[str, Path]:
    """Writes the drawer into `folder`: name -> path."""
    contents = sound() | oriented() | odd_pixels() | odd_names() | damaged() | no_pictures()
    contents |= raw() | bombs()
    missing = UNREADABLE.keys() - contents.keys()
    assert not missing, missing
    files = {}
    for name, data in contents.items():
        files[name] = folder / name
        files[name].write_bytes(data)
    return files


def quadrants(width: int = 96, height: int = 128) -> Image.Image:
    """Upright: red and green above, blue and white below."""
    image = Image.new("RGB", (width, height), "red")
    right, lower = width // 2, height // 2
    image.paste((0, 255, 0), (right, 0, width, lower))
    image.paste((0, 0, 255), (0, lower, right, height))
    image.paste((255, 255, 255), (right, lower, width, height))
    return image


def texture(width: int = 320, height: int = 240) -> Image.Image:
    """Blocks of many colours: its file is spread evenly over its rows."""
    blocks = np.random.default_rng(0).integers(0, 255, (height // 8, width // 8, 3))
    return Image.fromarray(np.kron(blocks, np.ones((8, 8, 1))).astype(np.uint8))


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)  # type: ignore[arg-type]
    return out.getvalue()


def sound() -> dict[str, bytes]:
    image = quadrants()
    jpeg = encode(image, "JPEG", quality=95)
    return {
        "sound.jpg": jpeg,
        "progressive.jpg": encode(image, "JPEG", progressive=True, quality=95),
        "sound.png": encode(image, "PNG"),
        "sound.webp": encode(image, "WEBP", lossless=True),
        "sound.avif": encode(image, "AVIF", quality=90),
        "sound.gif": encode(image, "GIF"),
        "sound.bmp": encode(image, "BMP"),
        "sound.tif": encode(image, "TIFF", compression="tiff_lzw"),
        "sound.jp2": encode(image, "JPEG2000"),
        "png-named.jpg": encode(image, "PNG"),
        "jpeg-named.heic": jpeg,
        "no-suffix-at-all": jpeg,
        "animated.gif": _animated("GIF"),
        "animated.webp": _animated("WEBP", lossless=True),
        "animated.png": _animated("PNG"),
        "two-pages.tif": _animated("TIFF"),
        "two-pictures.mpo": _animated("MPO", quality=95),
        "interlaced.png": _interlaced_png(),
    }


def _animated(kind: str, **options: object) -> bytes:
    black = Image.new("RGB", quadrants().size)
    return encode(quadrants(), kind, save_all=True, append_images=[black], **options)


def oriented() -> dict[str, bytes]:
    """Each is upright once its orientation is obeyed."""
    stored = {  # what a camera held that way has on its sensor: the inverse of how it is turned
        1: quadrants(),
        2: quadrants().transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: quadrants().transpose(Image.Transpose.ROTATE_180),
        4: quadrants().transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: quadrants().transpose(Image.Transpose.TRANSPOSE),
        6: quadrants().transpose(Image.Transpose.ROTATE_90),
        7: quadrants().transpose(Image.Transpose.TRANSVERSE),
        8: quadrants().transpose(Image.Transpose.ROTATE_270),
    }
    files = {"orientation-6.heic": _SIDEWAYS_HEIC}
    for value, image in stored.items():
        exif = Image.Exif()
        exif[ORIENTATION] = value
        files[f"orientation-{value}.tif"] = encode(image, "TIFF", tiffinfo={ORIENTATION: value})
        packed = {"compression": "tiff_lzw", "tiffinfo": {ORIENTATION: value}}
        files[f"orientation-{value}-packed.tif"] = encode(image, "TIFF", **packed)
        for suffix, kind, options in (
            ("jpg", "JPEG", {"quality": 95}),
            ("png", "PNG", {}),
            ("webp", "WEBP", {"lossless": True}),
            ("avif", "AVIF", {"quality": 90}),
        ):
            files[f"orientation-{value}.{suffix}"] = encode(image, kind, exif=exif, **options)
    exif = Image.Exif()
    exif[ORIENTATION] = 9
    files["orientation-9.jpg"] = encode(quadrants(), "JPEG", exif=exif, quality=95)
    files["exif-broken.jpg"] = encode(
        quadrants(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\xff\xff", quality=95
    )
    looping = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHLLL", 1, ORIENTATION, 3, 9, 8, 8)
    files["exif-looping.jpg"] = encode(quadrants(), "JPEG", exif=looping, quality=95)
    return files


def odd_pixels() -> dict[str, bytes]:
    """Pixel formats that a plain conversion turns white, black or garish."""
    ramp = np.linspace(0, 1, 128, dtype=np.float32)[None, :].repeat(96, axis=0)
    deep = Image.fromarray(np.rint(ramp * 65535).astype(np.uint16))
    twelve = Image.fromarray(np.rint(ramp * 4095).astype(np.uint16))
    spoilt = ramp * 3000 - 1000
    spoilt[0, :3] = np.nan, np.inf, -np.inf
    image = quadrants()
    see_through = image.convert("RGBA")
    see_through.paste((255, 0, 255, 0), (0, 0, 48, 64))  # magenta that nobody is meant to see
    palette = image.quantize(8)
    rgb16 = np.asarray(image).astype(">u2") * 257
    return {
        "grey.jpg": encode(image.convert("L"), "JPEG"),
        "cmyk.jpg": encode(image.convert("CMYK"), "JPEG", quality=95),
        "cmyk.tif": encode(image.convert("CMYK"), "TIFF"),
        "lab.tif": encode(image.convert("LAB"), "TIFF"),
        "grey-16-bit.png": encode(deep, "PNG"),
        "grey-16-bit.tif": encode(deep, "TIFF"),
        "grey-12-in-16-bit.tif": encode(twelve, "TIFF"),
        "rgb-16-bit.png": _png(96, 128, 16, 2, rgb16.tobytes()),
        "float-0-to-1.tif": encode(Image.fromarray(ramp), "TIFF"),
        "float-0-to-255.tif": encode(Image.fromarray(ramp * 255), "TIFF"),
        "float-with-nan.tif": encode(Image.fromarray(spoilt), "TIFF"),
        "integer-32-bit.tif": encode(Image.fromarray((ramp * 2e9 - 1e9).astype(np.int32)), "TIFF"),
        "one-bit.png": encode(image.convert("1"), "PNG"),
        "one-bit.tif": encode(image.convert("1"), "TIFF", compression="group4"),
        "palette.png": encode(palette, "PNG"),
        "palette-transparent.png": encode(palette, "PNG", transparency=palette.getpixel((0, 0))),
        "palette-transparent.gif": encode(palette, "GIF", transparency=palette.getpixel((0, 0))),
        "colour-key.png": encode(image, "PNG", transparency=(255, 0, 0)),
        "hidden-colour.png": encode(see_through, "PNG"),
        "hidden-colour.webp": encode(see_through, "WEBP", lossless=True, exact=True),
        "hidden-colour.avif": encode(see_through, "AVIF", quality=90),
        "hidden-colour.tif": encode(see_through, "TIFF"),
        "grey-with-alpha.png": encode(see_through.convert("LA"), "PNG"),
        "one-pixel.png": encode(image.resize((1, 1)), "PNG"),
        "one-pixel-wide.png": encode(image.resize((1, 5000)), "PNG"),
        "strip.png": encode(_strip(), "PNG"),
    }


def _strip() -> Image.Image:
    """10000 x 10, green, with a red square in the very middle."""
    image = Image.new("RGB", (10_000, 10), (0, 255, 0))
    image.paste((255, 0, 0), (4995, 0, 5005, 10))
    return image


def odd_names() -> dict[str, bytes]:
    jpeg = encode(quadrants(), "JPEG", quality=95)
    names = (
        "two\nlines.jpg",
        "escape\x1b[31mred.jpg",
        "caf\udce9-is-not-utf-8.jpg",
        "cafe\u0301-decomposed.jpg",
        "caf\u00e9-composed.jpg",
        "=cmd|'calc'!A1.jpg",
        "-rf.jpg",
        "<b>bold<b>.jpg",
        'quote".jpg',
        "comma, and; semicolon.jpg",
        "\U0001f30d.JPG",
        "n" * 251 + ".jpg",
    )
    return dict.fromkeys(names, jpeg)


def damaged() -> dict[str, bytes]:
    jpeg = encode(texture(), "JPEG", quality=90)
    progressive = encode(texture(), "JPEG", quality=90, progressive=True)
    png = encode(texture(), "PNG")
    webp, tiff = encode(texture(), "WEBP"), encode(texture(), "TIFF", compression="tiff_lzw")
    avif, interlaced = encode(texture(), "AVIF"), _interlaced_png()
    noise = np.random.default_rng(1).bytes(4000)
    twelve_bit = jpeg.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c", 1)
    return {
        "truncated-40-percent-missing.jpg": _keep(jpeg, 0.6),
        "truncated-40-percent-missing-but-ended.jpg": _keep(jpeg, 0.6) + END_OF_IMAGE,
        "truncated-40-percent-zeros.jpg": _keep(jpeg, 0.6) + bytes(len(jpeg) * 4 // 10),
        "truncated-progressive.jpg": _keep(progressive, 0.6),
        "truncated-80-percent-missing.jpg": _keep(jpeg, 0.2),
        "truncated-80-percent-missing-but-ended.jpg": _keep(jpeg, 0.2) + END_OF_IMAGE,
        "no-end-mark.jpg": jpeg[:-2],
        "junk-at-the-end.jpg": jpeg + noise,
        "all-grey-but-whole.jpg": encode(Image.new("RGB", (320, 240), (128, 128, 128)), "JPEG"),
        "grey-below-but-whole.jpg": encode(_grey_below(), "JPEG", subsampling=0),
        "truncated-40-percent-missing.png": _keep(png, 0.6),
        "truncated-40-percent-missing.bmp": _keep(encode(texture(), "BMP"), 0.6),
        "truncated-interlaced.png": _keep(interlaced, 0.6),
        "truncated.tif": _keep(tiff, 0.6),
        "truncated.webp": _keep(webp, 0.6),
        "truncated.avif": _keep(avif, 0.6),
        "truncated.heic": _keep(_SIDEWAYS_HEIC, 0.6),
        "item-type-is-no-text.heic": _SIDEWAYS_HEIC.replace(b"\0Exif\0", b"\0\xccxif\0", 1),
        "header-only.jpg": jpeg[:20],
        "header-only.png": png[:20],
        "noise-after-the-magic.jpg": b"\xff\xd8\xff\xe0" + noise,
        "twelve-bit.jpg": twelve_bit,
    }


def _keep(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def _grey_below() -> Image.Image:
    image = texture()
    image.paste((128, 128, 128), (0, 80, 320, 240))
    return image


def no_pictures() -> dict[str, bytes]:
    return {
        "empty.jpg": b"",
        "all-zero-bytes.jpg": bytes(5000),
        "a-web-page.jpg": b"\n<!DOCTYPE html><html><body>404 Not Found</body></html>",
        "a-drawing.png": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        "a-document.jpg": b"%PDF-1.7\n" + bytes(100),
        "an-archive.jpg": b"PK\x03\x04" + bytes(100),
        "a-video.jpg": struct.pack(">L", 24) + b"ftypisom\0\0\2\0isommp41" + bytes(100),
        "a-photoshop-document.jpg": b"8BPS\0\1" + bytes(100),
        "plain-text.jpg": b"a note, and nothing else",
        "jpeg-xl.jxl": b"\xff\x0a" + bytes(100),
        "jpeg-xl-in-a-box.jxl": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100),
    }


def raw() -> dict[str, bytes]:
    """Camera RAW: those built on TIFF open as their thumbnail."""
    thumbnail = quadrants(24, 32)
    reduced = encode(thumbnail, "TIFF", tiffinfo={254: 1, 330: 8})
    return {
        "canon.cr2": b"II*\0\x10\0\0\0CR\x02\0" + bytes(100),
        "canon.cr3": struct.pack(">L", 24) + b"ftypcrx \0\0\0\1crx isom" + bytes(100),
        "phase-one.iiq": b"II*\0\x08\x0a\0\0IIIICwaR" + bytes(100),
        "nikon-shows-its-thumbnail.nef": reduced,
        "raw-named-tif.tif": reduced,
        "adobe-shows-its-thumbnail.dng": encode(
            thumbnail, "TIFF", tiffinfo={50706: b"\1\4\0\0", 254: 1}
        ),
    }


def bombs() -> dict[str, bytes]:
    """Small files that claim gigabytes."""
    jpeg, progressive = (
        encode(quadrants(), "JPEG", progressive=several_scans) for several_scans in (False, True)
    )
    return {
        "bomb.png": _png(13_500, 13_500, 8, 2, bytes(20_000_000)),
        "bomb.jpg": _claim(jpeg, b"\xff\xc0", 65_500),
        "bomb-progressive.jpg": _claim(progressive, b"\xff\xc2", 22_000),
        "bomb.gif": _big_gif(65_000),
        "bomb.webp": _big_webp(16_384),
    }


def _claim(jpeg: bytes, frame_marker: bytes, side_px: int) -> bytes:
    at = jpeg.index(frame_marker) + 5
    return jpeg[:at] + struct.pack(">HH", side_px, side_px) + jpeg[at + 4 :]


def _big_gif(side_px: int) -> bytes:
    """A screen of that size and one frame that fills it."""
    screen = b"GIF89a" + struct.pack("<HH", side_px, side_px) + b"\x80\0\0" + bytes(6)
    return screen + b"," + struct.pack("<HHHHB", 0, 0, side_px, side_px, 0) + b"\x02\x02D\x01\0;"


def _big_webp(side_px: int) -> bytes:
    size = (side_px - 1).to_bytes(3, "little")
    small = encode(quadrants(), "WEBP")
    body = b"WEBPVP8X" + struct.pack("<L", 10) + b"\0\0\0\0" + size + size + small[12:]
    return b"RIFF" + struct.pack("<L", len(body)) + body


def _png(width: int, height: int, depth: int, colour: int, pixels: bytes) -> bytes:
    """A PNG that Pillow cannot write. `pixels` has no filter bytes; it may be too short."""
    stride = len(pixels) // height or 1
    rows = b"".join(b"\0" + pixels[i : i + stride] for i in range(0, len(pixels), stride))
    header = struct.pack(">LLBBBBB", width, height, depth, colour, 0, 0, 0)
    return _png_of((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))


def _png_of(*chunks: tuple[bytes, bytes]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _interlaced_png() -> bytes:
    """Adam7 (PNG, 8.2), 96 x 128: seven passes, each a picture of its own."""
    pixels, rows = np.asarray(quadrants()), b""
    for left, top, step_x, step_y in (
        *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
        *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
    ):
        for row in pixels[top::step_y, left::step_x]:
            rows += b"\0" + row.tobytes()
    header = struct.pack(">LLBBBBB", 96, 128, 8, 2, 0, 0, 1)
    return _png_of((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


_SIDEWAYS_HEIC = base64.b64decode(
    b"AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAchtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAA"
    b"AAAAAAAAAAAAADRpbG9jAAAAAERAAAIAAQAAAAAB7AABAAAAAAAAAKkAAgAAAAAClQABAAAAAAAAACQAAAA4aWlu"
    b"ZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAAB"
    b"B2lwcnAAAADmaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMA"
    b"AAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkA"
    b"AAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAA"
    b"AAAAAv////AAAAACAAAAEHBpeGkAAAAAAwgICAAAAAlpcm90AwAAABlpcG1hAAAAAAAAAAEAAQaBAgMFhIYAAAAa"
    b"aXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAANVtZGF0AAAApSgBrw7gNIPm088S//6XD//yaF8wNAUStzD/N39Lvppv"
    b"6Lkk+UX0B9cv4GTyHs/dH8ctn/j9azRxF/Lfx/HSO9tMc2npfZECj1qLth4iMeWD+rwCXQ6+DDq22PcnJb67l2m/"
    b"1u2/sZtgIjuJj3ViusvGX8/4wXo0I2h1D7RdRXViZAMQNwemrZhzDe4v2C++4d6zWiv98wQV37z/GqC7mLXacRdb"
    b"qAAAAAZFeGlmAABNTQAqAAAACAABARIAAwAAAAEABgAAAAAAAA=="
)
"""48 x 64 when upright, stored sideways with both an `irot` box and EXIF orientation 6, as phones
do. In full, since nothing here can write HEIF."""
