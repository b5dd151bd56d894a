"""The chunks of a WebP file (RFC 9649): the strict reader that writing relies on."""

from __future__ import annotations

import struct
from typing import NamedTuple

from geotagger.errors import CannotEmbedError
from geotagger.metadata.undo.edits import Edit, moved

_EXIF_HEADER = b"Exif\0\0"  # some writers put it in front, as in JPEG
_HAS_ALPHA, _HAS_EXIF, _HAS_XMP = 0x10, 0x08, 0x04
_MAX_CHUNKS = 100_000


class Chunk(NamedTuple):
    """One chunk; positions in bytes from the start of the file. `end` is before the padding."""

    name: bytes
    start: int
    payload: int
    end: int

    @property
    def padded_end(self) -> int:
        return self.end + (self.end - self.payload) % 2


def chunks(data: bytes) -> list[Chunk]:
    """The chunks of the file. Raises CannotEmbedError where it does not follow the standard."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise CannotEmbedError("it is not a WebP file")
    (size,) = struct.unpack_from("<L", data, 4)
    end, pos = 8 + size, 12
    if end > len(data):
        raise CannotEmbedError("the WebP is cut off")
    found: list[Chunk] = []
    while pos < end:
        if pos + 8 > end or len(found) >= _MAX_CHUNKS:
            raise CannotEmbedError(f"the WebP has junk between its chunks (byte {pos})")
        name, length = struct.unpack_from("<4sL", data, pos)
        found.append(Chunk(name, pos, pos + 8, pos + 8 + length))
        pos = found[-1].padded_end
    if pos != end or not found or found[0].name not in (b"VP8 ", b"VP8L", b"VP8X"):
        raise CannotEmbedError("the WebP does not follow the standard")
    return found


class Webp:
    """Where the metadata of a WebP file stands. Raises CannotEmbedError when the file is odd."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.chunks = chunks(data)
        self.exif_chunk = self._only(b"EXIF")

    @property
    def exif(self) -> bytes | None:
        found = self.exif_chunk
        return self.data[self._tiff_at(found) : found.end] if found else None

    @property
    def xmp(self) -> bytes | None:
        """The packet. Raises CannotEmbedError when no other may stand in its place."""
        found = self._only(b"XMP ")
        return self.data[found.payload : found.end] if found else None

    def _only(self, name: bytes) -> Chunk | None:
        found = [chunk for chunk in self.chunks if chunk.name == name]
        if len(found) > 1:
            raise CannotEmbedError(f"the WebP has more than one {name.decode().strip()} chunk")
        return found[0] if found else None

    def _tiff_at(self, chunk: Chunk) -> int:
        header = self.data.startswith(_EXIF_HEADER, chunk.payload, chunk.end)
        return chunk.payload + (len(_EXIF_HEADER) if header else 0)

    def refuse_fragile(self) -> None:
        """Raises CannotEmbedError when a changed EXIF block would break something."""
        if any(chunk.name == b"C2PA" for chunk in self.chunks):
            raise CannotEmbedError("it carries signed content credentials (C2PA/JUMBF)")

    def edits(self, exif: list[Edit] | None, xmp: list[Edit] | None) -> list[Edit]:
        """Edits of the EXIF block and of the packet, as edits of the file.

        Each is one insertion at 0 where there was none, empty to change nothing, and None to take
        all of it out. Raises CannotEmbedError.
        """
        old, packet = self.exif_chunk, self._only(b"XMP ")
        end = self.chunks[-1].padded_end
        # The standard wants EXIF before XMP, and both behind the picture.
        before = packet.start if packet and packet.start >= self._picture_end() else end
        found = self._header_edits(exif, xmp)
        if exif != []:
            found += _chunk_edits(old, b"EXIF", self._tiff_at(old) if old else 0, before, exif)
        if xmp != []:
            found += _chunk_edits(packet, b"XMP ", packet.payload if packet else 0, end, xmp)
        found.sort(key=lambda edit: edit.start)
        growth = sum(len(new) - (stop - start) for start, stop, new in found)
        return [Edit(4, 8, struct.pack("<L", end - 8 + growth)), *found]

    def _picture_end(self) -> int:
        picture = (b"VP8 ", b"VP8L", b"ALPH", b"ANMF")
        ends = [chunk.padded_end for chunk in self.chunks if chunk.name in picture]
        return max(ends, default=0)

    def _header_edits(self, exif: list[Edit] | None, xmp: list[Edit] | None) -> list[Edit]:
        """Tells in VP8X what the file will hold; a simple file gets one."""
        flags, cleared = 0, 0
        for edits, flag in ((exif, _HAS_EXIF), (xmp, _HAS_XMP)):
            flags |= flag if edits else 0
            cleared |= flag if edits is None else 0
        first = self.chunks[0]
        if first.name == b"VP8X":
            if first.end - first.payload < 10:
                raise CannotEmbedError("the WebP does not follow the standard")
            new = bytes((self.data[first.payload] & ~cleared | flags,))
            return [Edit(first.payload, first.payload + 1, new)]
        width, height, has_alpha = self._simple_size(first)
        flags |= _HAS_ALPHA if has_alpha else 0
        size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        return [Edit(12, 12, b"VP8X" + struct.pack("<LL", 10, flags) + size)]

    def _simple_size(self, picture: Chunk) -> tuple[int, int, bool]:
        """(width, height, has alpha) of a file without VP8X (RFC 6386, 9.1; RFC 9649, 3.4)."""
        head = self.data[picture.payload : min(picture.end, picture.payload + 10)]
        if picture.name == b"VP8 " and head[3:6] == b"\x9d\x01\x2a" and len(head) == 10:
            width, height = (side & 0x3FFF for side in struct.unpack("<HH", head[6:]))
            if width and height:
                return width, height, False
        if picture.name == b"VP8L" and head[:1] == b"\x2f" and len(head) >= 5:
            (bits,) = struct.unpack_from("<L", head, 1)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
        raise CannotEmbedError("the WebP does not follow the standard")


def _chunk_edits(
    old: Chunk | None, name: bytes, block_at: int, at: int, edits: list[Edit] | None
) -> list[Edit]:
    """A chunk changed, taken out, or put in at byte `at`."""
    if edits is None:
        return [Edit(old.start, old.padded_end, b"")] if old else []
    if old is None:
        content = edits[0].new
        new = name + struct.pack("<L", len(content)) + content + bytes(len(content) % 2)
        return [Edit(at, at, new)]
    size = old.end - old.payload + sum(len(new) - (end - start) for start, end, new in edits)
    return [
        Edit(old.payload - 4, old.payload, struct.pack("<L", size)),
        *moved(edits, block_at),
        Edit(old.end, old.padded_end, bytes(size % 2)),
    ]
