"""The last look before a photo is replaced: nothing lost, and other programs can read the tags."""

from __future__ import annotations

import io
import warnings

from PIL.JpegImagePlugin import JpegImageFile

from geotagger.errors import CannotEmbedError
from geotagger.metadata import exif, jpeg
from geotagger.metadata.gps_tags import GpsTags
from geotagger.metadata.tiff import GPS_IFD

_LAT_REF, _LAT, _LON_REF, _LON, _AREA = 1, 2, 3, 4, 0x1C
_SAME_DEGREES = 1e-6


def verify(before: bytes, after: bytes, tags: GpsTags) -> None:
    """Raises CannotEmbedError unless `after` is `before` with `tags` and can be undone."""
    if _all_but_exif(before) != _all_but_exif(after):
        raise CannotEmbedError("writing would have changed more than the EXIF block")
    record = exif.undo_record(after)
    if record is None or exif.take_back(after, record) != exif.original(before):
        raise CannotEmbedError("the original could not have been restored")
    if not _reads_back(after, tags):
        raise CannotEmbedError("another EXIF reader does not find the tags again")


def _all_but_exif(data: bytes) -> list[bytes]:
    """Every segment but EXIF, and as the last one all from the scan header to the end."""
    segments = jpeg.segments(data)
    exif_segment = jpeg.exif_segment(data, segments)
    parts = [data[s.start : s.end] for s in segments[:-1] if s != exif_segment]
    return [*parts, data[segments[-1].start :]]


def _reads_back(data: bytes, tags: GpsTags) -> bool:
    """Pillow's opinion. It opens the header and decodes no pixel."""
    try:
        with warnings.catch_warnings(), JpegImageFile(io.BytesIO(data)) as image:
            warnings.simplefilter("ignore")
            gps = image.getexif().get_ifd(GPS_IFD)
        if tags.note.encode("utf-8", "replace")[:50] not in gps[_AREA]:
            return False
        if tags.point is None:
            return _LAT not in gps and _LON not in gps
        lat = _degrees(gps[_LAT], gps[_LAT_REF] == "S")
        lon = _degrees(gps[_LON], gps[_LON_REF] == "W")
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError):
        return False
    return max(abs(lat - tags.point.lat), abs(lon - tags.point.lon)) < _SAME_DEGREES


def _degrees(parts: tuple[float, float, float], negative: bool) -> float:
    degrees, minutes, seconds = map(float, parts)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if negative else value
