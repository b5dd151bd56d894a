"""Exports what training/train_cnn.py trained."""

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
from training.models.backbones import TRUNKS
from training.models.cnn import DEGREES, LOGITS, PlaceNetwork
from training.models.sphere_loss import on_the_map
from training.targets.label_table import read_label_table, tempered, write_labels

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.vision.bundle.head_specs import Head


class _Network(nn.Module):
    def __init__(self, network: PlaceNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        logits, *degrees = self.network(pixels)
        return (logits, *(on_the_map(values) for values in degrees))


def load(run: Path, document: dict[str, Any]) -> Exportable:
    options = document["options"]
    trunk = TRUNKS[options["backbone"]]("none")
    network = PlaceNetwork(trunk, document["classes"], options["coordinates"], options["hidden"])
    run_folder.load_weights(run, network)
    held = run_folder.read_held_out(run / "val.npz")
    labels, places = read_label_table(run / "labels.csv"), document["places"]
    if places:
        temperature = fit_place_temperature(held, LOGITS, labels, load_places())
    else:
        temperature = fit_temperature(held.outputs[LOGITS], held.target[LOGITS])
    heads: list[Head] = [ClassifyHead("classes", LOGITS, "labels.csv", temperature, places)]
    if options["coordinates"]:
        heads.append(RegressHead("coordinates", DEGREES, sigma_km(held, DEGREES)))

    started = run_folder.origins_of(document)

    def write_tables(folder: Path) -> None:
        write_labels(folder / "labels.csv", tempered(labels, temperature))

    return Exportable(
        module=_Network(network).eval(),
        spec=InputSpec(**document["input"]),
        heads=tuple(heads),
        write_tables=write_tables,
        description=f"Tells {document['classes']} classes ({options['classes']}) apart by a "
        f"photo's looks.",
        trunk=f"{options['backbone']}, {origins.told(started)}",
        licence=origins.licence_of_all(started),
        metrics=document["metrics"],
        held_out=held,
        quantise=("static",),
    )
