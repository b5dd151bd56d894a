"""The options of a run."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from geotagger.errors import DeviceError


class TextBackend(StrEnum):
    """What reads lines in scripts that PP-OCR does not know."""

    AUTO = "auto"
    """The network in the package."""
    TESSERACT = "tesseract"
    """That, and the installed program Tesseract where it is unsure."""


class Device(StrEnum):
    """The processor that a model runs on; see `geotagger.vision.runtime.devices`."""

    AUTO = "auto"
    """The best of the others that runs here."""
    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"
    COREML = "coreml"
    OPENVINO = "openvino"

    @classmethod
    def parse(cls, name: str) -> Device:
        """
        Raises:
            DeviceError: there is no such device.
        """
        if name not in list(cls):
            raise DeviceError(f"device {name!r} is not known; use one of {', '.join(cls)}")
        return cls(name)


class Engine(StrEnum):
    """What weighs the photos."""

    LOCAL = "local"
    """This machine."""
    RAY = "ray"
    """A Ray cluster."""


class Backend(StrEnum):
    """What embeds tags in photos."""

    NATIVE = "native"
    """geotagger itself: JPEG, PNG, WebP and TIFF."""
    EXIFTOOL = "exiftool"
    """ExifTool for what geotagger cannot write: HEIC, AVIF, JPEG XL and camera RAW."""


class Overwrite(StrEnum):
    """Which GPS position in a file may be replaced."""

    NEVER = "never"
    PREDICTED = "predicted"
    """One that geotagger predicted earlier."""
    ALWAYS = "always"
    """Any, also one that the camera measured."""


class SidecarStyle(StrEnum):
    """How a sidecar is named after its photo."""

    DARKTABLE = "darktable"
    """photo.jpg.xmp, which darktable, digiKam and Immich read."""
    ADOBE = "adobe"
    """photo.xmp, which Lightroom and Bridge read for camera RAW."""


class TrackGap(NamedTuple):
    """How far two fixes of a track may be apart for a photo to be placed between them."""

    seconds: float = 1800.0
    km: float = 25.0


DEFAULT_TRACK_GAP = TrackGap()


def cores() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class RunOptions:
    """All options of a run."""

    paths: tuple[Path, ...]
    """Photos and folders."""
    exclude: tuple[str, ...] = ()
    """Patterns of names below `paths` that are left out; see `geotagger.images.excludes`."""
    default_excludes: bool = True
    """Also leave out folders of thumbnails, recycle bins and the like."""
    reports: tuple[Path, ...] = ()
    thumbnails: bool = True
    """Put thumbnails into reports that can hold or show them."""
    circles: bool = False
    """Write the 90 % radius as a polygon, in GeoJSON."""
    csv_bom: bool = False
    """Begin CSV reports with a byte order mark, from which Excel knows that they are UTF-8."""
    write_exif: bool = False
    """Write tags into the photos."""
    sidecar: bool = False
    """Write XMP sidecars instead of tags in the photos."""
    sidecar_style: SidecarStyle = SidecarStyle.DARKTABLE
    tags: tuple[str, ...] = ("gps", "region", "keywords")
    """Groups of tags to write, as far as a prediction is sure enough for them."""
    compat_tags: bool = False
    """Also write what other programs take for facts (photoshop:City, exif:GPS in XMP)."""
    backend: Backend = Backend.NATIVE
    out: Path | None = None
    """Folder for tagged copies; the photos themselves are then only read."""
    manifest: Path | None = None
    """File for the SHA-256 of each photo before and after the run."""
    overwrite: Overwrite = Overwrite.NEVER
    touch: bool = False
    """Set the time of change of written files to now, instead of keeping it."""
    dry_run: bool = False
    """Say what would be written, and write nothing."""
    only_missing: bool = False
    """Skip photos with measured GPS."""
    gate: bool = False
    """Screenshots, pages and drawings are unsure, and no network runs for them."""
    models: tuple[str, ...] = ("starter",)
    """Names or folders of vision bundles."""
    device: Device = Device.AUTO
    batch_size: int = 0
    """Photos per inference; 0 for what suits the device."""
    workers: int = field(default_factory=cores)
    """Threads that read and decode photos."""
    read_text: bool = True
    """Use the words in pictures as evidence."""
    text_device: Device | None = None
    """Device of the text reader; None for `device`."""
    text_backend: TextBackend = TextBackend.AUTO
    album: bool = False
    """Place photos with those nearby in time, of this camera and others: GPS, words, pictures."""
    neighbour_gps: bool = True
    """With `album`, use measured GPS. Where photos are scored by their GPS, it would leak it."""
    use_names: bool = False
    """Use place names in IPTC and XMP, and names of folders and files."""
    tracks: tuple[Path, ...] = ()
    """Track logs, and folders of them: they say where photos were taken."""
    track_max_gap: TrackGap = DEFAULT_TRACK_GAP
    clock_offset_s: float | None = None
    """Seconds to add to what the cameras' clocks showed; None: they were right, or it is estimated
    from the photos."""
    top_k: int = 5
    """Candidates per photo."""
    min_confidence: float | None = None
    """Smallest probability at which a place is named; None for the fitted thresholds."""
    max_radius_km: float = 50.0
    """Largest 90 % radius with which a position is written."""
    within: str = ""
    """Where photos can be: ISO country codes, or the name of a GeoJSON file; empty for anywhere."""
    gallery: Path | None = None
    """CSV of points that replaces a bundle's own gallery."""
    candidates: Path | None = None
    """JSON of places that replaces a bundle's own captions; the photos are at one of them."""
    places: str = ""
    """The same as text: `Lyon, France; Turin, Italy`."""
    crops: int = 1
    """Crops of each photo to average: 1, 5 or 10, each at the cost of one photo."""
    engine: Engine = Engine.LOCAL
    address: str = ""
    """Address of the Ray cluster; empty to start one on this machine."""
    journal: Path | None = None
    """File for finished photos, where the next run finds them; None for no journal."""
    restart: bool = False
    """Find nothing in the journal, but write it."""
