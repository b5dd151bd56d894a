"""Photos that cannot be used, and why."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_NAMED = 3
"""Photos that are named of those with the same reason."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A photo that is not used."""

    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


def describe_left_out(photos: Iterable[LeftOut]) -> list[str]:
    """Returns one line for each reason, with the count of its photos; the commonest first."""
    files = defaultdict(list)
    for photo in photos:
        files[photo.reason].append(photo.file)
    return [
        f"{_named(names)}: {reason}"
        for reason, names in sorted(files.items(), key=lambda item: -len(item[1]))
    ]


def _named(files: Sequence[str]) -> str:
    if len(files) == 1:
        return files[0]
    more = ", ..." if len(files) > MAX_NAMED else ""
    return f"{len(files):,} photos ({', '.join(files[:MAX_NAMED])}{more})"
