"""Completes the metadata of a photo with what other files and its name say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geotagger.metadata.sidecar import sidecar_versions, with_sidecars
from geotagger.records.beside import record_files, with_record
from geotagger.times.capture_time import with_time

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.types import PhotoMetadata, SidecarVersion


def with_files_beside(metadata: PhotoMetadata, photo: Path) -> PhotoMetadata:
    """The metadata of a photo, with the position in its sidecars or its record, and a time if any
    is stated."""
    return with_time(with_positions_beside(metadata, photo), photo)


def with_positions_beside(metadata: PhotoMetadata, photo: Path) -> PhotoMetadata:
    """The metadata of a photo with the position, and the time, in its sidecars or its record."""
    return with_record(with_sidecars(metadata, photo), photo)


def versions_beside(photo: Path) -> tuple[SidecarVersion, ...]:
    """The sidecars and records of a photo as they are now."""
    return (*sidecar_versions(photo), *(file.version for file in record_files(photo)))
