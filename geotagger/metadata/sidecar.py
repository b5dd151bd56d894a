"""XMP sidecars: files next to photos for tags that must not or cannot be embedded.

This module knows their paths and contents, and reads positions from them (`with_sidecars`);
`safe_write` writes them. A sidecar of another program
is extended as an embedded packet is (see `xmp`), with all its bytes preserved, or refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from geotagger.config import SidecarStyle
from geotagger.errors import CannotEmbedError, PhotoError
from geotagger.images.remote import RemotePath
from geotagger.images.scan import IMAGE_SUFFIXES, RAW_SUFFIXES
from geotagger.metadata.foreign_tags import NO_FOREIGN_TAGS, ForeignTags
from geotagger.metadata.safe_write.loading import opened
from geotagger.metadata.xmp.prediction import (
    gps_in,
    prediction_in,
    with_prediction,
    without_prediction,
)
from geotagger.metadata.xmp.removal import CleanedPacket
from geotagger.metadata.xmp.tags import PREDICTION, TRACK, XmpTags
from geotagger.metadata.xmp.times import time_in
from geotagger.printable import printable_path
from geotagger.types import PhotoMetadata, Point, SidecarVersion, TimeOrigin

SUFFIX = ".xmp"
_MAX_READ_BYTES = 32 << 20
_SAME_DEGREES = 2e-4  # 20 m: programs round a position when they copy it into a sidecar
_SUFFIXES = [
    spelling
    for suffix in sorted(IMAGE_SUFFIXES | RAW_SUFFIXES)
    for spelling in (suffix, suffix.upper(), suffix.title())
]


def sidecar_path(photo: Path, style: SidecarStyle = SidecarStyle.DARKTABLE) -> Path:
    """The path of the photo's sidecar, whether it exists or not.

    Raises:
        CannotEmbedError: Another photo would have the same sidecar.
    """
    if style == SidecarStyle.DARKTABLE:
        return photo.with_name(photo.name + SUFFIX)
    for other in (photo.with_suffix(suffix) for suffix in ["", *_SUFFIXES]):
        if other != photo and os.path.isfile(other) and not _is_same(other, photo):  # noqa: PTH113 long names raise
            raise CannotEmbedError(
                f"its sidecar {photo.stem}{SUFFIX} would also be that of {other.name} "
                f"(see --sidecar-style darktable)"
            )
    return photo.with_suffix(SUFFIX)


def existing_sidecars(photo: Path) -> list[Path]:
    """The existing sidecars of either style; photo.xmp may belong to another photo."""
    folder, both = photo.parent, dict.fromkeys((photo.name + SUFFIX, photo.stem + SUFFIX))
    names = (name for name in both if os.path.isfile(os.path.join(folder, name)))  # noqa: PTH113, PTH118 fast; long names raise
    return [photo.with_name(name) for name in names if name != photo.name]


def sidecar_versions(photo: Path) -> tuple[SidecarVersion, ...]:
    """The existing sidecars of either style as they are now."""
    versions = []
    for path in [] if isinstance(photo, RemotePath) else existing_sidecars(photo):
        try:
            status = path.stat()
        except OSError:
            continue
        versions.append(SidecarVersion(path.name, status.st_size, status.st_mtime_ns))
    return tuple(versions)


def with_sidecars(metadata: PhotoMetadata, photo: Path) -> PhotoMetadata:
    """The metadata of a photo with the position in its sidecars, and their time if it has none.

    Programs that use sidecars write there what a person has changed, and show it in place of what
    the photo holds. So a position of another program there counts before that of the photo, and
    photo.jpg.xmp before photo.xmp. Without one, a sidecar may hold a position that cannot be read,
    or a prediction of geotagger.
    """
    versions = sidecar_versions(photo)
    if not versions:
        return metadata
    metadata = replace(metadata, sidecars=versions)
    packets = {version.name: _packet(photo.with_name(version.name)) for version in versions}
    if not metadata.taken_at:
        times = filter(None, map(time_in, packets.values()))
        metadata = metadata.with_time(next(times, ""), TimeOrigin.XMP)
    positions = {name: gps for name, packet in packets.items() if (gps := gps_in(packet))}
    for name, gps in positions.items():
        if gps.point and not gps.is_prediction:
            return _at(metadata, gps.point, name, is_from_track=gps.is_from_track)
    is_measured = metadata.gps is not None and not metadata.gps_is_prediction
    if is_measured or metadata.gps_is_unread:
        return metadata
    kinds = {own.kind for packet in packets.values() if (own := prediction_in(packet))}
    if PREDICTION in kinds:
        metadata = replace(metadata, gps_is_prediction=True)
    if TRACK in kinds:
        metadata = replace(metadata, gps_is_from_track=True)
    for name, gps in sorted(positions.items(), key=lambda item: not item[1].is_unread):
        if gps.is_unread or (gps.problem and metadata.gps is None and not metadata.gps_problem):
            problem = f"in its sidecar {printable_path(Path(name))}: {gps.problem}"
            return replace(
                metadata, gps_problem=problem, gps_is_unread=gps.is_unread, gps_sidecar=name
            )
    return metadata


def _at(metadata: PhotoMetadata, point: Point, name: str, *, is_from_track: bool) -> PhotoMetadata:
    """The metadata with the position of a sidecar, unless the photo has the same itself."""
    own = None if metadata.gps_is_prediction else metadata.gps
    if own and max(abs(own.lat - point.lat), abs(own.lon - point.lon)) < _SAME_DEGREES:
        return metadata
    return metadata.with_position_of(name, point, is_from_track=is_from_track)


def _packet(path: Path) -> bytes:
    """The content of a sidecar; empty if it cannot be read."""
    try:
        with opened(path) as (file, _):
            return file.read(_MAX_READ_BYTES)
    except (OSError, PhotoError):
        return b""


def _is_same(one: Path, other: Path) -> bool:
    """Whether both names are one file: on a disk that ignores case, photo.JPG is photo.jpg."""
    return one.name.casefold() == other.name.casefold() and one.samefile(other)


@contextmanager
def _named_sidecar_errors() -> Iterator[None]:
    """Says in error messages that the sidecar is meant, not the photo."""
    try:
        yield
    except CannotEmbedError as error:
        raise CannotEmbedError(f"in its sidecar: {error}") from error


def sidecar_with(
    existing: bytes | None, tags: XmpTags, foreign: ForeignTags = NO_FOREIGN_TAGS
) -> bytes:
    """The content of the sidecar with a prediction.

    Args:
        existing: The present content; None if there is no sidecar yet.
        tags: The prediction.
        foreign: Tags of others in the photo itself, which the sidecar must not hide.

    Returns:
        `existing` itself if it holds the prediction already.

    Raises:
        CannotEmbedError: The existing sidecar cannot be extended.
    """
    if existing is not None and not existing.strip(b"\0 \t\r\n"):
        raise CannotEmbedError("its sidecar is empty: remove it")
    with _named_sidecar_errors():
        return with_prediction(existing, tags, padding_bytes=0, foreign=foreign)


def sidecar_without(existing: bytes) -> CleanedPacket:
    """The sidecar without the prediction; its packet is None if geotagger made the file.

    Raises:
        CannotEmbedError: The sidecar cannot be read.
    """
    with _named_sidecar_errors():
        return without_prediction(existing)
