"""Build geotagger/data/outlines.json: coasts, borders and countries for the maps of reports.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python -m tools.build_data.outlines --countries package/countries-10m.json

From Natural Earth 1:10m (public domain) through world-atlas (ISC). The same input gives the same
bytes.

The file is JSON: `arcs` is base64 of zlib of varints (for each arc its number of points, then
zigzag steps in units of `step`); `land` holds rings, each a list of arcs (~a: arc a backwards);
`borders` lists the arcs between two countries; `countries` is [name, lat, lon, degrees wide].
"""

from __future__ import annotations

import argparse
import base64
import json
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from tools.build_data import DATA

TOLERANCE_DEG = 0.003
"""Tolerance of the simplified lines: 300 m, as the source has the scale 1:10 million."""
STEP_DEG = 0.002
CORNERS = 3
"""Islands with at most this many points are not drawn."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--countries", type=Path, required=True, help="countries-10m.json")
    parser.add_argument("--out", type=Path, default=DATA, help="folder of the tables")
    arguments = parser.parse_args()
    topology = json.loads(arguments.countries.read_text("utf-8"))
    lines = read_arcs(topology)
    countries = topology["objects"]["countries"]["geometries"]
    used = Counter(a if a >= 0 else ~a for shape in countries for a in arcs_of(shape["arcs"]))
    outlines = {
        "source": "Natural Earth 1:10m, public domain",
        "step": STEP_DEG,
        "arcs": base64.b64encode(zlib.compress(packed(lines), 9)).decode("ascii"),
        "land": [
            ring
            for shape in topology["objects"]["land"]["geometries"]
            for polygon in polygons_of(shape)
            for ring in polygon
            if sum(len(lines[a if a >= 0 else ~a]) for a in ring) > CORNERS
        ],
        "borders": sorted(arc for arc, count in used.items() if count > 1),
        "countries": sorted(filter(None, (label(shape, lines) for shape in countries))),
    }
    path = arguments.out / "outlines.json"
    text = json.dumps(outlines, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text + "\n", "utf-8")
    print(f"{path}: {len(lines)} arcs, {sum(map(len, lines))} points, {path.stat().st_size} bytes")


def read_arcs(topology: dict[str, Any]) -> list[np.ndarray]:
    """Simplified lines, int64 [n, 2] of lon and lat in steps; lines that met still meet.

    Lines across the antimeridian continue beyond 180 degrees.
    """
    scale, offset = (np.array(topology["transform"][name]) for name in ("scale", "translate"))
    found = []
    for arc in topology["arcs"]:
        line = np.cumsum(np.array(arc), axis=0) * scale + offset
        line[:, 0] = np.unwrap(line[:, 0], period=360)
        simple = shapely.get_coordinates(shapely.simplify(shapely.LineString(line), TOLERANCE_DEG))
        found.append(np.round(simple / STEP_DEG).astype(np.int64))
    return found


def packed(lines: list[np.ndarray]) -> bytes:
    out = bytearray()
    for line in lines:
        out += varint(len(line))
        at = np.zeros(2, dtype=np.int64)
        for step in np.diff(line, axis=0, prepend=at[None]).ravel().tolist():
            out += varint(step << 1 if step >= 0 else (~step << 1) | 1)
    return bytes(out)


def varint(number: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first; the high bit is set if more follow."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def polygons_of(shape: dict[str, Any]) -> list[list[list[int]]]:
    return shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]


def arcs_of(nested: list[Any]) -> list[int]:
    return [arc for item in nested for arc in (arcs_of(item) if isinstance(item, list) else [item])]


def label(shape: dict[str, Any], lines: list[np.ndarray]) -> list[Any] | None:
    """Name, position and width of a country's label, inside its largest part; None if too small."""
    parts = []
    for polygon in polygons_of(shape):
        ring = np.concatenate([lines[a] if a >= 0 else lines[~a][::-1] for a in polygon[0]])
        if len(ring) > CORNERS:
            lon, lat = (ring * STEP_DEG).T
            corners = np.stack([np.unwrap(lon, period=360), lat], axis=1)
            parts.append(shapely.make_valid(shapely.Polygon(corners)))
    if not parts:
        return None
    largest = max(parts, key=lambda part: part.area)
    west, _, east, _ = largest.bounds
    centre = largest.centroid if largest.contains(largest.centroid) else largest.point_on_surface()
    lon = (centre.x + 180) % 360 - 180
    return [shape["properties"]["name"], round(centre.y, 2), round(lon, 2), round(east - west, 1)]


if __name__ == "__main__":
    main()
