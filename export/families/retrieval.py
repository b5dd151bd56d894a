"""What models that match a photo against a gallery have in common when they are exported."""

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


class Embedding(nn.Module):
    """The image side of a model alone."""

    def __init__(self, model: Clip | GeoClip) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.model.images(pixels)


def retrieval_model(
    run: Path, document: dict[str, Any], module: Embedding, head: str, description: str
) -> Exportable:
    started = run_folder.origins_of(document)

    def write_tables(folder: Path) -> None:
        for name in GALLERY_FILES:
            shutil.copyfile(run / name, folder / name)

    return Exportable(
        module=module.eval(),
        spec=InputSpec(**document["input"]),
        heads=(RetrieveHead(head, EMBEDDING, *GALLERY_FILES, document["logit_scale"]),),
        write_tables=write_tables,
        description=description,
        trunk=origins.told(started),
        licence=origins.licence_of_all(started),
        metrics=document["metrics"],
        held_out=run_folder.read_held_out(run / "val.npz"),
        quantise=ways_to_quantise(module.model.tower),
    )


def ways_to_quantise(tower: Tower) -> tuple[str, ...]:
    """Convolutions want ranges from photos; transformers find theirs at run time."""
    return ("static",) if isinstance(tower, CnnTower) else ("dynamic",)
