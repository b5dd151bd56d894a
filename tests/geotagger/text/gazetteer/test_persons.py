"""Names of persons among the words."""

import numpy as np
import pytest

from geotagger.text.gazetteer.gazetteer import load_gazetteer
from geotagger.text.gazetteer.persons import (
    LOG_STEP,
    PersonNames,
    load_person_names,
    name_key,
    words_of_persons,
)
from geotagger.text.gazetteer.tokens import tokenize
from geotagger.text.types import TextLine

BOX = ((0.1, 0.4), (0.9, 0.4), (0.9, 0.6), (0.1, 0.6))


def persons_in(text: str) -> str:
    tokens = list(tokenize([TextLine(part, 0.95, BOX) for part in text.split(" / ")]))
    found = words_of_persons(tokens, load_gazetteer())
    return " ".join(tokens[index].raw for index in sorted(found))


@pytest.mark.parametrize(
    "text",
    [
        "Hermann Hesse", "HERMANN HESSE", "Hermann / Hesse", "Julio Cortázar", "Jack London",
        "Charlotte Brontë", "Florence Nightingale", "Sydney Sweeney", "Whitney Houston",
        "Miguel de Cervantes", "Gabriel García Márquez", "George R. R. Martin",
        "Karl Ove Knausgård", "Isabel Allende", "Rosa Luxemburg",
    ],
)  # fmt: skip
def test_given_names_with_surnames_are_persons(text: str) -> None:
    assert persons_in(text).split() == text.replace("/ ", "").replace(".", "").split()


@pytest.mark.parametrize(
    "text",
    [
        "Victoria Falls", "Virginia Beach", "Santa Cruz", "San Diego", "Charlotte, NC",
        "City of Charlotte", "Charlotte Airport", "Sydney Park", "Sydney Opera House",
        "Victoria Hotel", "Milan Centrale", "Stadt Bielefeld", "Universität Leipzig", "Hermann",
        "Hermann / Wir sind in Hesse", "hermann hesse", "Café Anna Leipzig", "", "12 34",
    ],
)  # fmt: skip
def test_towns_and_other_words_are_none(text: str) -> None:
    assert persons_in(text) == ""


def test_a_town_after_a_person_is_no_surname() -> None:
    assert persons_in("Bäckerei Klaus Müller Bielefeld") == "Klaus Müller"


def test_names_have_the_number_of_people_of_the_table() -> None:
    keys = sorted((name_key("anna"), name_key("hesse")))
    is_given = [key == name_key("anna") for key in keys]
    persons = PersonNames(
        {
            "keys": np.array(keys, np.uint32),
            "given": np.array([100 if given else 0 for given in is_given], np.uint8),
            "surname": np.array([0 if given else 50 for given in is_given], np.uint8),
        }
    )
    assert persons.given("anna") == pytest.approx(np.exp(100 * LOG_STEP))
    assert persons.surname("hesse") == pytest.approx(np.exp(50 * LOG_STEP))
    assert persons.surname("anna") == persons.given("hesse") == persons.given("zzzz") == 0.0


@pytest.mark.parametrize("word", ["san", "hotel", "rue", "via", "bad", "new", "stadt"])
def test_words_that_begin_names_of_places_are_no_given_names(word: str) -> None:
    assert load_person_names().given(word) == 0.0
