"""The places table: its invariants, and the names of points that are easy to get wrong."""

from __future__ import annotations

import zoneinfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.geography.borders import load_borders
from geotagger.geography.places import load_places
from geotagger.geography.sphere import haversine_km

PLACES = load_places()

LANDMARKS = [
    # name, lat, lon, country, region, cities that are fair answers
    ("Eiffel Tower", 48.8584, 2.2945, "FR", "Île-de-France", {"Paris"}),
    ("Notre-Dame", 48.8530, 2.3499, "FR", "Île-de-France", {"Paris"}),
    ("Palace of Versailles", 48.8049, 2.1204, "FR", "Île-de-France", {"Versailles"}),
    ("Times Square", 40.7580, -73.9855, "US", "New York", {"New York City"}),
    ("Central Park", 40.7829, -73.9654, "US", "New York", {"New York City"}),
    ("Brooklyn Bridge", 40.7061, -73.9969, "US", "New York", {"New York City"}),
    ("White House", 38.8977, -77.0365, "US", "District of Columbia", {"Washington"}),
    ("Golden Gate Bridge", 37.8199, -122.4783, "US", "California", {"San Francisco"}),
    ("Hollywood Sign", 34.1341, -118.3215, "US", "California", {"Los Angeles"}),
    ("Space Needle", 47.6205, -122.3493, "US", "Washington", {"Seattle"}),
    ("Willis Tower", 41.8789, -87.6359, "US", "Illinois", {"Chicago"}),
    ("Gateway Arch", 38.6247, -90.1848, "US", "Missouri", {"St. Louis", "City of Saint Louis"}),
    ("Las Vegas Strip", 36.1147, -115.1728, "US", "Nevada", {"Las Vegas", "Paradise"}),
    ("Waikiki Beach", 21.2760, -157.8270, "US", "Hawaii", {"Honolulu"}),
    ("CN Tower", 43.6426, -79.3871, "CA", "Ontario", {"Toronto"}),
    ("Chateau Frontenac", 46.8120, -71.2050, "CA", "Quebec", {"Québec"}),
    ("Zocalo", 19.4326, -99.1332, "MX", "Mexico City", {"Mexico City"}),
    ("Christ the Redeemer", -22.9519, -43.2105, "BR", "Rio de Janeiro", {"Rio de Janeiro"}),
    ("Obelisco", -34.6037, -58.3816, "AR", "Buenos Aires F.D.", {"Buenos Aires"}),
    ("Plaza de Armas", -12.0459, -77.0305, "PE", "Lima Province", {"Lima"}),
    ("Cusco cathedral", -13.5163, -71.9781, "PE", "Cuzco Department", {"Cusco", "Cuzco"}),
    ("Big Ben", 51.5007, -0.1246, "GB", "England", {"London"}),
    ("Tower Bridge", 51.5055, -0.0754, "GB", "England", {"London"}),
    ("Edinburgh Castle", 55.9486, -3.1999, "GB", "Scotland", {"Edinburgh"}),
    ("Trinity College", 53.3438, -6.2546, "IE", "Leinster", {"Dublin"}),
    ("Colosseum", 41.8902, 12.4922, "IT", "Lazio", {"Rome"}),
    ("Leaning Tower", 43.7230, 10.3966, "IT", "Tuscany", {"Pisa"}),
    ("Rialto", 45.4380, 12.3358, "IT", "Veneto", {"Venice"}),
    ("Milan Cathedral", 45.4642, 9.1916, "IT", "Lombardy", {"Milan"}),
    ("Brandenburg Gate", 52.5163, 13.3777, "DE", "State of Berlin", {"Berlin"}),
    ("Marienplatz", 48.1374, 11.5755, "DE", "Bavaria", {"Munich"}),
    ("Cologne Cathedral", 50.9413, 6.9583, "DE", "North Rhine-Westphalia", {"Köln", "Cologne"}),
    ("Stephansdom", 48.2085, 16.3731, "AT", "Vienna", {"Vienna"}),
    ("Charles Bridge", 50.0865, 14.4114, "CZ", "Prague", {"Prague"}),
    ("Hungarian Parliament", 47.5071, 19.0457, "HU", "Budapest", {"Budapest"}),
    ("Sagrada Familia", 41.4036, 2.1744, "ES", "Catalonia", {"Barcelona"}),
    ("Alhambra", 37.1761, -3.5881, "ES", "Andalusia", {"Granada"}),
    ("Belem Tower", 38.6916, -9.2160, "PT", "Lisbon", {"Lisbon"}),
    ("Dam Square", 52.3731, 4.8926, "NL", "North Holland", {"Amsterdam"}),
    ("Grand-Place", 50.8467, 4.3525, "BE", "Brussels Capital", {"Brussels"}),
    ("Acropolis", 37.9715, 23.7257, "GR", "Attica", {"Athens"}),
    ("Hagia Sophia", 41.0086, 28.9802, "TR", "Istanbul", {"Istanbul"}),
    ("Red Square", 55.7539, 37.6208, "RU", "Moscow", {"Moscow"}),
    ("Nyhavn", 55.6797, 12.5912, "DK", "Capital Region", {"Copenhagen"}),
    ("Vasa Museum", 59.3280, 18.0914, "SE", "Stockholm", {"Stockholm"}),
    ("Hallgrimskirkja", 64.1417, -21.9266, "IS", "Capital Region", {"Reykjavík", "Reykjavik"}),
    ("Pyramids of Giza", 29.9792, 31.1342, "EG", "Giza", {"Giza", "Al Jīzah"}),
    ("Table Mountain", -33.9628, 18.4098, "ZA", "Western Cape", {"Cape Town"}),
    ("Djemaa el-Fna", 31.6258, -7.9891, "MA", "Marrakesh-Safi", {"Marrakesh"}),
    ("Burj Khalifa", 25.1972, 55.2744, "AE", "Dubai", {"Dubai"}),
    ("Western Wall", 31.7767, 35.2345, None, None, {"Jerusalem", "East Jerusalem"}),
    ("Taj Mahal", 27.1751, 78.0421, "IN", "Uttar Pradesh", {"Agra"}),
    ("India Gate", 28.6129, 77.2295, "IN", "Delhi", {"Delhi", "New Delhi"}),
    ("Gateway of India", 18.9220, 72.8347, "IN", "Maharashtra", {"Mumbai"}),
    ("Wat Arun", 13.7437, 100.4889, "TH", "Bangkok", {"Bangkok"}),
    ("Petronas Towers", 3.1579, 101.7116, "MY", "Kuala Lumpur", {"Kuala Lumpur"}),
    ("Marina Bay Sands", 1.2834, 103.8607, "SG", None, {"Singapore"}),
    ("Tiananmen", 39.9055, 116.3976, "CN", "Beijing", {"Beijing"}),
    ("The Bund", 31.2400, 121.4900, "CN", "Shanghai", {"Shanghai"}),
    ("Gyeongbokgung", 37.5796, 126.9770, "KR", "Seoul", {"Seoul"}),
    ("Shibuya Crossing", 35.6595, 139.7005, "JP", "Tokyo", {"Tokyo"}),
    ("Fushimi Inari", 34.9671, 135.7727, "JP", "Kyoto", {"Kyoto"}),
    ("Taipei 101", 25.0340, 121.5645, "TW", None, {"Taipei"}),
    ("Sydney Opera House", -33.8568, 151.2153, "AU", "New South Wales", {"Sydney"}),
    ("Sky Tower", -36.8485, 174.7622, "NZ", "Auckland", {"Auckland"}),
]


