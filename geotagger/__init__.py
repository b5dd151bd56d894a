"""geotagger: where was this photo taken, how sure is that, and why."""

import os
from typing import TYPE_CHECKING, Any

from geotagger.version import __version__

if TYPE_CHECKING:
    from geotagger.api import Geotagger, Guesses
    from geotagger.vision.runtime.location_encoder import LocationEncoder

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
"""ONNX Runtime 1.29 and later reports to its makers over the network, and keeps a number for this
computer, unless it is told not to before it is imported."""

__all__ = ["Geotagger", "Guesses", "LocationEncoder", "__version__"]

_PLACES = {
    "Geotagger": "geotagger.api",
    "Guesses": "geotagger.api",
    "LocationEncoder": "geotagger.vision.runtime.location_encoder",
}


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used, so that --help stays quick."""
    if name not in _PLACES:
        raise AttributeError(f"module 'geotagger' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)
