"""The old IPTC fields of a photo (IPTC-IIM 4.2, application record)."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

from PIL import IptcImagePlugin
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from geotagger.metadata.containers import jpeg

_APPLICATION_RECORD = 2
_CHARACTER_SET = (1, 90)
_UTF_8 = b"\x1b%G"
_PHOTOSHOP = b"Photoshop 3.0\0"
KEYWORDS, CITY, SUBLOCATION, STATE, COUNTRY = 25, 90, 92, 95, 101


def iptc_fields(data: bytes) -> Mapping[int, tuple[str, ...]]:
    """Number of the field -> its texts, of a JPEG or TIFF file. Never raises.

    Without a stated character set a text is taken for UTF-8 if it is valid UTF-8, else for Latin 1.
    """
    if data.startswith(jpeg.SOI) and not jpeg.find_payload(data, jpeg.APP13, _PHOTOSHOP):
        return {}  # nearly every photo of a camera
    try:
        with _opened(data) as image:
            fields = IptcImagePlugin.getiptcinfo(image) or {}
    except Exception:  # Pillow raises many kinds on damaged files
        return {}
    is_utf_8 = fields.get(_CHARACTER_SET) == _UTF_8
    texts: dict[int, tuple[str, ...]] = {}
    for (record, number), value in fields.items():
        values = value if isinstance(value, list) else [value]
        if record == _APPLICATION_RECORD:
            raws = (raw for raw in values if isinstance(raw, bytes))
            texts[number] = tuple(_decode(raw, is_utf_8) for raw in raws)
    return texts


def _opened(data: bytes) -> JpegImageFile | TiffImageFile:
    file = BytesIO(data)
    return TiffImageFile(file) if data[:2] in (b"II", b"MM") else JpegImageFile(file)


def _decode(raw: bytes, is_utf_8: bool) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace") if is_utf_8 else raw.decode("latin-1")
