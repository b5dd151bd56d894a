"""Completes the metadata of a photo with what other files and its name say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geotagger.metadata.sidecar import with_sidecars
from geotagger.times.capture_time import with_time

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.types import PhotoMetadata


def with_files_beside(metadata: PhotoMetadata, photo: Path) -> PhotoMetadata:
    """The metadata of a photo, with the position in its sidecars and a time if any is stated."""
    return with_time(with_sidecars(metadata, photo), photo)
