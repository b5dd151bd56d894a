"""One labelled photo, and arrays over many of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from geotagger.images.decode import decode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image

UNKNOWN_SOURCE = "unknown"
"""The source of a photo whose table names none."""


@dataclass(frozen=True, slots=True)
class Example:
    """One photo and its labels. Empty texts and NaN mean unknown."""

    file: str
    """Its name in the table; unique in a data set."""
    path: Path | None = None
    lat: float = math.nan
    lon: float = math.nan
    country: str = ""
    """ISO alpha-2 code if the places table has the country, else the word in the table."""
    region: str = ""
    city: str = ""
    continent: str = ""
    label: str = ""
    """A class defined by the data set: the folder of the photo, or the column label."""
    precision: str = "point"
    """The precision of lat and lon: point, city, region or country."""
    source: str = UNKNOWN_SOURCE
    """The collection or photographer that the photo comes from."""
    split: str = ""
    """train, val or test, if the data set defines a split."""
    rights: str = ""
    fingerprint: int = 0
    """64-bit difference hash of the picture, for finding near-duplicates; 0 if not computed."""
    columns: dict[str, str] = field(default_factory=dict)
    """Every column of the table, under its name in the table."""
    data: bytes | None = None
    """The bytes of the file, if it comes from a stream."""

    @property
    def has_point(self) -> bool:
        """Whether the position is known."""
        return not math.isnan(self.lat)

    @property
    def is_located(self) -> bool:
        """Whether the position is known, and to a region or better."""
        return self.has_point and self.precision != "country"

    def read(self) -> bytes:
        """Returns the bytes of the file. Raises OSError if it cannot be read."""
        if self.data is not None:
            return self.data
        assert self.path is not None
        return self.path.read_bytes()

    def picture(self, min_side_px: int) -> Image.Image:
        """Decodes the photo.

        Args:
            min_side_px: The shorter side is not reduced below this.

        Returns:
            The upright RGB picture.

        Raises:
            OSError: The file cannot be read.
            UnreadableImageError: The file is not a readable image.
        """
        return decode(self.read(), min_side_px).image


def positions(examples: Iterable[Example]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns (lat [n], lon [n]) in degrees, NaN where unknown."""
    both = np.array([(example.lat, example.lon) for example in examples]).reshape(-1, 2)
    return both[:, 0], both[:, 1]
