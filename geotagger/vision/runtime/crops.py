"""Several crops of one photo, with averaged outputs: slower, and a little more accurate.

Published figures often use ten crops: the corners and the centre of the photo at 8/7 of the model's
size, and the mirror images of these five (Krizhevsky et al. 2012, "ImageNet classification with
deep convolutional neural networks").
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

CROP_COUNTS = (1, 5, 10)


def enlarged_side_px(size_px: int, count: int) -> int:
    """The short side of the photo from which `count` crops of `size_px` are cut.

    Raises:
        UsageError: `count` is not one of CROP_COUNTS.
    """
    if count not in CROP_COUNTS:
        raise UsageError(f"crops: {count} is not one of {', '.join(map(str, CROP_COUNTS))}")
    return size_px if count == 1 else round(size_px * 8 / 7)


def crop_pixels(image: Image.Image, spec: InputSpec, count: int) -> NDArray[np.uint8]:
    """Cut a photo into crops.

    Args:
        image: upright RGB.
        spec: the input of the model.
        count: one of CROP_COUNTS; the single crop is that of `images.decode.fit`.

    Returns:
        uint8 [count, S, S, 3].
    """
    if count == 1:
        return fit(image, spec)[None]
    if spec.fit in ("squash", "pad"):  # these make the whole photo a square
        enlarged = structs.replace(spec, size_px=enlarged_side_px(spec.size_px, count))
        image = Image.fromarray(fit(image, enlarged))
    width, height = image.size
    side = min(width, height) * spec.size_px / enlarged_side_px(spec.size_px, count)
    right, bottom = width - side, height - side
    corners = [(0, 0), (right, 0), (0, bottom), (right, bottom), (right / 2, bottom / 2)]
    size, resampling = (spec.size_px, spec.size_px), FILTERS[spec.filter]
    boxes = [(x, y, x + side, y + side) for x, y in corners]
    five = np.stack(
        [np.asarray(image.resize(size, resampling, box=box, reducing_gap=2.0)) for box in boxes]
    )
    return five if count == 5 else np.concatenate([five, five[:, :, ::-1]])


def average_crops(head: Head, values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Average the outputs of a head over the crops of each photo.

    Logits are averaged. So are embeddings, because the mean of the cosines is the cosine with the
    mean; the mean is not scaled to length 1 again. Coordinates are averaged on the sphere.

    Args:
        head: the head that gave the values.
        values: float32 [n * count, width].
        count: crops of each photo.

    Returns:
        float32 [n, width].
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
