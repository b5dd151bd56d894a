import json

import numpy as np
import pytest

from geotagger.errors import UsageError
from geotagger.geography.named_places import (
    NamedPlace,
    largest_cities,
    parse_places,
    read_candidates,
)
from geotagger.geography.places import load_places


def test_places_in_words():
    lyon, turin, malta = parse_places("Lyon, France; Turin, Piedmont, Italy; Malta")
    assert (lyon.city, lyon.country_code) == ("Lyon", "FR")
    assert (lyon.lat, lyon.lon) == (pytest.approx(45.75, abs=0.1), pytest.approx(4.85, abs=0.1))
    assert (turin.city, turin.region, turin.country_code) == ("Turin", "Piedmont", "IT")
    assert (malta.city, malta.region, malta.country_code) == ("", "", "MT")


def test_names_are_looked_up_by_country_and_region_together():
    texas, france = parse_places("Paris, Texas, United States; Paris, France")
    assert (texas.region, round(texas.lat)) == ("Texas", 34)
    assert round(france.lat) == 49


def test_a_state_may_stand_for_a_country(tmp_path):
    file = tmp_path / "c.json"
    entries = [
        {"city": "Houston", "region": "", "country": "Texas", "continent": "North America"},
        {"city": "Tbilisi", "region": None, "country": "Georgia"},
        {"city": "Nowhere", "country": "France", "lat": 45.0, "lon": 3.0},
    ]
    file.write_text(json.dumps({"locations": entries}))
    houston, tbilisi, nowhere = read_candidates(file)
    assert houston.area == ("US", "Texas")
    assert houston.names(load_places())["country"] == "Texas"
    assert tbilisi.area == ("GE", "")
    assert (nowhere.lat, nowhere.lon) == (45.0, 3.0)


def test_what_a_candidate_covers():
    places = load_places()
    lyon, region, malta = parse_places("Lyon, France; , Piedmont, Italy; Malta")
    km25 = lyon.rows(places)
    assert 1 <= km25.sum() < 100
    assert "Lyon" in np.array(places.city_names)[km25]
    names = {places.region_names[number] for number in places.region[region.rows(places)]}
    assert names == {"Piedmont"}
    codes = {places.country_codes[number] for number in places.country[malta.rows(places)]}
    assert codes == {"MT"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Lyon, Italy", "place 1: Lyon is no city"),
        ("Malta; Atlantis, Utopia", "place 2: Utopia is no country"),
        ("Turin, Lombardy, Italy", "Turin is no city"),
        ("Turin, Toscania, Italy", "Toscania is no region of Italy"),
        (" ; ", "there is none"),
    ],
)
def test_what_is_not_known_is_named(text, message):
    with pytest.raises(UsageError, match=message):
        parse_places(text)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"locations": [1]}', '{"places": []}', '{"a":' * 10_000]
)
def test_a_file_of_another_kind(tmp_path, text):
    file = tmp_path / "c.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="not a file of candidates"):
        read_candidates(file)


def test_the_largest_cities_of_a_country_and_of_its_states():
    places = load_places()
    france = largest_cities(places, places.country_codes.index("FR"))
    assert france[0].city == "Paris"
    assert len(france) == len({town.city for town in france}) == 30
    states = largest_cities(places, places.country_codes.index("US"), states=True)
    texas = [town.city for town in states if town.area == ("US", "Texas")]
    assert texas[0] == "Houston"
    assert len(texas) == 30


def test_the_continent_is_where_the_place_is():
    places = load_places()
    continents = {
        code: NamedPlace("", "", code).names(places)["continent"]
        for code in ("FR", "US", "RU", "ES")
    }
    assert continents == {
        "FR": "Europe",
        "US": "North America",
        "RU": "Europe",
        "ES": "Europe",
    }
    honolulu = NamedPlace("Honolulu", "Hawaii", "US", lat=21.31, lon=-157.86)
    assert honolulu.names(places)["continent"] == "Oceania"


def test_as_many_towns_as_are_asked_for():
    places = load_places()
    france = places.country_codes.index("FR")
    assert [len(largest_cities(places, france, most=most)) for most in (1, 30, 50)] == [1, 30, 50]
