"""The paths of the copies below `--out`: they mirror the tree below each argument."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from geotagger.errors import UsageError
from geotagger.types import Photo


class CopyTree:
    """The folder of copies.

    With one folder as argument, `out` has the same tree. With several arguments, `out` has a folder
    for each under its own name, with a number where names are equal.

    Raises:
        UsageError: originals and copies would be inside each other.
    """

    def __init__(self, out: Path, roots: Sequence[Path]) -> None:
        real_out = Path(os.path.realpath(out))
        for root in roots:
            real = Path(os.path.realpath(root))
            if real == real_out or real in real_out.parents or real_out in real.parents:
                raise UsageError(
                    f"--out {out} and {root} overlap: choose a folder for the copies that neither "
                    "contains the originals nor is inside their folder"
                )
        self.folders: dict[Path, Path] = {}
        taken: set[str] = set()
        for root in dict.fromkeys(roots):
            if len(set(roots)) == 1 and root.is_dir():
                self.folders[root] = out
            else:
                self.folders[root] = out / _free_name(Path(os.path.realpath(root)), taken)

    def target(self, photo: Photo) -> Path:
        """The path of the copy; it depends on the arguments alone, not on existing files."""
        return self.folders[photo.root] / photo.path.relative_to(photo.root)


def _free_name(root: Path, taken: set[str]) -> str:
    """A name that differs from the others by more than case, which many disks ignore."""
    name, number = root.name or "root", 1
    while name.casefold() in taken:
        number += 1
        name = f"{root.stem}-{number}{root.suffix}"
    taken.add(name.casefold())
    return name
