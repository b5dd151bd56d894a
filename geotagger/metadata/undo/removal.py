"""Takes out of a photo only what is geotagger's, after another program has changed the file too.

`restore` of `embed` gives the very original back, and comes first. Where that cannot be had any
more, nothing else may be lost: the EXIF block is put back to its original bytes when all that was
appended to it is still as it was; else the tags are taken out of their directories in place, so
that nothing moves.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection
from typing import NamedTuple

from geotagger.errors import CannotEmbedError
from geotagger.metadata.containers.locate import xmp_packet
from geotagger.metadata.containers.tiff import TiffFile
from geotagger.metadata.embed import Container, open_container
from geotagger.metadata.exif import gps_tags
from geotagger.metadata.exif.ifd import GPS_IFD, XMP_PACKET, Ifd, Tiff, TiffError
from geotagger.metadata.exif.patch import NEW_BLOCK_TAGS
from geotagger.metadata.safe_write.verify import same_but_metadata
from geotagger.metadata.undo.edits import Edit, apply, difference
from geotagger.metadata.undo.record import record_at_end
from geotagger.metadata.xmp.tree import GEOTAGGER

_MAX_LAYERS = 16


class Removed(NamedTuple):
    """A photo without what was geotagger's."""

    data: bytes
    what: tuple[str, ...]
    """What was taken out, in words; empty: there was nothing, and `data` is as it was."""


def without_own(data: bytes, without_prediction: Callable[[bytes], bytes | None]) -> Removed:
    """The photo without our GPS tags (told by their mark) and without our XMP.

    `without_prediction` takes the packet and returns what is not ours of it, None when that is
    nothing. Raises CannotEmbedError, with the reason, when the file cannot be changed without risk.
    """
    try:
        without_gps, block = _without_gps(data)
        cleaned = _without_xmp(open_container(without_gps), without_prediction)
        if cleaned is data:
            return Removed(data, ())
        same = same_but_metadata(data, cleaned)
    except TiffError as error:
        raise CannotEmbedError(f"its EXIF block is damaged: {error}") from error
    if not same:
        raise CannotEmbedError("it would have changed more than EXIF and XMP")
    what = [block] if without_gps != data else []
    return Removed(cleaned, (*what, *["XMP properties"] * (cleaned != without_gps)))


def _without_gps(data: bytes) -> tuple[bytes, str]:
    """(the photo without our tags in EXIF, what it was that was there)."""
    what = "undo record"
    for _ in range(_MAX_LAYERS):  # a prediction may stand upon an earlier one
        container = open_container(data)
        if container.exif is None:
            break
        tiff = Tiff(container.exif)
        edits: list[Edit] | None = _gps_taken_out(tiff)
        what = "GPS tags" if edits else what
        if not isinstance(container, TiffFile):
            edits = _put_back(tiff, edits or [])
        if edits == []:
            break
        data = apply(data, container.edits(edits, []))
    return data, what


def _gps_taken_out(tiff: Tiff) -> list[Edit]:
    """Our tags out of the GPS directory; the pointer to it too where nothing else is in it."""
    ifd0 = tiff.ifd(tiff.first)
    gps = tiff.child(ifd0, GPS_IFD)
    if gps is None or not gps_tags.is_prediction(tiff, gps):
        return []
    if all(entry.tag in gps_tags.OWN_TAGS for entry in gps.entries):
        return [_directory_without(tiff, ifd0, {GPS_IFD})]
    return [_directory_without(tiff, gps, gps_tags.OWN_TAGS)]


def _directory_without(tiff: Tiff, ifd: Ifd, tags: Collection[int]) -> Edit:
    """The directory with fewer entries, in the same place and of the same length."""
    kept = [tiff.raw(entry) for entry in ifd.entries if entry.tag not in tags]
    end = ifd.next_at + 4
    new = struct.pack(f"{tiff.order}H", len(kept)) + b"".join(kept)
    new += tiff.data[ifd.next_at : end]
    return Edit(ifd.at, end, new.ljust(end - ifd.at, b"\0"))


def _put_back(tiff: Tiff, taken_out: list[Edit]) -> list[Edit] | None:
    """What makes the original of the block, where that loses nothing; None when it was new.

    Else what takes out the tags alone.
    """
    cleaned = Tiff(apply(tiff.data, taken_out))
    ifd0 = cleaned.ifd(cleaned.first)
    record = record_at_end(tiff.data)
    edits = record.block_edits_on(tiff.data) if record else taken_out
    if edits is None or (record is None and taken_out and not ifd0.entries):
        ours = {entry.tag for entry in ifd0.entries} <= NEW_BLOCK_TAGS and not ifd0.next
        return None if ours else taken_out
    try:
        earlier = Tiff(apply(tiff.data, edits))
        earlier.check()
        return edits if _tags(cleaned) <= _tags(earlier) else taken_out
    except TiffError:
        return taken_out


def _tags(tiff: Tiff) -> set[tuple[int, bytes]]:
    """(tag, entry) of IFD0 and of the GPS directory."""
    ifd0 = tiff.ifd(tiff.first)
    gps = tiff.child(ifd0, GPS_IFD)
    entries = [*ifd0.entries, *(gps.entries if gps else ())]
    return {(entry.tag, tiff.raw(entry)) for entry in entries if entry.tag != GPS_IFD}


def _without_xmp(
    container: Container, without_prediction: Callable[[bytes], bytes | None]
) -> bytes:
    packet = xmp_packet(container.data)
    if packet is None:
        return container.data
    try:
        cleaned = without_prediction(packet)
    except CannotEmbedError:
        if GEOTAGGER.encode() in packet.replace(b"\0", b""):  # UTF-16 has zeros between
            raise
        cleaned = packet  # an odd one, and not ours
    if cleaned == packet:
        return container.data
    if container.xmp != packet:  # or it raises, with the reason
        raise CannotEmbedError("its XMP packet cannot be written back")
    if isinstance(container, TiffFile):
        return apply(container.data, _packet_in_place(container, cleaned))
    edits = None if cleaned is None else difference(packet, cleaned)
    return apply(container.data, container.edits([], edits))


def _packet_in_place(file: TiffFile, packet: bytes | None) -> list[Edit]:
    if packet is None:
        return [_directory_without(file.tiff, file.ifd0, {XMP_PACKET})]
    entry = file.ifd0.entry(XMP_PACKET)
    assert entry is not None
    start, end = file.tiff.value_range(entry)
    if len(packet) > end - start or end - start <= 4:
        raise CannotEmbedError("its XMP packet has no room")
    length = struct.pack(f"{file.tiff.order}L", len(packet))
    edits = [Edit(entry.at + 4, entry.at + 8, length), Edit(start, end, packet.ljust(end - start))]
    return sorted(edits)
