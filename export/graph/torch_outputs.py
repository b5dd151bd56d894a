"""Runs trained networks on pixels, for the comparison with their graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from geotagger.vision.parity import Arrays


def torch_outputs(module: nn.Module, pixels: NDArray[np.uint8]) -> Arrays:
    """Runs the trained network on pixels [n, S, S, 3] in batches of 16. Returns one array [n, ...]
    for each output."""
    parts = []
    with torch.inference_mode():
        for batch in torch.from_numpy(pixels).split(16):
            values = module(batch)
            parts.append(values if isinstance(values, tuple) else (values,))
    return tuple(torch.cat(values).float().numpy() for values in zip(*parts, strict=True))
