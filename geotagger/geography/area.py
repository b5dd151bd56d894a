"""The area where photos can be: countries, or polygons of a GeoJSON file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.errors import UsageError
from geotagger.geography.borders import load_borders
from geotagger.geography.country_names import codes_by_name
from geotagger.geography.geojson_polygons import polygons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from geotagger.geography.places import Places


@dataclass(frozen=True)
class Area:
    """Countries (ISO 3166-1 alpha-2), or a shapely polygon in degrees (lon, lat)."""

    codes: frozenset[str] = frozenset()
    polygon: Any = None

    def contains(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.bool_]:
        """Whether each of n points is inside, bool [n]. Countries extend 12 nautical miles."""
        lat, lon = np.atleast_1d(lat), np.atleast_1d(lon)
        if self.polygon is None:
            return np.array([code in self.codes for code, _ in load_borders().locate(lat, lon)])
        import shapely

        shapely.prepare(self.polygon)
        shifted = [  # polygons may cross the antimeridian
            shapely.intersects_xy(self.polygon, lon + shift, lat) for shift in (0.0, 360.0, -360.0)
        ]
        inside: NDArray[np.bool_] = np.any(shifted, axis=0)
        return inside

    def rows(self, places: Places) -> NDArray[np.bool_]:
        """Mask of the rows inside, bool [N]; if there are none, the row nearest to the area.

        Raises:
            UsageError: the table has no row for one of the countries.
        """
        if self.polygon is None:
            try:
                return places.mask(self.codes)
            except ValueError as error:
                unknown = sorted(self.codes - set(places.country_codes))
                raise UsageError(
                    f"--within {','.join(unknown)}: no country of the table has this code; "
                    f"{_hint(sorted(self.codes))}"
                ) from error
        mask = self.contains(places.lat, places.lon)
        if not mask.any():
            middle = self.polygon.representative_point()
            mask[places.nearest_rows(middle.y, middle.x)] = True
        return mask


def read_area(text: str) -> Area:
    """Read an area.

    Args:
        text: country codes such as `FR,ES`, or the name of a GeoJSON file (RFC 7946). An edge of
            more than 180 degrees crosses the antimeridian; see `geojson_polygons`.

    Raises:
        UsageError: the text is neither, or the file holds no polygon.
    """
    codes = frozenset(code.strip().upper() for code in text.split(",") if code.strip())
    if codes and all(re.fullmatch("[A-Z]{2}", code) for code in codes):
        return Area(codes)
    parts = _read_polygons(text)
    if not parts:
        raise UsageError(f"--within {text}: holds no polygon; draw one around the area")
    import shapely

    polygon = shapely.union_all(parts)
    west, south, east, north = polygon.bounds
    if south < -90 or north > 90 or west < -540 or east > 540:
        raise UsageError(f"--within {text}: GeoJSON is in degrees, longitude first; convert it")
    return Area(polygon=polygon)


def _read_polygons(file: str) -> list[Any]:
    import shapely

    try:
        return polygons(Path(file).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, TypeError, shapely.GEOSException) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"--within {file}: neither two-letter country codes nor a readable GeoJSON file "
            f"({reason}); {_hint(re.split('[,;]', file))}"
        ) from error


def _hint(words: Sequence[str]) -> str:
    """What to write for countries that are given by name."""
    code_of = codes_by_name()
    names = [name for name in code_of if len(name) > 3]  # codes are not misspelt names
    codes = []
    for name in (word.strip().casefold() for word in words):
        similar = [name] if name in code_of else get_close_matches(name, names, n=1, cutoff=0.8)
        if not similar:
            return "write ISO 3166-1 codes or a file: --within FR,ES or --within area.geojson"
        codes.append(code_of[similar[0]])
    return f"write --within {','.join(codes)}"
