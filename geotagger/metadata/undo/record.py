"""The undo record: the edits that turn a tagged photo back into its original bytes.

The record ends the EXIF block of every photo that geotagger wrote (in a TIFF file: the file). So a
photo can be restored on another machine too. The write journal keeps a second copy. Little-endian:

    8s magic   B version 2   B number of edits   2x   32s SHA-256 of the original file
    L where the EXIF block ends in the tagged file
    for each edit, in order: L start   L end   L length of the original bytes
    the original bytes of all edits
    L length of the whole record   L CRC-32 of everything before

An edit says that bytes `start` to `end` of the tagged file were those original bytes. Files that
another program wrote (ExifTool), and sidecars, have a binary delta in the journal instead.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass

from geotagger.metadata.undo import delta
from geotagger.metadata.undo.edits import Edit, apply, shifted

_MAGIC = b"GTagUndo"
_VERSION = 2
_HEAD = struct.Struct("<8sBB2x32sL")
_EDIT = struct.Struct("<3L")
_END = struct.Struct("<2L")
MAX_EDITS = 255


@dataclass(frozen=True, slots=True)
class EditRecord:
    """How to restore one file, and how to check that the result is the original."""

    sha256: str
    """Of the original file, hexadecimal."""
    edits: tuple[Edit, ...]
    """On the tagged file."""
    block_end: int = 0
    """Byte after the EXIF block in the tagged file."""

    def pack(self) -> bytes:
        """The record as it is stored in the file."""
        sha256 = bytes.fromhex(self.sha256)
        head = _HEAD.pack(_MAGIC, _VERSION, len(self.edits), sha256, self.block_end)
        table = b"".join(_EDIT.pack(start, end, len(old)) for start, end, old in self.edits)
        body = head + table + b"".join(edit.new for edit in self.edits)
        body += struct.pack("<L", len(body) + _END.size)
        return body + struct.pack("<L", zlib.crc32(body))

    def restore(self, data: bytes) -> bytes | None:
        """The original of the tagged photo `data`; None if the result has another SHA-256."""
        if self.edits and self.edits[-1].end > len(data):
            return None  # the record belongs to a longer file
        original = apply(data, self.edits)
        return original if hashlib.sha256(original).hexdigest() == self.sha256 else None

    def block_edits(self, block: bytes) -> list[Edit] | None:
        """The edits of the EXIF block alone; None if the block was new and must go as a whole."""
        start = self.block_end - len(block)
        touching = [e for e in self.edits if e.start <= self.block_end and e.end > start]
        if any(edit.start < start and edit.end >= self.block_end for edit in touching):
            return None
        inside = [e for e in touching if start <= e.start and e.end <= self.block_end]
        return shifted(inside, -start)


def record_at_end(block: bytes) -> EditRecord | None:
    """The record at the end of `block`; None if it is missing, damaged or of another version."""
    if len(block) < _HEAD.size + _END.size:
        return None
    size, crc = _END.unpack(block[-_END.size :])
    packed = block[-size:] if _HEAD.size + _END.size <= size <= len(block) else b""
    if not packed or zlib.crc32(packed[:-4]) != crc:
        return None
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


def original_sha256(packed: bytes) -> str:
    """SHA-256 of the original that a packed record or delta restores; empty for neither."""
    record = record_at_end(packed)
    return record.sha256 if record else delta.restores_sha256(packed) or ""


def original_from(packed: bytes, data: bytes) -> bytes | None:
    """The original of `data` by a packed record or delta; None if it was made for other bytes."""
    if delta.restores_sha256(packed) is not None:
        return delta.earlier_version(data, packed)
    record = record_at_end(packed)
    return record.restore(data) if record else None
