"""Everything that a run can be told."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Device(StrEnum):
    """The processor that a model runs on; see `geotagger.vision.runtime.devices`."""

    AUTO = "auto"
    """The first of the others, best first, that runs."""
    TENSORRT = "tensorrt"
    CUDA = "cuda"
    COREML = "coreml"
    OPENVINO = "openvino"
    CPU = "cpu"


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class RunOptions:
    """The one object that carries what was asked for."""

    paths: tuple[Path, ...]
    reports: tuple[Path, ...] = ()
    thumbnails: bool = True
    """Small pictures of the photos in the reports that can hold or show them."""
    circles: bool = False
    """The 90 % radius as a polygon, in GeoJSON."""
    write_exif: bool = False
    sidecar: bool = False
    """XMP sidecars instead of tags in the photos."""
    sidecar_style: str = "darktable"
    """darktable (photo.jpg.xmp) or adobe (photo.xmp)."""
    tags: tuple[str, ...] = ("gps", "region", "keywords")
    """Which groups of tags are written, as far as a prediction deserves them."""
    compat_tags: bool = False
    """Also the properties that other programs take for facts (photoshop:City, exif:GPS in XMP)."""
    backend: str = "native"
    """native, or exiftool for HEIC, AVIF, JPEG XL and RAW."""
    out: Path | None = None
    """Folder for copies; the photos themselves are then only read."""
    manifest: Path | None = None
    overwrite: str = "never"
    """never, predicted or always: which GPS in a file may be replaced."""
    dry_run: bool = False
    only_missing: bool = False
    gate: bool = False
    """Screenshots, pages and drawings are unsure without more ado."""
    models: tuple[str, ...] = ("starter",)
    device: str = "auto"
    batch_size: int = 0
    """Photos per inference; 0 for what suits the device."""
    workers: int = field(default_factory=cores)
    read_text: bool = True
    text_device: str = ""
    """Empty for that of the models."""
    album: bool = False
    """Weigh what the same camera's photos nearby in time tell: their measured GPS, their words."""
    neighbour_gps: bool = True
    """Whether the album weighs GPS; it would give the answer away where photos are scored by it."""
    use_names: bool = False
    """Weigh place names in IPTC and XMP, and names of folders and files."""
    top_k: int = 5
    min_confidence: float | None = None
    max_radius_km: float = 50.0
    within: str = ""
    """ISO country codes or the name of a GeoJSON file: where photos can be at all."""
    gallery: Path | None = None
    """CSV of points instead of a bundle's own gallery."""
    candidates: Path | None = None
    """JSON of places instead of a bundle's own captions; the photos are at one of them."""
    places: str = ""
    """The same in words: `Lyon, France; Turin, Italy`."""
    crops: int = 1
    """Of each photo, averaged: 1, 5 or 10, at so many times the cost."""
    engine: str = "local"
    """local, or ray for a cluster."""
    address: str = ""
    """Of the Ray cluster; empty for one on this machine alone."""
    journal: Path | None = None
    """Where finished photos are noted, and found again by the next run; nowhere by default."""
    restart: bool = False
    """Find nothing in the journal; it is written all the same."""
