"""Detects the format of a file by its first bytes, never by its name, and chooses the reader.

Each of Pillow's readers is called directly, not through `Image.open`: so no other format can get
in, and the size limit is ours (Pillow's is a global that cannot be set for one thread).
"""

from __future__ import annotations

import io
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Literal

from PIL import ImageFile

from geotagger.errors import UnreadableImageError
from geotagger.metadata.containers import heif, jpeg, jpeg_xl, png
from geotagger.metadata.exif.ifd import LONG, SHORT, IfdEntry, Tiff
from geotagger.reasons import Reason, ReasonCode

MAX_DECODE_BYTES = 2**30
"""Memory to decode one photo. Some JPEGs are decoded smaller, so they may have more pixels."""

# TIFF 6.0, TIFF/EP and DNG 1.7 tags
_SUBFILE_TYPE, _PHOTOMETRIC, _SUB_IFDS, _DNG_VERSION = 254, 262, 330, 50706
_CFA, _LINEAR_RAW = 32803, 34892
_COMPRESSION = 259
_RAW_COMPRESSIONS = (32767, 32769, 32770, 32772, 34713, 65000, 65535)
"""Of Sony, Epson, Samsung, Nikon, Kodak and Pentax, as ExifTool names them."""
_RAW_TAGS = (_PHOTOMETRIC, _COMPRESSION, _SUBFILE_TYPE)


@dataclass(frozen=True, slots=True)
class Format:
    """A picture format that can be decoded."""

    name: str
    reader: str
    """Module and class of Pillow's reader, imported on first use."""
    bytes_per_px: int
    """Peak memory to decode and shrink an opaque picture, measured by
    `benchmarks/speed/decode.py --memory`."""
    suffixes: tuple[str, ...]
    """That files of this format usually have."""

    def open(self, data: bytes) -> ImageFile.ImageFile:
        """Read the header. If it is damaged, Pillow's readers raise many kinds of exceptions."""
        module, name = self.reader.rsplit(".", 1)
        reader: Callable[[io.BytesIO], ImageFile.ImageFile]
        reader = getattr(import_module(module), name)
        return reader(io.BytesIO(png.for_pillow(data) if self == PNG else data))


JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".insp")
JPEG = Format("JPEG", "PIL.JpegImagePlugin.JpegImageFile", 8, JPEG_SUFFIXES)
PNG = Format("PNG", "PIL.PngImagePlugin.PngImageFile", 8, (".png", ".apng"))
TIFF = Format("TIFF", "PIL.TiffImagePlugin.TiffImageFile", 7, (".tif", ".tiff"))
WEBP = Format("WebP", "PIL.WebPImagePlugin.WebPImageFile", 16, (".webp",))
GIF = Format("GIF", "PIL.GifImagePlugin.GifImageFile", 8, (".gif",))
BMP = Format("BMP", "PIL.BmpImagePlugin.BmpImageFile", 8, (".bmp", ".dib"))
JPEG_2000 = Format("JPEG 2000", "PIL.Jpeg2KImagePlugin.Jpeg2KImageFile", 20, (".jp2", ".j2k"))
HEIF = Format("HEIF", "pi_heif.HeifImageFile", 9, (".heic", ".heif", ".hif"))
AVIF = Format("AVIF", "PIL.AvifImagePlugin.AvifImageFile", 10, (".avif",))
JPEG_XL = Format("JPEG XL", "pillow_jxl.JpegXLImagePlugin.JXLImageFile", 16, (".jxl",))
"""Read if the package pillow-jxl-plugin is installed."""

FORMATS = (JPEG, PNG, TIFF, WEBP, GIF, BMP, JPEG_2000, HEIF, AVIF, JPEG_XL)

_RAW = Reason(
    ReasonCode.CAMERA_RAW,
    "this camera RAW file has no preview inside: pip install rawpy, convert it, or put the "
    "camera's JPEG beside it",
)
_JPEG_XL_NOT_READ = Reason(
    ReasonCode.FORMAT_NOT_DECODED,
    "JPEG XL is not decoded here: pip install pillow-jxl-plugin, or convert it to JPEG",
)


def _not_a_picture(text: str) -> Reason:
    return Reason(ReasonCode.NOT_A_PICTURE, text)


_HTML = _not_a_picture("this is HTML, not a picture: the download went wrong")
_XML = _not_a_picture("this is XML (an SVG drawing, perhaps), not a photo")
_ZIP = _not_a_picture("this is an archive, not a picture: unpack it")
_VIDEO = _not_a_picture("this is a video, not a photo")

