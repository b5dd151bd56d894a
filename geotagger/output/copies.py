"""Where `--out` puts the copy of each photo: a tree that mirrors the one below each argument."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from geotagger.errors import UsageError
from geotagger.types import Photo


class Mirror:
    """The folder of copies.

    One folder as argument: its tree stands below `out`. Several arguments: each stands below `out`
    under its own name, with a number where two have the same. Raises UsageError when originals and
    copies would lie in each other.
    """

    def __init__(self, out: Path, roots: Sequence[Path]) -> None:
        real_out = Path(os.path.realpath(out))
        for root in roots:
            real = Path(os.path.realpath(root))
            if real == real_out or real in real_out.parents or real_out in real.parents:
                raise UsageError(
                    f"--out {out} and {root} lie in each other: choose a folder for the copies "
                    "that neither holds the originals nor lies among them"
                )
        self.places: dict[Path, Path] = {}
        taken: set[str] = set()
        for root in dict.fromkeys(roots):
            if len(set(roots)) == 1 and root.is_dir():
                self.places[root] = out
            else:
                self.places[root] = out / _free_name(Path(os.path.realpath(root)), taken)

    def target(self, photo: Photo) -> Path:
        """The path of the copy. The same for the same arguments, whatever is there already."""
        return self.places[photo.root] / photo.path.relative_to(photo.root)


def _free_name(root: Path, taken: set[str]) -> str:
    """Names that differ by case alone are the same on many disks."""
    name, number = root.name or "root", 1
    while name.casefold() in taken:
        number += 1
        name = f"{root.stem}-{number}{root.suffix}"
    taken.add(name.casefold())
    return name
