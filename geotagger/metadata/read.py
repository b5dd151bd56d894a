"""What a photo's own EXIF says: position, time, camera. Before any pixel is decoded."""

from __future__ import annotations

import re
import struct
from datetime import datetime
from typing import TYPE_CHECKING

from geotagger.metadata import gps_tags
from geotagger.metadata.containers import exif_block
from geotagger.metadata.tiff import EXIF_IFD, GPS_IFD, Tiff
from geotagger.records import Existing

if TYPE_CHECKING:
    from geotagger.metadata.tiff import Ifd
    from geotagger.records import Point

_MAKE, _MODEL, _TAKEN, _OFFSET = 0x010F, 0x0110, 0x9003, 0x9011
_DATE = re.compile(r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_UTC_OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d")
_MAX_NAME_CHARACTERS = 100


def read(data: bytes) -> Existing:
    """What the EXIF of a JPEG, TIFF, PNG, WebP, HEIF or AVIF file says.

    Never raises: what is damaged is left out.
    """
    try:
        tiff = Tiff(exif_block(data) or b"")
        ifd0 = tiff.ifd(tiff.first)
    except (ValueError, IndexError, struct.error):
        return Existing()
    gps, problem, predicted = _gps(tiff, ifd0)
    return Existing(gps, problem, predicted, _taken_at(tiff, ifd0), _camera(tiff, ifd0))


def _gps(tiff: Tiff, ifd0: Ifd) -> tuple[Point | None, str, bool]:
    """(position, why a GPS block that is there holds none, whether geotagger wrote it)."""
    try:
        gps = tiff.child(ifd0, GPS_IFD)
    except ValueError as error:
        return None, f"its GPS block is damaged: {error}", False
    if gps is None:
        return None, "", False
    predicted = False
    try:
        predicted = gps_tags.is_prediction(tiff, gps)
        if not gps_tags.has_position(gps):
            return None, "", predicted
        return gps_tags.position(tiff, gps), "", predicted
    except ValueError as error:
        return None, str(error), predicted


def _taken_at(tiff: Tiff, ifd0: Ifd) -> str:
    try:
        exif = tiff.child(ifd0, EXIF_IFD)
        written = _DATE.match(_text(tiff, exif, _TAKEN)) if exif else None
        if not exif or not written:
            return ""
        taken = datetime(*map(int, written.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return ""
    offset = _text(tiff, exif, _OFFSET)
    return taken.isoformat() + (offset if _UTC_OFFSET.fullmatch(offset) else "")


def _camera(tiff: Tiff, ifd0: Ifd) -> str:
    make, model = _text(tiff, ifd0, _MAKE), _text(tiff, ifd0, _MODEL)
    repeats_make = model and model.split()[0].casefold() in make.casefold().split()
    return model if repeats_make else f"{make} {model}".strip()


def _text(tiff: Tiff, ifd: Ifd, tag: int) -> str:
    try:
        raw = tiff.value(ifd.entry(tag)).split(b"\0")[0]
    except ValueError:
        return ""
    text = raw.decode("utf-8", "replace")[:_MAX_NAME_CHARACTERS]
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
