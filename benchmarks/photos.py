"""Photo-like JPEGs for the benchmarks, so that nobody needs photos of their own."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH_PX, HEIGHT_PX = 4000, 3000
DISTINCT = 8


def make_photo(path: Path, seed: int, size: tuple[int, int] = (WIDTH_PX, HEIGHT_PX)) -> None:
    """Fractal clouds with sensor noise: a 12-MP JPEG of about 4 MB, as costly as a camera's."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((size[1], size[0], 3), np.float32)
    for octave in range(2, 9):
        grid = rng.normal(size=(2**octave, 2**octave, 3))
        for channel in range(3):
            layer = Image.fromarray(grid[..., channel].astype(np.float32))
            picture[..., channel] += np.asarray(layer.resize(size, Image.Resampling.BICUBIC)) * (
                2.0 ** (2 - octave)
            )
    picture += rng.normal(scale=0.27, size=(size[1], size[0], 1))
    low, high = picture.min(), picture.max()
    pixels = ((picture - low) / (high - low) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=90)


def make_folder(folder: Path, count: int) -> Path:
    """A folder of `count` photos; beyond the first few they are hard links, to spare the disk."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        path = folder / f"{index:06d}.jpg"
        if path.exists():
            continue
        if index < DISTINCT:
            make_photo(path, index)
        else:
            os.link(folder / f"{index % DISTINCT:06d}.jpg", path)
    return folder
