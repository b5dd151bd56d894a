"""The last check before a photo is replaced: nothing is lost, a second reader finds the tags."""

from __future__ import annotations

import io
import struct
import warnings
from typing import TYPE_CHECKING

from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from geotagger.errors import CannotEmbedError
from geotagger.metadata.containers.jpeg import APP1, EXIF_HEADER, XMP_HEADER, JpegFile
from geotagger.metadata.containers.png import XMP_KEYWORD, PngFile, for_pillow
from geotagger.metadata.containers.tiff import TiffFile
from geotagger.metadata.containers.webp import WebpFile
from geotagger.metadata.embed import open_container
from geotagger.metadata.exif.ifd import GPS_IFD, XMP_PACKET
from geotagger.metadata.undo.edits import results_in
from geotagger.metadata.undo.record import record_at_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geotagger.metadata.embed import Container, EmbedResult
    from geotagger.metadata.exif.gps_tags import GpsTags
    from geotagger.metadata.undo.edits import Edit

_LAT_REF, _LAT, _LON_REF, _LON, _AREA = 1, 2, 3, 4, 0x1C
_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8, 13: 4}  # of the TIFF types
_TOLERANCE_DEGREES = 1e-6
_MAX_PATCH_BYTES = 12  # one directory entry


def verify(result: EmbedResult) -> None:
    """Checks that only metadata changed, that it reads back, and that it can be undone.

    Raises:
        CannotEmbedError: One of these is not so; the file must not be written.
    """
    before, after = result.before, open_container(result.data)
    # Comparing bytes proves as much as comparing hashes, in a tenth of the time.
    if not results_in(result.data, result.record.edits, result.original):
        raise CannotEmbedError("the original could not have been restored")
    if not _only_metadata_changed(before, after, result.record.edits):
        raise CannotEmbedError("writing would have changed more than EXIF and XMP")
    if record_at_end(after.exif or b"") != result.record:
        raise CannotEmbedError("the original could not have been restored from the photo alone")
    if result.packet is not None and after.xmp != result.packet:
        raise CannotEmbedError("the XMP packet does not read back")
    try:
        picture, exif = _read_with_pillow(after)
        # A WebP may have got a new header; the others keep their size in a part that is unchanged.
        same_picture = not isinstance(after, WebpFile) or picture == _read_with_pillow(before)[0]
        has_tags = result.tags is None or _agrees(_gps_tags(exif), result.tags)
    except Exception as error:  # Pillow raises many kinds on odd files
        raise CannotEmbedError(f"another reader cannot open it ({error})") from error
    if not same_picture or not has_tags:
        raise CannotEmbedError("another EXIF reader does not find the tags again")


def same_but_metadata(before: bytes, after: bytes) -> bool:
    """Whether everything but EXIF, XMP and their sizes is the same.

    Raises:
        CannotEmbedError: One of the files cannot be read by its standard.
    """
    old, new = open_container(before), open_container(after)
    if isinstance(old, TiffFile) and isinstance(new, TiffFile):
        return _other_tags(old) == _other_tags(new)
    old_parts, new_parts = _other_parts(old), _other_parts(new)
    return [before[a:b] for a, b in old_parts] == [after[a:b] for a, b in new_parts]


def _only_metadata_changed(before: Container, after: Container, edits: Sequence[Edit]) -> bool:
    """Whether no undo edit touches the other parts, given that the edits restore the original.

    The directories of a TIFF are compared tag by tag, since IFD0 may be copied to the end; in the
    rest of the file only pointers are replaced.
    """
    if isinstance(before, TiffFile) and isinstance(after, TiffFile):
        small = all(len(edit.new) <= _MAX_PATCH_BYTES for edit in edits)
        return small and _other_tags(before) == _other_tags(after)
    old, new = _other_parts(before), _other_parts(after)
    if [end - start for start, end in old] != [end - start for start, end in new]:
        return False
    return not any(edit.start < end and edit.end > start for edit in edits for start, end in new)


def _other_tags(file: TiffFile) -> list[bytes]:
    changed, tiff = (GPS_IFD, XMP_PACKET), file.tiff
    return [tiff.raw(e) for ifd in tiff.chain() for e in ifd.entries if e.tag not in changed]


