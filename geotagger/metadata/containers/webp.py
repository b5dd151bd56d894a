"""WebP files: the chunks of their RIFF container (RFC 9649).

One walker serves the lenient reader and the strict reader that writing relies on.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from geotagger.errors import CannotEmbedError
from geotagger.metadata.containers.jpeg import EXIF_HEADER
from geotagger.metadata.undo.edits import Edit, growth_of, shifted

_HAS_ALPHA, _HAS_EXIF, _HAS_XMP = 0x10, 0x08, 0x04
_MAX_CHUNKS = 100_000


class RiffChunk(NamedTuple):
    """One chunk; positions in bytes from the start of the file. `end` is before the padding."""

    name: bytes
    start: int
    payload: int
    end: int
    """By the length field; may lie behind the end of the file."""

    @property
    def padded_end(self) -> int:
        """`end`, rounded up to an even length."""
        return self.end + (self.end - self.payload) % 2


def walk(data: bytes, end: int) -> Iterator[RiffChunk]:
    """The chunks before byte `end`."""
    pos = 12
    while pos + 8 <= end:
        name, length = struct.unpack_from("<4sL", data, pos)
        chunk = RiffChunk(name, pos, pos + 8, pos + 8 + length)
        yield chunk
        pos = chunk.padded_end


def find_payload(data: bytes, name: bytes) -> bytes | None:
    """The content of the first chunk with that name. Lenient: ignores the size of the RIFF."""
    for chunk in islice(walk(data, len(data)), _MAX_CHUNKS):
        if chunk.name == name:
            return data[chunk.payload : chunk.end]
    return None


def strict_chunks(data: bytes) -> list[RiffChunk]:
    """The chunks of the file.

    Raises:
        CannotEmbedError: The file does not follow the standard.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise CannotEmbedError("it is not a WebP file")
    (size,) = struct.unpack_from("<L", data, 4)
    end, pos = 8 + size, 12
    if end > len(data):
        raise CannotEmbedError("the WebP is cut off")
    chunks: list[RiffChunk] = []
    for chunk in islice(walk(data, end), _MAX_CHUNKS):
        chunks.append(chunk)
        pos = chunk.padded_end
    if pos < end:
        raise CannotEmbedError(f"the WebP has junk between its chunks (byte {pos})")
    if pos != end or not chunks or chunks[0].name not in (b"VP8 ", b"VP8L", b"VP8X"):
        raise CannotEmbedError("the WebP does not follow the standard")
    return chunks


class WebpFile:
    """A WebP file whose metadata can be changed.

    Raises:
        CannotEmbedError: The file is odd.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.chunks = strict_chunks(data)
        self.exif_chunk = self._only(b"EXIF")

    @property
    def exif(self) -> bytes | None:
        """The EXIF block, from its TIFF header on."""
        chunk = self.exif_chunk
        return self.data[self._tiff_at(chunk) : chunk.end] if chunk else None

    @property
    def xmp(self) -> bytes | None:
        """The XMP packet. Raises CannotEmbedError if it cannot be replaced."""
        chunk = self._only(b"XMP ")
        return self.data[chunk.payload : chunk.end] if chunk else None

    def _only(self, name: bytes) -> RiffChunk | None:
        chunks = [chunk for chunk in self.chunks if chunk.name == name]
        if len(chunks) > 1:
            raise CannotEmbedError(f"the WebP has more than one {name.decode().strip()} chunk")
        return chunks[0] if chunks else None

    def _tiff_at(self, chunk: RiffChunk) -> int:
        """Start of the EXIF block; some writers put the header of JPEG before it."""
        has_header = self.data.startswith(EXIF_HEADER, chunk.payload, chunk.end)
        return chunk.payload + (len(EXIF_HEADER) if has_header else 0)

    def refuse_fragile(self) -> None:
        """Refuses files in which a changed EXIF block would break something.

        Raises:
            CannotEmbedError: The text says what.
        """
        if any(chunk.name == b"C2PA" for chunk in self.chunks):
            raise CannotEmbedError("it carries signed content credentials (C2PA/JUMBF)")

    def edits(self, exif: list[Edit] | None, xmp: list[Edit] | None) -> list[Edit]:
        """Turns edits of the EXIF block and of the XMP packet into edits of the file.

        Args:
            exif: One insertion at 0 if there is no block yet; empty: no change; None: remove it.
            xmp: The same for the packet.

        Raises:
            CannotEmbedError: The content cannot be replaced.
        """
        block, packet = self.exif_chunk, self._only(b"XMP ")
        end = self.chunks[-1].padded_end
        # The standard wants EXIF before XMP, and both behind the picture.
        exif_at = packet.start if packet and packet.start >= self._picture_end() else end
        edits = self._header_edits(exif, xmp)
        if exif != []:
            content_at = self._tiff_at(block) if block else 0
            edits += _chunk_edits(block, b"EXIF", content_at, exif_at, exif)
        if xmp != []:
            content_at = packet.payload if packet else 0
            edits += _chunk_edits(packet, b"XMP ", content_at, end, xmp)
        edits.sort(key=lambda edit: edit.start)
        riff_size = struct.pack("<L", end - 8 + growth_of(edits))
        return [Edit(4, 8, riff_size), *edits]

    def _picture_end(self) -> int:
        picture = (b"VP8 ", b"VP8L", b"ALPH", b"ANMF")
        ends = [chunk.padded_end for chunk in self.chunks if chunk.name in picture]
        return max(ends, default=0)

    def _header_edits(self, exif: list[Edit] | None, xmp: list[Edit] | None) -> list[Edit]:
        """Sets the flags of VP8X for EXIF and XMP; a file without VP8X gets one."""
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

    def _simple_size(self, picture: RiffChunk) -> tuple[int, int, bool]:
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
    old: RiffChunk | None, name: bytes, content_at: int, new_at: int, edits: list[Edit] | None
) -> list[Edit]:
    """Changes a chunk with content from `content_at` on, removes it, or inserts it at `new_at`."""
    if edits is None:
        return [Edit(old.start, old.padded_end, b"")] if old else []
    if old is None:
        content = edits[0].new
        new = name + struct.pack("<L", len(content)) + content + bytes(len(content) % 2)
        return [Edit(new_at, new_at, new)]
    size = old.end - old.payload + growth_of(edits)
    return [
        Edit(old.payload - 4, old.payload, struct.pack("<L", size)),
        *shifted(edits, content_at),
        Edit(old.end, old.padded_end, bytes(size % 2)),
    ]
