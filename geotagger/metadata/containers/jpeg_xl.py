"""Reads the size of a JPEG XL picture (ISO/IEC 18181-1, SizeHeader) without decoding it."""

from __future__ import annotations

import struct

from geotagger.metadata.containers import heif

_CODESTREAM = b"\xff\x0a"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_BITS = (9, 13, 18, 30)


def size_px(data: bytes) -> tuple[int, int]:
    """Width and height; (0, 0) if there is no codestream where it should be."""
    try:
        head = _codestream(data)[:16]
    except (IndexError, struct.error):
        return 0, 0
    if not head.startswith(_CODESTREAM):
        return 0, 0
    bits = _Bits(int.from_bytes(head[2:], "little"))
    is_small = bits.take(1)
    height = _length(bits, is_small)
    ratio = bits.take(3)
    if ratio:
        across, down = _RATIOS[ratio - 1]
        return height * across // down, height
    return _length(bits, is_small), height


class _Bits:
    """Reads numbers from the lowest bit on."""

    def __init__(self, value: int) -> None:
        self._value = value

    def take(self, count: int) -> int:
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        return taken


def _length(bits: _Bits, is_small: int) -> int:
    return 8 * (bits.take(5) + 1) if is_small else bits.take(_BITS[bits.take(2)]) + 1


def _codestream(data: bytes) -> bytes:
    if data.startswith(_CODESTREAM):
        return data[:32]
    for name, start, end in heif.walk(data, 0, len(data)):
        if name in (b"jxlc", b"jxlp"):
            return data[start + 4 * (name == b"jxlp") : min(end, start + 32)]
    return b""
