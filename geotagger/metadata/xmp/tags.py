"""A prediction as XMP properties: in geotagger's namespace and in those of other programs.

docs/reference/xmp.md describes every property. Names of properties are as in `packet`. Positions in
exif:GPSLatitude and exif:GPSLongitude (CIPA DC-010) are written and read here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from geotagger.metadata.coordinates import EmptyFixError, checked_point, degrees_from_text
from geotagger.metadata.exif.gps_tags import GPS_TRACK, MANUAL
from geotagger.metadata.xmp.packet import Value
from geotagger.types import Point

GROUPS = frozenset({"gps", "region", "keywords"})
UNDO = "geotagger:Undo"
ADDED_PROPERTIES = "geotagger:AddedProperties"
ADDED_KEYWORDS = "geotagger:AddedKeywords"
COPIED_KEYWORDS = "geotagger:CopiedKeywords"
"""Keywords of others, repeated in an array that had none: `digiKam:TagsList Family/Anna`."""
ORDERED_ARRAYS = frozenset({"geotagger:Alternatives"})
"""Arrays whose order has a meaning (rdf:Seq)."""

PREDICTION, TRACK = "prediction", "track"
"""Kinds of positions: computed from the picture and the like, or measured by a track log."""
ROOT_KEYWORDS = {PREDICTION: "Predicted place", TRACK: "Measured place"}
FLAT_KEYWORDS = "dc:subject"
PATH_SEPARATORS = {"lr:hierarchicalSubject": "|", "digiKam:TagsList": "/"}
KEYWORDS = (FLAT_KEYWORDS, *PATH_SEPARATORS)
LOCATION = "Iptc4xmpExt:LocationCreated"
LATITUDE, LONGITUDE = "exif:GPSLatitude", "exif:GPSLongitude"
EXIF_GPS = (
    LATITUDE,
    LONGITUDE,
    "exif:GPSMapDatum",
    "exif:GPSProcessingMethod",
    "exif:GPSStatus",
    "exif:GPSHPositioningError",
)
GPS_MARKS = {PREDICTION: (MANUAL, "V"), TRACK: (GPS_TRACK, "A")}
"""exif:GPSProcessingMethod and exif:GPSStatus."""
CONTINENTS = frozenset(
    {"Africa", "Antarctica", "Asia", "Europe", "North America", "Oceania", "South America"}
)

_MAX_TEXT_CHARACTERS = 500
_TEXT_PROPERTIES = {
    "level": "Level",
    "continent": "Continent",
    "country": "Country",
    "country_code": "CountryCode",
    "region": "Region",
    "city": "City",
    "location_id": "LocationId",
    "model": "Model",
    "software": "Software",
    "created": "Created",
    "source_sha256": "SourceSha256",
    "review": "Review",
}


class Alternative(NamedTuple):
    """Another possible place."""

    name: str
    lat: float | None
    """Degrees; None, as `lon`, if only names are written."""
    lon: float | None
    probability: float
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class XmpTags:
    """One prediction, as written into one file. Raises ValueError for values out of range.

    Numbers are rounded when they are written: degrees to six decimals, the radius to metres,
    confidence and probabilities to four decimals.
    """

    point: Point | None
    """None: only the names are certain enough to be written."""
    radius_km: float | None
    """Radius around the point that contains the share `coverage` of the probability."""
    confidence: float
    level: str
    """The finest level that is named: city, region, country, continent."""
    continent: str = ""
    country: str = ""
    country_code: str = ""
    """ISO 3166-1 alpha-2."""
    region: str = ""
    city: str = ""
    location_id: str = ""
    """URI of the place, if known."""
    coverage: float = 0.9
    alternatives: tuple[Alternative, ...] = ()
    model: str = ""
    """Name, version and hash, as in the report."""
    software: str = ""
    created: str = ""
    """ISO 8601. A prediction that differs only in this is not written again."""
    source_sha256: str = ""
    """Of the file that was analysed."""
    groups: frozenset[str] = GROUPS
    """gps: the coordinates; region: LocationCreated; keywords."""
    review: str = ""
    """confirmed or corrected, by a person; empty: not reviewed."""
    compat: bool = False
    """Also properties that other programs take for facts: photoshop:City, exif:GPSLatitude."""
    exif_gps: bool = False
    """Also exif:GPSLatitude, since the photo itself cannot hold a position."""
    kind: str = PREDICTION
    """prediction or track."""

    def __post_init__(self) -> None:
        if not self.groups <= GROUPS:
            raise ValueError(f"unknown groups of tags: {sorted(self.groups - GROUPS)}")
        if self.kind not in ROOT_KEYWORDS:
            raise ValueError(f"unknown kind of position: {self.kind!r:.40}")
        numbers = [self.confidence, self.coverage, self.radius_km or 0.0]
        numbers += [place.probability for place in self.alternatives]
        points = [
            (a.lat, a.lon) for a in self.alternatives if a.lat is not None and a.lon is not None
        ]
        points += [(self.point.lat, self.point.lon)] if self.point else []
        if not all(map(math.isfinite, numbers)):
            raise ValueError("confidence, coverage and radius must be finite numbers")
        if not all(abs(lat) <= 90 and abs(lon) <= 180 for lat, lon in points):
            raise ValueError("a position is out of range")

    @property
    def names(self) -> tuple[str, ...]:
        """The known names, from the continent down."""
        names = (self.continent, self.country, self.region, self.city)
        return tuple(filter(None, map(clean, names)))


def clean(text: str) -> str:
    """The text in a form that every XML reader returns unchanged."""
    text = text[:_MAX_TEXT_CHARACTERS]
    if not text.isprintable():  # nearly every text is, and the check is fast
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())


# geotagger's own namespace


def own_properties(tags: XmpTags) -> dict[str, Value]:
    """The properties in geotagger's namespace, without the undo record and its lists."""
    gps, named = "gps" in tags.groups, bool({"region", "keywords"} & tags.groups)
    values: dict[str, Value] = {"Kind": tags.kind, "Level": tags.level}
    if gps and tags.point:
        values["Latitude"] = _number(tags.point.lat, 6)
        values["Longitude"] = _number(tags.point.lon, 6)
        if tags.radius_km is not None:
            values["RadiusKm"] = _number(tags.radius_km, 3)
            values["RadiusCoverage"] = _number(tags.coverage, 4)
    # the confidence is about the place the model had chosen; a measurement has none
    if tags.review != "corrected" and tags.kind == PREDICTION:
        values["Confidence"] = _number(tags.confidence, 4)
    values["Review"] = clean(tags.review)
    if named:
        values["Continent"] = clean(tags.continent)
        values["Country"] = clean(tags.country)
        values["CountryCode"] = clean(tags.country_code)
        values["Region"] = clean(tags.region)
        values["City"] = clean(tags.city)
        values["LocationId"] = clean(tags.location_id)
    extras = ["compat"] * tags.compat + ["exif"] * tags.exif_gps
    values["Groups"] = [*sorted(tags.groups), *extras]
    values["Alternatives"] = [_alternative(a, gps) for a in tags.alternatives]
    values["Model"] = clean(tags.model)
    values["Software"] = clean(tags.software)
    values["Created"] = clean(tags.created)
    values["SourceSha256"] = clean(tags.source_sha256)
    return {f"geotagger:{name}": value for name, value in values.items() if value}


