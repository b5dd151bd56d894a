"""TIFF image file directories as EXIF uses them (TIFF 6.0, section 2; CIPA DC-008-2023, 4.6)."""

from __future__ import annotations

import struct
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from geotagger.metadata.coordinates import ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LITTLE_LONG, _BIG_LONG = struct.Struct("<L"), struct.Struct(">L")
_IFD = 13  # TIFF technical note 1: a LONG that points to a directory
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SLONG, SRATIONAL = 1, 2, 3, 4, 5, 7, 9, 10
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_NUMBERS = {1: "B", 3: "H", 4: "L", 5: "2L", 6: "b", 8: "h", 9: "l", 10: "2l", 11: "f", 12: "d"}
_NUMBERS |= {_IFD: "L"}

EXIF_IFD, GPS_IFD, INTEROP_IFD = 0x8769, 0x8825, 0xA005
_POINTERS = (EXIF_IFD, GPS_IFD, INTEROP_IFD)
XMP_PACKET = 700
_MAX_DIRECTORIES, MAX_PAGES, _MAX_ENTRIES = 32, 2000, 50_000
_CACHED_BLOCKS = 4  # of the photo being processed
_MAX_CACHED_BYTES = 1 << 16  # the block of a TIFF file is the whole file


class TiffError(ValueError):
    """The block does not follow the standard; the text says where."""


class IfdEntry(NamedTuple):
    """One 12-byte directory entry, at byte `at` of the block; `length` counts values, not bytes."""

    tag: int
    type: int
    length: int
    at: int


class Ifd(NamedTuple):
    """One image file directory. The pointer `next` to the next one is stored at byte `next_at`.

    `next` is 0 for a directory that a tag points to.
    """

    at: int
    entries: tuple[IfdEntry, ...]
    next_at: int
    next: int

    def entry(self, tag: int) -> IfdEntry | None:
        """The first entry with this tag."""
        return next((entry for entry in self.entries if entry.tag == tag), None)


class Tiff:
    """A block of bytes with a TIFF header. Raises TiffError if it has none."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._ifds: dict[tuple[int, bool], Ifd] = {}  # each is read once, and asked for often
        self.order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4], "")
        if not self.order or len(data) < 8:
            raise TiffError("bad TIFF header")
        self._unpack_long = (_LITTLE_LONG if self.order == "<" else _BIG_LONG).unpack_from
        self.first = self.long(4)

    def long(self, at: int) -> int:
        """The unsigned 32-bit number at byte `at`, which must be inside the block."""
        return int(self._unpack_long(self.data, at)[0])

    def ifd(self, at: int, *, has_next: bool = True) -> Ifd:
        """The directory at byte `at`. Raises TiffError if it is not completely inside the block."""
        if (at, has_next) not in self._ifds:
            self._ifds[at, has_next] = self._read_ifd(at, has_next)
        return self._ifds[at, has_next]

    def _read_ifd(self, at: int, has_next: bool) -> Ifd:
        if not 8 <= at <= len(self.data) - 2:
            raise TiffError(f"directory at byte {at} is outside the block")
        (count,) = struct.unpack_from(f"{self.order}H", self.data, at)
        next_at = at + 2 + 12 * count
        if next_at + 4 * has_next > len(self.data):
            raise TiffError(f"directory at byte {at} is cut off")
        table = struct.iter_unpack(f"{self.order}HHL4x", self.data[at + 2 : next_at])
        places = range(at + 2, next_at, 12)
        entries = tuple(
            IfdEntry(tag, kind, length, place)
            for (tag, kind, length), place in zip(table, places, strict=True)
        )
        return Ifd(at, entries, next_at, self.long(next_at) if has_next else 0)

    def raw(self, entry: IfdEntry) -> bytes:
        """The twelve bytes of the entry."""
        return self.data[entry.at : entry.at + 12]

    def value_range(self, entry: IfdEntry) -> tuple[int, int]:
        """Start and end of the entry's value in the block. Raises TiffError if it is outside."""
        size = _SIZES.get(entry.type, 0) * entry.length
        start = entry.at + 8 if size <= 4 else self.long(entry.at + 8)
        if start + size > len(self.data):
            raise TiffError(f"value of tag 0x{entry.tag:04X} is outside the block")
        return start, start + size

    def _checked_tags(self, ifd: Ifd) -> set[int]:
        """The tags of a directory. Raises TiffError if a value is outside the block."""
        end, size_of, long, tags = len(self.data), _SIZES.get, self._unpack_long, set()
        for tag, kind, length, at in ifd.entries:
            tags.add(tag)
            size = size_of(kind, 0) * length
            # Each entry is inside the block, and with it a value of up to four bytes.
            if size > 4 and long(self.data, at + 8)[0] + size > end:
                raise TiffError(f"value of tag 0x{tag:04X} is outside the block")
        return tags

    def value(self, entry: IfdEntry | None, max_bytes: int = 2048) -> bytes:
        """The raw value, cut at `max_bytes`; empty if there is no entry."""
        if entry is None:
            return b""
        start, end = self.value_range(entry)
        return self.data[start : min(end, start + max_bytes)]

    def numbers(self, entry: IfdEntry, max_values: int) -> list[float]:
        """The first values of a numeric entry; empty for text. 0/0 is not a number, n/0 infinite.

        Raises TiffError.
        """
        code = _NUMBERS.get(entry.type)
        if code is None:
            return []
        raw = self.value(entry, max_bytes=_SIZES[entry.type] * max_values)
        values = struct.iter_unpack(self.order + code, raw)
        return [ratio(*value) if len(value) == 2 else float(value[0]) for value in values]

    def pointer(self, parent: Ifd, tag: int) -> int:
        """Target of the pointer `tag`; 0 if there is none, or if it is 0, as some writers leave it.

        Raises:
            TiffError: It is not a single pointer.
        """
        pointers = [entry for entry in parent.entries if entry.tag == tag]
        if not pointers:
            return 0
        if len(pointers) > 1:
            raise TiffError(f"pointer 0x{tag:04X} occurs twice")
        (pointer,) = pointers
        if pointer.type not in (LONG, SLONG, _IFD) or pointer.length != 1:
            raise TiffError(f"pointer 0x{tag:04X} is not one LONG")
        return int(self.numbers(pointer, max_values=1)[0])

    def child(self, parent: Ifd, tag: int) -> Ifd | None:
        """The directory at the target of a pointer; None if there is none. Raises TiffError."""
        at = self.pointer(parent, tag)
        return self.sub_ifd(at) if at else None

    def sub_ifd(self, at: int) -> Ifd:
        """A directory that a tag points to. Its next pointer has no meaning and is ignored.

        Some writers leave it out (piexif) or fill it with -1 (FLIR). Raises TiffError.
        """
        return self.ifd(at, has_next=False)

    def chain(self, max_length: int = MAX_PAGES) -> Iterator[Ifd]:
        """IFD0 and the directories chained to it. Raises TiffError."""
        at, entries = self.first, 0
        for _ in range(max_length):
            yield (ifd := self.ifd(at))
            entries += len(ifd.entries)
            if not (at := ifd.next):
                return
            if entries > _MAX_ENTRIES:  # directories may overlap: a small file can claim many
                break
        raise TiffError("directories form a loop, or are too many")

    def check(self, max_directories: int = _MAX_DIRECTORIES) -> None:
        """Checks that every directory and every value lies inside the block.

        Follows IFD0, its chain, and the Exif, GPS and Interoperability directories of each.

        Raises:
            TiffError: One does not.
        """
        seen: set[int] = set()
        waiting, entries = [(self.first, True)], 0
        while waiting:
            at, has_next = waiting.pop()
            if at in seen or len(seen) >= max_directories or entries > _MAX_ENTRIES:
                raise TiffError("directories form a loop, or are too many")
            seen.add(at)
            ifd = self.ifd(at, has_next=has_next)
            entries += len(ifd.entries)
            tags = self._checked_tags(ifd)
            pointers = (self.pointer(ifd, tag) for tag in _POINTERS if tag in tags)
            waiting += [(target, False) for target in pointers if target]
            waiting += [(ifd.next, True)] if ifd.next else []


