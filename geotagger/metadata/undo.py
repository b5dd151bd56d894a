"""The undo record: what takes a tagged EXIF block back to the bytes it had.

The record is the last 60 bytes of every EXIF block that geotagger wrote, so that a photo can be put
back on another machine too; the journal keeps a second copy. Little-endian, whatever the block is:

    8s magic   B version   B kind   2x   L original length of the block   L patched at
    4s bytes before the patch   32s SHA-256 of the original file   L CRC-32 of all before

Kind 0: a block that was there and got longer. Kind 1: there was no EXIF block (all else is zero).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

_MAGIC = b"GTagUndo"
_VERSION = 1
_BODY = struct.Struct("<8sBB2xLL4s32s")
RECORD_BYTES = _BODY.size + 4


@dataclass(frozen=True, slots=True)
class UndoRecord:
    """How to restore one file, and how to know that it was restored."""

    sha256: str
    """Of the whole original file, hexadecimal."""
    tiff_bytes: int = 0
    """Length of the original EXIF block; 0: there was none."""
    patched_at: int = 0
    """Where in the block four bytes were replaced."""
    patched: bytes = bytes(4)
    """The four bytes that stood there."""

    def pack(self) -> bytes:
        body = _BODY.pack(
            _MAGIC,
            _VERSION,
            int(not self.tiff_bytes),
            self.tiff_bytes,
            self.patched_at,
            self.patched,
            bytes.fromhex(self.sha256),
        )
        return body + struct.pack("<L", zlib.crc32(body))

    def restore(self, tiff: bytes) -> bytes | None:
        """The original EXIF block (None: there was none). Only the file's SHA-256 proves it."""
        if not self.tiff_bytes:
            return None
        end = self.patched_at + 4
        return (tiff[: self.patched_at] + self.patched + tiff[end:])[: self.tiff_bytes]


def record_at_end(block: bytes) -> UndoRecord | None:
    """The record that ends `block`; None when it is missing, damaged or of a later version."""
    packed = block[-RECORD_BYTES:]
    body = packed[: _BODY.size]
    if len(packed) < RECORD_BYTES or packed[_BODY.size :] != struct.pack("<L", zlib.crc32(body)):
        return None
    magic, version, kind, tiff_bytes, patched_at, patched, sha256 = _BODY.unpack(body)
    if (magic, version, kind) != (_MAGIC, _VERSION, int(not tiff_bytes)):
        return None
    return UndoRecord(sha256.hex(), tiff_bytes, patched_at, patched)
