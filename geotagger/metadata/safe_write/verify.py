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
from geotagger.metadata.containers.jpeg import APP1, EXIF_HEADER, XMP_HEADER, Jpeg
from geotagger.metadata.containers.png import XMP_KEYWORD, Png
from geotagger.metadata.containers.tiff import TiffFile
from geotagger.metadata.containers.webp import Webp
from geotagger.metadata.embed import open_container
from geotagger.metadata.exif.ifd import GPS_IFD, XMP_PACKET
from geotagger.metadata.undo.edits import makes
from geotagger.metadata.undo.record import record_at_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geotagger.metadata.embed import Container, Written
    from geotagger.metadata.exif.gps_tags import GpsTags
    from geotagger.metadata.undo.edits import Edit

_LAT_REF, _LAT, _LON_REF, _LON, _AREA = 1, 2, 3, 4, 0x1C
_SAME_DEGREES = 1e-6
_PATCH_BYTES = 12


def verify(written: Written) -> None:
    """Raises CannotEmbedError unless only metadata changed, reads back, and can be undone."""
    before, after = open_container(written.original), open_container(written.data)
    # Equal bytes prove as much as equal hashes, and cost a tenth.
    if not makes(written.data, written.record.edits, written.original):
        raise CannotEmbedError("the original could not have been restored")
    if not _same_but_metadata(before, after, written.record.edits):
        raise CannotEmbedError("writing would have changed more than EXIF and XMP")
    if record_at_end(after.exif or b"") != written.record:
        raise CannotEmbedError("the original could not have been restored from the photo alone")
    if written.packet is not None and after.xmp != written.packet:
        raise CannotEmbedError("the XMP packet does not read back")
    try:
        seen, gps = _look(after)
        # The header of a WebP may be new; others tell the size in a part that is the same.
        well = not isinstance(after, Webp) or seen == _look(before)[0]
    except Exception as error:  # Pillow raises many kinds on odd files
        raise CannotEmbedError(f"another reader cannot open it ({error})") from error
    if not well or not _same(gps, written.tags):
        raise CannotEmbedError("another EXIF reader does not find the tags again")


def _same_but_metadata(before: Container, after: Container, edits: Sequence[Edit]) -> bool:
    """Whether the other parts are the same: no edit is in them, and undo makes the original.

    The directories of a TIFF are compared tag by tag, since IFD0 may be copied to the end; in the
    rest of the file only pointers are replaced.
    """
    if isinstance(before, TiffFile) and isinstance(after, TiffFile):
        small = all(len(edit.new) <= _PATCH_BYTES for edit in edits)
        return small and _other_tags(before) == _other_tags(after)
    old, new = _other_parts(before), _other_parts(after)
    if [end - start for start, end in old] != [end - start for start, end in new]:
        return False
    return not any(edit.start < end and edit.end > start for edit in edits for start, end in new)


def _other_tags(file: TiffFile) -> list[bytes]:
    changed, tiff = (GPS_IFD, XMP_PACKET), file.tiff
    return [tiff.raw(e) for ifd in tiff.chain() for e in ifd.entries if e.tag not in changed]


def _other_parts(container: Container) -> list[tuple[int, int]]:
    """Start and end of all that has to be the same, in a file that is no TIFF."""
    data = container.data
    if isinstance(container, Jpeg):
        heads = (EXIF_HEADER, XMP_HEADER)
        return [
            *(
                (segment.start, segment.end)
                for segment in container.segments
                if segment.marker != APP1 or not data.startswith(heads, segment.payload)
            ),
            (container.segments[-1].end, len(data)),
        ]
    if isinstance(container, Png):
        return [
            *(
                (chunk.start, chunk.payload_end + 4)
                for chunk in container.chunks
                if chunk.name != b"eXIf" and not data.startswith(XMP_KEYWORD, chunk.payload)
            ),
            (container.chunks[-1].payload_end + 4, len(data)),
        ]
    assert isinstance(container, Webp)
    mine = (b"EXIF", b"XMP ", b"VP8X")  # Pillow looks at what VP8X says
    chunks = container.chunks
    parts = [(chunk.start, chunk.end) for chunk in chunks if chunk.name not in mine]
    return [*parts, (chunks[-1].padded_end, len(data))]


def same_but_metadata(before: bytes, after: bytes) -> bool:
    """Whether all but EXIF, XMP and what tells their size is the same. Raises CannotEmbedError."""
    old, new = open_container(before), open_container(after)
    if isinstance(old, TiffFile) and isinstance(new, TiffFile):
        return _other_tags(old) == _other_tags(new)
    parts, parts_now = _other_parts(old), _other_parts(new)
    return [before[a:b] for a, b in parts] == [after[a:b] for a, b in parts_now]


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
