"""Loads the pixels of a picture, also those that a truncated file still has.

Pillow can do this only with a global switch, which affects every thread, and it does not say how
much is missing. Here the rows that the decoder could not fill are counted and cut off.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from geotagger.errors import UnreadableImageError

MAX_SHARE_MISSING = 0.6
"""A file with a larger share of its rows missing is refused."""

_UNTOUCHED = 0  # new images of Pillow are zero
_JPEG_FILLER = 128  # libjpeg puts mid-grey where the data has ended
_END_OF_IMAGE = b"\xff\xd9"
_MAX_ROWS_HELD_BACK = 32  # by libjpeg until it sees the end: one row of its largest blocks

Reopen = Callable[[bytes], ImageFile]


def load(image: ImageFile, data: bytes, reopen: Reopen) -> tuple[Image.Image, str]:
    """Load the pixels of an opened image. Missing rows are cut off.

    Args:
        image: the opened image.
        data: the bytes of the file.
        reopen: opens other bytes in the way that `image` was opened.

    Returns:
        The picture, and what it lacks, as text; empty for a whole picture.

    Raises:
        UnreadableImageError: too many rows are missing.
        Exception: what the decoder raises if there are no rows at all.
    """
    try:
        image.load()
    except Exception:
        if isinstance(image, JpegImageFile):
            whole = reopen(data.rstrip(b"\0") + _END_OF_IMAGE)  # interrupted copies end in zeros
            whole.load()
            return _keep_rows(whole, _JPEG_FILLER)
        if image.format not in ("PNG", "GIF", "BMP") or "interlace" in image.info:
            raise
        image.tile = []  # nothing more to load: keep what has been decoded so far
        return _keep_rows(image, _UNTOUCHED)
    if isinstance(image, JpegImageFile) and _ends_early(image, data, reopen):
        return _keep_rows(image, _JPEG_FILLER)
    return image, ""


def _keep_rows(image: Image.Image, filler: int) -> tuple[Image.Image, str]:
    levels = np.asarray(image)
    (filled,) = (levels != filler).reshape(image.height, -1).any(axis=1).nonzero()
    missing = 1 - len(filled) / image.height
    if missing > MAX_SHARE_MISSING:
        raise UnreadableImageError(f"truncated: {100 * missing:.0f} % of the rows are missing")
    rows = image.crop((0, int(filled[0]), image.width, int(filled[-1]) + 1))
    if missing < 0.005:
        return rows, "its last bytes are missing"
    return rows, f"{100 * missing:.0f} % of the rows are missing"


def _ends_early(image: JpegImageFile, data: bytes, reopen: Reopen) -> bool:
    """Whether a JPEG that decoded without an error has its end marker before its last rows.

    Checked if the last row is grey. Without the end marker the decoder waits for more data instead
    of filling the rows, so rows that stay untouched are not in the file.
    """
    if "progressive" in image.info or not _is_filler(image):
        return False
    again = reopen(data)
    assert again.fp is not None
    again = reopen(data[: data.find(_END_OF_IMAGE, again.fp.tell())])
    try:
        again.load()
    except OSError:
        again.tile = []
    rows = np.asarray(again).reshape(again.height, -1).any(axis=1)
    filled = int(np.count_nonzero(rows))
    scale = int(again.decoderconfig[0])
    return 0 < filled < again.height - _MAX_ROWS_HELD_BACK // scale


def _is_filler(image: Image.Image) -> bool:
    last_row = np.asarray(image.crop((0, image.height - 1, image.width, image.height)))
    return bool(np.all(last_row == _JPEG_FILLER))
