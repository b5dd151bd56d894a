"""The columns of published label tables, and their meaning here.

Known tables: plain `file,lat,lon[,country,...]`; StreetCLIP (image_filename, city, region, country,
continent); GeoScope (latitude, longitude, continent; images are named by row number);
OpenStreetView-5M and OSV-Mini (id, latitude, longitude, country, region, sub-region, captured_at,
climate, ...); MP-16 (IMG_ID, LAT, LON). Unknown columns are kept under their own name.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from geotagger.errors import UsageError
from geotagger.geography.country_names import codes_by_name
from training.data.example import Example

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
"""Our name of a column -> its names in tables, most likely first. Case does not matter."""

PLACE_COLUMNS = ("lat", "lon", "country", "region", "city", "continent", "label")
"""A table needs at least one of these."""


def match_columns(names: Iterable[str], source: str, named_by_row: bool) -> dict[str, str]:
    """Matches the columns of a table with ours.

    Args:
        names: The columns of the table.
        source: The name of the table, for messages.
        named_by_row: Allows a table without a file column, whose images are 0.png, 1.png, ...

    Returns:
        Our name -> the name in the table, for every known column.

    Raises:
        UsageError: The file column, one half of the position, or every place column is missing.
            The message names the columns of the table.
    """
    by_folded_name = {name.strip().casefold(): name for name in names if name}
    matched = {
        ours: by_folded_name[alias]
        for ours, aliases in ALIASES.items()
        for alias in reversed(aliases)
        if alias in by_folded_name
    }
    missing = [] if "file" in matched or named_by_row else ["file"]
    if ("lat" in matched) != ("lon" in matched):
        missing.append("lon" if "lat" in matched else "lat")
    if not set(PLACE_COLUMNS) & set(matched):
        missing += ["lat", "lon"]
    if missing:
        raise UsageError(
            f"{source}: lacks the columns {', '.join(missing)} (it has "
            f"{', '.join(by_folded_name)}); add them, or rename the columns that hold them"
        )
    return matched


def place_fields(row: Mapping[str, str]) -> dict[str, str | float]:
    """Reads the place of one row.

    Args:
        row: Values by our column names.

    Returns:
        lat and lon in degrees (NaN if unknown); country as ISO alpha-2 code if the places table
        has it; region, city, continent and label as text.

    Raises:
        ValueError: The position is invalid, or the row names no place at all.
    """
    lat, lon = _degrees(row.get("lat"), 90), _degrees(row.get("lon"), 180)
    if math.isnan(lat) != math.isnan(lon):
        raise ValueError("has only one half of a position")
    texts = {key: (row.get(key) or "").strip() for key in ("region", "city", "continent", "label")}
    country = country_code((row.get("country") or "").strip())
    if math.isnan(lat) and not country and not any(texts.values()):
        raise ValueError("has no place")
    return {"lat": lat, "lon": lon, "country": country, **texts}


def _degrees(text: str | None, limit: float) -> float:
    if text is None or not str(text).strip():
        return math.nan
    value = float(text)
    if not abs(value) <= limit:  # also true for NaN
        raise ValueError(f"{text} is not a position in degrees")
    return value


def example_from_row(
    row: dict[str, Any], matched: dict[str, str], file: str, **more: Any
) -> Example:
    """Makes an example of one row of a table.

    Args:
        row: Values by the column names of the table.
        matched: What `match_columns` returned.
        file: The name of the example.
        more: Further fields of the example.

    Raises:
        ValueError: The place of the row is invalid.
    """
    texts = {key: "" if value is None else str(value) for key, value in row.items() if key}
    ours = {key: texts.get(name, "").strip() for key, name in matched.items()}
    kept = {key: ours[key] for key in ("precision", "source", "split", "rights") if ours.get(key)}
    place: dict[str, Any] = place_fields(ours)
    return Example(file=file, **place, **kept, columns=texts, **more)


def country_code(text: str) -> str:
    """Returns the ISO alpha-2 code of a code or an English name; unknown text is unchanged."""
    return codes_by_name().get(text.casefold(), text)
