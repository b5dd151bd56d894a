"""Networks in the package: a folder with `model.onnx` and the `card.json` that describes it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from geotagger.errors import BundleError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def read_packaged_network(folder: Traversable, name: str) -> tuple[dict[str, Any], bytes]:
    """Read the card, and the network that it describes.

    Args:
        folder: with `card.json` and `model.onnx`.
        name: of the network, for messages.

    Raises:
        BundleError: the network is missing, or is not the one that its card describes.
    """
    remedy = "Install geotagger again."
    try:
        card = json.loads(folder.joinpath("card.json").read_text("utf-8"))
        model = folder.joinpath("model.onnx").read_bytes()
    except (OSError, ValueError) as error:
        problem = f"The {name} in {folder} cannot be read: {error}. {remedy}"
        raise BundleError(problem) from error
    if hashlib.sha256(model).hexdigest() != card.get("sha256"):
        raise BundleError(f"The {name} in {folder} is not what its card says. {remedy}")
    return card, model
