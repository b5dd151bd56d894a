"""The common part of models that match photos with a gallery."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from torch import nn

from export.families.family import Exportable
from geotagger.images.decode import InputSpec
from geotagger.vision.bundle.head_specs import RetrieveHead
from training.engine import origins, run_folder
from training.eval.retrieval import EMBEDDING
from training.models.towers import CnnTower

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from training.models.clip import Clip
    from training.models.geoclip import GeoClip
    from training.models.towers import Tower

GALLERY_FILES = ("gallery.npy", "gallery.csv")


class ImageSide(nn.Module):
    """The image side of a model."""

    def __init__(self, model: Clip | GeoClip) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Maps uint8 pixels [B, S, S, 3] to vectors [B, D] of length 1."""
        return self.model.images(pixels)


def retrieval_model(
    run: Path, document: dict[str, Any], module: ImageSide, head: str, description: str
) -> Exportable:
    """Makes the exportable of a retrieval run.

    Args:
        run: The run, with its gallery.
        document: Its run.json.
        module: The image side.
        head: The name of the head.
        description: Of the bundle.
    """
    started_from = run_folder.origins_of(document)

    def write_tables(folder: Path) -> None:
        for name in GALLERY_FILES:
            shutil.copyfile(run / name, folder / name)

    return Exportable(
        module=module.eval(),
        spec=InputSpec(**document["input"]),
        heads=(RetrieveHead(head, EMBEDDING, *GALLERY_FILES, document["logit_scale"]),),
        write_tables=write_tables,
        description=description,
        backbone=origins.describe(started_from),
        licence=origins.licence_of_all(started_from),
        metrics=document["metrics"],
        held_out=run_folder.read_held_out(run / "val.npz"),
        quantise=ways_to_quantise(module.model.tower),
    )


def ways_to_quantise(tower: Tower) -> tuple[str, ...]:
    """Returns the kinds of quantisation that suit a tower.

    Convolutions need ranges from photos; transformers find their ranges at run time.
    """
    return ("static",) if isinstance(tower, CnnTower) else ("dynamic",)