_MAGIC: tuple[tuple[bytes, Format | Reason], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"BM", BMP),
    (b"\0\0\0\x0cjP  \r\n\x87\n", JPEG_2000),
    (b"\xff\x4f\xff\x51", JPEG_2000),
    (b"II*\0\x10\0\0\0CR", _RAW),  # Canon CR2
    (b"II\x1a\0\0\0HEAPCCDR", _RAW),  # Canon CRW
    (b"IIU\0", _RAW),  # Panasonic RW2
    (b"IIRO", _RAW),  # Olympus ORF
    (b"IIRS", _RAW),
    (b"MMOR", _RAW),
    (b"FUJIFILMCCD-RAW", _RAW),
    (b"FOVb", _RAW),  # Sigma X3F
    (b"\0MRM", _RAW),  # Minolta MRW
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),  # BigTIFF
    (b"MM\0+", TIFF),
    (b"\xff\x0a", JPEG_XL),
    (b"\0\0\0\x0cJXL ", JPEG_XL),
    (b"8BPS", _not_a_picture("this is a Photoshop document: export it as JPEG")),
    (b"%PDF", _not_a_picture("this is a PDF, not a picture: extract the pictures")),
    (b"%!PS", _not_a_picture("this is PostScript, not a picture")),
    (b"PK\x03\x04", _ZIP),
    (b"\x1f\x8b", _ZIP),
    (b"Rar!", _ZIP),
    (b"7z\xbc\xaf", _ZIP),
    (b"\x1aE\xdf\xa3", _VIDEO),
)

_BRANDS: dict[bytes, Format | Reason] = {
    b"avif": AVIF,
    b"avis": AVIF,
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), HEIF),
    b"crx ": _RAW,
    b"jxl ": JPEG_XL,
}
"""Formats by the major brand of ISO base media files (ISO/IEC 14496-12, `ftyp` box)."""


def detect_format(data: bytes) -> Format:
    """The format of a picture file.

    Raises:
        UnreadableImageError: the file is no picture that can be decoded; the message says what it
        is.
    """
    found = _find(data)
    if isinstance(found, Reason):
        raise UnreadableImageError(found.detail, found.code)
    if found is TIFF and _is_raw_tiff(data):
        raise UnreadableImageError(_RAW.detail, _RAW.code)
    if found is JPEG_XL:
        _check_jpeg_xl(data)
    if found is JPEG and _is_endless_jpeg(data):
        raise UnreadableImageError("the JPEG has too many segments, or too many bytes between them")
    return found


SNIFFED_BYTES = 32
"""That `is_picture_head` needs."""


def is_picture_head(head: bytes) -> bool:
    """Whether a file with these first bytes is a picture for sure, camera RAW included.

    Two bytes of magic are not enough here, since the name does not speak for a picture.
    """
    if head.startswith(b"BM"):  # BITMAPFILEHEADER: reserved bytes, then the size of the next header
        return head[6:10] == bytes(4) and head[14:18] in _BMP_HEADERS
    if head[4:8] == b"ftyp":
        found: Format | Reason | None = _BRANDS.get(head[8:12])
    elif head[:4] == b"RIFF":
        found = WEBP if head[8:12] == b"WEBP" else None
    else:
        found = next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)
    if found is JPEG_XL:
        return not head.startswith(b"\xff\x0a")
    return isinstance(found, Format) or found is _RAW


_BMP_HEADERS = {size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124)}


def is_camera_raw(data: bytes) -> bool:
    """Whether a file is camera RAW, by its content."""
    found = _find(data)
    return found is _RAW or (found is TIFF and _is_raw_tiff(data))


def name_for_content(data: bytes, suffix: str) -> str:
    """The format of a picture whose suffix is none of that format; empty if the suffix is right."""
    found = _find(data)
    if not isinstance(found, Format) or suffix.lower() in found.suffixes:
        return ""
    return found.name


def _check_jpeg_xl(data: bytes) -> None:
    """
    Raises:
        UnreadableImageError: there is no decoder, or the picture is too large for it. It decodes
            when it opens a file, so the size is read here first.
    """
    if find_spec("pillow_jxl") is None:
        raise UnreadableImageError(_JPEG_XL_NOT_READ.detail, _JPEG_XL_NOT_READ.code)
    width, height = jpeg_xl.size_px(data)
    if not width:
        raise UnreadableImageError("damaged or truncated JPEG XL: it does not say its size")
    if width * height * JPEG_XL.bytes_per_px > MAX_DECODE_BYTES:
        text = f"claims {width} x {height} pixels, too many for JPEG XL: make it smaller"
        raise UnreadableImageError(text, ReasonCode.IMAGE_TOO_LARGE)


