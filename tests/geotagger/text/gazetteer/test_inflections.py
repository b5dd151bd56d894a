"""Names in other cases, and with articles and prepositions."""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, on purpose

from __future__ import annotations

import pytest

from geotagger.text.cues import place_names
from geotagger.text.gazetteer.gazetteer import normalise
from geotagger.text.gazetteer.inflections import usual_forms
from geotagger.text.types import TextLine

BOX = ((0.1, 0.4), (0.9, 0.4), (0.9, 0.6), (0.1, 0.6))


@pytest.mark.parametrize(
    ("written", "usual"),
    [
        ("Москве", "Москва"), ("Казани", "Казань"), ("Саратова", "Саратов"), ("Сочинского", ""),
        ("Києва", "Київ"), ("Львова", "Львів"), ("Миколаєва", "Миколаїв"), ("Одесі", "Одеса"),
        ("Тернополя", "Тернопіль"), ("Вінниці", "Вінниця"), ("Крагујевцу", "Крагујевац"),
        ("Београду", "Београд"), ("Шымкенттің", "Шымкент"), ("Бишкекте", "Бишкек"),
        ("Улаанбаатарын", "Улаанбаатар"), ("Θεσσαλονίκης", "Θεσσαλονίκη"), ("Πάτρας", "Πάτρα"),
        ("Λεμεσού", "Λεμεσός"), ("Ιωαννίνων", "Ιωάννινα"), ("Πειραιά", "Πειραιάς"),
        ("თბილისის", "თბილისი"), ("ბათუმში", "ბათუმი"), ("მცხეთის", "მცხეთა"),
        ("Գյումրու", "Գյումրի"), ("Երևանում", "Երևան"), ("ঢাকার", "ঢাকা"), ("সিলেটের", "সিলেট"),
        ("मुंबईत", "मुंबई"), ("बالرياض", ""), ("بالرياض", "رياض"), ("رياض", "الرياض"),
        ("בירושלים", "ירושלים"), ("የአዋሳ", "አዋሳ"),
    ],
)  # fmt: skip
def test_usual_form_is_among_the_forms(written: str, usual: str) -> None:
    forms = list(usual_forms(normalise(written)))
    assert not usual or normalise(usual) in forms
    assert normalise(written) not in forms


def test_persons_of_streets_are_no_towns() -> None:
    for name in ("Пушкина", "Кирова", "Гагарина", "Чехова"):
        assert normalise(name)[:-1] not in usual_forms(normalise(name))


def test_latin_words_and_short_ones_have_no_other_forms() -> None:
    for word in ("kolns", "stockholms", "оме", "x", "12"):
        assert list(usual_forms(word)) == []


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Ласкаво просимо до Львова", "Lviv, UA"),
        ("Добро пожаловать в Самару", "Samara, RU"),
        ("Δήμος Θεσσαλονίκης", "Thessaloníki, GR"),
        ("Добродошли у Крагујевац", "Kragujevac, RS"),
    ],
)
def test_names_in_sentences_are_found(text: str, meaning: str) -> None:
    cues = place_names.find([TextLine(text, 0.95, BOX)])
    assert [cue.meaning for cue in cues if cue.meaning.startswith(meaning)]


@pytest.mark.parametrize("text", ["ул. Саратова", "пр. Минска 12"])
def test_streets_are_not_looked_up_in_other_cases(text: str) -> None:
    assert place_names.find([TextLine(text, 0.95, BOX)]) == []
