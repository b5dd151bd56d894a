"""Undo records of version 1: photos that geotagger 0.1 tagged can still be restored. JPEG only.

    8s magic   B version   B kind   2x   L original length of the block   L patched at
    4s bytes before the patch   32s SHA-256 of the original file   L CRC-32 of all before

Kind 0: an EXIF block that was there and got longer. Kind 1: there was none (all else is zero).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from geotagger.errors import CannotEmbedError
from geotagger.metadata.containers import jpeg
from geotagger.metadata.undo.edits import Edit, moved

_MAGIC = b"GTagUndo"
_VERSION = 1
_BODY = struct.Struct("<8sBB2xLL4s32s")
_BYTES = _BODY.size + 4


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """How to restore one EXIF block."""

    sha256: str
    tiff_bytes: int = 0
    """Length of the original EXIF block; 0: there was none."""
    patched_at: int = 0
    """Where in the block four bytes were replaced."""
    patched: bytes = bytes(4)
    """The four bytes that stood there."""

    @staticmethod
    def at_end(block: bytes) -> BlockRecord | None:
        packed = block[-_BYTES:]
        body = packed[: _BODY.size]
        if len(packed) < _BYTES or packed[_BODY.size :] != struct.pack("<L", zlib.crc32(body)):
            return None
        magic, version, kind, tiff_bytes, patched_at, patched, sha256 = _BODY.unpack(body)
        if (magic, version, kind) != (_MAGIC, _VERSION, int(not tiff_bytes)):
            return None
        return BlockRecord(sha256.hex(), tiff_bytes, patched_at, patched)

    def pack(self) -> bytes:
        kind = int(not self.tiff_bytes)
        sha256 = bytes.fromhex(self.sha256)
        values = (kind, self.tiff_bytes, self.patched_at, self.patched, sha256)
        body = _BODY.pack(_MAGIC, _VERSION, *values)
        return body + struct.pack("<L", zlib.crc32(body))

    def block_edits_on(self, block: bytes) -> list[Edit] | None:
        """Those on the EXIF block alone; None when it was new, so that all of it has to go."""
        if not self.tiff_bytes:
            return None
        patch = Edit(self.patched_at, self.patched_at + 4, self.patched)
        return [patch, Edit(self.tiff_bytes, len(block), b"")]

    def edits_on(self, data: bytes) -> list[Edit]:
        """What is to be done to the tagged file. Raises ValueError when this is not that file."""
        try:
            exif = jpeg.exif_segment(data, jpeg.segments(data))
        except CannotEmbedError as error:
            raise ValueError(str(error)) from error
        if exif is None:
            raise ValueError("the EXIF block is gone")
        if not self.tiff_bytes:
            return [Edit(exif.start, exif.end, b"")]
        tiff_at = exif.payload + len(jpeg.EXIF_HEADER)
        if not self.patched_at + 4 <= self.tiff_bytes <= exif.end - tiff_at:
            raise ValueError("the EXIF block is another one")
        length = (2 + len(jpeg.EXIF_HEADER) + self.tiff_bytes).to_bytes(2)
        inner = self.block_edits_on(data[tiff_at : exif.end]) or []
        return [Edit(exif.payload - 2, exif.payload, length), *moved(inner, tiff_at)]
