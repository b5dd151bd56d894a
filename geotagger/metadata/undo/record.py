"""The undo record: what takes a tagged photo back to the bytes it had.

It ends the EXIF block of every photo that geotagger wrote (in a TIFF file: the file), so that a
photo can be put back on another machine too; the journal keeps a second copy. Little-endian:

    8s magic   B version 2   B number of edits   2x   32s SHA-256 of the original file
    L where the EXIF block ends in the tagged file
    for each edit, in order: L start   L end   L length of the original bytes
    the original bytes of all edits
    L length of the whole record   L CRC-32 of all before

An edit says that bytes `start` to `end` of the tagged file were those original bytes. Version 1,
whose records are in photos tagged by geotagger 0.1, is read by `undo_v1`.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from geotagger.metadata.undo.edits import Edit, moved
from geotagger.metadata.undo.record_v1 import BlockRecord

_MAGIC = b"GTagUndo"
_VERSION = 2
_HEAD = struct.Struct("<8sBB2x32sL")
_EDIT = struct.Struct("<3L")
_END = struct.Struct("<2L")
MAX_EDITS = 255


@dataclass(frozen=True, slots=True)
class EditRecord:
    """How to restore one file, and how to know that it was restored."""

    sha256: str
    """Of the whole original file, hexadecimal."""
    edits: tuple[Edit, ...]
    block_end: int = 0
    """Of the tagged file's EXIF block."""

    def pack(self) -> bytes:
        """The record as it stands in the file."""
        sha256 = bytes.fromhex(self.sha256)
        head = _HEAD.pack(_MAGIC, _VERSION, len(self.edits), sha256, self.block_end)
        table = b"".join(_EDIT.pack(start, end, len(old)) for start, end, old in self.edits)
        body = head + table + b"".join(edit.new for edit in self.edits)
        body += struct.pack("<L", len(body) + _END.size)
        return body + struct.pack("<L", zlib.crc32(body))

    def edits_on(self, data: bytes) -> list[Edit]:
        """What is to be done to the tagged file. Raises ValueError when this is not that file."""
        if self.edits and self.edits[-1].end > len(data):
            raise ValueError("the undo record belongs to a longer file")
        return list(self.edits)

    def block_edits_on(self, block: bytes) -> list[Edit] | None:
        """Those on the EXIF block alone; None when it was new, so that all of it has to go."""
        start = self.block_end - len(block)
        touched = [e for e in self.edits if e.start <= self.block_end and e.end > start]
        if any(edit.start < start and edit.end >= self.block_end for edit in touched):
            return None
        inner = [e for e in touched if start <= e.start and e.end <= self.block_end]
        return moved(inner, -start)


UndoRecord = EditRecord | BlockRecord


def record_at_end(block: bytes) -> UndoRecord | None:
    """The record that ends `block`; None when it is missing, damaged or of a later version."""
    if len(block) < _HEAD.size + _END.size:
        return None
    size, crc = _END.unpack(block[-_END.size :])
    packed = block[-size:] if _HEAD.size + _END.size <= size <= len(block) else b""
    if not packed or zlib.crc32(packed[:-4]) != crc:
        return BlockRecord.at_end(block)
    magic, version, count, sha256, block_end = _HEAD.unpack_from(packed)
    table_end = _HEAD.size + count * _EDIT.size
    if (magic, version) != (_MAGIC, _VERSION) or table_end > size - _END.size:
        return None
    edits, at, pos = [], table_end, 0
    for start, end, length in _EDIT.iter_unpack(packed[_HEAD.size : table_end]):
        if not pos <= start <= end:
            return None
        edits.append(Edit(start, end, packed[at : at + length]))
        at, pos = at + length, end
    if at != size - _END.size:
        return None
    return EditRecord(sha256.hex(), tuple(edits), block_end)
