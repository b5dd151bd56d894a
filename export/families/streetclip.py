"""Exports what training/train_streetclip.py trained: photos against captions of places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from export.families.retrieval import Embedding, retrieval_model
from training.models.streetclip import load_run

if TYPE_CHECKING:
    from pathlib import Path

    from export.families.family import Exportable


def load(run: Path, document: dict[str, Any]) -> Exportable:
    clip, *_ = load_run(run)
    return retrieval_model(
        run,
        document,
        Embedding(clip),
        "captions",
        f"Matches a photo against captions of {document['gallery_points']:,} places.",
    )
