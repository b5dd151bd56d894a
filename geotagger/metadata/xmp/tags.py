"""What a prediction is in XMP: its properties, and the tags read back from them.

docs/reference/xmp.md describes every property. All keys here are names as in `xmp_tree`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from geotagger.metadata.xmp.tree import Value
from geotagger.types import Point

GROUPS = frozenset({"gps", "region", "keywords"})
UNDO = "geotagger:Undo"
ADDED_PROPERTIES = "geotagger:AddedProperties"
ADDED_KEYWORDS = "geotagger:AddedKeywords"
ORDERED = frozenset({"geotagger:Alternatives"})
"""Arrays whose order says something (rdf:Seq)."""
_MAX_TEXT = 500


class Alternative(NamedTuple):
    """Another place that it may be; probability 0 to 1."""

    name: str
    lat: float | None
    """None, as `lon`, where only names were wanted."""
    lon: float | None
    probability: float


@dataclass(frozen=True, slots=True)
class XmpTags:
    """One prediction as it is written into one file. Raises ValueError for what is no prediction.

    Numbers are rounded when they are written: degrees to six decimals, the radius to metres,
    confidence and probabilities to four.
    """

    point: Point | None
    """None: only the names are known well enough to be written."""
    radius_km: float | None
    """Radius around the point that holds `coverage` of the belief."""
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
    """URI of the place, where one is known."""
    coverage: float = 0.9
    alternatives: tuple[Alternative, ...] = ()
    model: str = ""
    """Name, version and hash, as in the report."""
    software: str = ""
    created: str = ""
    """ISO 8601. A prediction that differs in nothing else is not written again."""
    source_sha256: str = ""
    """Of the file that was judged."""
    groups: frozenset[str] = GROUPS
    """gps: the coordinates; region: LocationCreated; keywords."""
    review: str = ""
    """confirmed or corrected, by a person; empty: nobody has looked."""
    compat: bool = False
    """Also the properties that other programs take for facts: photoshop:City, exif:GPSLatitude."""

    def __post_init__(self) -> None:
        if not self.groups <= GROUPS:
            raise ValueError(f"unknown groups of tags: {sorted(self.groups - GROUPS)}")
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
        """From the continent down; those that are known."""
        names = (self.continent, self.country, self.region, self.city)
        return tuple(filter(None, map(clean, names)))


def clean(text: str) -> str:
    """Text that every XML reader gives back as it was written."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:_MAX_TEXT]).split())


def _number(value: float, decimals: int) -> str:
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def own_properties(tags: XmpTags) -> dict[str, Value]:
    """The properties in geotagger's namespace, without the records that undo needs."""
    gps, named = "gps" in tags.groups, bool({"region", "keywords"} & tags.groups)
    found: dict[str, Value] = {"Kind": "prediction", "Level": tags.level}
    if gps and tags.point:
        found["Latitude"] = _number(tags.point.lat, 6)
        found["Longitude"] = _number(tags.point.lon, 6)
        if tags.radius_km is not None:
            found["RadiusKm"] = _number(tags.radius_km, 3)
            found["RadiusCoverage"] = _number(tags.coverage, 4)
    if tags.review != "corrected":  # what the model believed of another place
        found["Confidence"] = _number(tags.confidence, 4)
    found["Review"] = clean(tags.review)
    if named:
        found["Continent"] = clean(tags.continent)
        found["Country"] = clean(tags.country)
        found["CountryCode"] = clean(tags.country_code)
        found["Region"] = clean(tags.region)
        found["City"] = clean(tags.city)
        found["LocationId"] = clean(tags.location_id)
    wanted = [*sorted(tags.groups), "compat"] if tags.compat else sorted(tags.groups)
    found["Groups"] = list(wanted)
    found["Alternatives"] = [_alternative(a, gps) for a in tags.alternatives]
    found["Model"] = clean(tags.model)
    found["Software"] = clean(tags.software)
    found["Created"] = clean(tags.created)
    found["SourceSha256"] = clean(tags.source_sha256)
    return {f"geotagger:{name}": value for name, value in found.items() if value}


def dated_as(tags: XmpTags, earlier: XmpTags | None) -> XmpTags:
    """`tags` with the time of `earlier` where nothing else differs: then nothing is rewritten."""
    if earlier is None:
        return tags
    dated = replace(tags, created=earlier.created)
    return dated if own_properties(dated) == own_properties(earlier) else tags


def _alternative(place: Alternative, gps: bool) -> Value:
    found = {"geotagger:Name": clean(place.name)}
    if gps and place.lat is not None and place.lon is not None:
        found["geotagger:Latitude"] = _number(place.lat, 6)
        found["geotagger:Longitude"] = _number(place.lon, 6)
    found["geotagger:Probability"] = _number(place.probability, 4)
    return dict(found)


def tags_from(properties: Mapping[str, Value]) -> XmpTags | None:
    """The prediction in geotagger's namespace; None when there is none that makes sense."""
    if properties.get("geotagger:Kind") != "prediction":
        return None
    groups = {str(group) for group in _array(properties, "geotagger:Groups")}
    try:
        lat, lon = (_float(properties, f"geotagger:{name}") for name in ("Latitude", "Longitude"))
        return XmpTags(
            point=None if lat is None or lon is None else Point(lat, lon),
            radius_km=_float(properties, "geotagger:RadiusKm"),
            coverage=_float(properties, "geotagger:RadiusCoverage") or 0.9,
            confidence=_float(properties, "geotagger:Confidence") or 0.0,
            alternatives=tuple(
                map(_alternative_from, _array(properties, "geotagger:Alternatives"))
            ),
            groups=GROUPS & groups,
            compat="compat" in groups,
            **{name: _text(properties, f"geotagger:{local}") for name, local in _TEXTS.items()},
        )
    except ValueError:
        return None


_TEXTS = {
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


def _alternative_from(value: Value) -> Alternative:
    if not isinstance(value, dict):
        raise ValueError("an alternative is no structure")
    lat, lon, probability = (
        _float(value, f"geotagger:{name}") for name in ("Latitude", "Longitude", "Probability")
    )
    return Alternative(_text(value, "geotagger:Name"), lat, lon, probability or 0.0)


def _text(properties: Mapping[str, Value], name: str) -> str:
    value = properties.get(name, "")
    return value if isinstance(value, str) else ""


def _float(properties: Mapping[str, Value], name: str) -> float | None:
    text = _text(properties, name)
    return float(text) if text else None


def _array(properties: Mapping[str, Value], name: str) -> list[Value]:
    value = properties.get(name, [])
    return value if isinstance(value, list) else []
