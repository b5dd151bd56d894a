"""Photos that are decoded once and then read from a memory-mapped file.

An epoch of training reads every photo again. Photos of 240 px take 1.4 core-milliseconds to decode,
next to 33 for a step of Lite2 at 192 px; those of a camera take many times as long. The file takes
0.26 MB a photo of 240 px.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from geotagger.errors import UnreadableImageError, UsageError
from training.data.pixels import data_hash

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.example import Example


class DecodedPhotos:
    """Upright RGB pictures by the row of their photo."""

    def __init__(self, file: Path, sizes: NDArray[np.int64]) -> None:
        """Opens a file that `decode_photos` wrote; `sizes` [n, 2] are the heights and widths."""
        self._file, self._sizes = file, sizes
        ends = np.cumsum(3 * sizes.prod(axis=1))
        self._starts = ends - 3 * sizes.prod(axis=1)
        self._pixels = np.memmap(file, np.uint8, "r", shape=(int(ends[-1]),))

    def __reduce__(self) -> tuple[type, tuple[Path, NDArray[np.int64]]]:
        return type(self), (self._file, self._sizes)  # a process that loads photos maps the file

    def picture(self, row: int) -> Image.Image:
        height, width = self._sizes[row].tolist()
        start = int(self._starts[row])
        flat = self._pixels[start : start + 3 * height * width]
        return Image.fromarray(np.array(flat).reshape(height, width, 3))


def decode_photos(examples: Sequence[Example], side_px: int, file: Path) -> DecodedPhotos:
    """Decodes every photo, or opens the file of the same photos.

    Args:
        examples: The n photos.
        side_px: The shorter side is reduced to this.
        file: Gets the pixels; a .json file with the sizes is written next to it.

    Raises:
        UsageError: A photo cannot be read.
    """
    key, index = f"{side_px} {data_hash(examples)}", file.with_suffix(".json")
    if file.exists() and index.exists():
        known = json.loads(index.read_text())
        if known["key"] == key:
            return DecodedPhotos(file, np.array(known["sizes"], np.int64))
    sizes = []
    draft = file.with_name(f"{file.name}.part")
    with draft.open("wb") as stream:
        for example in examples:
            picture = _reduced_picture(example, side_px)
            sizes.append((picture.height, picture.width))
            stream.write(picture.tobytes())
    index.unlink(missing_ok=True)
    draft.replace(file)
    index.write_text(json.dumps({"key": key, "sizes": sizes}))
    return DecodedPhotos(file, np.array(sizes, np.int64))


def _reduced_picture(example: Example, side_px: int) -> Image.Image:
    try:
        picture = example.picture(side_px)
    except (OSError, UnreadableImageError) as error:
        raise UsageError(
            f"{example.file}: {error}; run python -m training.data on the photos"
        ) from error
    scale = side_px / min(picture.size)
    if scale < 1:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2)
    return picture
