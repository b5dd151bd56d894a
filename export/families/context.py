"""Exports what training/train_context.py trained: climate and month as attributes, the country (of
one country: the state) and the coordinates as opinions on the place. The finer heads stay inside,
where the coordinates use them: they read the same layers, and would count one opinion again."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from export.families.family import Exportable
from export.families.retrieval import ways_to_quantise
from geotagger.images.decode import InputSpec
from geotagger.vision.bundle.head_specs import ClassifyHead, RegressHead
from training.engine import origins, run_folder
from training.engine.recipe import build
from training.eval.context_scores import ATTRIBUTES, placed_heads
from training.models.context import DEGREES, ContextNetwork, logits_name
from training.models.sphere_loss import on_the_map
from training.models.towers import make_tower
from training.train_context import Options

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.vision.bundle.head_specs import Head


class _Heads(nn.Module):
    def __init__(self, network: ContextNetwork, kept: list[str]) -> None:
        super().__init__()
        self.network = network
        self.rows = [network.names.index(name) for name in kept]

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        *logits, degrees = self.network(pixels)
        return (*(logits[row] for row in self.rows), on_the_map(degrees))


def load(run: Path, document: dict[str, Any]) -> Exportable:
    options = build(Options, document["options"], run_folder.RUN_FILE)
    classes, places = document["classes"], document["places"]
    network = ContextNetwork(make_tower(options.tower, "none"), classes, options.use_context)
    run_folder.load_weights(run, network)
    kept = [name for name in ATTRIBUTES if name in classes] + placed_heads(places)
    heads: list[Head] = [
        ClassifyHead(
            name,
            logits_name(name),
            f"{name}.csv",
            document["temperature"][logits_name(name)],
            places=name not in ATTRIBUTES,
        )
        for name in kept
    ]
    heads.append(RegressHead("coordinates", DEGREES, document["sigma_km"]))

    started = run_folder.origins_of(document)

    def write_tables(folder: Path) -> None:
        for name in kept:
            shutil.copyfile(run / f"{name}.csv", folder / f"{name}.csv")

    return Exportable(
        module=_Heads(network, kept).eval(),
        spec=InputSpec(**document["input"]),
        heads=tuple(heads),
        write_tables=write_tables,
        description=f"Tells {', '.join(classes) or 'nothing'} of a photo, and its coordinates.",
        trunk=origins.told(started),
        licence=origins.licence_of_all(started),
        metrics=document["metrics"],
        held_out=run_folder.read_held_out(run / "val.npz"),
        quantise=ways_to_quantise(network.tower),
    )
