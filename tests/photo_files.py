"""PNG, TIFF and WebP files to be written into, built byte by byte or by Pillow.

`SOUND` maps a name to a file, `REFUSED` to a file that must be left alone and a word of the reason.
"""

from __future__ import annotations

import io
import struct
import zlib

import jpegs
from drawer import encode, quadrants
from jpegs import ASCII, BYTE, LONG, SHORT, UNDEFINED
from PIL import Image

PACKET = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x='
    b'"adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject>'
    b"<rdf:Bag><rdf:li>holiday</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF>"
    b"</x:xmpmeta>" + b" " * 300 + b'<?xpacket end="w"?>'
)
PIXELS = zlib.compress(b"".join(b"\0" + bytes(range(48)) for _ in range(12)))
IHDR = struct.pack(">LLBBBBB", 16, 12, 8, 2, 0, 0, 0)


def chunk(name: bytes, data: bytes = b"", crc: int | None = None) -> bytes:
    crc = zlib.crc32(name + data) if crc is None else crc
    return struct.pack(">L", len(data)) + name + data + struct.pack(">L", crc)


def png(*before: bytes, after: bytes = b"", trailer: bytes = b"") -> bytes:
    picture = chunk(b"IDAT", PIXELS[:9]) + chunk(b"IDAT", PIXELS[9:])
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", IHDR) + b"".join(before)
    return head + picture + after + chunk(b"IEND") + trailer


def png_xmp(packet: bytes = PACKET, compressed: bool = False) -> bytes:
    flag, text = (b"\1", zlib.compress(packet)) if compressed else (b"\0", packet)
    return chunk(b"iTXt", b"XML:com.adobe.xmp\0" + flag + b"\0\0\0" + text)


def webp(*chunks: tuple[bytes, bytes], flags: int = 0, trailer: bytes = b"") -> bytes:
    """An extended file: VP8X, the picture of SIMPLE, and more chunks."""
    extended = (b"VP8X", struct.pack("<L", flags) + bytes((47, 0, 0, 31, 0, 0)))
    return riff(extended, (SIMPLE[12:16], SIMPLE[20:]), *chunks) + trailer


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP"
    for name, data in chunks:
        body += name + struct.pack("<L", len(data)) + data + bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<L", len(body)) + body


def pillow(kind: str, mode: str = "RGB", pages: int = 1, **options: object) -> bytes:
    images = [
        Image.linear_gradient("L").resize((48, 32)).rotate(90 * i).resize((48, 32)).convert(mode)
        for i in range(pages)
    ]
    if pages > 1:
        options |= {"save_all": True, "append_images": images[1:]}
    return encode(images[0], kind, **options)


def tiff(order: str, extra: jpegs.Tags | None = None, pages: int = 1, tile: bool = False) -> bytes:
    """Grey pages of 16 x 16 pixels; `extra` tags stand in the first directory."""

    def short(number: int) -> tuple[int, bytes]:
        return SHORT, struct.pack(f"{order}H", number)

    def long(number: int) -> tuple[int, bytes]:
        return LONG, struct.pack(f"{order}L", number)

    names = (324, 325) if tile else (273, 279)
    file = jpegs.header(order)
    for page in range(pages):
        tags: dict[int, tuple[int, bytes]] = {
            256: short(16), 257: short(16), 258: short(8), 259: short(1), 262: short(1),
            277: short(1), names[0]: long(0), names[1]: long(256),
        }  # fmt: skip
        tags |= {322: short(16), 323: short(16)} if tile else {278: short(16)}
        tags |= (extra or {}) if page == 0 else {}
        pixels_at = len(file) + len(jpegs.directory(order, len(file), tags))
        tags[names[0]] = long(pixels_at)
        next_at = pixels_at + 256 if page + 1 < pages else 0
        file += jpegs.directory(order, len(file), tags, next_at) + bytes(range(256))
    return file


def _with_gps(order: str, kind: int = LONG) -> bytes:
    """A TIFF file that has a GPS directory with a time and no position."""
    at = len(tiff(order, {jpegs.GPS: (LONG, bytes(4))}))
    gps = jpegs.directory(order, at, {0x1D: (ASCII, b"2019:07:14\0"), 0: (BYTE, b"\2\2\0\0")})
    return tiff(order, {jpegs.GPS: (kind, struct.pack(f"{order}L", at))}) + gps


