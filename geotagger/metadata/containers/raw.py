"""Finds the TIFF blocks in camera RAW files that are not plain TIFF.

Panasonic, Olympus: TIFF with another magic number. Canon CR3: boxes CMT1 (IFD0), CMT2 (Exif IFD)
and CMT4 (GPS IFD), each a TIFF block of its own (documented at github.com/lclevy/canon_cr3).
Fujifilm RAF: in the JPEG whose position stands in its header.
"""

from __future__ import annotations

_TIFF_HEADS = {b"IIU\0": b"II*\0", b"IIRO": b"II*\0", b"IIRS": b"II*\0", b"MMOR": b"MM\0*"}
_BOXES_WITHIN = 1 << 20
"""The boxes of a CR3 are at its beginning, before the pictures."""


def ifd0_block(data: bytes) -> bytes | None:
    """The block that begins with IFD0; None in formats that have it elsewhere (RAF, X3F, CRW)."""
    if data[:4] in (b"II*\0", b"MM\0*"):
        return data
    if data[:4] in _TIFF_HEADS:
        return _TIFF_HEADS[data[:4]] + data[4:]
    return cr3_block(data, b"CMT1")


def raf_jpeg(data: bytes) -> bytes | None:
    """The JPEG in a Fujifilm RAF, and what follows it; None in other files."""
    if not data.startswith(b"FUJIFILMCCD-RAW"):
        return None
    return data[int.from_bytes(data[84:88], "big") :]


def cr3_block(data: bytes, name: bytes) -> bytes | None:
    """The TIFF block in a box of a CR3; None if there is no such box."""
    if data[4:12] != b"ftypcrx ":
        return None
    at = data.find(name, 0, _BOXES_WITHIN)
    if at < 4:
        return None
    return data[at + 4 : at - 4 + int.from_bytes(data[at - 4 : at], "big")]
