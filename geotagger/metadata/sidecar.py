"""XMP sidecars: the files beside photos that hold what must not or cannot be embedded.

Where they are, and what they are to hold; `write` puts them there. A sidecar of another program is
extended as an embedded packet is (see `xmp`), with all that it has kept byte for byte, or refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from geotagger.errors import CannotEmbedError
from geotagger.images.scan import IMAGE_SUFFIXES, RAW_SUFFIXES
from geotagger.metadata.xmp import prediction as xmp
from geotagger.metadata.xmp.prediction import Removal, XmpTags

SUFFIX = ".xmp"
_SUFFIXES = [
    spelling
    for suffix in sorted(IMAGE_SUFFIXES | RAW_SUFFIXES)
    for spelling in (suffix, suffix.upper(), suffix.title())
]


class Style(StrEnum):
    """How a sidecar is named after its photo."""

    DARKTABLE = "darktable"
    """photo.jpg.xmp, which darktable, digiKam and Immich read."""
    ADOBE = "adobe"
    """photo.xmp, which Lightroom and Bridge read for camera RAW."""


def sidecar_path(photo: Path, style: Style = Style.DARKTABLE) -> Path:
    """Where the photo's sidecar stands, whether it is there or not.

    Raises CannotEmbedError when another photo would have the same one.
    """
    if style == Style.DARKTABLE:
        return photo.with_name(photo.name + SUFFIX)
    for other in (photo.with_suffix(suffix) for suffix in ["", *_SUFFIXES]):
        if other != photo and other.is_file() and not _is_same(other, photo):
            raise CannotEmbedError(
                f"its sidecar {photo.stem}{SUFFIX} would also be that of {other.name} "
                f"(see --sidecar-style darktable)"
            )
    return photo.with_suffix(SUFFIX)


def sidecars_there(photo: Path) -> list[Path]:
    """The sidecars of either style that are there; photo.xmp may be that of another photo."""
    both = (photo.with_name(photo.name + SUFFIX), photo.with_suffix(SUFFIX))
    others = dict.fromkeys(path for path in both if path != photo)
    return [path for path in others if os.path.isfile(path)]  # noqa: PTH113 long names raise


def _is_same(one: Path, other: Path) -> bool:
    """On a disk that ignores case, photo.JPG is photo.jpg."""
    return one.name.casefold() == other.name.casefold() and one.samefile(other)


@contextmanager
def _sidecar_named() -> Iterator[None]:
    try:
        yield
    except CannotEmbedError as error:
        raise CannotEmbedError(f"in its sidecar: {error}") from error


def sidecar_bytes(existing: bytes | None, tags: XmpTags) -> bytes:
    """What the sidecar is to hold; None: there is none yet. `existing` itself if it says all this.

    Raises CannotEmbedError when the one that is there cannot be extended.
    """
    if existing is not None and not existing.strip(b"\0 \t\r\n"):
        raise CannotEmbedError("its sidecar is empty: remove it")
    with _sidecar_named():
        return xmp.with_prediction(existing, tags, padding_bytes=0)


def sidecar_without(existing: bytes) -> Removal:
    """The sidecar as it was. Its packet is None when geotagger made the file: it may be deleted.

    Raises CannotEmbedError for a sidecar that cannot be read.
    """
    with _sidecar_named():
        return xmp.without_prediction(existing)
