"""The heap: freed memory goes back to the system where the C library can do it."""

import subprocess
import sys

import pytest

from geotagger import heap

SCRIPT = """
import ctypes, sys
from geotagger.heap import limit_heap, trim_heap

def resident_kib():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

{limit}
fill, large, kept = b"x" * {size}, [], []
start = resident_kib()
for _ in range({count}):
    large.append(bytearray(fill))
    kept.append(bytearray(2000))  # between the large blocks, so that the heap cannot shrink
del large
{trim}
print(resident_kib() - start)
"""


def left_kib(size, count, *, limit="", trim=""):
    """What is still resident after `count` blocks of `size` bytes were freed."""
    script = SCRIPT.format(size=size, count=count, limit=limit, trim=trim)
    return int(subprocess.check_output([sys.executable, "-c", script]))


@pytest.mark.skipif(heap._glibc() is None, reason="no glibc")
def test_free_memory_goes_back_when_the_heap_is_trimmed():
    assert left_kib(60_000, 1000) > 50_000
    assert left_kib(60_000, 1000, trim="trim_heap()") < 15_000


@pytest.mark.skipif(heap._glibc() is None, reason="no glibc")
def test_large_blocks_stay_outside_the_heap_whatever_was_freed_before():
    freed = "block = bytearray(30 << 20); del block"  # from then on glibc takes such blocks from it
    assert left_kib(8 << 20, 6, limit=freed) > 30_000
    assert left_kib(8 << 20, 6, limit=f"limit_heap(2); {freed}") < 15_000


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(heap.sys, "platform", "darwin")
    heap._glibc.cache_clear()
    try:
        assert heap._glibc() is None
        heap.limit_heap(2)
        heap.trim_heap()
    finally:
        monkeypatch.undo()
        heap._glibc.cache_clear()
