"""Opens every picture once: finds broken ones, and computes fingerprints of the others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from geotagger.errors import UnreadableImageError
from geotagger.images.decode import decode
from geotagger.images.difference_hash import difference_hash
from training.data.left_out import LeftOut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.data.example import Example

DECODED_PX = 144
"""Pictures are decoded to this side or more; the hash needs 8 x 9 px."""


def check_images(examples: Sequence[Example]) -> tuple[list[Example], list[LeftOut]]:
    """Opens every picture.

    Returns:
        (the readable examples with fingerprints, the unreadable ones).
    """
    readable, problems = [], []
    with ThreadPoolExecutor(2) as pool:
        for example, result in zip(examples, pool.map(_fingerprint, examples), strict=True):
            if isinstance(result, int):
                readable.append(replace(example, fingerprint=result))
            else:
                problems.append(LeftOut(example.file, result))
    return readable, problems


def _fingerprint(example: Example) -> int | str:
    """Returns the difference hash of the picture, or the reason why it cannot be used."""
    try:
        picture = decode(example.read(), DECODED_PX)
    except (OSError, UnreadableImageError) as error:
        return str(error)
    if picture.truncation:
        return f"truncated: {picture.truncation}"
    return difference_hash(picture.image)
