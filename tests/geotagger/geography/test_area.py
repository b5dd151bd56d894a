import json

import numpy as np
import pytest

from geotagger.errors import UsageError
from geotagger.geography.area import read_area
from geotagger.geography.places import load_places

PARIS, MADRID, NADI, LEVUKA = (48.86, 2.35), (40.42, -3.7), (-17.8, 177.42), (-17.68, -179.0)


def geojson(file, *rings, kind="Polygon"):
    if kind == "Polygon":
        features = [{"type": "Polygon", "coordinates": [ring]} for ring in rings]
    else:
        features = [{"type": "Point", "coordinates": [0, 0]}]
    members = [{"type": "Feature", "properties": {}, "geometry": one} for one in features]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": members}))
    return str(file)


def box(west, south, east, north):
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def inside(area, *points):
    lat, lon = np.array(points).T
    return area.contains(lat, lon).tolist()


def test_countries_by_code_in_any_case():
    area = read_area("fr, ES")
    assert inside(area, PARIS, MADRID, NADI) == [True, True, False]
    places = load_places()
    rows = np.flatnonzero(area.rows(places))
    assert {places.country_codes[places.country[row]] for row in rows} == {"FR", "ES"}


def test_polygons_of_a_file(tmp_path):
    area = read_area(geojson(tmp_path / "a.geojson", box(2, 48, 3, 49), box(-4, 40, -3, 41)))
    assert inside(area, PARIS, MADRID, NADI) == [True, True, False]
    places = load_places()
    rows = area.rows(places)
    assert rows.any()
    assert area.contains(places.lat[rows], places.lon[rows]).all()


def test_a_polygon_across_the_antimeridian(tmp_path):
    area = read_area(geojson(tmp_path / "fiji.geojson", box(177, -19, 182, -16)))
    assert inside(area, NADI, LEVUKA, PARIS) == [True, True, False]


def test_an_area_without_a_town_gets_the_nearest_one(tmp_path):
    area = read_area(geojson(tmp_path / "a.geojson", box(2.3501, 48.8501, 2.3502, 48.8502)))
    places = load_places()
    (row,) = np.flatnonzero(area.rows(places))
    assert places.country_codes[places.country[row]] == "FR"


@pytest.mark.parametrize("text", ["Atlantis", "FRA,ESP", "no-such.geojson", ""])
def test_what_is_neither_says_so(text):
    with pytest.raises(UsageError, match=r"neither .* --within FR,ES or --within area.geojson"):
        read_area(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("France", "FR"),
        ("germany, fr", "DE,FR"),
        ("Spian;Italy", "ES,IT"),
        ("uk,usa", "GB,US"),
        ("Scotland", "GB"),
    ],
)
def test_countries_by_name_are_told_their_codes(text, hint):
    with pytest.raises(UsageError, match=rf"write --within {hint}$"):
        read_area(text)


def test_unknown_codes_are_named():
    with pytest.raises(UsageError, match=r"--within QQ: no country .* --within FR,ES or"):
        read_area("FR,QQ").rows(load_places())
    with pytest.raises(UsageError, match=r"--within UK: .* write --within FR,GB$"):
        read_area("UK,FR").rows(load_places())


def test_a_file_without_polygons_or_in_metres(tmp_path):
    with pytest.raises(UsageError, match="holds no polygon"):
        read_area(geojson(tmp_path / "a.geojson", kind="Point"))
    with pytest.raises(UsageError, match="in degrees"):
        read_area(geojson(tmp_path / "b.geojson", box(5e5, 4e6, 6e5, 5e6)))


@pytest.mark.parametrize("number", ["1e308", "-1e308", "1e999", "1e12"])
def test_a_coordinate_of_no_place_is_refused(tmp_path, number):
    file = tmp_path / "far.geojson"
    ring = f"[[5, 50], [10, {number}], [10, 55], [5, 50]]"
    file.write_text(f'{{"type": "Polygon", "coordinates": [{ring}]}}')
    with pytest.raises(UsageError, match=r"far\.geojson"):
        read_area(str(file))
