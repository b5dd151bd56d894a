"""What a prediction says in the namespaces that other programs know: keywords, place, position.

docs/reference/xmp.md describes every property.
"""

from __future__ import annotations

from geotagger.metadata.xmp.tags import XmpTags, clean
from geotagger.metadata.xmp.tree import Value

ROOT_KEYWORD = "Predicted place"
FLAT_KEYWORDS = "dc:subject"
PATH_SEPARATORS = {"lr:hierarchicalSubject": "|", "digiKam:TagsList": "/"}
KEYWORDS = (FLAT_KEYWORDS, *PATH_SEPARATORS)
LOCATION = "Iptc4xmpExt:LocationCreated"


def keywords(tags: XmpTags) -> dict[str, list[str]]:
    """Flat words, and one path below a root of their own in either program's notation."""
    if "keywords" not in tags.groups or not tags.names:
        return {}
    path = (ROOT_KEYWORD, *tags.names)
    found = {FLAT_KEYWORDS: list(dict.fromkeys(path))}
    for name, separator in PATH_SEPARATORS.items():
        found[name] = [separator.join(part.replace(separator, "-") for part in path)]
    return found


def blocks(tags: XmpTags) -> list[dict[str, Value]]:
    """Properties of others that belong together: all of a block is written, or nothing."""
    return [block for block in (_location(tags), _city(tags), _exif_gps(tags)) if block]


def _location(tags: XmpTags) -> dict[str, Value]:
    """IPTC Photo Metadata Standard, Location structure: where the photo was taken."""
    place: dict[str, Value] = {
        "Iptc4xmpExt:City": clean(tags.city),
        "Iptc4xmpExt:ProvinceState": clean(tags.region),
        "Iptc4xmpExt:CountryName": clean(tags.country),
        "Iptc4xmpExt:CountryCode": clean(tags.country_code),
        "Iptc4xmpExt:WorldRegion": clean(tags.continent),
        "Iptc4xmpExt:LocationId": [*filter(None, [clean(tags.location_id)])],
    }
    place = {name: value for name, value in place.items() if value}
    return {LOCATION: [place]} if place and "region" in tags.groups else {}


def _city(tags: XmpTags) -> dict[str, Value]:
    if not tags.compat or "region" not in tags.groups:
        return {}
    names = {"City": tags.city, "State": tags.region, "Country": tags.country}
    return {f"photoshop:{name}": clean(text) for name, text in names.items() if clean(text)}


def _exif_gps(tags: XmpTags) -> dict[str, Value]:
    """With the marks that a guess has in EXIF too (see gps_tags)."""
    if not tags.compat or "gps" not in tags.groups or tags.point is None:
        return {}
    found: dict[str, Value] = {
        "exif:GPSLatitude": _exif_degrees(tags.point.lat, "NS"),
        "exif:GPSLongitude": _exif_degrees(tags.point.lon, "EW"),
        "exif:GPSMapDatum": "WGS-84",
        "exif:GPSProcessingMethod": "MANUAL",
        "exif:GPSStatus": "V",
    }
    if tags.radius_km is not None:
        found["exif:GPSHPositioningError"] = f"{max(1, round(tags.radius_km * 1000))}/1"
    return found


def _exif_degrees(value: float, refs: str) -> str:
    """`48,51.504000N` (ISO 16684-1 and CIPA DC-010: GPSCoordinate)."""
    degrees, minutes = divmod(round(abs(value) * 60_000_000), 60_000_000)
    return f"{degrees},{minutes / 1_000_000:.6f}{refs[value < 0]}"
