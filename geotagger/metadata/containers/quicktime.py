"""Reads when a QuickTime or MP4 file was made. Lenient and bounded; the video is not read.

Boxes: ISO/IEC 14496-12, 8.2 (`moov`, `mvhd`). Metadata keys: Apple, QuickTime File Format.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from geotagger.metadata.containers.heif import walk
from geotagger.times.dates import iso_time_with_zone, iso_utc

if TYPE_CHECKING:
    from typing import BinaryIO

_MAX_BOXES = 1000
_MAX_MOOV_BYTES = 32 << 20
_MAX_FILE_BYTES = 1 << 60
"""No file system has longer files, and none can be sought in farther."""
_FROM_1904_TO_1970_S = 2_082_844_800
_CREATION_KEY = b"com.apple.quicktime.creationdate"


def time_of_video(file: BinaryIO) -> str:
    """The time that a video was taken, ISO 8601; empty if it states none. Never raises ValueError.

    Returns:
        Local time with its UTC offset where the camera wrote it (Apple), else UTC.

    Raises:
        OSError: The file cannot be read.
    """
    moov = _moov(file)
    try:
        boxes = {name: moov[start:end] for name, start, end in walk(moov, 0, len(moov))}
        return iso_time_with_zone(_creation_date(boxes.get(b"meta", b""))) or _made(
            boxes.get(b"mvhd", b"")
        )
    except (ValueError, IndexError, struct.error):
        return ""


def _moov(file: BinaryIO) -> bytes:
    """The content of the box with all that is known about the movie; empty if there is none."""
    at = 0
    for _ in range(_MAX_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return b""
        size, name = struct.unpack_from(">L4s", head)
        content = 8
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack_from(">Q", head, 8)
            content = 16
        if name == b"moov":
            file.seek(at + content)
            return file.read(
                min(max(0, size - content), _MAX_MOOV_BYTES) if size else _MAX_MOOV_BYTES
            )
        at += size
        if size < content or at > _MAX_FILE_BYTES:
            return b""
    return b""


def _creation_date(meta: bytes) -> str:
    """The value of Apple's key in a `meta` box, which is a full box in MP4 but not in QuickTime."""
    start = 0 if meta[4:8] == b"hdlr" else 4
    boxes = {name: meta[begin:end] for name, begin, end in walk(meta, start, len(meta))}
    keys = boxes.get(b"keys", b"")
    names = [keys[begin:end] for _, begin, end in walk(keys, 8, len(keys))]
    if _CREATION_KEY not in names:
        return ""
    number = struct.pack(">L", names.index(_CREATION_KEY) + 1)
    values = boxes.get(b"ilst", b"")
    for name, begin, end in walk(values, 0, len(values)):
        if name == number:
            for kind, inner, close in walk(values, begin, end):
                if kind == b"data":
                    return values[inner + 8 : close].decode("utf-8", "replace")
    return ""


def _made(mvhd: bytes) -> str:
    """The creation time in the movie header, in UTC; 0 means unknown."""
    seconds = struct.unpack_from(">Q" if mvhd[:1] == b"\1" else ">L", mvhd, 4)[0]
    return iso_utc(seconds - _FROM_1904_TO_1970_S) if seconds else ""