SIMPLE = pillow("WEBP", quality=80)
BLOCK = jpegs.FULL
GPS_BLOCK = jpegs.tiff(">", gps=jpegs.position(">"))
XMP_TAG = {700: (BYTE, PACKET)}
IDOT = chunk(b"iDOT", struct.pack(">7L", 2, 0, 6, 40, 6, 6, 61))

SOUND: dict[str, bytes] = {
    "PNG": png(),
    "PNG, EXIF": png(chunk(b"eXIf", BLOCK)),
    "PNG, GPS": png(chunk(b"eXIf", GPS_BLOCK)),
    "PNG, XMP": png(png_xmp()),
    "PNG, EXIF and XMP": png(chunk(b"tEXt", b"Title\0x"), png_xmp(), chunk(b"eXIf", BLOCK)),
    "PNG, EXIF, then XMP": png(chunk(b"eXIf", BLOCK), png_xmp()),
    "PNG, XMP behind": png(after=png_xmp() + chunk(b"tIME", b"\7\xe3\7\x0e\x12\3\x16")),
    "PNG, text": png(chunk(b"tEXt", b"Comment\0caf\xe9"), after=chunk(b"zTXt", b"a\0\0x")),
    "PNG, Apple": png(chunk(b"pHYs", bytes(8) + b"\1"), IDOT),
    "PNG, trailer": png(trailer=b"something else"),
    "PNG, palette": pillow("PNG", "P"),
    "PNG, animated": pillow("PNG", pages=3),
    "PNG, unknown chunk": png(chunk(b"vpAg", bytes(9))),
    "TIFF, little endian": tiff("<"),
    "TIFF, big endian": tiff(">"),
    "TIFF, XMP": tiff("<", XMP_TAG),
    "TIFF, XMP, big endian": tiff(">", XMP_TAG),
    "TIFF, GPS directory": _with_gps("<"),
    "TIFF, GPS directory, big endian": _with_gps(">"),
    "TIFF, GPS directory by an IFD type": _with_gps("<", 13),
    "TIFF, pages": tiff("<", pages=5),
    "TIFF, pages, XMP": tiff(">", XMP_TAG, pages=3),
    "TIFF, 60 pages": tiff("<", pages=60),
    "TIFF, tiles": tiff("<", tile=True),
    "TIFF, GeoTIFF": tiff("<", {34735: (SHORT, struct.pack("<4H", 1, 1, 0, 0))}),
    "TIFF, trailer": tiff("<") + b"xyz",
    "TIFF, LZW": pillow("TIFF", compression="tiff_lzw"),
    "TIFF, JPEG inside": pillow("TIFF", compression="jpeg"),
    "TIFF, group 4": pillow("TIFF", "1", compression="group4"),
    "TIFF, CMYK": pillow("TIFF", "CMYK"),
    "TIFF, Pillow's pages": pillow("TIFF", pages=3, compression="tiff_adobe_deflate"),
    "WebP, lossy": SIMPLE,
    "WebP, lossless": pillow("WEBP", lossless=True),
    "WebP, lossless, alpha": encode(quadrants().convert("RGBA"), "WEBP", lossless=True),
    "WebP, lossy, alpha": pillow("WEBP", "RGBA", quality=50),
    "WebP, animated": pillow("WEBP", pages=3),
    "WebP, ICC": pillow("WEBP", icc_profile=bytes(201)),
    "WebP, EXIF": webp((b"EXIF", BLOCK), flags=8),
    "WebP, EXIF, no flag": webp((b"EXIF", BLOCK)),
    "WebP, EXIF with header": webp((b"EXIF", b"Exif\0\0" + BLOCK), flags=8),
    "WebP, EXIF of odd length": webp((b"EXIF", BLOCK + b"\0" * (1 - len(BLOCK) % 2)), flags=8),
    "WebP, XMP": webp((b"XMP ", PACKET), flags=4),
    "WebP, EXIF and XMP": webp((b"EXIF", GPS_BLOCK), (b"XMP ", PACKET + b" "), flags=12),
    "WebP, XMP, then EXIF": webp((b"XMP ", PACKET), (b"EXIF", BLOCK), flags=12),
    "WebP, unknown chunk": webp((b"ABCD", b"123")),
    "WebP, trailer": SIMPLE + b"trailer",
}

_TWO_EXIF = chunk(b"eXIf", BLOCK) * 2
_HEXADECIMAL = b"\nexif\n 4\n49492a00\n"

