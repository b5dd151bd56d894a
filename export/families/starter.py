"""Exports what training/train_starter.py trained."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from export.families.family import Exportable
from export.readme import starter_page
from geotagger.vision.bundle.card import UNCALIBRATED, Calibration
from geotagger.vision.bundle.head_specs import ClassifyHead
from geotagger.vision.bundle.label_tables import LABEL_COLUMNS
from training.eval.cell_scores import by_continent, posterior
from training.models.cell_layer import empty_layer
from training.models.starter_network import Starter
from training.targets.cells import Cells
from training.train_starter import continents, read_recipe

if TYPE_CHECKING:
    from pathlib import Path


def load(run: Path, document: dict[str, Any]) -> Exportable:
    recipe, cells = document["recipe"], document["cells"]
    count, names = len(cells["lat"]), " and ".join(recipe["trunks"])
    document["metrics"] |= {
        "cells": count,
        "by_continent": continent_scores(run, document["temperature"]),
    }
    head = ClassifyHead("cells", "cell_logits", "labels.csv", document["temperature"], places=True)
    return Exportable(
        module=load_network(run, recipe, count),
        spec=read_recipe(recipe).spec,
        heads=(head,),
        write_tables=lambda folder: write_labels(folder / head.labels, cells),
        description="Guesses where a photo was taken from its looks, among "
        f"{count} clusters of places.",
        trunk=f"EfficientNet {names}, ImageNet, Apache-2.0",
        metrics=document["metrics"],
        calibration=Calibration(**document["calibration"])
        if "calibration" in document
        else UNCALIBRATED,
        quantise=("static",),
        page=lambda name, precision, parity: starter_page(name, document, precision, parity),
    )


def load_network(run: Path, recipe: dict[str, Any], cell_count: int) -> Starter:
    state = torch.load(run / "model.pt", weights_only=True, map_location="cpu")
    network = Starter(recipe["trunks"], pretrained=False)
    known = state.get("cells.0.landmarks")
    shape = None if known is None else tuple(known.shape)
    network.cells = empty_layer(network.width, cell_count, shape)
    network.load_state_dict(state)
    return network.eval()


def continent_scores(run: Path, temperature: float) -> dict[str, dict[str, float]]:
    """By continent: photos, and the share told right by models that had not seen their source."""
    kept = np.load(run / "oof.npz")
    cells = Cells(kept["cell_lat"], kept["cell_lon"], kept["cell_country"])
    probability = posterior(kept["logits"], cells, temperature)
    return by_continent(probability, cells, kept["country"].tolist(), continents())


def write_labels(file: Path, cells: dict[str, list[Any]]) -> None:
    """One row a cell. The training prior is already out of the logits, so all are alike."""
    continent_of = continents()
    log_prior = f"{-np.log(len(cells['lat'])):.6f}"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(LABEL_COLUMNS)
        for lat, lon, code in zip(cells["lat"], cells["lon"], cells["country"], strict=True):
            label = f"{code} {lat:.2f} {lon:.2f}"
            row = (
                label,
                continent_of[code],
                code,
                "",
                f"{lat:.4f}",
                f"{lon:.4f}",
                log_prior,
                "point",
            )
            writer.writerow(row)
