"""The places table: its invariants, and the names of points that are easy to get wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.geo import haversine_km
from geotagger.places import CITY_RADIUS_KM, load_borders, load_places

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
