"""What leads from one version of a file back to an earlier one: the runs that both share, by place,
and the bytes that only the earlier one has. For writers whose changes we do not make ourselves.

A packed delta is a magic word, the SHA-256 of the earlier version (32 zeros: there was no file) and
a zlib stream of instructions, each two unsigned 64-bit numbers, little-endian: (offset, length)
copies that run of the later version; (2^64 - 1, length) is followed by so many bytes.
"""

from __future__ import annotations

import hashlib
import struct
import zlib

from geotagger.errors import CannotEmbedError

MAGIC = b"GTagDel1"
MAX_PACKED_BYTES = 1 << 20
"""More than this is not kept for one photo; writing it is refused."""
NO_FILE = ""

_STEP = struct.Struct("<QQ")
_LITERAL = (1 << 64) - 1
_ANCHOR = 32  # bytes of the earlier version that are looked for in the later one
_MAX_SEARCHES = 1024  # a rewritten file would need one every 32 bytes
_CHUNK = 1 << 16


def delta(later: bytes, earlier: bytes | None) -> bytes:
    """What makes `earlier` of `later`; None means that there was no file.

    Raises CannotEmbedError when it would be larger than MAX_PACKED_BYTES.
    """
    if earlier is None:
        return MAGIC + bytes(32)
    packed = MAGIC + hashlib.sha256(earlier).digest() + zlib.compress(_steps(later, earlier), 6)
    if len(packed) > MAX_PACKED_BYTES:
        size = f"{len(packed) / 1e6:.1f} MB"
        raise CannotEmbedError(f"the way back to the original would take {size} of the journal")
    return packed


def leads_to(packed: bytes) -> str | None:
    """SHA-256 of what the delta restores, NO_FILE when that is nothing; None: it is no delta."""
    if not packed.startswith(MAGIC) or len(packed) < len(MAGIC) + 32:
        return None
    digest = packed[len(MAGIC) : len(MAGIC) + 32]
    return digest.hex() if any(digest) else NO_FILE


def earlier_version(later: bytes, packed: bytes) -> bytes | None:
    """The earlier version; None when `later` is not the one that the delta was made for."""
    sha256 = leads_to(packed)
    if not sha256:
        return None
    try:
        restored = _follow(later, zlib.decompress(packed[len(MAGIC) + 32 :]))
    except (zlib.error, struct.error):
        return None
    return restored if hashlib.sha256(restored).hexdigest() == sha256 else None


def only_in_earlier(packed: bytes) -> int:
    """How many bytes of the earlier version the later one no longer has."""
    steps, pos, count = zlib.decompress(packed[len(MAGIC) + 32 :]), 0, 0
    while pos < len(steps):
        offset, length = _STEP.unpack_from(steps, pos)
        pos += _STEP.size
        if offset == _LITERAL:
            pos += length
            count += length
    return count


def _steps(later: bytes, earlier: bytes) -> bytes:
    steps = bytearray()
    pos, expected, literal_from, searches = 0, 0, 0, 0
    while pos < len(earlier):
        anchor = earlier[pos : pos + _ANCHOR]
        found = expected if later.startswith(anchor, expected) else -1
        if found < 0 and searches < _MAX_SEARCHES and anchor.strip(anchor[:1]):
            searches += 1
            found = max(later.find(anchor, expected), later.find(anchor, 0, expected))
        if found < 0:
            pos += _ANCHOR
            continue
        found, pos = _stretched_back(later, found, earlier, pos, literal_from)
        length = _shared(later, found, earlier, pos)
        steps += _literal(earlier[literal_from:pos]) + _STEP.pack(found, length)
        pos += length
        expected, literal_from = found + length, pos
    return bytes(steps + _literal(earlier[literal_from:]))


def _literal(run: bytes) -> bytes:
    return _STEP.pack(_LITERAL, len(run)) + run if run else b""


def _stretched_back(
    later: bytes, found: int, earlier: bytes, pos: int, limit: int
) -> tuple[int, int]:
    """An anchor was taken at a fixed step; the run may have begun before it."""
    while pos > limit and found and later[found - 1] == earlier[pos - 1]:
        found, pos = found - 1, pos - 1
    return found, pos


def _shared(later: bytes, at: int, earlier: bytes, pos: int) -> int:
    """Length of the run that both have from these places on."""
    length, size = 0, _CHUNK
    while size:
        one = later[at + length : at + length + size]
        if len(one) == size and one == earlier[pos + length : pos + length + size]:
            length += size
        else:
            size //= 2
    return length


def _follow(later: bytes, steps: bytes) -> bytes:
    parts, pos = [], 0
    while pos < len(steps):
        offset, length = _STEP.unpack_from(steps, pos)
        pos += _STEP.size
        if offset == _LITERAL:
            parts.append(steps[pos : pos + length])
            pos += length
        else:
            parts.append(later[offset : offset + length])
    return b"".join(parts)
