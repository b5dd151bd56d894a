"""What the columns of published label tables are called, and what they mean here.

Known tables: plain `file,lat,lon[,country,...]`; StreetCLIP (image_filename, city, region, country,
continent); GeoScope (latitude, longitude, continent; images are called by the number of the row);
OpenStreetView-5M and OSV-Mini (id, latitude, longitude, country, region, sub-region, captured_at,
climate, ...); MP-16 (IMG_ID, LAT, LON). Columns that are not known are kept under their own name.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from geotagger.errors import UsageError
from geotagger.geography.country_names import codes_by_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALIASES = {
    "file": ("file", "image_filename", "filename", "file_name", "image", "image_path", "path",
             "img_id", "id", "key", "__key__"),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "lng", "long", "longitude"),
    "country": ("country", "country_code", "cc"),
    "region": ("region", "state", "admin1", "province"),
    "city": ("city", "town"),
    "continent": ("continent",),
    "precision": ("precision",),
    "source": ("source", "author", "photographer", "creator_username", "user", "sequence"),
    "split": ("split",),
    "rights": ("rights", "licence", "license"),
    "label": ("label", "class"),
}  # fmt: skip
"""Our name of a column, and what tables call it, likeliest first. Case does not matter."""

PLACE = ("lat", "lon", "country", "region", "city", "continent", "label")
"""A table must have some of these, or it says nothing of where its photos were taken."""


def match_columns(names: Iterable[str], source: str, named_by_row: bool) -> dict[str, str]:
    """Our name -> the table's name, for every column that is known.

    `named_by_row` allows a table without a file column, whose images are called 0.png, 1.png, ...

    Raises:
        UsageError: no column names the image, or half a position is missing, or no column says
            anything of the place; the message names what is there.
    """
    found = {name.strip().casefold(): name for name in names if name}
    matched = {
        ours: found[alias]
        for ours, aliases in ALIASES.items()
        for alias in reversed(aliases)
        if alias in found
    }
    lacking = [] if "file" in matched or named_by_row else ["file"]
    if ("lat" in matched) != ("lon" in matched):
        lacking.append("lon" if "lat" in matched else "lat")
    if not set(PLACE) & set(matched):
        lacking += ["lat", "lon"]
    if lacking:
        raise UsageError(
            f"{source}: lacks the columns {', '.join(lacking)} (it has {', '.join(found)}); "
            "add them, or rename what holds them"
        )
    return matched


def place_fields(row: Mapping[str, str]) -> dict[str, str | float]:
    """lat, lon (NaN where unknown), country as ISO alpha-2 where it is known to the places table.

    Raises:
        ValueError: the position or the country makes no sense.
    """
    lat, lon = _degrees(row.get("lat"), 90), _degrees(row.get("lon"), 180)
    if math.isnan(lat) != math.isnan(lon):
        raise ValueError("has half a position")
    texts = {key: (row.get(key) or "").strip() for key in ("region", "city", "continent", "label")}
    country = country_code((row.get("country") or "").strip())
    if math.isnan(lat) and not country and not any(texts.values()):
        raise ValueError("does not say where it was taken")
    return {"lat": lat, "lon": lon, "country": country, **texts}


def _degrees(text: str | None, most: float) -> float:
    if text is None or not str(text).strip():
        return math.nan
    value = float(text)
    if not abs(value) <= most:  # also when it is not a number
        raise ValueError(f"{text} is no position in degrees")
    return value


def country_code(text: str) -> str:
    """ISO alpha-2 of a code or an English name; what is not known stays as it is."""
    return codes_by_name().get(text.casefold(), text)
