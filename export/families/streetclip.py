"""Exports the runs of training/train_streetclip.py: the image side, and the captions of places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from export.families.retrieval import ImageSide, retrieval_model
from training.models.streetclip import load_run

if TYPE_CHECKING:
    from pathlib import Path

    from export.families.family import Exportable


def load(run: Path, document: dict[str, Any]) -> Exportable:
    """Loads a run for the export."""
    clip, *_ = load_run(run)
    return retrieval_model(
        run,
        document,
        ImageSide(clip),
        "captions",
        f"Matches photos with captions of {document['gallery_points']:,} places.",
    )
