"""What an answer depends on besides the photo: when it changes, the answer is worked out again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import geotagger
from geotagger.vision.bundle.bundle import CARD_FILE, find_bundle

if TYPE_CHECKING:
    from geotagger.pipeline.run import RunOptions

HOW = frozenset({
    "paths", "reports", "thumbnails", "circles", "manifest", "models", "device", "text_device",
    "batch_size", "workers", "journal", "restart", "engine", "address",
})  # fmt: skip
"""Options that say where and how fast, not what. The bundles stand for `models`."""


def run_key(options: RunOptions) -> str:
    """The same for runs that give each photo the same row. Raises BundleError: there is no such."""
    asked = [(f.name, getattr(options, f.name)) for f in fields(options) if f.name not in HOW]
    parts = [program(), *(f"{name}={_told(value)}" for name, value in sorted(asked))]
    parts += [_hash((find_bundle(name) / CARD_FILE).read_bytes()) for name in options.models]
    return _hash("\n".join(parts).encode("utf-8", "surrogateescape"))


def answer_key(*parts: object) -> str:
    """The same for networks that say the same of the same file."""
    return _hash(repr((program(), *parts)).encode())


@cache
def program() -> str:
    """This very installation: its version, and the size and time of each of its files."""
    root = Path(geotagger.__file__).parent
    told = sorted(_files(str(root)))
    return _hash(repr((geotagger.__version__, told)).encode())


def _files(folder: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _files(entry.path)
            else:
                status = entry.stat()
                yield entry.path, status.st_size, status.st_mtime_ns


def _told(value: object) -> str:
    """An option as text; one that names a file, by what is in it."""
    if isinstance(value, str | Path) and str(value):
        try:
            return _hash(Path(value).read_bytes())
        except (OSError, ValueError):
            return str(value)
    return repr(value)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
