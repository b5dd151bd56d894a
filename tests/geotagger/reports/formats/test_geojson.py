"""GeoJSON as RFC 7946 wants it, judged by other people's programs."""

import json
from dataclasses import replace

import geojson
import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geotagger.geography.sphere import haversine_km
from geotagger.reports.formats.circle import circle, circle_polygons
from geotagger.reports.formats.writer import ReportStyle
from geotagger.reports.rows import row
from geotagger.reports.schema import COLUMNS
from geotagger.types import Photo, Place, Point
from tests.fixtures.samples import HOSTILE_TEXTS, outcomes, write_report

CENTRES = [(0, 0), (45.76, 4.84), (-17.7, 179.99), (-17.7, -180), (64, 180), (85, -30), (-90, 0)]


def test_another_parser_finds_it_valid_with_every_row(tmp_path):
    path = write_report(tmp_path / "r.geojson", outcomes())
    whole = geojson.loads(path.read_text("utf-8"))
    assert whole.is_valid, whole.errors()
    assert [dict(feature.properties) for feature in whole.features] == [
        row(outcome) for outcome in outcomes()
    ]
    assert whole.features[0].geometry == geojson.Point([4.84, 45.76])
    assert whole.features[2].geometry is None


def test_gdal_reads_points_circles_and_properties(tmp_path):
    path = write_report(tmp_path / "r.geojson", outcomes(), ReportStyle(circles=True))
    meta, _, geometry, fields = pyogrio.raw.read(path)
    cells = dict(zip(meta["fields"], fields, strict=True))
    shapes = shapely.from_wkb(geometry)
    photos = cells["path"] != None  # noqa: E711 - an array, cell by cell
    assert list(cells["path"][photos]) == [row(outcome)["path"] for outcome in outcomes()]
    assert set(COLUMNS) <= set(cells)
    assert cells["circle_of"][1] == "a.jpg"
    assert cells["radius_km"][1] == 12.0
    assert shapely.contains(shapes[1], shapes[0])


def test_hostile_texts_stay_texts(tmp_path):
    path = write_report(tmp_path / "r.geojson", outcomes())
    notes = [item["properties"]["note"] for item in json.loads(path.read_text())["features"]]
    assert notes[3:] == list(HOSTILE_TEXTS)


@pytest.mark.parametrize("radius_km", [0.01, 1, 300, 4000, 11_000, 20_015, 30_000])
@pytest.mark.parametrize(("lat", "lon"), CENTRES)
def test_circles_are_valid_everywhere(lat, lon, radius_km):
    check_circle(lat, lon, radius_km)


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(0.05, 21_000))
def test_circles_are_valid_anywhere(lat, lon, radius_km):
    check_circle(lat, lon, radius_km)


def check_circle(lat, lon, radius_km):
    rings = circle(lat, lon, radius_km)
    assert geojson.MultiPolygon([[ring] for ring in rings]).is_valid
    polygons = [shapely.Polygon(ring) for ring in rings]
    for polygon in polygons:
        assert polygon.is_valid
        assert polygon.exterior.is_ccw
        west, south, east, north = polygon.bounds
        assert -180 <= west < east <= 180
        assert -90 <= south < north <= 90
    multi = circle_polygons(lat, lon, radius_km)
    assert geojson.MultiPolygon(multi).is_valid
    shape = shapely.from_geojson(json.dumps({"type": "MultiPolygon", "coordinates": multi}))
    assert shape.is_valid, shapely.is_valid_reason(shape)
    for outline, *holes in multi:
        assert shapely.LinearRing(outline).is_ccw
        assert not any(shapely.LinearRing(hole).is_ccw for hole in holes)
    covered = shapely.union_all(polygons)
    assert shape.area == pytest.approx(covered.area, rel=1e-3, abs=1e-6)
    inside, outside = around(lat, lon, 0.97 * radius_km), around(lat, lon, 1.03 * radius_km)
    whole = shapely.union_all(shapely.buffer(polygons, 2e-5))  # a metre or two, for points on cuts
    if radius_km >= 0.5:
        assert shapely.contains_xy(whole, *inside).all()
        assert not shapely.contains_xy(shapely.union_all(polygons), *outside).any()


def around(lat, lon, km):
    """Longitudes and latitudes `km` away, in 60 directions; none beyond the antipodes."""
    angle, bearing = km / 6371.0, np.linspace(0, 2 * np.pi, 60)
    if angle >= np.pi - 0.01:
        return np.empty(0), np.empty(0)
    phi = np.radians(lat)
    sine = np.sin(phi) * np.cos(angle) + np.cos(phi) * np.sin(angle) * np.cos(bearing)
    east = np.arctan2(
        np.sin(bearing) * np.sin(angle) * np.cos(phi), np.cos(angle) - np.sin(phi) * sine
    )
    lats = np.degrees(np.arcsin(np.clip(sine, -1, 1)))
    lons = (lon + np.degrees(east) + 180) % 360 - 180
    assert np.allclose(haversine_km(lat, lon, lats, lons), km, atol=0.1)
    return lons, lats


def test_a_circle_across_the_antimeridian_comes_in_two_parts():
    assert len(circle(-17.7, 179.9, 100)) == 2
    assert len(circle(-17.7, 170, 100)) == 1


@pytest.mark.parametrize("radius_km", [0.01, 0.5, 5, 500, 2000, 9000, 10_010, 15_000, 20_014])
@pytest.mark.parametrize("lat", [-90, -89.999, -85, -45, 0, 30, 66, 89, 90])
def test_the_parts_of_a_circle_are_a_valid_multipolygon(lat, radius_km):
    for lon in (-180, -179.99, -120, -90, 0, 12.3, 90, 179.5, 180):
        multi = circle_polygons(lat, lon, radius_km)
        shape = shapely.from_geojson(json.dumps({"type": "MultiPolygon", "coordinates": multi}))
        assert shape.is_valid, (lon, shapely.is_valid_reason(shape))


def test_a_circle_that_holds_both_poles_is_the_map_with_a_hole():
    ((outline, hole),) = circle_polygons(10, 20, 19_000)
    assert shapely.Polygon(outline).bounds == (-180, -90, 180, 90)
    assert shapely.Polygon(hole).contains(shapely.Point(-160, -10))


def test_slabs_have_a_maximum_width():
    rings = circle(70, 10, 5000, slab_deg=90)
    assert len(rings) >= 4
    for ring in rings:
        lons = [x for x, _ in ring]
        assert max(lons) - min(lons) <= 90


def test_points_keep_to_the_range_of_longitudes(tmp_path):
    (first, *_) = outcomes()
    place = Place(Point(-89.999994, -180.0))
    at_edge = replace(first.prediction, point=place.point, place=place, radius_km=25_000.0)
    outcome = replace(first, prediction=at_edge, photo=Photo(first.photo.path, first.photo.root))
    path = write_report(tmp_path / "r.geojson", [outcome], ReportStyle(circles=True))
    assert geojson.loads(path.read_text("utf-8")).is_valid
