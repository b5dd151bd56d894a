"""Reads a record: where and when an online album says that a photo was taken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from geotagger.metadata.coordinates import EmptyFixError, checked_point
from geotagger.times.dates import iso_utc
from geotagger.types import Point

_BOM = b"\xef\xbb\xbf"
_NOTHING = Raw(b"null")
_T = TypeVar("_T")


class NoRecordError(ValueError):
    """The file cannot be read as a record; the text says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """What an online album says of a photo."""

    title: str = ""
    """Name of the photo when it was uploaded."""
    measured: Point | None = None
    """What the camera measured (`geoDataExif`)."""
    stated: Point | None = None
    """What the album shows (`geoData`): as measured, set by a person, or estimated."""
    taken_at: str = ""
    """ISO 8601, UTC."""
    problem: str = ""
    """What in it cannot be read."""


class _Document(Struct, rename="camel"):
    """Members are decoded one by one, so that a bad one does not spoil the others."""

    title: Raw = _NOTHING
    photo_taken_time: Raw = _NOTHING
    creation_time: Raw = _NOTHING
    geo_data: Raw = _NOTHING
    geo_data_exif: Raw = _NOTHING


class _Position(Struct):
    latitude: float | None = None
    longitude: float | None = None


class _Moment(Struct):
    timestamp: float | None = None


def parse_record(data: bytes, *, is_ente: bool = False) -> Record | None:
    """Reads a record.

    Args:
        data: the file.
        is_ente: it is of Ente, whose `creationTime` is when the photo was taken. In Takeout that
            is when it was uploaded.

    Returns:
        None if it is JSON, but of something else.

    Raises:
        NoRecordError: it is no JSON.
    """
    try:
        document = msgspec.json.decode(data.removeprefix(_BOM), type=_Document)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise NoRecordError("is no sound JSON") from error
    problems: list[str] = []
    measured = _position(document.geo_data_exif, "geoDataExif", problems)
    stated = _position(document.geo_data, "geoData", problems)
    taken_at = _time(document.photo_taken_time, "photoTakenTime", problems)
    if is_ente and not taken_at:
        taken_at = _time(document.creation_time, "creationTime", problems)
    if not (measured or stated or taken_at or problems):
        return None
    return Record(_title(document.title), measured, stated, taken_at, "; ".join(problems))


def _position(raw: Raw, name: str, problems: list[str]) -> Point | None:
    """The position; None for 0, 0, which is how albums write that there is none."""
    try:
        found = _decoded(raw, _Position)
        if found is None or found.latitude is None or found.longitude is None:
            return None
        if not (math.isfinite(found.latitude) and math.isfinite(found.longitude)):
            raise ValueError
        return checked_point(found.latitude, found.longitude)
    except EmptyFixError:
        return None
    except ValueError:
        problems.append(f"{name} is no position")
        return None


def _time(raw: Raw, name: str, problems: list[str]) -> str:
    try:
        found = _decoded(raw, _Moment)
        if found is None or found.timestamp is None:
            return ""
        if not math.isfinite(found.timestamp):
            raise ValueError
        return iso_utc(found.timestamp)
    except ValueError:
        problems.append(f"{name} is no time")
        return ""


def _title(raw: Raw) -> str:
    try:
        return _decoded(raw, str) or ""
    except ValueError:
        return ""


def _decoded(raw: Raw, kind: type[_T]) -> _T | None:
    """A member; numbers may be text.

    Raises:
        ValueError: it is of another type.
    """
    try:
        return msgspec.json.decode(raw, type=kind | None, strict=False)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError from error
