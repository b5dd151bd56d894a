"""A parser that is fuzzed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """One parser."""

    valid: Mapping[str, bytes]
    """Valid files by suffix."""
    read: Callable[[Path], object]
    """Reads a file, and refuses it with a GeotaggerError that names it."""
    nameless: bool = False
    """The parser does not know the name of the file."""
    packed: bool = False
    """The parser expects zlib data; most cases are damaged first and compressed then."""
