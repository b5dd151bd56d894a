"""GeoCLIP's published heads, gallery and location encoder (Vivanco Cepeda et al. 2023)."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn.functional import normalize

from export.graph.graphs import strip
from export.published.tower import save_graph
from geotagger.errors import UsageError
from geotagger.vision.runtime.encoders import LocationEncoder as LocationSession
from geotagger.vision.search_space import read_points
from training.models.location_encoder import (
    SIGMAS,
    LocationEncoder,
    published_folder,
    published_weights,
)
from training.targets.galleries import fibonacci_land

if TYPE_CHECKING:
    from numpy.typing import NDArray

RELEASES = ("geoclip-geolocation", "geoclip-location-encoder")
GALLERIES = ("published", "land", "both")


@dataclass(frozen=True, slots=True)
class Published:
    """What GeoCLIP adds to CLIP."""

    location: LocationEncoder
    mlp: nn.Module
    scale: float
    """Of the cosines."""
    points: Path
    """CSV of the gallery, columns LAT and LON."""
    name: str
    """Where it is from, and which version."""


class Head(nn.Module):
    """CLIP's features [n, 768] -> vectors [n, 512] of length 1."""

    def __init__(self, mlp: nn.Module) -> None:
        super().__init__()
        self.mlp = mlp

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return normalize(self.mlp(features), dim=1)


def load_published(release: Path | None) -> Published:
    """From the installed package geoclip, or from a release folder (config.json, model.safetensors
    and the gallery).

    Raises:
        UsageError: there is neither.
    """
    if release is None:
        location = LocationEncoder(published=True)
        mlp = _mlp(published_weights("image_encoder_mlp"))
        scale = float(published_weights("logit_scale")["logit_scale"].exp())
        points = published_folder() / "gps_gallery" / "coordinates_100K.csv"
        name = f"package geoclip {metadata.version('geoclip')}"
        return Published(location.eval(), mlp, scale, points, name)
    config, weights = _read_release(release, RELEASES[:1])
    scale = float(weights["logit_scale"].exp())
    points = release / Path(str(config.get("gallery_file"))).name
    location = _location(config, _part(weights, "location_encoder."))
    mlp = _mlp(_part(weights, "image_encoder.mlp."))
    return Published(location, mlp, scale, points, "release folder, format 1")


def load_location(release: Path | None) -> tuple[LocationEncoder, str]:
    """The location encoder alone, and where it is from. Raises UsageError, as `load_published`."""
    if release is None:
        name = f"package geoclip {metadata.version('geoclip')}"
        return LocationEncoder(published=True).eval(), name
    config, weights = _read_release(release, RELEASES)
    own = weights if config["model_type"] == RELEASES[1] else _part(weights, "location_encoder.")
    return _location(config, own), "release folder, format 1"


def save_location(encoder: LocationEncoder, file: Path, source: str) -> None:
    """The location encoder as a graph: degrees [n, 2] -> vectors [n, D]. Always float32."""
    save_graph(encoder, torch.zeros(2, 2), file, "degrees", ["vectors"])
    strip(file)
    model = onnx.load(file)
    told = {"licence": "MIT", "source": source, "paper": "Vivanco Cepeda et al. 2023"}
    onnx.helper.set_model_props(model, told)
    onnx.save(model, file)


def write_gallery(
    folder: Path, kind: str, published: Path, land_points: int, half: bool, threads: int
) -> int:
    """gallery.csv and gallery.npy, embedded by the folder's location.onnx; returns the points.

    `kind` is `published` (each position once, with its number), `land` (a Fibonacci lattice, even
    by area), `both`, or a CSV with the columns lat and lon.

    Raises:
        UsageError: there is no such gallery.
    """
    parts = []
    if kind not in ("land",):
        parts.append(read_points(published if kind in GALLERIES else Path(kind)))
    if kind in ("land", "both"):
        lat, lon = (np.asarray(values, np.float32) for values in fibonacci_land(land_points))
        parts.append((lat, lon, np.ones(len(lat), np.float32)))
    lat, lon, count = (np.concatenate(column) for column in zip(*parts, strict=True))
    encoder = LocationSession(folder / "location.onnx", threads=threads)
    vectors = encoder(np.stack([lat, lon], axis=1))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.save(folder / "gallery.npy", vectors.astype(np.float16 if half else np.float32))
    write_points(folder / "gallery.csv", lat, lon, count)
    return len(lat)


def write_points(
    file: Path,
    lat: NDArray[np.float32],
    lon: NDArray[np.float32],
    count: NDArray[np.float32],
) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("lat", "lon", "count"))
        for row in zip(lat, lon, count.astype(int), strict=True):
            writer.writerow(map(str, row))


def _location(config: dict[str, Any], weights: dict[str, torch.Tensor]) -> LocationEncoder:
    encoder = LocationEncoder(tuple(config.get("sigma") or SIGMAS))
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
            f"{config.get('format_version')}; wanted are {' or '.join(kinds)}, format 1"
        )
    return config, weights