@pytest.mark.parametrize("landmark", LANDMARKS, ids=lambda row: row[0])
def test_landmarks_are_named_after_their_city(landmark) -> None:
    _, lat, lon, country, region, cities = landmark
    place = PLACES.name(lat, lon)
    assert place.city in cities
    if country:
        assert place.country_code == country
    if region:
        assert place.region == region


BORDERS = [
    # name, lat, lon, country
    ("Geneva", 46.2044, 6.1432, "CH"),
    ("Geneva airport", 46.2333, 6.1090, "CH"),
    ("Annemasse", 46.1944, 6.2377, "FR"),
    ("El Paso", 31.7587, -106.4869, "US"),
    ("Ciudad Juarez", 31.7202, -106.4608, "MX"),
    ("San Ysidro", 32.5556, -117.0470, "US"),
    ("Tijuana", 32.5149, -117.0382, "MX"),
    ("Strasbourg", 48.5734, 7.7521, "FR"),
    ("Kehl", 48.5722, 7.8150, "DE"),
    ("Basel", 47.5596, 7.5886, "CH"),
    ("Weil am Rhein", 47.5930, 7.6200, "DE"),
    ("Saint-Louis", 47.5905, 7.5600, "FR"),
    ("Sheung Shui", 22.5072, 114.1286, "HK"),
    ("Shenzhen", 22.5362, 114.0545, "CN"),
    ("Macau", 22.1987, 113.5439, "MO"),
    ("Zhuhai", 22.2700, 113.5760, "CN"),
    ("Detroit", 42.3314, -83.0458, "US"),
    ("Windsor", 42.3149, -83.0364, "CA"),
    ("Niagara Falls, Ontario", 43.0896, -79.0849, "CA"),
    ("Niagara Falls, New York", 43.0962, -79.0377, "US"),
    ("Point Roberts", 48.9930, -123.0580, "US"),
    ("Saint Peter's", 41.9022, 12.4539, "VA"),
    ("Pantheon", 41.8986, 12.4769, "IT"),
    ("Monaco", 43.7384, 7.4246, "MC"),
    ("Nice", 43.7102, 7.2620, "FR"),
    ("San Marino", 43.9424, 12.4578, "SM"),
    ("Vaduz", 47.1410, 9.5209, "LI"),
    ("Singapore", 1.2966, 103.8520, "SG"),
    ("Woodlands", 1.4430, 103.7860, "SG"),
    ("Johor Bahru", 1.4655, 103.7578, "MY"),
    ("Copenhagen", 55.6761, 12.5683, "DK"),
    ("Malmo", 55.6050, 13.0038, "SE"),
    ("Brazzaville", -4.2634, 15.2429, "CG"),
    ("Kinshasa", -4.3224, 15.3070, "CD"),
    ("Foz do Iguacu", -25.5478, -54.5882, "BR"),
    ("Ciudad del Este", -25.5163, -54.6160, "PY"),
    ("Puerto Iguazu", -25.5991, -54.5736, "AR"),
    ("Ceuta", 35.8894, -5.3213, "ES"),
    ("Melilla", 35.2923, -2.9381, "ES"),
    ("Gibraltar", 36.1408, -5.3536, "GI"),
    ("La Linea", 36.1655, -5.3480, "ES"),
    ("Kaliningrad", 54.7104, 20.4522, "RU"),
    ("Baarle-Nassau", 51.4455, 4.9292, "NL"),
    ("Baarle-Hertog", 51.4377, 4.9300, "BE"),
    ("Buesingen", 47.6970, 8.6900, "DE"),
    ("Campione d'Italia", 45.9700, 8.9700, "IT"),
    ("Llivia", 42.4630, 1.9770, "ES"),
    ("Nicosia, south", 35.1700, 33.3600, "CY"),
    ("Kyrenia", 35.3400, 33.3200, "CY"),
    ("Simferopol", 44.9500, 34.1000, "UA"),
    ("Laayoune", 27.1500, -13.2000, "EH"),
    ("Pristina", 42.6629, 21.1655, "XK"),
    ("Gaza", 31.5017, 34.4668, "PS"),
    ("Seoul", 37.5665, 126.9780, "KR"),
    ("Kaesong", 37.9708, 126.5544, "KP"),
]
TERRITORIES = [
    ("San Juan", 18.4655, -66.1057, "PR"),
    ("Saint-Pierre, Reunion", -21.3393, 55.4781, "RE"),
    ("Pointe-a-Pitre", 16.2411, -61.5331, "GP"),
    ("Fort-de-France", 14.6161, -61.0588, "MQ"),
    ("Mamoudzou", -12.7806, 45.2279, "YT"),
    ("Cayenne", 4.9224, -52.3135, "GF"),
    ("Philipsburg", 18.0237, -63.0458, "SX"),
    ("Marigot", 18.0675, -63.0825, "MF"),
    ("Kralendijk", 12.1500, -68.2700, "BQ"),
    ("Mariehamn", 60.0973, 19.9348, "AX"),
    ("Torshavn", 62.0079, -6.7900, "FO"),
    ("Nuuk", 64.1836, -51.7214, "GL"),
    ("Longyearbyen", 78.2232, 15.6267, "SJ"),
    ("Saint Peter Port", 49.4555, -2.5368, "GG"),
    ("Saint Helier", 49.1868, -2.1066, "JE"),
    ("Douglas", 54.1509, -4.4817, "IM"),
    ("Las Palmas", 28.1235, -15.4363, "ES"),
    ("Funchal", 32.6669, -16.9241, "PT"),
    ("Hanga Roa", -27.1127, -109.3497, "CL"),
    ("Adamstown", -25.0667, -130.1000, "PN"),
    ("Edinburgh of the Seven Seas", -37.0666, -12.3115, "SH"),
    ("Grytviken", -54.2811, -36.5092, "GS"),
    ("Port-aux-Francais", -49.3500, 70.2167, "TF"),
    ("Funafuti", -8.5211, 179.1983, "TV"),
    ("Male", 4.1750, 73.5090, "MV"),
    ("Midway", 28.2072, -177.3735, "UM"),
    ("McMurdo", -77.8419, 166.6863, "AQ"),
    ("South Pole", -90.0, 0.0, "AQ"),
]
ACROSS_THE_ANTIMERIDIAN = [
    ("Taveuni", -16.8, "FJ"),
    ("Chukotka", 66.0, "RU"),
    ("Wrangel Island", 71.2, "RU"),
]
SHORE = [
    ("Santa Monica Pier", 34.0086, -118.4986, "US"),
    ("Burj Al Arab", 25.1412, 55.1852, "AE"),
    ("Liberty Island", 40.6892, -74.0445, "US"),
    ("Chateau d'If", 43.2799, 5.3253, "FR"),
    ("Palm Jumeirah", 25.1304, 55.1171, "AE"),
    ("Bondi Beach", -33.8915, 151.2767, "AU"),
    ("Oresund Bridge", 55.5740, 12.8290, "SE"),
]
SEA = [
    ("Gulf of Guinea", 0.0, 0.0),
    ("North Atlantic", 30.0, -40.0),
    ("South Pacific", -40.0, -120.0),
    ("Dogger Bank", 56.0, 3.0),
    ("Balearic Sea", 41.0, 5.0),
    ("between Hawaii and California", 30.0, -140.0),
    ("among the islands of Kiribati", -1.0, -165.0),
    ("North Pole", 90.0, 0.0),
]


