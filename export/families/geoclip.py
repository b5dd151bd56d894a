"""Exports what training/train_geoclip.py trained: the image side, and the gallery it has made.

The location encoder is not part of the graph. Its vectors are the gallery's, worked out once in
float32; in half or 8-bit precision it would give noise (see training/models/location_encoder.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from export.families.retrieval import Embedding, retrieval_model
from training.engine import run_folder
from training.engine.recipe import build
from training.train_geoclip import Options, make_model

if TYPE_CHECKING:
    from pathlib import Path

    from export.families.family import Exportable


def load(run: Path, document: dict[str, Any]) -> Exportable:
    options = build(Options, document["options"], run_folder.RUN_FILE)
    model = make_model(options, weights="none")
    run_folder.load_weights(run, model)
    return retrieval_model(
        run,
        document,
        Embedding(model),
        "gps",
        f"Matches a photo against {document['gallery_points']:,} positions.",
    )
