"""The time that a photo was taken, in an XMP packet."""

from __future__ import annotations

from geotagger.errors import CannotEmbedError
from geotagger.metadata.xmp.packet import read
from geotagger.times.dates import iso_time_with_zone

_DATES = (
    "exif:DateTimeOriginal",
    "photoshop:DateCreated",
    "exif:DateTimeDigitized",
    "http://ns.adobe.com/xap/1.0/}CreateDate",
)
"""Properties, the moment of exposure first."""
_LOCAL_NAMES = (b"DateTimeOriginal", b"DateCreated", b"DateTimeDigitized", b"CreateDate")


def time_in(packet: bytes | None) -> str:
    """The time in the packet, ISO 8601; empty if it has none. Never raises."""
    if not packet:
        return ""
    plain = packet.replace(b"\0", b"")
    if not any(name in plain for name in _LOCAL_NAMES):
        return ""
    try:
        values = read(packet).values
    except CannotEmbedError:
        return ""
    texts = (values.get(name) for name in _DATES)
    times = (iso_time_with_zone(text) for text in texts if isinstance(text, str))
    return next(filter(None, times), "")
