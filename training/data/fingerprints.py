"""Opens every picture once: broken ones are named, and the others get a fingerprint."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from geotagger.errors import UnreadableImageError
from geotagger.images.decode import decode
from geotagger.images.difference_hash import difference_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.data.dataset import Example

LOOK_PX = 144
"""Pictures are fingerprinted at twice this size or more."""


def look_at(examples: Sequence[Example]) -> tuple[list[Example], list[str]]:
    """Opens every picture: those that can be read, with fingerprints, and what ails the others."""
    good, problems = [], []
    with ThreadPoolExecutor(2) as pool:
        for example, seen in zip(examples, pool.map(_fingerprint, examples), strict=True):
            if isinstance(seen, int):
                good.append(replace(example, fingerprint=seen))
            else:
                problems.append(f"{example.file}: {seen}")
    return good, problems


def _fingerprint(example: Example) -> int | str:
    """The difference hash of the picture, or what is wrong with it."""
    try:
        picture = decode(example.read(), LOOK_PX)
    except (OSError, UnreadableImageError) as error:
        return str(error)
    if picture.truncation:
        return f"truncated: {picture.truncation}"
    return difference_hash(picture.image)