def _find(data: bytes) -> Format | Reason:
    if not data:
        return _not_a_picture("the file is empty")
    if data[8:12] in (b"IIII", b"MMMM"):  # Phase One IIQ
        return _RAW
    for magic, found in _MAGIC:
        if data.startswith(magic):
            return found
    if data[:4] == b"RIFF":
        return WEBP if data[8:12] == b"WEBP" else _VIDEO
    if data[4:8] == b"ftyp":
        return _find_by_brand(data)
    if not data.strip(b"\0"):
        text = "the file holds nothing but zero bytes: copy it again from where it came"
        return _not_a_picture(text)
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<"):
        return _HTML if b"<html" in head or b"<!doctype html" in head else _XML
    return _not_a_picture("not a picture of a format known here")


def _is_endless_jpeg(data: bytes) -> bool:
    """Whether more precedes the picture than a photo can need (ITU-T T.81, B.1.1).

    Pillow reads it byte by byte, 100 MB of fill bytes in a minute, and keeps every segment.
    """
    try:
        deque(jpeg.walk(data), maxlen=0)
    except jpeg.EndlessJpegError:
        return True
    return False


def _find_by_brand(data: bytes) -> Format | Reason:
    """By the major brand; `mif1` and `msf1` only mean "a picture", so the other brands decide
    then."""
    major, others = data[8:12], data[16 : int.from_bytes(data[:4], "big")]
    if major in (b"mif1", b"msf1") and b"avif" in {others[i : i + 4] for i in range(0, 64, 4)}:
        return AVIF
    found = _BRANDS.get(major, _VIDEO)
    if found is HEIF and not _item_names_are_text(data):
        return Reason(ReasonCode.DAMAGED_IMAGE, "damaged HEIF: the names of its items are no text")
    return found


def _item_names_are_text(data: bytes) -> bool:
    """pi_heif 1.4 crashes the whole process on a metadata item whose type is not UTF-8."""
    try:
        for meta, meta_end in _contents(data, b"meta", 0, len(data)):
            for items, items_end in _contents(data, b"iinf", meta + 4, meta_end):
                first = items + (6 if data[items : items + 1] == b"\0" else 8)
                for item, item_end in _contents(data, b"infe", first, items_end):
                    id_bytes = 4 if data[item : item + 1] == b"\3" else 2
                    data[item + 4 + id_bytes + 2 : item_end].decode("utf-8")
    except (UnicodeDecodeError, IndexError):
        return False
    return True


def _contents(data: bytes, kind: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """(start, end) of the content of each box of a kind between two positions, not nested."""
    return [(at, to) for name, at, to in heif.walk(data, start, end) if name == kind]


def _is_raw_tiff(data: bytes) -> bool:
    """Whether a TIFF is camera RAW, of which Pillow would decode only the thumbnail, or nothing.

    A DNG has a version tag. Others (NEF, ARW, SRW, PEF) have a colour filter array, a compression
    of their maker, or a first picture that is marked as the reduced one of those in SubIFDs.
    """
    try:
        tiff = Tiff(data)
        ifd0 = tiff.ifd(tiff.first)
        numbers = {tag: _number(tiff, ifd0.entry(tag)) for tag in _RAW_TAGS}
    except (ValueError, IndexError, struct.error):
        return False
    return (
        ifd0.entry(_DNG_VERSION) is not None
        or numbers[_PHOTOMETRIC] in (_CFA, _LINEAR_RAW)
        or numbers[_COMPRESSION] in _RAW_COMPRESSIONS
        or (ifd0.entry(_SUB_IFDS) is not None and numbers[_SUBFILE_TYPE] == 1)
    )


def _number(tiff: Tiff, entry: IfdEntry | None) -> int:
    """The first value of a SHORT or LONG; 0 if there is none."""
    if entry is None or entry.type not in (SHORT, LONG):
        return 0
    size = 2 if entry.type == SHORT else 4
    order: Literal["little", "big"] = "little" if tiff.order == "<" else "big"
    return int.from_bytes(tiff.value(entry, size), order)
