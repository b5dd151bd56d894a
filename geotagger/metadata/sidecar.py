"""XMP sidecars: files next to photos for tags that must not or cannot be embedded.

This module knows their paths and contents; `safe_write` writes them. A sidecar of another program
is extended as an embedded packet is (see `xmp`), with all its bytes preserved, or refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geotagger.config import SidecarStyle
from geotagger.errors import CannotEmbedError
from geotagger.images.scan import IMAGE_SUFFIXES, RAW_SUFFIXES
from geotagger.metadata.foreign_tags import NO_FOREIGN_TAGS, ForeignTags
from geotagger.metadata.xmp.prediction import with_prediction, without_prediction
from geotagger.metadata.xmp.removal import CleanedPacket
from geotagger.metadata.xmp.tags import XmpTags

SUFFIX = ".xmp"
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
        if other != photo and other.is_file() and not _is_same(other, photo):
            raise CannotEmbedError(
                f"its sidecar {photo.stem}{SUFFIX} would also be that of {other.name} "
                f"(see --sidecar-style darktable)"
            )
    return photo.with_suffix(SUFFIX)


def existing_sidecars(photo: Path) -> list[Path]:
    """The existing sidecars of either style; photo.xmp may belong to another photo."""
    both = (photo.with_name(photo.name + SUFFIX), photo.with_suffix(SUFFIX))
    paths = dict.fromkeys(path for path in both if path != photo)
    return [path for path in paths if os.path.isfile(path)]  # noqa: PTH113 long names raise


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
