"""TIFF photos and scans (TIFF 6.0): the whole file is the block that the patch is appended to."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from geotagger.errors import CannotEmbedError
from geotagger.metadata.exif.ifd import MAX_PAGES, XMP_PACKET, Ifd, Tiff, TiffError
from geotagger.metadata.undo.edits import Edit

_SUBFILE_TYPE, _COMPRESSION, _PHOTOMETRIC, _SUB_IFDS = 254, 259, 262, 330
_DNG_VERSION, _DNG_PRIVATE, _LEAF_NOTE, _C2PA = 0xC612, 0xC634, 0x8606, 0xCD41
_RAW_PHOTOMETRIC = frozenset({32803, 34892})  # colour filter array, linear RAW
_RAW_COMPRESSION = frozenset({32767, 32769, 32770, 34713, 34892, 65000, 65535})
_PIXELS = ((273, 279), (324, 325), (513, 514))  # offsets and lengths of strips, tiles, JPEG
_PIXEL_TAGS = frozenset(tag for pair in _PIXELS for tag in pair)
_MAX_SUB_IFDS, _MAX_STRIPS = 8, 1_000_000


class TiffFile:
    """A TIFF file whose metadata can be changed.

    Raises:
        CannotEmbedError: The file is odd.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        if data[:4] in (b"II+\0", b"MM\0+"):
            raise CannotEmbedError("BigTIFF files are not written into")
        try:
            self.tiff = Tiff(data)
            self.ifd0 = self.tiff.ifd(self.tiff.first)
        except TiffError as error:
            raise CannotEmbedError(f"the TIFF is damaged: {error}") from error

    @property
    def exif(self) -> bytes:
        """The EXIF block, which is the file."""
        return self.data

    @property
    def xmp(self) -> bytes | None:
        """The XMP packet. Raises CannotEmbedError if it cannot be replaced."""
        entries = [entry for entry in self.ifd0.entries if entry.tag == XMP_PACKET]
        if not entries:
            return None
        if len(entries) > 1 or entries[0].type not in (1, 7):
            raise CannotEmbedError("the TIFF has an odd XMP tag")
        try:
            return self.tiff.value(entries[0], max_bytes=len(self.data))
        except TiffError as error:
            raise CannotEmbedError(f"the TIFF is damaged: {error}") from error

    def edits(self, exif: list[Edit] | None, xmp: list[Edit] | None) -> list[Edit]:
        """Edits of the EXIF block are edits of the file; the XMP packet is a tag in it."""
        assert exif is not None
        assert not xmp
        return exif

    def refuse_fragile(self) -> None:
        """Refuses camera RAW, signed and damaged files.

        Raises:
            CannotEmbedError: It is camera RAW, or carries content credentials.
            TiffError: It is damaged.
        """
        if self.data[8:10] == b"CR" or self.data[8:12] in (b"IIII", b"MMMM"):
            raise CannotEmbedError("it is camera RAW")
        numbers = 0
        for ifd in self._pages_and_sub_ifds():
            numbers += sum(e.length for e in ifd.entries if e.tag in _PIXEL_TAGS)
            if numbers > _MAX_STRIPS:  # pages may share one table: a small file can claim many
                raise TiffError("the picture has too many parts")
            if ifd.entry(_C2PA):
                raise CannotEmbedError("it carries signed content credentials (C2PA/JUMBF)")
            if self._is_raw(ifd):
                raise CannotEmbedError("it is camera RAW")
            for offsets, lengths in _PIXELS:
                self._refuse_pixels_outside(ifd, offsets, lengths)
        self.tiff.check(MAX_PAGES)

    def _pages_and_sub_ifds(self) -> Iterator[Ifd]:
        yield from self.tiff.chain()
        for at in self._numbers(self.ifd0, _SUB_IFDS)[:_MAX_SUB_IFDS]:
            yield self.tiff.ifd(at)

    def _is_raw(self, ifd: Ifd) -> bool:
        if any(ifd.entry(tag) for tag in (_DNG_VERSION, _DNG_PRIVATE, _LEAF_NOTE)):
            return True
        reduced = self._numbers(ifd, _SUBFILE_TYPE)[:1] == (1,)
        if reduced and ifd.at == self.tiff.first and ifd.entry(_SUB_IFDS):
            return True  # the first picture is the preview of those in the SubIFDs
        photometric = self._numbers(ifd, _PHOTOMETRIC)[:1]
        compression = self._numbers(ifd, _COMPRESSION)[:1]
        return bool(
            _RAW_PHOTOMETRIC.intersection(photometric) or _RAW_COMPRESSION.intersection(compression)
        )

    def _numbers(self, ifd: Ifd, tag: int) -> tuple[int, ...]:
        """The values of a SHORT, LONG or IFD tag; empty if it is absent or of another type."""
        entry = ifd.entry(tag)
        letter = {3: "H", 4: "L", 13: "L"}.get(entry.type, "") if entry else ""
        if entry is None or not letter:
            return ()
        if entry.length > _MAX_STRIPS:
            raise TiffError("the picture has too many parts")
        raw = self.tiff.value(entry, max_bytes=4 * _MAX_STRIPS)
        return struct.unpack(f"{self.tiff.order}{entry.length}{letter}", raw)

    def _refuse_pixels_outside(self, ifd: Ifd, offsets_tag: int, lengths_tag: int) -> None:
        """Refuses a picture whose end is missing: appended bytes would become part of it."""
        offsets, lengths = self._numbers(ifd, offsets_tag), self._numbers(ifd, lengths_tag)
        if len(lengths) < len(offsets):
            lengths += (0,) * (len(offsets) - len(lengths))
        if any(at + size > len(self.data) for at, size in zip(offsets, lengths, strict=False)):
            raise TiffError("the picture ends behind the end of the file")