def with_time_of(tags: XmpTags, earlier: XmpTags | None) -> XmpTags:
    """`tags` with the time of `earlier` if nothing else differs: then nothing is rewritten."""
    if earlier is None:
        return tags
    dated = replace(tags, created=earlier.created)
    return dated if own_properties(dated) == own_properties(earlier) else tags


def tags_from(properties: Mapping[str, Value]) -> XmpTags | None:
    """The prediction, or position of a track, in geotagger's namespace; None if there is no valid
    one."""
    kind = _text(properties, "geotagger:Kind")
    if kind not in ROOT_KEYWORDS:
        return None
    groups = {str(group) for group in _array(properties, "geotagger:Groups")}
    texts = {
        name: _text(properties, f"geotagger:{local}") for name, local in _TEXT_PROPERTIES.items()
    }
    try:
        lat, lon = (_float(properties, f"geotagger:{name}") for name in ("Latitude", "Longitude"))
        alternatives = map(_alternative_from, _array(properties, "geotagger:Alternatives"))
        return XmpTags(
            point=None if lat is None or lon is None else Point(lat, lon),
            radius_km=_float(properties, "geotagger:RadiusKm"),
            coverage=_float(properties, "geotagger:RadiusCoverage") or 0.9,
            confidence=_float(properties, "geotagger:Confidence") or 0.0,
            alternatives=tuple(alternatives),
            groups=GROUPS & groups,
            compat="compat" in groups,
            exif_gps="exif" in groups,
            kind=kind,
            **texts,
        )
    except ValueError:
        return None


def _alternative(place: Alternative, gps: bool) -> Value:
    fields = {"geotagger:Name": clean(place.name)}
    if gps and place.lat is not None and place.lon is not None:
        fields["geotagger:Latitude"] = _number(place.lat, 6)
        fields["geotagger:Longitude"] = _number(place.lon, 6)
    fields["geotagger:Probability"] = _number(place.probability, 4)
    return dict(fields)


