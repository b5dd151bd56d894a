"""Exports the runs of training/train_context.py.

Climate and month become attributes; the country (with one country: the state) and the coordinates
become evidence of the place. The finer heads stay inside the graph, where the coordinates use them:
they read the same layers, and would count the same evidence again.
"""

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
from training.engine.recipe import build_options
from training.eval.context_scores import evidence_heads
from training.models.context import ATTRIBUTE_HEADS, DEGREES, ContextNetwork, logits_name
from training.models.sphere_loss import wrap_degrees
from training.models.towers import make_tower
from training.train_context import ContextOptions

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.vision.bundle.head_specs import Head


class _SelectedHeads(nn.Module):
    """Some heads of the network, and valid coordinates."""

    def __init__(self, network: ContextNetwork, kept: list[str]) -> None:
        super().__init__()
        self.network = network
        self.rows = [network.names.index(name) for name in kept]

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Maps uint8 pixels [B, S, S, 3] to (logits [B, K] of each head, ..., degrees [B, 2])."""
        *logits, degrees = self.network(pixels)
        return (*(logits[row] for row in self.rows), wrap_degrees(degrees))


def load(run: Path, document: dict[str, Any]) -> Exportable:
    """Loads a run for the export."""
    options = build_options(ContextOptions, document["options"], run_folder.RUN_FILE)
    classes, places = document["classes"], document["places"]
    network = ContextNetwork(make_tower(options.tower, "none"), classes, options.use_context)
    run_folder.load_weights(run, network)
    kept = [name for name in ATTRIBUTE_HEADS if name in classes] + evidence_heads(places)
    heads: list[Head] = [
        ClassifyHead(
            name,
            logits_name(name),
            f"{name}.csv",
            document["temperature"][logits_name(name)],
            places=name not in ATTRIBUTE_HEADS,
        )
        for name in kept
    ]
    heads.append(RegressHead("coordinates", DEGREES, document["sigma_km"]))

    started_from = run_folder.origins_of(document)

    def write_tables(folder: Path) -> None:
        for name in kept:
            shutil.copyfile(run / f"{name}.csv", folder / f"{name}.csv")

    return Exportable(
        module=_SelectedHeads(network, kept).eval(),
        spec=InputSpec(**document["input"]),
        heads=tuple(heads),
        write_tables=write_tables,
        description=f"Predicts {', '.join(classes) or 'nothing'} and the coordinates of a photo.",
        backbone=origins.describe(started_from),
        licence=origins.licence_of_all(started_from),
        metrics=document["metrics"],
        held_out=run_folder.read_held_out(run / "val.npz"),
        quantise=ways_to_quantise(network.tower),
    )