def read_tiff(block: bytes) -> Tiff:
    """The block, read once for the several modules that ask for it. Raises TiffError."""
    return _cached_tiff(block) if len(block) <= _MAX_CACHED_BYTES else Tiff(block)


_cached_tiff = lru_cache(_CACHED_BLOCKS)(Tiff)


def gps_directory(tiff: Tiff, ifd0: Ifd) -> tuple[Ifd | None, bool]:
    """The GPS directory, and whether IFD0 points to it, as the standard demands.

    ExifTool also finds one to which the Exif directory or IFD1 points. Raises TiffError.
    """
    gps = tiff.child(ifd0, GPS_IFD)
    if gps is not None:
        return gps, True
    for other in _other_parents(tiff, ifd0):
        try:
            if (gps := tiff.child(other, GPS_IFD)) is not None:
                return gps, False
        except TiffError:
            continue
    return None, True


def _other_parents(tiff: Tiff, ifd0: Ifd) -> Iterator[Ifd]:
    with suppress(TiffError):
        if exif := tiff.child(ifd0, EXIF_IFD):
            yield exif
    with suppress(TiffError):
        if ifd0.next:
            yield tiff.ifd(ifd0.next)


def encode(
    order: str,
    at: int,
    new: Mapping[int, tuple[int, bytes]],
    kept: Sequence[bytes] = (),
    next_ifd: int = 0,
) -> bytes:
    """Encodes a directory, followed by its new values (TIFF 6.0, section 2).

    Args:
        order: Byte order, < or >.
        at: Byte at which the directory will be stored.
        new: Tag -> (type, value in that byte order).
        kept: Raw entries of the same block; their values stay where they are.
        next_ifd: Byte of the next directory; 0: none.
    """
    tag_of = struct.Struct(f"{order}H").unpack_from
    values_at = at + 2 + 12 * (len(new) + len(kept)) + 4
    values = b""
    table = list(kept)
    for tag, (kind, value) in new.items():
        field = value.ljust(4, b"\0")
        if len(value) > 4:
            field = struct.pack(f"{order}L", values_at + len(values))
            values += value + b"\0" * (len(value) % 2)
        table.append(struct.pack(f"{order}HHL", tag, kind, len(value) // _SIZES[kind]) + field)
    table.sort(key=tag_of)
    count = struct.pack(f"{order}H", len(table))
    return count + b"".join(table) + struct.pack(f"{order}L", next_ifd) + values
