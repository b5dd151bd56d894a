"""Exports the runs of training/train_starter.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from export.families.family import Exportable
from export.families.sights import with_sights
from export.readme import describe_backbones, starter_page
from geotagger.vision.bundle.card import UNCALIBRATED, Calibration
from geotagger.vision.bundle.head_specs import ClassifyHead
from geotagger.vision.bundle.label_tables import Label
from training.engine import run_folder
from training.engine.recipe import build_options
from training.eval.cell_scores import by_continent, posterior
from training.models.cell_layer import empty_layer
from training.models.mixed_layer import MixedLayer, empty_heads
from training.models.starter_network import StarterNetwork
from training.targets.cells import Cells
from training.targets.label_table import write_labels
from training.train_starter import OUT_OF_FOLD_FILE, WEIGHTS_FILE, StarterOptions, continents

if TYPE_CHECKING:
    from pathlib import Path


def load(run: Path, document: dict[str, Any]) -> Exportable:
    """Loads a run for the export."""
    options = build_options(StarterOptions, document["options"], run_folder.RUN_FILE)
    cells = document["cells"]
    count, names = len(cells["lat"]), describe_backbones(options.backbones)
    document["metrics"] |= {
        "cells": count,
        "by_continent": continent_scores(run, document["temperature"]),
    }
    head = ClassifyHead("cells", "cell_logits", "labels.csv", document["temperature"], places=True)
    network = load_network(run, options, count)
    model = Exportable(
        module=network,
        spec=options.spec,
        heads=(head,),
        write_tables=lambda folder: write_labels(folder / head.labels, make_labels(cells)),
        description=f"Predicts where a photo was taken, among {count} clusters of places.",
        backbone=f"{names}, ImageNet, Apache-2.0",
        metrics=document["metrics"],
        calibration=Calibration(**document["calibration"])
        if "calibration" in document
        else UNCALIBRATED,
        quantise=("static",),
        page=lambda name, precision, parity: starter_page(name, document, precision, parity),
    )
    return with_sights(run, network, model)


def load_network(run: Path, options: StarterOptions, cell_count: int) -> StarterNetwork:
    """Loads the network with the weights of a run."""
    state = torch.load(run / WEIGHTS_FILE, weights_only=True, map_location="cpu")
    network = StarterNetwork(
        options.backbones, pretrained=False, shared_stages=options.tune.frozen_stages
    )
    cells = {name.removeprefix("cells."): value for name, value in state.items()}
    mixed = options.heads_answer
    landmarks = cells.get("layer.0.landmarks" if mixed else "0.landmarks")
    shape = None if landmarks is None else tuple(landmarks.shape)
    width = sum(network.widths[number] for number in options.layer_reads)
    network.cells = empty_layer(width, cell_count, shape)
    if mixed:
        heads = {number: empty_heads(cells, number) for number in options.tuned_numbers}
        network.cells = MixedLayer(
            network.cells, heads, network.widths, options.layer_reads, options.head_share
        )
    network.load_state_dict(state)
    return network.eval()


def continent_scores(run: Path, temperature: float) -> dict[str, dict[str, float]]:
    """Returns the photos of each continent, and the share with the right one, out of fold."""
    kept = np.load(run / OUT_OF_FOLD_FILE)
    cells = Cells(kept["cell_lat"], kept["cell_lon"], kept["cell_country"])
    probability = posterior(kept["logits"], cells, temperature)
    return by_continent(probability, cells, kept["country"].tolist(), continents())


def make_labels(cells: dict[str, list[Any]]) -> list[Label]:
    """Returns one label for each cell.

    The priors are equal, because the prior of the training is already out of the logits.
    """
    continent_of = continents()
    log_prior = round(-float(np.log(len(cells["lat"]))), 6)
    return [
        Label(
            label=f"{code} {lat:.2f} {lon:.2f}",
            continent=continent_of[code],
            country_code=code,
            lat=round(lat, 4),
            lon=round(lon, 4),
            log_prior=log_prior,
            scope="point",
        )
        for lat, lon, code in zip(cells["lat"], cells["lon"], cells["country"], strict=True)
    ]
