"""Several crops of one photo, whose outputs are averaged: dearer, and a little better.

Published figures are often those of ten crops: the corners and the middle of the photo at 8/7 of
the model's size, and the mirror images of these five (Krizhevsky et al. 2012).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import structs
from PIL import Image

from geotagger.errors import UsageError
from geotagger.geography.sphere import unit_vectors64
from geotagger.images.decode import FILTERS, fit
from geotagger.vision.bundle.head_specs import RegressHead

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.images.decode import InputSpec
    from geotagger.vision.bundle.head_specs import Head

COUNTS = (1, 5, 10)


def enlarged(size_px: int, count: int) -> int:
    """Short side of the photo from which so many crops of `size_px` are cut.

    Raises UsageError: `count` is none of COUNTS.
    """
    if count not in COUNTS:
        raise UsageError(f"crops: {count} is none of {', '.join(map(str, COUNTS))}")
    return size_px if count == 1 else round(size_px * 8 / 7)


def crop(image: Image.Image, spec: InputSpec, count: int) -> NDArray[np.uint8]:
    """uint8 [count, S, S, 3]; the one crop of `images.fit` where count is 1."""
    if count == 1:
        return fit(image, spec)[None]
    if spec.fit in ("squash", "pad"):  # the whole photo is a square
        image = Image.fromarray(
            fit(image, structs.replace(spec, size_px=enlarged(spec.size_px, count)))
        )
    width, height = image.size
    side = min(width, height) * spec.size_px / enlarged(spec.size_px, count)
    right, down = width - side, height - side
    corners = [(0, 0), (right, 0), (0, down), (right, down), (right / 2, down / 2)]
    size, method = (spec.size_px, spec.size_px), FILTERS[spec.filter]
    boxes = [(x, y, x + side, y + side) for x, y in corners]
    five = np.stack(
        [np.asarray(image.resize(size, method, box=box, reducing_gap=2.0)) for box in boxes]
    )
    return five if count == 5 else np.concatenate([five, five[:, :, ::-1]])


def averaged(head: Head, values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """[n, width] of a head's outputs [n * count, width]: logits are averaged.

    So are embeddings, for the mean of the cosines is the cosine with the mean; it is not scaled to
    length 1 again. Coordinates are averaged on the sphere.
    """
    if count == 1:
        return values
    groups = values.reshape(-1, count, values.shape[1])
    if not isinstance(head, RegressHead):
        mean: NDArray[np.float32] = groups.mean(axis=1)
        return mean
    x, y, z = np.moveaxis(unit_vectors64(groups[..., 0], groups[..., 1]).sum(axis=1), -1, 0)
    lat = np.degrees(np.arctan2(z, np.hypot(x, y)))
    return np.stack([lat, np.degrees(np.arctan2(y, x))], axis=1).astype(np.float32)
