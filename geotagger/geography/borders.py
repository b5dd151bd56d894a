"""Countries as polygons: which country and continent a point is in."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.data import read_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray


class Borders:
    """Countries, each reaching 12 nautical miles out to sea; farther out there is no country.

    Sources: borders of the country-coder project, coast of Natural Earth (see NOTICE.md).

    Attributes:
        polygons: shapely polygons in degrees (lon, lat).
        codes: the country of each polygon, ISO 3166-1 alpha-2.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        import shapely

        coords = arrays["coords_e5"] / 1e5
        offsets = (arrays["ring_offsets"], arrays["polygon_offsets"])
        self.polygons = shapely.from_ragged_array(shapely.GeometryType.POLYGON, coords, offsets)
        self.codes = tuple(text_lines(arrays["codes"]))
        self._continents = tuple(text_lines(arrays["continents"]))
        self._tree = shapely.STRtree(self.polygons)

    def locate(self, lat: ArrayLike, lon: ArrayLike) -> list[tuple[str, str]]:
        """(country code, continent) of n points in degrees; ("", "") at sea.

        A point on a border always gets the same country: the first of the two in the data.
        """
        import shapely

        points = shapely.points(np.atleast_1d(lon), np.atleast_1d(lat))
        found = [("", "")] * len(points)
        hits = self._tree.query(points, predicate="intersects")
        for point, polygon in sorted(zip(*hits.tolist(), strict=True), reverse=True):
            found[point] = (self.codes[polygon], self._continents[polygon])
        return found


@cache
def load_borders() -> Borders:
    """The polygons that come with the program, read once."""
    return Borders(read_arrays("borders.npz"))


def text_lines(text: NDArray[np.uint8]) -> list[str]:
    """The lines of a UTF-8 text that is stored as an array of bytes."""
    return text.tobytes().decode("utf-8").split("\n")
