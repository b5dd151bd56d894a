"""Puts a finished bundle in its place, which may hold an older bundle but nothing else."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from geotagger.errors import UsageError
from geotagger.vision.bundle.card import CARD_FILE

if TYPE_CHECKING:
    from pathlib import Path


def check_place(bundle: Path) -> None:
    """Call it before any work.

    Raises:
        UsageError: something else than a bundle is at the place.
    """
    if not bundle.exists() or (bundle / CARD_FILE).is_file():
        return
    if not bundle.is_dir() or any(bundle.iterdir()):
        raise UsageError(f"{bundle} exists and is not a bundle: name a new folder")


def take_place(draft: Path, bundle: Path) -> None:
    """Move the finished bundle to its place. An older one is moved away first, then deleted: it is
    never there in part. Raises as `check_place` does."""
    check_place(bundle)
    older = bundle.with_name(f".{bundle.name}.older")
    shutil.rmtree(older, ignore_errors=True)
    if bundle.exists():
        bundle.rename(older)
    draft.rename(bundle)
    shutil.rmtree(older, ignore_errors=True)
