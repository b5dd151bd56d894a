"""Finds and reads the record beside a photo, and completes the photo's metadata with it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, NamedTuple

from geotagger.errors import PhotoError
from geotagger.images.remote import RemotePath
from geotagger.metadata.safe_write.loading import opened
from geotagger.printable import printable_path
from geotagger.records.names import RecordName, belongs, record_names
from geotagger.records.parse import NoRecordError, Record, parse_record
from geotagger.types import SidecarVersion, TimeOrigin

if TYPE_CHECKING:
    from geotagger.types import PhotoMetadata

_MAX_BYTES = 1 << 20


class FoundFile(NamedTuple):
    """A file that may be the record of a photo."""

    name: RecordName
    version: SidecarVersion
    """Its name is relative to the folder of the photo."""


def record_files(photo: Path) -> list[FoundFile]:
    """The files that may be the record of a photo, the most likely first."""
    if isinstance(photo, RemotePath):
        return []
    found, folder = [], photo.parent
    for name in record_names(photo.name):
        try:
            status = os.stat(os.path.join(folder, name.name))  # noqa: PTH116, PTH118 fast; long names raise
        except (OSError, ValueError):
            continue
        if S_ISREG(status.st_mode):
            version = SidecarVersion(name.name, status.st_size, status.st_mtime_ns)
            found.append(FoundFile(name, version))
    return found


def with_record(metadata: PhotoMetadata, photo: Path) -> PhotoMetadata:
    """The metadata of a photo with position and time of its record, where it lacks its own.

    What the camera measured counts before what a person set or the album estimated. The time of a
    record is UTC.
    """
    files = record_files(photo)
    if not files:
        return metadata
    versions = (file.version for file in files)
    metadata = replace(metadata, sidecars=(*metadata.sidecars, *versions))
    for name, _ in files:
        try:
            record = _read(photo.parent / name.name, name)
        except NoRecordError as error:
            return replace(metadata, record_problem=f"{_named(name)} {error}")
        if record is not None:
            return _completed(metadata, record, name)
    return metadata


def _read(path: Path, name: RecordName) -> Record | None:
    """The record; None if the file holds JSON of something else, or of another photo.

    Raises:
        NoRecordError: the file cannot be read.
    """
    try:
        with opened(path) as (file, _):
            data = file.read(_MAX_BYTES + 1)
    except (OSError, PhotoError) as error:
        raise NoRecordError(f"cannot be read: {error}") from error
    if len(data) > _MAX_BYTES:
        raise NoRecordError(f"is larger than {_MAX_BYTES >> 20} MiB")
    record = parse_record(data, is_ente=name.is_ente)
    is_of_other = record and name.title and not belongs(record.title, name.title)
    return None if is_of_other else record


def _completed(metadata: PhotoMetadata, record: Record, name: RecordName) -> PhotoMetadata:
    if record.problem:
        metadata = replace(metadata, record_problem=f"{_named(name)}: {record.problem}")
    metadata = metadata.with_time(metadata.gps_time, TimeOrigin.GPS)
    metadata = metadata.with_time(record.taken_at, TimeOrigin.RECORD)
    point = record.measured or record.stated
    if point is None or metadata.has_measured_gps:
        return metadata
    return metadata.with_position_of(name.name, point, is_stated=record.measured is None)


def _named(name: RecordName) -> str:
    return printable_path(Path(name.name))