REFUSED: dict[str, tuple[bytes, str]] = {
    "PNG, cut": (png()[:-20], "cut off"),
    "PNG, cut in the head": (png()[:20], "cut off"),
    "PNG, junk": (png(bytes(40)), "junk"),
    "PNG, no IHDR first": (b"\x89PNG\r\n\x1a\n" + chunk(b"CgBI", bytes(4)) + png()[8:], "IHDR"),
    "PNG, two EXIF": (png(_TWO_EXIF), "more than one EXIF"),
    "PNG, EXIF behind": (png(after=chunk(b"eXIf", BLOCK)), "behind its picture"),
    "PNG, EXIF behind Apple's index": (png(IDOT, chunk(b"eXIf", BLOCK)), "behind its picture"),
    "PNG, EXIF damaged": (png(chunk(b"eXIf", BLOCK, crc=1)), "damaged"),
    "PNG, EXIF is no TIFF": (png(chunk(b"eXIf", b"Exif\0\0" + BLOCK)), "bad TIFF header"),
    "PNG, EXIF as text": (
        png(chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(_HEXADECIMAL))),
        "hexadecimal",
    ),
    "PNG, APP1 as text": (png(chunk(b"tEXt", b"Raw profile type APP1\0x")), "hexadecimal"),
    "PNG, content credentials": (png(chunk(b"caBX", bytes(8))), "C2PA"),
    "PNG, XMP damaged": (png(png_xmp()[:-1] + b"\0"), "another reader"),
    "PNG, head damaged": (png().replace(IHDR, IHDR[:-1] + b"\7"), "another reader"),
    "TIFF, cut": (tiff("<")[:-20], "behind the end"),
    "TIFF, tiles cut": (tiff(">", tile=True)[:-20], "behind the end"),
    "TIFF, later page cut": (tiff("<", pages=3)[:-20], "behind the end"),
    "TIFF, directory cut": (tiff("<")[:40], "cut off"),
    "TIFF, no directory": (b"II*\0\xff\xff\0\0", "outside"),
    "TIFF, BigTIFF": (b"II+\0\x08\0\0\0\x10" + bytes(60), "BigTIFF"),
    "TIFF, BigTIFF, big endian": (b"MM\0+\0\x08\0\0" + bytes(60), "BigTIFF"),
    "TIFF, pages loop": (tiff("<")[:8] + jpegs.directory("<", 8, jpegs.CAMERA, 8), "loop"),
    "TIFF, content credentials": (tiff("<", {0xCD41: (UNDEFINED, bytes(9))}), "C2PA"),
    "DNG": (tiff("<", {50706: (BYTE, b"\1\4\0\0")}), "RAW"),
    "RAW by its colours": (tiff("<", {262: (SHORT, struct.pack("<H", 32803))}), "RAW"),
    "RAW by its compression": (tiff(">", {259: (SHORT, struct.pack(">H", 34713))}), "RAW"),
    "RAW by its SubIFDs": (
        tiff("<", {254: (LONG, b"\1\0\0\0"), 330: (LONG, b"\x08\0\0\0")}),
        "RAW",
    ),
    "CR2": (b"II*\0\x10\0\0\0CR\2\0" + bytes(4) + tiff("<")[8:], "RAW"),
    "WebP, cut": (SIMPLE[:-4], "cut off"),
    "WebP, junk": (riff((SIMPLE[12:16], SIMPLE[20:]), (b"", b"")), "junk|standard"),
    "WebP, two EXIF": (webp((b"EXIF", BLOCK), (b"EXIF", BLOCK), flags=8), "more than one EXIF"),
    "WebP, no picture first": (riff((b"ABCD", b"1234")), "standard"),
    "WebP, odd picture": (riff((b"VP8 ", bytes(30))), "standard"),
    "WebP, short VP8X": (riff((b"VP8X", bytes(4)), (SIMPLE[12:16], SIMPLE[20:])), "standard"),
    "WebP, chunk too long": (
        b"RIFF" + struct.pack("<L", 20) + b"WEBPVP8 " + struct.pack("<L", 99) + bytes(8),
        "standard",
    ),
    "WebP, content credentials": (webp((b"C2PA", b"jumb")), "C2PA"),
    "WebP, EXIF damaged": (webp((b"EXIF", b"no TIFF at all"), flags=8), "bad TIFF header"),
}


def frames(data: bytes) -> list[tuple[str, tuple[int, int], bytes]]:
    """Every picture in the file, decoded."""
    found = []
    with Image.open(io.BytesIO(data)) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append((image.mode, image.size, image.tobytes()))
    return found
