"""A report as GeoJSON (RFC 7946): a point a photo, and on demand its 90 % circle."""

from __future__ import annotations

import json
from collections.abc import Mapping

from geotagger.reports.formats.circle import circle
from geotagger.reports.formats.text_rows import ReportWriter, json_cell
from geotagger.reports.schema import SCHEMA_VERSION, VERSION, Cell, position

HEAD = f'{{"type": "FeatureCollection", "{VERSION}": {SCHEMA_VERSION}, "features": ['
CIRCLE_OF = "circle_of"
"""The property that a circle has and a photo has not: the path of its photo."""


class GeoJsonReport(ReportWriter):
    """One feature a line, so that what an interrupted run leaves can be read too.

    The properties of a photo are the columns. A photo without a guess has no geometry.
    """

    def write(self, cells: Mapping[str, Cell]) -> None:
        if self.empty:
            self.file.write(HEAD + "\n")
        self._write_line(feature(cells), "" if self.empty else ",")
        at, radius_km = position(cells), cells["radius_km"]
        if at and self.look.circles and isinstance(radius_km, float) and radius_km > 0:
            names = ("status", "level", "radius_km", "confidence")
            about = {CIRCLE_OF: cells["path"], **{name: cells[name] for name in names}}
            rings = [[ring] for ring in circle(*at, radius_km)]
            self._write_line(_feature({"type": "MultiPolygon", "coordinates": rings}, about), ",")

    def finish(self) -> None:
        self.file.write("]}\n")

    def _write_line(self, feature: Mapping[str, object], comma: str) -> None:
        self.file.write(comma + json.dumps(feature, ensure_ascii=False, allow_nan=False) + "\n")


def feature(cells: Mapping[str, Cell]) -> dict[str, object]:
    """A row as a GeoJSON Feature: its point, or a null geometry where there is no guess."""
    at = position(cells)
    return _feature(None if at is None else {"type": "Point", "coordinates": [at[1], at[0]]}, cells)


def _feature(geometry: object, cells: Mapping[str, Cell]) -> dict[str, object]:
    properties = {name: json_cell(cell) for name, cell in cells.items()}
    return {"type": "Feature", "geometry": geometry, "properties": properties}
