"""A report as GeoJSON (RFC 7946): a point for each photo and, if wanted, its 90 % circle."""

from __future__ import annotations

import json
from collections.abc import Mapping

from geotagger.reports.formats.circle import circle_polygons
from geotagger.reports.formats.writer import ReportWriter
from geotagger.reports.schema import SCHEMA_VERSION, VERSION, Cell, position, printable_cell

HEAD = f'{{"type": "FeatureCollection", "{VERSION}": {SCHEMA_VERSION}, "features": ['
CIRCLE_OF = "circle_of"
"""Property of a circle: the path of its photo. Photos do not have it."""


class GeoJsonReportWriter(ReportWriter):
    """One feature per line, so that the file of an interrupted run can be read too.

    The properties of a photo are its cells. A photo without a prediction has no geometry.
    """

    def write_row(self, cells: Mapping[str, Cell]) -> None:
        if self.is_empty:
            self.file.write(HEAD + "\n")
        self._write_line(feature(cells), "" if self.is_empty else ",")
        point, radius_km = position(cells), cells["radius_km"]
        if point and self.style.circles and isinstance(radius_km, float) and radius_km > 0:
            names = ("status", "level", "radius_km", "confidence")
            properties = {CIRCLE_OF: cells["path"], **{name: cells[name] for name in names}}
            polygons = circle_polygons(*point, radius_km)
            geometry = {"type": "MultiPolygon", "coordinates": polygons}
            self._write_line(_feature(geometry, properties), ",")

    def write_end(self) -> None:
        self.file.write("]}\n")

    def _write_line(self, feature: Mapping[str, object], comma: str) -> None:
        self.file.write(comma + json.dumps(feature, ensure_ascii=False, allow_nan=False) + "\n")


def feature(cells: Mapping[str, Cell]) -> dict[str, object]:
    """A row as a GeoJSON Feature; without a prediction its geometry is null."""
    point = position(cells)
    if point is None:
        return _feature(None, cells)
    return _feature({"type": "Point", "coordinates": [point[1], point[0]]}, cells)


def _feature(geometry: object, cells: Mapping[str, Cell]) -> dict[str, object]:
    properties = {name: printable_cell(cell) for name, cell in cells.items()}
    return {"type": "Feature", "geometry": geometry, "properties": properties}
