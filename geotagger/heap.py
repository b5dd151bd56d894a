"""The heap of this process, as far as the C library of Linux (glibc) lets a program shape it.

glibc keeps freed memory for later. After a network was loaded that is as much as the network
itself, and each thread that decodes or reads keeps a heap of its own. On other systems nothing is
done.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of mallopt, from malloc.h
_LARGE_BYTES = 1 << 20


def limit_heap(heaps: int) -> None:
    """Let freed blocks of a megabyte go back to the system at once, and limit the heaps.

    It concerns the whole process, so commands call it and the Python API does not.

    Args:
        heaps: that all threads share.
    """
    library = _glibc()
    if library:
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        library.mallopt(_M_ARENA_MAX, heaps)


def trim_heap() -> None:
    """Give free memory back to the system."""
    library = _glibc()
    if library:
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None
