"""Removes only what geotagger wrote from a photo that another program has changed since.

`embed.original` restores the very original and is tried first. Where that is no longer possible,
nothing else may be lost: the EXIF block gets its original bytes back if everything that was
appended to it is unchanged; otherwise the tags are removed from their directories in place, so that
nothing moves.
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
from geotagger.metadata.xmp.packet import mentions_geotagger

_MAX_LAYERS = 16


class CleanedPhoto(NamedTuple):
    """A photo without what geotagger wrote."""

    data: bytes
    removed: tuple[str, ...]
    """What was removed, in words; empty: there was nothing, and `data` is unchanged."""


def without_own(data: bytes, without_prediction: Callable[[bytes], bytes | None]) -> CleanedPhoto:
    """Removes geotagger's GPS tags (recognised by their mark), undo record and XMP.

    Args:
        data: The whole file.
        without_prediction: Takes the XMP packet and returns it without geotagger's properties;
            None if nothing remains.

    Raises:
        CannotEmbedError: The file cannot be changed without risk; the text says why.
    """
    try:
        without_gps, what = _without_gps(data)
        cleaned = _without_xmp(open_container(without_gps), without_prediction)
        if cleaned is data:
            return CleanedPhoto(data, ())
        same = same_but_metadata(data, cleaned)
    except TiffError as error:
        raise CannotEmbedError(f"its EXIF block is damaged: {error}") from error
    if not same:
        raise CannotEmbedError("it would have changed more than EXIF and XMP")
    removed = [what] if without_gps != data else []
    return CleanedPhoto(cleaned, (*removed, *["XMP properties"] * (cleaned != without_gps)))


def _without_gps(data: bytes) -> tuple[bytes, str]:
    """(the photo without geotagger's EXIF tags, what these were)."""
    what = "undo record"
    for _ in range(_MAX_LAYERS):  # an earlier prediction may lie below the newest one
        container = open_container(data)
        if container.exif is None:
            break
        tiff = Tiff(container.exif)
        edits: list[Edit] | None = _gps_removal(tiff)
        what = "GPS tags" if edits else what
        if not isinstance(container, TiffFile):
            edits = _block_restoration(tiff, edits or [])
        if edits == []:
            break
        data = apply(data, container.edits(edits, []))
    return data, what


def _gps_removal(tiff: Tiff) -> list[Edit]:
    """Removes our tags from the GPS directory, and the pointer to it if nothing else is in it."""
    ifd0 = tiff.ifd(tiff.first)
    gps = tiff.child(ifd0, GPS_IFD)
    if gps is None or not gps_tags.is_own(tiff, gps):
        return []
    if all(entry.tag in gps_tags.OWN_TAGS for entry in gps.entries):
        return [_directory_without(tiff, ifd0, {GPS_IFD})]
    return [_directory_without(tiff, gps, gps_tags.OWN_TAGS)]


def _directory_without(tiff: Tiff, ifd: Ifd, tags: Collection[int]) -> Edit:
    """The directory without the entries `tags`, padded to its former length.

    Its next pointer moves up behind the last entry. What follows the last entry stays: some writers
    put values there, and no pointer.
    """
    kept = [tiff.raw(entry) for entry in ifd.entries if entry.tag not in tags]
    new = struct.pack(f"{tiff.order}H", len(kept)) + b"".join(kept)
    new += struct.pack(f"{tiff.order}L", ifd.next)
    return Edit(ifd.at, ifd.next_at, new.ljust(ifd.next_at - ifd.at, b"\0"))


def _block_restoration(tiff: Tiff, removal: list[Edit]) -> list[Edit] | None:
    """The edits that restore the original block, if no foreign tag is lost by that.

    Returns:
        None if the block was new and must go as a whole; else `removal` if a tag would be lost.
    """
    cleaned = Tiff(apply(tiff.data, removal))
    ifd0 = cleaned.ifd(cleaned.first)
    record = record_at_end(tiff.data)
    edits = record.block_edits(tiff.data) if record else removal
    if edits is None or (record is None and removal and not ifd0.entries):
        only_ours = {entry.tag for entry in ifd0.entries} <= NEW_BLOCK_TAGS and not ifd0.next
        return None if only_ours else removal
    try:
        earlier = Tiff(apply(tiff.data, edits))
        earlier.check()
        return edits if _tags(cleaned) <= _tags(earlier) else removal
    except TiffError:
        return removal


def _tags(tiff: Tiff) -> set[tuple[int, bytes]]:
    """(tag, raw entry) of IFD0 and of the GPS directory."""
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
        if mentions_geotagger(packet):
            raise
        cleaned = packet  # odd, but not ours
    if cleaned == packet:
        return container.data
    if container.xmp != packet:  # or this raises, with the reason
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
