"""geotagger: where was this photo taken, how sure is that, and why."""

import os
from typing import TYPE_CHECKING, Any

from geotagger.version import __version__

if TYPE_CHECKING:
    from geotagger.api import (
        Geotagger,
        PhotoLocation,
        TopPoints,
        list_models,
        read_metadata,
        reverse_geocode,
        tag,
        untag,
    )
    from geotagger.errors import (
        BundleError,
        CannotEmbedError,
        DeviceError,
        GeotaggerError,
        NoPhotosError,
        PhotoError,
        UnreadableImageError,
        UsageError,
    )
    from geotagger.types import (
        Candidate,
        Level,
        PhotoMetadata,
        Place,
        Point,
        Prediction,
        Status,
    )
    from geotagger.vision.runtime.encoders import LocationEncoder

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
"""ONNX Runtime 1.29 and later sends usage data to its makers, and keeps an id for this computer,
unless this is set before it is imported."""

__all__ = [
    "BundleError",
    "Candidate",
    "CannotEmbedError",
    "DeviceError",
    "Geotagger",
    "GeotaggerError",
    "Level",
    "LocationEncoder",
    "NoPhotosError",
    "PhotoError",
    "PhotoLocation",
    "PhotoMetadata",
    "Place",
    "Point",
    "Prediction",
    "Status",
    "TopPoints",
    "UnreadableImageError",
    "UsageError",
    "__version__",
    "list_models",
    "read_metadata",
    "reverse_geocode",
    "tag",
    "untag",
]

_TYPES = {"Candidate", "Level", "PhotoMetadata", "Place", "Point", "Prediction", "Status"}


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used, so `import geotagger` stays quick."""
    if name not in __all__:
        raise AttributeError(f"module 'geotagger' has no attribute {name!r}")
    from importlib import import_module

    if name == "LocationEncoder":
        module = "geotagger.vision.runtime.encoders"
    elif name.endswith("Error"):
        module = "geotagger.errors"
    else:
        module = "geotagger.types" if name in _TYPES else "geotagger.api"
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
