"""The last look before a photo is replaced: nothing lost, and other programs can read the tags."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from geotagger.errors import CannotEmbedError
from geotagger.metadata.edits import makes
from geotagger.metadata.embed import open_container, undo_record
from geotagger.metadata.jpeg import APP1, EXIF_HEADER, XMP_HEADER, Jpeg
from geotagger.metadata.png import XMP_KEYWORD, Png
from geotagger.metadata.tiff import GPS_IFD, XMP_PACKET
from geotagger.metadata.tiff_file import TiffFile

if TYPE_CHECKING:
    from geotagger.metadata.embed import Container, Written
    from geotagger.metadata.gps_tags import GpsTags

_LAT_REF, _LAT, _LON_REF, _LON, _AREA = 1, 2, 3, 4, 0x1C
_SAME_DEGREES = 1e-6
_PATCH_BYTES = 12


def verify(written: Written) -> None:
    """Raises CannotEmbedError unless only metadata changed, reads back, and can be undone."""
    before, after = open_container(written.original), open_container(written.data)
    # Equal bytes prove as much as equal hashes, and cost a tenth.
    if not makes(written.data, written.record.edits, written.original):
        raise CannotEmbedError("the original could not have been restored")
    if undo_record(written.data) != written.record:
        raise CannotEmbedError("the original could not have been restored from the photo alone")
    if other_parts(before) != other_parts(after) or not _keeps_the_picture(written, after):
        raise CannotEmbedError("writing would have changed more than EXIF and XMP")
    if written.packet is not None and after.xmp != written.packet:
        raise CannotEmbedError("the XMP packet does not read back")
    try:
        found = _look(before), _look(after)
    except Exception as error:  # Pillow raises many kinds on odd files
        raise CannotEmbedError(f"another reader cannot open it ({error})") from error
    if found[0][0] != found[1][0] or not _same(found[1][1], written.tags):
        raise CannotEmbedError("another EXIF reader does not find the tags again")


def other_parts(container: Container) -> list[object]:
    """All that has to be the same, but for the picture of a JPEG and the values in a TIFF."""
    data = container.data
    if isinstance(container, TiffFile):
        changed, tiff = (GPS_IFD, XMP_PACKET), container.tiff
        return [tiff.raw(e) for ifd in tiff.chain() for e in ifd.entries if e.tag not in changed]
    if isinstance(container, Jpeg):
        heads = (EXIF_HEADER, XMP_HEADER)
        return [
            data[segment.start : segment.end]
            for segment in container.segments
            if segment.marker != APP1 or not data.startswith(heads, segment.payload)
        ]
    if isinstance(container, Png):
        return [
            data[chunk.start : chunk.payload_end + 4]
            for chunk in container.chunks
            if chunk.name != b"eXIf" and not data.startswith(XMP_KEYWORD, chunk.payload)
        ]
    mine = (b"EXIF", b"XMP ", b"VP8X")  # Pillow looks at what VP8X says
    return [data[chunk.start : chunk.end] for chunk in container.chunks if chunk.name not in mine]


def _keeps_the_picture(written: Written, after: Container) -> bool:
    """What no edit touches is the same, by the undo. In a TIFF only pointers are replaced."""
    edits = written.record.edits
    if isinstance(after, Jpeg):
        return edits[-1].end <= after.segments[-1].start
    if isinstance(after, TiffFile):
        return all(len(edit.new) <= _PATCH_BYTES for edit in edits)
    return True


def _look(container: Container) -> tuple[object, dict[int, object]]:
    """(kind, size and frames of the picture; its GPS tags) to Pillow, which decodes no pixel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(container, TiffFile):
            exif = Image.Exif()
            exif.load(container.data)
            return None, exif.get_ifd(GPS_IFD)
        reader = {Jpeg: JpegImageFile, Png: PngImageFile}.get(type(container), WebPImageFile)
        with reader(io.BytesIO(container.data)) as image:
            exif = Image.Exif()
            exif.load(image.info.get("exif", b""))
            seen = image.format, image.size, image.mode, getattr(image, "n_frames", 1)
            return seen, exif.get_ifd(GPS_IFD)


def _same(gps: dict[int, object], tags: GpsTags | None) -> bool:
    if tags is None:
        return True
    try:
        if tags.note.encode("utf-8", "replace")[:50] not in gps[_AREA]:  # type: ignore[operator]
            return False
        if tags.point is None:
            return _LAT not in gps and _LON not in gps
        lat = _degrees(gps[_LAT], gps[_LAT_REF] == "S")
        lon = _degrees(gps[_LON], gps[_LON_REF] == "W")
    except (ValueError, TypeError, LookupError, ArithmeticError):
        return False
    return max(abs(lat - tags.point.lat), abs(lon - tags.point.lon)) < _SAME_DEGREES


def _degrees(parts: object, negative: bool) -> float:
    degrees, minutes, seconds = map(float, parts)  # type: ignore[call-overload]
    value = float(degrees + minutes / 60 + seconds / 3600)
    return -value if negative else value
