"""What people call countries, and the continent of a country."""

import pytest

from geotagger.geography.country_names import ALIASES, codes_by_name, continent_of_country
from geotagger.geography.places import load_places


@pytest.mark.parametrize(
    ("name", "code"), [("fr", "FR"), ("south korea", "KR"), ("korea", "KR"), ("el", "GR")]
)
def test_codes_names_and_aliases_are_known(name, code):
    assert codes_by_name()[name] == code


def test_no_alias_is_a_name_or_code_of_another_country():
    assert {name: codes_by_name()[name] for name in ALIASES} == ALIASES


@pytest.mark.parametrize(
    ("code", "continent"), [("RU", "Europe"), ("FR", "Europe"), ("US", "North America")]
)
def test_a_country_is_on_the_continent_of_its_largest_town(code, continent):
    places = load_places()
    assert continent_of_country(places, places.country_codes.index(code)) == continent
