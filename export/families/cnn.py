"""Exports the runs of training/train_cnn.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from export.families.family import Exportable
from geotagger.geography.places import load_places
from geotagger.images.decode import InputSpec
from geotagger.vision.bundle.head_specs import ClassifyHead, RegressHead
from training.calibrate.calibrate import fit_place_temperature, fit_temperature, sigma_km
from training.engine import origins, run_folder
from training.engine.recipe import build_options
from training.models.backbones import BACKBONES
from training.models.cnn import DEGREES, LOGITS, PlaceNetwork
from training.models.sphere_loss import wrap_degrees
from training.targets.label_table import read_label_table, tempered, write_labels
from training.train_cnn import CnnOptions

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.vision.bundle.head_specs import Head


class _WrappedNetwork(nn.Module):
    """The network with valid coordinates."""

    def __init__(self, network: PlaceNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Maps uint8 pixels [B, S, S, 3] to (logits [B, K],) or (logits, degrees [B, 2])."""
        logits, *degrees = self.network(pixels)
        return (logits, *(wrap_degrees(values) for values in degrees))


def load(run: Path, document: dict[str, Any]) -> Exportable:
    """Loads a run for the export."""
    options = build_options(CnnOptions, document["options"], run_folder.RUN_FILE)
    backbone = BACKBONES[options.backbone]("none")
    network = PlaceNetwork(backbone, document["classes"], options.coordinates, options.hidden)
    run_folder.load_weights(run, network)
    held = run_folder.read_held_out(run / "val.npz")
    labels, places = read_label_table(run / "labels.csv"), document["places"]
    if places:
        temperature = fit_place_temperature(held, LOGITS, labels, load_places())
    else:
        temperature = fit_temperature(held.outputs[LOGITS], held.target[LOGITS])
    heads: list[Head] = [ClassifyHead("classes", LOGITS, "labels.csv", temperature, places)]
    if options.coordinates:
        heads.append(RegressHead("coordinates", DEGREES, sigma_km(held, DEGREES)))

    started_from = run_folder.origins_of(document)

    def write_tables(folder: Path) -> None:
        write_labels(folder / "labels.csv", tempered(labels, temperature))

    return Exportable(
        module=_WrappedNetwork(network).eval(),
        spec=InputSpec(**document["input"]),
        heads=tuple(heads),
        write_tables=write_tables,
        description=f"Classifies photos into {document['classes']} classes ({options.classes}).",
        backbone=f"{options.backbone}, {origins.describe(started_from)}",
        licence=origins.licence_of_all(started_from),
        metrics=document["metrics"],
        held_out=held,
        quantise=("static",),
    )
