"""Polygons across the antimeridian and around the poles."""

import json

import pytest
import shapely

from geotagger.errors import UsageError
from geotagger.geography.area import read_area
from geotagger.geography.geojson_polygons import polygons

NADI, LEVUKA, PARIS, ZERO = (-17.8, 177.42), (-17.68, -179.0), (48.86, 2.35), (-17.0, 0.0)
NORTH, SOUTH, LONGYEARBYEN, TROLL = (90.0, 0.0), (-90.0, 0.0), (78.2, 15.6), (-72.0, 2.5)


def box(west, south, east, north):
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


FIJI = box(177, -20, -178, -15)
CUT = [[box(177, -20, 180, -15)], [box(-180, -20, -178, -15)]]


def ways(ring):
    """The ring from each corner, in both directions."""
    corners = ring[:-1]
    for start in range(len(corners)):
        turned = corners[start:] + corners[:start]
        yield [*turned, turned[0]]
        yield [*turned, turned[0]][::-1]


def area(tmp_path, item):
    file = tmp_path / "area.geojson"
    file.write_text(json.dumps(item))
    return read_area(str(file))


def inside(tmp_path, item, *points):
    within = area(tmp_path, item)
    return [bool(within.contains(*point)[0]) for point in points]


def polygon(*rings, **more):
    return {"type": "Polygon", "coordinates": list(rings), **more}


@pytest.mark.parametrize("ring", list(ways(FIJI)))
def test_an_edge_from_177_to_minus_178_is_the_short_one(tmp_path, ring):
    for item in (
        polygon(ring),
        {"type": "Feature", "properties": {}, "geometry": polygon(ring)},
        {"type": "GeometryCollection", "geometries": [polygon(ring)]},
        {"type": "MultiPolygon", "coordinates": [[ring]]},
        polygon([[*corner, 12.5] for corner in ring]),
        polygon(ring, bbox=[177, -20, -178, -15]),
        polygon(ring, bbox=[177, -20, 0, -178, -15, 9]),
    ):
        found = inside(tmp_path, item, NADI, LEVUKA, PARIS, ZERO)
        assert found == [True, True, False, False], item
        (only,) = polygons(json.dumps(item))
        assert only.area == pytest.approx(25)


def test_a_polygon_that_is_cut_at_the_antimeridian(tmp_path):
    item = {"type": "MultiPolygon", "coordinates": CUT}
    assert inside(tmp_path, item, NADI, LEVUKA, ZERO) == [True, True, False]
    both = {"type": "MultiPolygon", "coordinates": [[FIJI], [box(2, 48, 3, 49)]]}
    assert inside(tmp_path, both, NADI, LEVUKA, PARIS, ZERO) == [True, True, True, False]


@pytest.mark.parametrize("west", [177, -183])
@pytest.mark.parametrize("hole", [box(178.5, -19, -179.5, -16), box(-181.5, -19, -179.5, -16)])
def test_a_hole_is_left_out_at_whatever_turn_it_is_written(tmp_path, west, hole):
    outline = box(west, -20, west + 5, -15)
    found = inside(tmp_path, polygon(outline, hole), NADI, (-17.5, 179.9), (-17.5, -179.7), LEVUKA)
    assert found == [True, False, False, True]
    assert inside(tmp_path, polygon(FIJI, hole), NADI, (-17.5, 179.9), LEVUKA) == [
        True,
        False,
        True,
    ]


def test_a_hole_across_the_antimeridian_in_the_whole_world(tmp_path):
    found = inside(tmp_path, polygon(box(-180, -90, 180, 90), FIJI), NADI, LEVUKA, PARIS)
    assert found == [False, False, True]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("lons", [(-120, 0, 120), (-180, -90, 0, 90), (-170, -60, 50, 160)])
def test_a_ring_around_a_pole_holds_it(tmp_path, sign, lons):
    corners = [[lon, 60.0 * sign] for lon in lons]
    for ring in ways([*corners, corners[0]]):
        found = inside(
            tmp_path, polygon(ring), NORTH, SOUTH, LONGYEARBYEN, TROLL, PARIS, (80.0 * sign, 179.9)
        )
        assert found == [sign > 0, sign < 0, sign > 0, sign < 0, False, True]
        hole = [[lon, 85.0 * sign] for lon in (-100, 20, 140, -100)]
        assert inside(tmp_path, polygon(ring, hole), (89.0 * sign, 77.0)) == [False]


def test_a_ring_along_the_edge_of_the_map_holds_the_pole(tmp_path):
    coast = [[lon, -65 - (lon % 7)] for lon in range(-180, 180, 20)] + [[180, -67]]
    with_pole = [*coast, [180, -90], [-180, -90], coast[0]]
    for ring in (with_pole, [*coast, coast[0]]):
        assert inside(tmp_path, polygon(ring), SOUTH, TROLL, PARIS) == [True, True, False]


@pytest.mark.parametrize(
    "ring",
    [
        box(-180, -60, 180, 60),
        box(-180, -60, 100, 60),
        box(-100, -60, 180, 60),
        box(-170, -60, 190, 60),
        [[-180, -60], [0, -60], [180, -60], [180, 60], [0, 60], [-180, 60], [-180, -60]],
        [[-180, -9], [180, -9], [180, 50], [90, 55], [0, 60], [-90, 55], [-180, 50], [-180, -9]],
    ],
)
def test_a_wide_polygon_that_does_not_cross_the_antimeridian_stays_wide(tmp_path, ring):
    assert inside(tmp_path, polygon(ring), PARIS, ZERO, NORTH)[0]
    (only,) = polygons(json.dumps(polygon(ring)))
    assert only.equals(shapely.Polygon(ring))


def test_a_wide_bounding_box_says_that_the_long_way_is_meant(tmp_path):
    ring = box(-178, -20, 177, 60)
    assert not inside(tmp_path, polygon(ring), PARIS)[0]
    assert inside(tmp_path, polygon(ring, bbox=[-178, -20, 177, 60]), PARIS)[0]


@pytest.mark.parametrize(
    "item",
    [{"type": "Point", "coordinates": [0, 0]}, {"type": "FeatureCollection", "features": []}],
)
def test_no_polygon(tmp_path, item):
    with pytest.raises(UsageError, match="holds no polygon"):
        area(tmp_path, item)
