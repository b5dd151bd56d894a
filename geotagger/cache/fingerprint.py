"""Fingerprints of this program and of what a model output depends on besides the file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from geotagger.version import __version__

_PACKAGE = Path(__file__).parent.parent


def output_key(*parts: object) -> str:
    """Key of a network's outputs: equal for networks that give the same output for the same file.

    Args:
        parts: all that the output depends on (model files, input size, crops).

    Returns:
        A SHA-256 in hexadecimal. It also covers this installation, see `program_fingerprint`.
    """
    return sha256_of(repr((program_fingerprint(), *parts)).encode())


@cache
def program_fingerprint() -> str:
    """SHA-256 of this installation: its version, and the size and time of each of its files."""
    return sha256_of(repr((__version__, sorted(_files(str(_PACKAGE))))).encode())


def sha256_of(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _files(folder: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _files(entry.path)
            else:
                status = entry.stat()
                yield entry.path, status.st_size, status.st_mtime_ns
