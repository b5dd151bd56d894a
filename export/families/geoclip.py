"""Exports the runs of training/train_geoclip.py: the image side, and the finished gallery.

The location encoder is not part of the graph. Its vectors are those of the gallery, computed once
in float32; in half precision or int8 it would give noise (see training/models/location_encoder.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from export.families.retrieval import ImageSide, retrieval_model
from training.engine import run_folder
from training.engine.recipe import build_options
from training.train_geoclip import GeoClipOptions, make_model

if TYPE_CHECKING:
    from pathlib import Path

    from export.families.family import Exportable


def load(run: Path, document: dict[str, Any]) -> Exportable:
    """Loads a run for the export."""
    options = build_options(GeoClipOptions, document["options"], run_folder.RUN_FILE)
    model = make_model(options, weights="none")
    run_folder.load_weights(run, model)
    return retrieval_model(
        run,
        document,
        ImageSide(model),
        "gps",
        f"Matches photos with {document['gallery_points']:,} positions.",
    )
