"""GeoCLIP's published head, gallery and location encoder (Vivanco Cepeda et al. 2023)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import onnx
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn.functional import normalize

from export.graph.graphs import strip
from export.published.tower import save_graph
from geotagger.errors import UsageError
from training.models.location_encoder import (
    SIGMAS,
    RandomFourierLocationEncoder,
    published_folder,
    published_weights,
)

RELEASES = ("geoclip-geolocation", "geoclip-location-encoder")


@dataclass(frozen=True, slots=True)
class PublishedGeoClip:
    """What GeoCLIP adds to CLIP."""

    location: RandomFourierLocationEncoder
    mlp: nn.Module
    scale: float
    """The factor of the cosines."""
    points: Path
    """The CSV of the gallery, with columns LAT and LON."""
    name: str
    """The source and its version."""


class ImageHead(nn.Module):
    """The layers above CLIP's image tower."""

    def __init__(self, mlp: nn.Module) -> None:
        super().__init__()
        self.mlp = mlp

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Maps CLIP's features [n, 768] to vectors [n, 512] of length 1."""
        return normalize(self.mlp(features), dim=1)


def load_published(release: Path | None) -> PublishedGeoClip:
    """Loads GeoCLIP from the installed package geoclip, or from a release folder (config.json,
    model.safetensors and the gallery).

    Raises:
        UsageError: Neither can be read.
    """
    if release is None:
        location = RandomFourierLocationEncoder(published=True)
        mlp = _mlp(published_weights("image_encoder_mlp"))
        scale = float(published_weights("logit_scale")["logit_scale"].exp())
        points = published_folder() / "gps_gallery" / "coordinates_100K.csv"
        name = f"package geoclip {metadata.version('geoclip')}"
        return PublishedGeoClip(location.eval(), mlp, scale, points, name)
    config, weights = _read_release(release, RELEASES[:1])
    scale = float(weights["logit_scale"].exp())
    points = release / Path(str(config.get("gallery_file"))).name
    location = _location(config, _part(weights, "location_encoder."))
    mlp = _mlp(_part(weights, "image_encoder.mlp."))
    return PublishedGeoClip(location, mlp, scale, points, "release folder, format 1")


def load_location(release: Path | None) -> tuple[RandomFourierLocationEncoder, str]:
    """Loads only the location encoder. Returns (encoder, source). Raises as `load_published`
    does."""
    if release is None:
        name = f"package geoclip {metadata.version('geoclip')}"
        return RandomFourierLocationEncoder(published=True).eval(), name
    config, weights = _read_release(release, RELEASES)
    own = weights if config["model_type"] == RELEASES[1] else _part(weights, "location_encoder.")
    return _location(config, own), "release folder, format 1"


def save_location(encoder: RandomFourierLocationEncoder, file: Path, source: str) -> None:
    """Writes the location encoder as a graph: degrees [n, 2] to vectors [n, D], always in
    float32."""
    save_graph(encoder, torch.zeros(2, 2), file, "degrees", ["vectors"])
    strip(file)
    model = onnx.load(file)
    facts = {"licence": "MIT", "source": source, "paper": "Vivanco Cepeda et al. 2023"}
    onnx.helper.set_model_props(model, facts)
    onnx.save(model, file)


def _location(
    config: dict[str, Any], weights: dict[str, torch.Tensor]
) -> RandomFourierLocationEncoder:
    encoder = RandomFourierLocationEncoder(tuple(config.get("sigma") or SIGMAS))
    encoder.load_state_dict(weights)
    return encoder.eval()


def _mlp(weights: dict[str, torch.Tensor]) -> nn.Module:
    (hidden, width), outputs = weights["0.weight"].shape, len(weights["2.weight"])
    mlp = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
    mlp.load_state_dict(weights)
    return mlp.eval()


def _part(weights: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}


def _read_release(
    folder: Path, kinds: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = load_file(folder / "model.safetensors")
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder}: no readable release of GeoCLIP ({error})") from error
    if config.get("model_type") not in kinds or config.get("format_version") != 1:
        raise UsageError(
            f"{folder}: config.json says {config.get('model_type')}, format "
            f"{config.get('format_version')}; expected is {' or '.join(kinds)}, format 1"
        )
    return config, weights
