"""How fast this machine computes: one matrix product of the size that large networks have."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from geotagger.config import Device, cores
from geotagger.vision.runtime.devices import candidate_devices
from geotagger.vision.runtime.gallery_match import GalleryMatcher

ROWS, WIDTH, COLUMNS = 256, 1024, 4096
"""Of the product: about that of one photo in a layer of CLIP ViT-L/14."""
RUNS = 6
SHARE_OF_PRODUCT = 0.8
"""A whole network reaches this share of the speed of the product. Measured for CLIP ViT-B/32 in
float32 on one core: 0.83."""


class Speed(NamedTuple):
    """The speed of a device."""

    device: Device
    flops: float
    """Floating-point operations a second that a network reaches."""


def measure_speed() -> Speed:
    """The speed of CUDA if that runs here, or else of the CPU. Takes a second or so."""
    if Device.CUDA in candidate_devices(Device.AUTO):
        with suppress(Exception):  # ONNX Runtime's errors have no common base class
            return Speed(Device.CUDA, measure_flops(Device.CUDA))
    return Speed(Device.CPU, measure_flops(Device.CPU))


def measure_flops(device: Device) -> float:
    """Floating-point operations a second that a network reaches on a device.

    The fastest of a few runs counts, since other programs only slow them down. On a GPU the copy
    of the result counts too, so that a large network is faster there than this says.

    Raises:
        DeviceError: the device does not run.
    """
    random = np.random.default_rng(0)
    vectors = random.standard_normal((COLUMNS, WIDTH), np.float32)
    rows = random.standard_normal((ROWS, WIDTH), np.float32)
    matcher = GalleryMatcher(vectors, 1.0, device=device, threads=cores())
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        matcher.logits(rows)
        seconds.append(time.perf_counter() - started)
    return SHARE_OF_PRODUCT * 2 * ROWS * WIDTH * COLUMNS / min(seconds[1:])