@pytest.mark.parametrize("spot", BORDERS + TERRITORIES + SHORE, ids=lambda row: row[0])
def test_the_country_is_the_one_inside_whose_border_the_point_lies(spot) -> None:
    _, lat, lon, country = spot
    assert PLACES.name(lat, lon).country_code == country


@pytest.mark.parametrize("spot", SEA, ids=lambda row: row[0])
def test_the_open_sea_has_no_name(spot) -> None:
    _, lat, lon = spot
    place = PLACES.name(lat, lon)
    assert (place.country_code, place.country, place.region, place.city) == ("", "", "", "")


@pytest.mark.parametrize("lon", [179.99, 180.0, -180.0, -179.99])
@pytest.mark.parametrize("spot", ACROSS_THE_ANTIMERIDIAN, ids=lambda row: row[0])
def test_land_goes_on_across_the_antimeridian(spot, lon) -> None:
    _, lat, country = spot
    assert PLACES.name(lat, lon).country_code == country


def test_no_city_is_named_far_from_every_town() -> None:
    place = PLACES.name(23.5, 11.0)  # the Sahara in the south of Algeria or Libya
    assert place.country_code in {"DZ", "LY"}
    assert place.region
    assert place.city == ""


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_every_point_on_earth_can_be_named(lat: float, lon: float) -> None:
    place = PLACES.name(lat, lon)
    assert (place.point.lat, place.point.lon) == (lat, lon)
    assert bool(place.country_code) == bool(place.country) == bool(place.continent)
    assert place.country_code or not (place.region or place.city)


