"""Adds the head of known sights to an exported network, if the run has a gallery.

training/calibrate/fit_sights.py makes the gallery.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from geotagger.vision.bundle.head_specs import SightHead
from training.calibrate.fit_sights import HEAD_FILE, PROJECTION_FILE, TABLE_FILE, VECTORS_FILE
from training.models.sight_projection import SightProjection

if TYPE_CHECKING:
    from pathlib import Path

    from export.families.family import Exportable
    from training.models.starter_network import StarterNetwork

OUTPUT = "sight_embedding"


class NetworkWithSights(nn.Module):
    """A starter network whose features two heads read."""

    def __init__(self, network: StarterNetwork, projection: SightProjection) -> None:
        super().__init__()
        self.network = network
        self.projection = projection

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Maps uint8 pixels [B, S, S, 3] to (logits [B, cells], embeddings [B, P])."""
        features = self.network.features(pixels)
        return self.network.cells(features), self.projection(features)


def with_sights(run: Path, network: StarterNetwork, model: Exportable) -> Exportable:
    """Returns the model with the head; the model as it is if the run has no gallery.

    Args:
        run: The run.
        network: The network of the model.
        model: The model without the head.
    """
    if not (run / HEAD_FILE).exists():
        return model
    document = json.loads((run / HEAD_FILE).read_text())
    state = torch.load(run / PROJECTION_FILE, weights_only=True, map_location="cpu")
    projection = SightProjection(*state["projection"].shape)
    projection.load_state_dict(state)
    head = SightHead(
        "sights",
        OUTPUT,
        VECTORS_FILE,
        TABLE_FILE,
        document["scale"],
        document["none_logit"],
        document["min_probability"],
    )

    def write_tables(folder: Path) -> None:
        model.write_tables(folder)
        for name in head.files:
            shutil.copyfile(run / name, folder / name)

    page, metrics = model.page, document["metrics"]
    return replace(
        model,
        module=NetworkWithSights(network, projection).eval(),
        heads=(*model.heads, head),
        write_tables=write_tables,
        metrics={**model.metrics, "sights": metrics},
        page=page and (lambda *arguments: page(*arguments) + _section(metrics)),
    )


def _section(metrics: dict[str, Any]) -> str:
    """Returns the part of the bundle's README on known sights."""
    return f"""
## Known sights

The bundle holds embeddings of {metrics["gallery"]:,} of the training photos, those whose place is
known to a point or a city. A photo that is more like some of them than chance explains is placed
there. The embeddings cannot be turned back into photos. Measured on photos of held-out sources,
without anything of their own source in the gallery:

| | share | photos | 95 % interval |
| --- | ---: | ---: | ---: |
{_row("photos of sights whose best match is within 25 km", metrics["sights_within_25_km"])}
{_row("the same, and sure enough to name the city", metrics["sights_named"])}
{_row("of the answers that name a city, right", metrics["answers_right"])}
{_row("city named, though no photo of the place is there", metrics["false_alarms_not_in_gallery"])}

A sight here is a place of which at least three sources have a photo to the point, within 2 km.
"""


def _row(name: str, share: dict[str, Any]) -> str:
    found, low, high = (100 * value for value in (share["share"], *share["interval"]))
    return f"| {name} | {found:.1f} % | {share['of']:,} | {low:.1f} % to {high:.1f} % |"
