"""One photo in KML: its point, its circle and its balloon.

Texts in a balloon are escaped twice, because it is HTML inside XML.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from geotagger.geography.distance_text import distance_text
from geotagger.printable import printable
from geotagger.reports.formats.circle import circle
from geotagger.reports.schema import Cell, place_text, position

WIDE_KM = 2000.0
"""Larger circles are cut into slabs: viewers fill polygons wrongly that go around the globe."""


def placemark(cells: Mapping[str, Cell], picture: str = "") -> str:
    """The placemark of one photo; its balloon shows the picture at the address `picture`."""
    at = position(cells)
    name = str(cells["path"]).rpartition("/")[2]
    look_at = point = ""
    if at is not None:
        look_at = _look_at(*at, cells["radius_km"])
        point = f"<Point><coordinates>{at[1]},{at[0]}</coordinates></Point>\n"
    data = "".join(
        f'<Data name="{xml(name)}"><value>{xml(str(cell))}</value></Data>\n'
        for name, cell in cells.items()
        if isinstance(cell, str | float) and cell != ""
    )
    return (
        f"<Placemark>\n<name>{xml(name)}</name>\n"
        f'<Snippet maxLines="1">{xml(_headline(cells))}</Snippet>\n'
        f"<description>{xml(''.join(_balloon(cells, picture)))}</description>\n"
        f"{look_at}<styleUrl>#{cells['status']}</styleUrl>\n"
        f"<ExtendedData>\n{data}</ExtendedData>\n{point}</Placemark>\n"
    )


def _look_at(lat: float, lon: float, radius_km: Cell) -> str:
    """A viewpoint that is high enough to see the whole circle."""
    km = radius_km if isinstance(radius_km, float) else 0.0
    range_m = min(max(3000 * km, 2000), 15_000_000)
    return (
        f"<LookAt><longitude>{lon}</longitude><latitude>{lat}</latitude><altitude>0</altitude>"
        f"<heading>0</heading><tilt>0</tilt><range>{range_m:.0f}</range></LookAt>\n"
    )


def circle_placemark(cells: Mapping[str, Cell]) -> str:
    """The 90 % circle of a photo whose cells have a position and a radius."""
    at, radius_km = position(cells), cells["radius_km"]
    assert at is not None
    assert isinstance(radius_km, float)
    rings = circle(*at, radius_km, slab_deg=90 if radius_km > WIDE_KM else 360)
    polygons = "".join(
        "<Polygon><tessellate>1</tessellate><outerBoundaryIs><LinearRing><coordinates>"
        + " ".join(f"{x},{y}" for x, y in ring)
        + "</coordinates></LinearRing></outerBoundaryIs></Polygon>"
        for ring in rings
    )
    name = str(cells["path"]).rpartition("/")[2]
    return (
        f"<Placemark>\n<name>{xml(name)}</name>\n<styleUrl>#{cells['status']}</styleUrl>\n"
        f"<MultiGeometry>{polygons}</MultiGeometry>\n</Placemark>\n"
    )


def _headline(cells: Mapping[str, Cell]) -> str:
    if position(cells) is None:
        return f"{cells['status']}: {cells['note']}"
    unsure = "unsure, " if cells["status"] == "unsure" else ""
    parts = [f"{unsure}{place_text(cells)}"]
    if cells.get("measured_by"):
        radius_km = cells["radius_km"]
        within = f" within {distance_text(radius_km)}" if isinstance(radius_km, float) else ""
        return f"{parts[0]}; measured by a {cells['measured_by']}{within}"
    if isinstance(cells["confidence"], float):
        parts.append(f"confidence {100 * cells['confidence']:.0f} %")
    if isinstance(cells["radius_km"], float):
        parts.append(f"90 % radius {cells['radius_km']:,.0f} km")
    return "; ".join(parts)


def _balloon(cells: Mapping[str, Cell], picture: str) -> Iterator[str]:
    """The parts of the balloon, as HTML."""
    if picture:
        yield f'<p><img src="{_html(picture)}" width="240" alt=""></p>'
    yield f"<p><b>{_html(_headline(cells))}</b></p>"
    if cells["evidence"]:
        yield f"<p>{_html(str(cells['evidence']))}</p>"
    alternatives = cells["alternatives"] or []
    assert isinstance(alternatives, list)
    if alternatives:
        items = "".join(f"<li>{_html(_alternative(item))}</li>" for item in alternatives)
        yield f"<ol>{items}</ol>"
    for name in ("gps_check", "taken_at", "note", "path"):
        if cells[name]:
            yield f"<p>{name}: {_html(str(cells[name]))}</p>"


def _alternative(item: Mapping[str, object]) -> str:
    names = [str(item[name]) for name in ("city", "region", "country") if item.get(name)]
    named = ", ".join(dict.fromkeys(names)) or "at sea"
    return f"{named}: {100 * float(str(item['probability'])):.0f} %"


def xml(text: str) -> str:
    """The text escaped for XML 1.0, as content or as a quoted attribute."""
    return escape(printable(text))


_html = xml
