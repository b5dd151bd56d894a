"""A finished bundle takes the place of an older one, and of nothing else."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from geotagger.errors import UsageError
from geotagger.vision.bundle.card import CARD_FILE

if TYPE_CHECKING:
    from pathlib import Path


def check_place(bundle: Path) -> None:
    """Before any work is done. Raises UsageError: what stands there is no bundle."""
    if not bundle.exists() or (bundle / CARD_FILE).is_file():
        return
    if not bundle.is_dir() or any(bundle.iterdir()):
        raise UsageError(f"{bundle} is there already and is no bundle: name a new folder")


def take_place(draft: Path, bundle: Path) -> None:
    """The older bundle is gone afterwards. Raises as `check_place` does."""
    check_place(bundle)
    shutil.rmtree(bundle, ignore_errors=True)
    draft.rename(bundle)