@given(st.sampled_from(range(len(PLACES))))
def test_a_named_city_is_near(row: int) -> None:
    lat, lon = float(PLACES.lat[row]), float(PLACES.lon[row])
    place = PLACES.name(lat, lon)
    if place.country_code == PLACES.place(row).country_code and PLACES.place(row).city:
        assert place.city
        assert place.region == PLACES.place(row).region


@pytest.mark.parametrize(
    ("lat", "lon", "word"),
    [
        (90.1, 0, "latitude"),
        (-91, 0, "latitude"),
        (float("nan"), 0, "latitude"),
        (float("inf"), 0, "latitude"),
        (0, 180.5, "longitude"),
        (0, -181, "longitude"),
        (0, float("nan"), "longitude"),
    ],
)
def test_points_off_the_earth_are_refused(lat: float, lon: float, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        PLACES.name(lat, lon)


def test_table_columns_have_the_promised_types_and_lengths() -> None:
    rows = len(PLACES)
    assert 45_000 < rows < 60_000
    for array, dtype in (
        (PLACES.lat, np.float32),
        (PLACES.lon, np.float32),
        (PLACES.population, np.int32),
        (PLACES.zone, np.int16),
        (PLACES.country, np.int16),
        (PLACES.region, np.int32),
        (PLACES.continent, np.int8),
    ):
        assert array.shape == (rows,)
        assert array.dtype == dtype
        assert not array.flags.writeable
    assert PLACES.unit.shape == (rows, 3)
    assert PLACES.unit.dtype == np.float32
    assert len(PLACES.city_names) == rows


def test_table_values_are_in_range() -> None:
    assert np.all(np.abs(PLACES.lat) <= 90)
    assert np.all(np.abs(PLACES.lon) <= 180)
    np.testing.assert_allclose(np.linalg.norm(PLACES.unit, axis=1), 1, atol=1e-6)
    assert PLACES.zone.max() == len(PLACES.zone_names) - 1
    assert set(PLACES.zone_names) <= zoneinfo.available_timezones()
    assert PLACES.population.min() == 0
    assert PLACES.country.max() == len(PLACES.country_codes) - 1
    assert PLACES.region.max() < len(PLACES.region_names)
    assert PLACES.continent.max() == len(PLACES.continent_names) - 1


def test_towns_have_names_and_land_points_have_no_people() -> None:
    is_town = np.array([bool(name) for name in PLACES.city_names])
    assert 35_000 < is_town.sum() < 50_000
    assert PLACES.population[~is_town].max() == 0
    assert all(name == name.strip() for name in PLACES.city_names)
    assert PLACES.region_names[0] == ""
    assert all(PLACES.region_names[1:])


def test_rows_are_sorted_and_no_two_towns_are_the_same() -> None:
    order = np.lexsort((-PLACES.population, PLACES.region, PLACES.country))
    by_key = np.stack([PLACES.country, PLACES.region, -PLACES.population])
    np.testing.assert_array_equal(by_key, by_key[:, order])
    keys = set(zip(PLACES.city_names, PLACES.lat.tolist(), PLACES.lon.tolist(), strict=True))
    assert len(keys) == len(PLACES)


def test_a_region_belongs_to_one_country() -> None:
    known = PLACES.region > 0
    pairs = set(zip(PLACES.region[known].tolist(), PLACES.country[known].tolist(), strict=True))
    assert len(pairs) == len({region for region, _ in pairs})


def test_every_iso_country_has_rows_and_borders() -> None:
    codes = PLACES.country_codes
    assert list(codes) == sorted(set(codes))
    assert len(codes) == 250  # the 249 of ISO 3166-1, and Kosovo
    assert "XK" in codes
    assert set(np.unique(PLACES.country).tolist()) == set(range(len(codes)))
    assert set(load_borders().codes) == set(codes)


def test_rows_lie_inside_the_borders_of_their_country() -> None:
    found = load_borders().locate(PLACES.lat, PLACES.lon)
    own = [PLACES.country_codes[country] for country in PLACES.country]
    elsewhere = sum(code != mine for (code, _), mine in zip(found, own, strict=True))
    assert elsewhere < 0.002 * len(PLACES)


@pytest.mark.parametrize(
    ("code", "name", "continent"),
    [
        ("CZ", "Czechia", "Europe"),
        ("KR", "South Korea", "Asia"),
        ("CI", "Ivory Coast", "Africa"),
        ("GB", "United Kingdom", "Europe"),
        ("NL", "Netherlands", "Europe"),
        ("VA", "Vatican City", "Europe"),
        ("RE", "Réunion", "Africa"),
        ("BR", "Brazil", "South America"),
        ("NZ", "New Zealand", "Oceania"),
        ("AQ", "Antarctica", "Antarctica"),
        ("GT", "Guatemala", "North America"),
    ],
)
def test_countries_have_common_names_and_continents(code: str, name: str, continent: str) -> None:
    rows = np.flatnonzero(PLACES.mask([code]))
    place = PLACES.place(int(rows[0]))
    assert (place.country_code, place.country, place.continent) == (code, name, continent)


@pytest.mark.parametrize(
    ("lat", "lon", "zone"),
    [
        (51.5, -0.1, "Europe/London"),
        (48.86, 2.35, "Europe/Paris"),
        (27.7, 85.3, "Asia/Kathmandu"),
        (28.6, 77.2, "Asia/Kolkata"),
        (-33.87, 151.2, "Australia/Sydney"),
        (40.7, -74.0, "America/New_York"),
        (21.3, -157.9, "Pacific/Honolulu"),
        (-43.95, -176.55, "Pacific/Chatham"),
        (1.87, -157.43, "Pacific/Kiritimati"),
    ],
)
def test_every_row_knows_its_time_zone(lat: float, lon: float, zone: str) -> None:
    row = PLACES.nearest_rows([lat], [lon])[0]
    assert PLACES.zone_names[PLACES.zone[row]] == zone


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=5))
def test_nearest_rows_are_the_nearest(points: list[tuple[float, float]]) -> None:
    lat, lon = np.array(points).T
    rows = PLACES.nearest_rows(lat, lon)
    assert rows.dtype == np.int32
    for row, (one_lat, one_lon) in zip(rows, points, strict=True):
        km = haversine_km(one_lat, one_lon, PLACES.lat, PLACES.lon)
        assert km[row] <= km.min() + 1e-3


