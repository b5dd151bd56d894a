"""Binary deltas: restore an earlier version of a file from the later one.

Used where another program wrote the file (ExifTool), and for sidecars. The delta copies the runs
of bytes that both versions share and stores the bytes that only the earlier one has.

Packed form: a magic word, the SHA-256 of the earlier version (32 zero bytes: there was no file) and
a zlib stream of instructions. Each instruction is two unsigned 64-bit little-endian numbers:
(offset, length) copies that run of the later version; (2^64 - 1, length) is followed by `length`
literal bytes.
"""

from __future__ import annotations

import hashlib
import struct
import zlib

from geotagger.errors import CannotEmbedError

MAGIC = b"GTagDel1"
MAX_PACKED_BYTES = 1 << 20
"""A larger delta is not stored: the write is refused."""
NO_FILE = ""

_INSTRUCTION = struct.Struct("<QQ")
_LITERAL = (1 << 64) - 1
_ANCHOR_BYTES = 32  # of the earlier version, searched for in the later one
_MAX_SEARCHES = 1024  # a file that was rewritten as a whole would need one per anchor
_CHUNK_BYTES = 1 << 16


def delta(later: bytes, earlier: bytes | None) -> bytes:
    """The packed delta that restores `earlier` from `later`.

    Args:
        later: The file as it will be written.
        earlier: The file before; None if there was none.

    Raises:
        CannotEmbedError: The delta would be larger than MAX_PACKED_BYTES.
    """
    if earlier is None:
        return MAGIC + bytes(32)
    instructions = zlib.compress(_instructions(later, earlier), 6)
    packed = MAGIC + hashlib.sha256(earlier).digest() + instructions
    if len(packed) > MAX_PACKED_BYTES:
        size = f"{len(packed) / 1e6:.1f} MB"
        raise CannotEmbedError(f"undoing the write would take {size} of the journal")
    return packed


def restores_sha256(packed: bytes) -> str | None:
    """SHA-256 of the version that the delta restores.

    Returns:
        NO_FILE if there was no file before; None if `packed` is not a delta.
    """
    if not packed.startswith(MAGIC) or len(packed) < len(MAGIC) + 32:
        return None
    digest = packed[len(MAGIC) : len(MAGIC) + 32]
    return digest.hex() if any(digest) else NO_FILE


def earlier_version(later: bytes, packed: bytes) -> bytes | None:
    """The earlier version; None if the delta was not made for `later`."""
    sha256 = restores_sha256(packed)
    if not sha256:
        return None
    try:
        restored = _follow(later, zlib.decompress(packed[len(MAGIC) + 32 :]))
    except (zlib.error, struct.error):
        return None
    return restored if hashlib.sha256(restored).hexdigest() == sha256 else None


def _instructions(later: bytes, earlier: bytes) -> bytes:
    instructions = bytearray()
    pos, expected_at, literal_from, searches = 0, 0, 0, 0
    while pos < len(earlier):
        anchor = earlier[pos : pos + _ANCHOR_BYTES]
        at = expected_at if later.startswith(anchor, expected_at) else -1
        if at < 0 and searches < _MAX_SEARCHES and anchor.strip(anchor[:1]):
            searches += 1
            at = max(later.find(anchor, expected_at), later.find(anchor, 0, expected_at))
        if at < 0:
            pos += _ANCHOR_BYTES
            continue
        at, pos = _extended_back(later, at, earlier, pos, literal_from)
        length = _common_length(later, at, earlier, pos)
        instructions += _literal(earlier[literal_from:pos]) + _INSTRUCTION.pack(at, length)
        pos += length
        expected_at, literal_from = at + length, pos
    return bytes(instructions + _literal(earlier[literal_from:]))


def _literal(run: bytes) -> bytes:
    return _INSTRUCTION.pack(_LITERAL, len(run)) + run if run else b""


def _extended_back(later: bytes, at: int, earlier: bytes, pos: int, limit: int) -> tuple[int, int]:
    """Where the shared run starts in both. Anchors lie on a grid, so it may start earlier."""
    while pos > limit and at and later[at - 1] == earlier[pos - 1]:
        at, pos = at - 1, pos - 1
    return at, pos


def _common_length(later: bytes, at: int, earlier: bytes, pos: int) -> int:
    """Length of the run that both share from these positions on."""
    length, size = 0, _CHUNK_BYTES
    while size:
        one = later[at + length : at + length + size]
        if len(one) == size and one == earlier[pos + length : pos + length + size]:
            length += size
        else:
            size //= 2
    return length


def _follow(later: bytes, instructions: bytes) -> bytes:
    parts, pos = [], 0
    while pos < len(instructions):
        offset, length = _INSTRUCTION.unpack_from(instructions, pos)
        pos += _INSTRUCTION.size
        if offset == _LITERAL:
            parts.append(instructions[pos : pos + length])
            pos += length
        else:
            parts.append(later[offset : offset + length])
    return b"".join(parts)