def _other_parts(container: Container) -> list[tuple[int, int]]:
    """Start and end of each part that must not change, in a file that is not TIFF."""
    data = container.data
    if isinstance(container, JpegFile):
        heads = (EXIF_HEADER, XMP_HEADER)
        return [
            *(
                (segment.start, segment.end)
                for segment in container.segments
                if segment.marker != APP1 or not data.startswith(heads, segment.payload)
            ),
            (container.segments[-1].end, len(data)),
        ]
    if isinstance(container, PngFile):
        return [
            *(
                (chunk.start, chunk.payload_end + 4)
                for chunk in container.chunks
                if chunk.name != b"eXIf" and not data.startswith(XMP_KEYWORD, chunk.payload)
            ),
            (container.chunks[-1].payload_end + 4, len(data)),
        ]
    assert isinstance(container, WebpFile)
    ours = (b"EXIF", b"XMP ", b"VP8X")  # Pillow checks what VP8X says
    chunks = container.chunks
    parts = [(chunk.start, chunk.end) for chunk in chunks if chunk.name not in ours]
    return [*parts, (chunks[-1].padded_end, len(data))]


def _read_with_pillow(container: Container) -> tuple[object, bytes]:
    """(format, size, mode and frames of the picture; its EXIF block). Decodes no pixel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(container, TiffFile):
            return None, container.data
        readers = {JpegFile: JpegImageFile, PngFile: PngImageFile}
        reader = readers.get(type(container), WebPImageFile)
        data = for_pillow(container.data) if isinstance(container, PngFile) else container.data
        with reader(io.BytesIO(data)) as image:
            picture = image.format, image.size, image.mode, getattr(image, "n_frames", 1)
            return picture, image.info.get("exif", b"")


def _gps_tags(exif: bytes) -> dict[int, object]:
    """The GPS tags that are compared: text, three numbers, or bytes.

    Shares no code with the writer. Pillow's reader would take five times as long.
    """
    block = exif.removeprefix(EXIF_HEADER)
    if not block:
        return {}
    order = "<" if block.startswith(b"II") else ">"
    (ifd0,) = struct.unpack_from(f"{order}L", block, 4)
    (gps,) = struct.unpack(f"{order}L", _values(block, order, ifd0).get(GPS_IFD, bytes(4)))
    found: dict[int, object] = {}
    for tag, raw in _values(block, order, gps).items() if gps else ():
        if tag in (_LAT, _LON):
            parts = struct.unpack(f"{order}6L", raw)
            found[tag] = tuple(parts[i] / parts[i + 1] for i in (0, 2, 4))
        elif tag in (_LAT_REF, _LON_REF):
            found[tag] = raw.rstrip(b"\0").decode("ascii")
        elif tag == _AREA:
            found[tag] = raw
    return found


def _values(block: bytes, order: str, ifd_at: int) -> dict[int, bytes]:
    """Tag -> raw value of the directory at byte `ifd_at` (TIFF 6.0, section 2)."""
    (count,) = struct.unpack_from(f"{order}H", block, ifd_at)
    table = block[ifd_at + 2 : ifd_at + 2 + 12 * count]
    values: dict[int, bytes] = {}
    for tag, kind, length, field in struct.iter_unpack(f"{order}HHL4s", table):
        size = _VALUE_BYTES.get(kind, 0) * length
        (at,) = struct.unpack(f"{order}L", field)
        values.setdefault(tag, field[:size] if size <= 4 else block[at : at + size])
    return values


def _agrees(gps: dict[int, object], tags: GpsTags) -> bool:
    """Whether the GPS tags that were read are those that were written."""
    try:
        if tags.note.encode("utf-8", "replace")[:50] not in gps[_AREA]:  # type: ignore[operator]
            return False
        if tags.point is None:
            return _LAT not in gps and _LON not in gps
        lat = _degrees(gps[_LAT], gps[_LAT_REF] == "S")
        lon = _degrees(gps[_LON], gps[_LON_REF] == "W")
    except (ValueError, TypeError, LookupError, ArithmeticError):
        return False
    return max(abs(lat - tags.point.lat), abs(lon - tags.point.lon)) < _TOLERANCE_DEGREES


def _degrees(parts: object, negative: bool) -> float:
    degrees, minutes, seconds = map(float, parts)  # type: ignore[call-overload]
    value = float(degrees + minutes / 60 + seconds / 3600)
    return -value if negative else value