def test_nearest_rows_finds_every_row_itself_in_many_chunks() -> None:
    some = np.arange(0, len(PLACES), 97)
    found = PLACES.nearest_rows(PLACES.lat[some], PLACES.lon[some])
    np.testing.assert_array_equal(found, some)
    assert PLACES.nearest_rows([], []).shape == (0,)


def test_rows_are_near_everywhere_on_inhabited_land() -> None:
    """Points spread evenly over the globe, those with a country on them, ice sheets apart."""
    index = np.arange(20_000) + 0.5
    lat = np.degrees(np.arcsin(1 - index / 10_000))
    lon = (index * 360 * 0.6180339887) % 360 - 180
    ice = (lat < -60) | ((lat > 59) & (lon > -60) & (lon < -20))
    lat, lon = lat[~ice], lon[~ice]
    ashore = np.array([bool(code) for code, _ in load_borders().locate(lat, lon)])
    rows = PLACES.nearest_rows(lat[ashore], lon[ashore])
    km = haversine_km(lat[ashore], lon[ashore], PLACES.lat[rows], PLACES.lon[rows])
    assert np.mean(km > 50) < 0.03
    assert km.max() < 100


def test_a_row_tells_its_own_place() -> None:
    rows = [row for row, name in enumerate(PLACES.city_names) if name == "Paris"]
    paris = max(rows, key=lambda row: PLACES.population[row])
    place = PLACES.place(paris)
    assert (place.city, place.region, place.country) == ("Paris", "Île-de-France", "France")
    assert place.point.lat == pytest.approx(48.85341, abs=1e-4)


def test_mask_keeps_the_rows_of_the_countries() -> None:
    mask = PLACES.mask({"FR", "MC"})
    codes = {PLACES.country_codes[country] for country in PLACES.country[mask]}
    assert mask.dtype == np.bool_
    assert codes == {"FR", "MC"}
    assert not PLACES.mask([]).any()
    assert PLACES.mask(PLACES.country_codes).all()


@pytest.mark.parametrize("code", ["fr", "FRA", "ZZ", ""])
def test_mask_refuses_codes_that_no_row_has(code: str) -> None:
    with pytest.raises(ValueError, match="ISO 3166"):
        PLACES.mask([code])