def _alternative_from(value: Value) -> Alternative:
    if not isinstance(value, dict):
        raise ValueError("an alternative is no structure")
    lat, lon, probability = (
        _float(value, f"geotagger:{name}") for name in ("Latitude", "Longitude", "Probability")
    )
    return Alternative(_text(value, "geotagger:Name"), lat, lon, probability or 0.0)


def _number(value: float, decimals: int) -> str:
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # + 0.0 turns -0.0 into 0.0


def _text(properties: Mapping[str, Value], name: str) -> str:
    value = properties.get(name, "")
    return value if isinstance(value, str) else ""


def _float(properties: Mapping[str, Value], name: str) -> float | None:
    text = _text(properties, name)
    return float(text) if text else None


def _array(properties: Mapping[str, Value], name: str) -> list[Value]:
    value = properties.get(name, [])
    return value if isinstance(value, list) else []


# Namespaces of other programs


def keyword_arrays(tags: XmpTags) -> dict[str, list[str]]:
    """Flat keywords, and one keyword path below a root of its own in each program's notation."""
    if "keywords" not in tags.groups or not tags.names:
        return {}
    path = (ROOT_KEYWORDS[tags.kind], *tags.names)
    arrays = {FLAT_KEYWORDS: list(dict.fromkeys(path))}
    for name, separator in PATH_SEPARATORS.items():
        arrays[name] = [separator.join(part.replace(separator, "-") for part in path)]
    return arrays


def standard_blocks(tags: XmpTags) -> list[dict[str, Value]]:
    """Blocks of standard properties; of each block all are written, or none."""
    return [block for block in (_location(tags), _city(tags), _exif_gps(tags)) if block]


def _location(tags: XmpTags) -> dict[str, Value]:
    """Where the photo was taken (IPTC Photo Metadata Standard, Location structure)."""
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
    """The position with the marks that EXIF has too (see gps_tags)."""
    is_wanted = (tags.compat or tags.exif_gps) and "gps" in tags.groups
    if not is_wanted or tags.point is None:
        return {}
    values: dict[str, Value] = {
        LATITUDE: _exif_degrees(tags.point.lat, "NS"),
        LONGITUDE: _exif_degrees(tags.point.lon, "EW"),
        "exif:GPSMapDatum": "WGS-84",
        "exif:GPSProcessingMethod": GPS_MARKS[tags.kind][0],
        "exif:GPSStatus": GPS_MARKS[tags.kind][1],
    }
    if tags.radius_km is not None:
        values["exif:GPSHPositioningError"] = f"{max(1, round(tags.radius_km * 1000))}/1"
    return values


def _exif_degrees(value: float, refs: str) -> str:
    """`48,51.504000N` (ISO 16684-1 and CIPA DC-010: GPSCoordinate)."""
    degrees, minutes = divmod(round(abs(value) * 60_000_000), 60_000_000)
    return f"{degrees},{minutes / 1_000_000:.6f}{refs[value < 0]}"


def position_in(values: Mapping[str, Value]) -> Point | None:
    """The position in a packet's properties; None if there is none.

    Reads the notations of `coordinates`, also with a separate GPSLatitudeRef, as Apple writes it.

    Raises:
        EmptyFixError: The properties hold no place.
        ValueError: The properties hold no valid position; the text says why.
    """
    lat, lon = values.get(LATITUDE), values.get(LONGITUDE)
    if lat is None and lon is None:
        return None
    if not lat and not lon:
        raise EmptyFixError("its GPS position is no number")
    return checked_point(
        _degrees(lat, values.get("exif:GPSLatitudeRef"), "latitude", "NS"),
        _degrees(lon, values.get("exif:GPSLongitudeRef"), "longitude", "EW"),
    )


def same_coordinate(one: Value, other: Value) -> bool:
    """Whether two coordinates are equal, whatever their form."""
    return math.isclose(_any_degrees(one), _any_degrees(other), rel_tol=0, abs_tol=1e-6)


def _degrees(value: Value | None, ref: Value | None, name: str, refs: str) -> float:
    if not value:
        raise ValueError(f"its XMP has no GPS {name}")
    if not isinstance(value, str):
        raise ValueError(f"its GPS {name} is no number")
    return degrees_from_text(value, ref if isinstance(ref, str) else "", name, refs)


def _any_degrees(value: Value) -> float:
    for name, refs in (("latitude", "NS"), ("longitude", "EW")):
        try:
            return _degrees(value, None, name, refs)
        except ValueError:
            continue
    return math.nan
