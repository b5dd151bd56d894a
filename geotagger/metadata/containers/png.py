"""PNG files: their chunks (W3C PNG, third edition).

One walker serves the lenient reader and the strict reader that writing relies on.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from PIL.PngImagePlugin import MAX_TEXT_CHUNK

from geotagger.errors import CannotEmbedError
from geotagger.metadata.undo.edits import Edit, apply, shifted

SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP_KEYWORD = b"XML:com.adobe.xmp\0"
XMP_START = XMP_KEYWORD + bytes(4)
"""Keyword; not compressed, no language, no translated keyword (XMP part 3, 1.1.5)."""

_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
_PACKED_CHUNKS = (*_TEXT_CHUNKS, b"iCCP")
_MIN_LARGE_TEXT_BYTES = 1000  # Deflate packs at most 1032 bytes into one
_MAX_TEXT_CHECKS = 64  # more are left out unchecked
_SIGNED_CHUNKS = (b"caBX", b"dSIG")  # C2PA 2.1, A.3.3; PNG extensions 1.5
_HEXADECIMAL_EXIF = (b"Raw profile type exif\0", b"Raw profile type APP1\0")
_PICTURE_CHUNKS = frozenset({b"IDAT", b"fcTL", b"fdAT", b"iDOT", b"IEND"})
_MAX_PARTS = 100_000  # chunks that the lenient reader looks at
_MAX_CHUNKS = 50_000
_MAX_BLOCK_BYTES = 1 << 24


class PngChunk(NamedTuple):
    """One chunk; positions in bytes from the start of the file. A CRC follows the payload."""

    name: bytes
    start: int
    payload: int
    payload_end: int
    """By the length field; may lie behind the end of the file."""


def walk(data: bytes) -> Iterator[PngChunk]:
    """The chunks up to IEND, or to the end of the file."""
    pos = len(SIGNATURE)
    while pos + 8 <= len(data):
        size, name = struct.unpack_from(">L4s", data, pos)
        chunk = PngChunk(name, pos, pos + 8, pos + 8 + size)
        yield chunk
        if name == b"IEND":
            return
        pos = chunk.payload_end + 4  # the CRC


def find_payloads(data: bytes, name: bytes) -> Iterator[bytes]:
    """The content of each chunk with that name. Lenient."""
    for chunk in islice(walk(data), _MAX_PARTS):
        if chunk.name == name:
            yield data[chunk.payload : chunk.payload_end]


def for_pillow(data: bytes) -> bytes:
    """The file without the texts and colour profiles for which Pillow would refuse the picture.

    Those are larger than 1 MB, mostly when unpacked: editing histories of raw developers, profiles
    of printers. They are sound, and Pillow's limit is a global that cannot be set for one thread.
    """
    parts, done, checks = [], 0, 0
    for chunk in islice(walk(data), _MAX_PARTS):
        size = chunk.payload_end - chunk.payload
        if chunk.name not in _PACKED_CHUNKS or size < _MIN_LARGE_TEXT_BYTES:
            continue
        checks += 1
        is_small = checks <= _MAX_TEXT_CHECKS and _is_small_text(data, chunk)
        if not is_small and chunk.payload_end + 4 <= len(data):
            parts.append(data[done : chunk.start])
            done = chunk.payload_end + 4
    return b"".join([*parts, data[done:]]) if done else data


def _is_small_text(data: bytes, chunk: PngChunk) -> bool:
    payload = data[chunk.payload : chunk.payload_end]
    _, _, packed = payload.partition(b"\0")
    if chunk.name == b"iTXt":
        if packed[:1] != b"\1":
            return len(payload) <= MAX_TEXT_CHUNK
        packed = packed[2:].split(b"\0", 2)[-1]  # after two languages
    elif chunk.name == b"tEXt":
        return len(payload) <= MAX_TEXT_CHUNK
    else:
        packed = packed[1:]
    try:
        inflater = zlib.decompressobj()
        inflater.decompress(packed, MAX_TEXT_CHUNK)
    except zlib.error:
        return True  # Pillow decides
    return not inflater.unconsumed_tail


def strict_chunks(data: bytes) -> list[PngChunk]:
    """The chunks up to IEND.

    Raises:
        CannotEmbedError: The file does not follow the standard.
    """
    if not data.startswith(SIGNATURE):
        raise CannotEmbedError("it is not a PNG file")
    chunks: list[PngChunk] = []
    for chunk in walk(data):
        if not chunk.name.isalpha() or len(chunks) >= _MAX_CHUNKS:
            raise CannotEmbedError(f"the PNG has junk between its chunks (byte {chunk.start})")
        if chunk.payload_end + 4 > len(data):
            raise CannotEmbedError("the PNG is cut off")
        chunks.append(chunk)
    if not chunks or chunks[-1].name != b"IEND":
        raise CannotEmbedError("the PNG is cut off")
    if chunks[0].name != b"IHDR":
        raise CannotEmbedError("the PNG does not begin with IHDR")
    return chunks


class PngFile:
    """A PNG file whose metadata can be changed.

    Raises:
        CannotEmbedError: The file is odd.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.chunks = strict_chunks(data)
        exif_chunks = [chunk for chunk in self.chunks if chunk.name == b"eXIf"]
        if len(exif_chunks) > 1:
            raise CannotEmbedError("the PNG has more than one EXIF chunk")
        self.exif_chunk = exif_chunks[0] if exif_chunks else None

    @property
    def exif(self) -> bytes | None:
        """The EXIF block, from its TIFF header on."""
        chunk = self.exif_chunk
        return self.data[chunk.payload : chunk.payload_end] if chunk else None

    @property
    def xmp(self) -> bytes | None:
        """The XMP packet. Raises CannotEmbedError if it cannot be replaced."""
        chunk = self._xmp_chunk()
        return self.data[chunk.payload + len(XMP_START) : chunk.payload_end] if chunk else None

    def _xmp_chunk(self) -> PngChunk | None:
        chunks = self._texts(XMP_KEYWORD)
        if len(chunks) > 1 or self._texts(b"Raw profile type xmp\0"):
            raise CannotEmbedError("the PNG has more than one XMP packet, or one in hexadecimal")
        if not chunks:
            return None
        (xmp,) = chunks
        if xmp.name != b"iTXt" or not self._starts(xmp, XMP_START):
            raise CannotEmbedError("the XMP packet of the PNG is compressed or translated")
        self._refuse_unfit(xmp, "XMP")
        if self._picture_start() < xmp.start < self._picture_end():
            raise CannotEmbedError("the XMP chunk of the PNG is inside its picture")
        return xmp

    def _starts(self, chunk: PngChunk, start: bytes) -> bool:
        return self.data.startswith(start, chunk.payload, chunk.payload_end)

    def _texts(self, keyword: bytes) -> list[PngChunk]:
        texts = [chunk for chunk in self.chunks if chunk.name in _TEXT_CHUNKS]
        return [chunk for chunk in texts if self._starts(chunk, keyword)]

    def _refuse_unfit(self, chunk: PngChunk, name: str) -> None:
        crc = zlib.crc32(self.data[chunk.start + 4 : chunk.payload_end])
        if self.data[chunk.payload_end : chunk.payload_end + 4] != crc.to_bytes(4):
            raise CannotEmbedError(f"the {name} chunk of the PNG is damaged")
        if chunk.payload_end - chunk.payload > _MAX_BLOCK_BYTES:
            raise CannotEmbedError(f"the {name} chunk of the PNG is too large")

    def _picture_start(self) -> int:
        """Byte at which the chunks of the picture begin.

        Apple's iDOT holds the distance from itself to a later IDAT, so nothing may grow between.
        """
        return next(chunk.start for chunk in self.chunks if chunk.name in _PICTURE_CHUNKS)

    def _picture_end(self) -> int:
        """Start of the last chunk of the picture; IEND does not count."""
        picture = (chunk.start for chunk in self.chunks[:-1] if chunk.name in _PICTURE_CHUNKS)
        return max(picture, default=0)

    def refuse_fragile(self) -> None:
        """Refuses files in which a changed EXIF block would break or contradict something.

        Raises:
            CannotEmbedError: The text says what.
        """
        if any(chunk.name in _SIGNED_CHUNKS for chunk in self.chunks):
            raise CannotEmbedError("it carries signed content credentials (C2PA/JUMBF)")
        if any(self._texts(keyword) for keyword in _HEXADECIMAL_EXIF):
            raise CannotEmbedError("the PNG holds its EXIF as hexadecimal text")
        if self.exif_chunk:
            self._refuse_unfit(self.exif_chunk, "EXIF")
            if self.exif_chunk.start > self._picture_start():  # where few readers look
                raise CannotEmbedError("the EXIF chunk of the PNG comes after its picture")

    def edits(self, exif: list[Edit] | None, xmp: list[Edit] | None) -> list[Edit]:
        """Turns edits of the EXIF block and of the XMP packet into edits of the file.

        Args:
            exif: One insertion at 0 if there is no block yet; empty: no change; None: remove it.
            xmp: The same for the packet.

        Raises:
            CannotEmbedError: The content cannot be replaced.
        """
        edits = [] if exif == [] else self._chunk_edits(self.exif_chunk, b"eXIf", b"", exif)
        if xmp != []:
            edits += self._chunk_edits(self._xmp_chunk(), b"iTXt", XMP_START, xmp)
        return sorted(edits, key=lambda edit: edit.start)

    def _chunk_edits(
        self, old: PngChunk | None, name: bytes, start: bytes, edits: list[Edit] | None
    ) -> list[Edit]:
        """Changes a chunk whose content follows `start`, removes it, or inserts it."""
        if edits is None:
            return [Edit(old.start, old.payload_end + 4, b"")] if old else []
        if old is None:
            content = name + start + edits[0].new
            new = (len(content) - 4).to_bytes(4) + content + zlib.crc32(content).to_bytes(4)
            at = self._picture_start()
            return [Edit(at, at, new)]
        edits = shifted(edits, old.payload + len(start))
        in_chunk = shifted(edits, -old.start - 4)
        content = apply(self.data[old.start + 4 : old.payload_end], in_chunk)
        size, crc = (len(content) - 4).to_bytes(4), zlib.crc32(content).to_bytes(4)
        crc_at = old.payload_end
        return [
            Edit(old.start, old.start + 4, size),
            *edits,
            Edit(crc_at, crc_at + 4, crc),
        ]
