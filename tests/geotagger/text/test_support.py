"""Names that count only with other evidence of their country."""

import pytest

from geotagger.text.find_cues import find_cues
from geotagger.text.support import supported_cues
from geotagger.text.types import Cue, NeededSupport, OcrResult, Spot, TextLine

BOX = ((0.1, 0.4), (0.9, 0.4), (0.9, 0.6), (0.1, 0.6))
MELVILLE = Spot(40.79, -73.42, 1000.0, 5.0, town="Melville", name="Melville", country="US")
GORGONZOLA = Spot(45.53, 9.40, 1000.0, 5.0, town="Gorgonzola", name="Gorgonzola", country="IT")


def place_names(text: str) -> list[str]:
    lines = tuple(TextLine(part, 0.95, BOX) for part in text.split(" / "))
    cues, _ = find_cues(OcrResult(lines, 1000, 1000))
    return [cue.meaning.partition(" (and")[0] for cue in cues if cue.kind == "place name"]


def doubtful(spot: Spot, needs: NeededSupport) -> Cue:
    meaning = f"{spot.name}, {spot.country}"
    return Cue("place name", spot.name, meaning, {}, (spot,), spot.name, needs)


def no_language(_: object) -> list[Cue]:
    return []


@pytest.mark.parametrize(
    ("other", "needs", "counts"),
    [
        (Cue("postcode", "NY 11747", "postcode of US", {"US": 20.0}), NeededSupport.SURE, True),
        (Cue("postcode", "1234 AB", "postcode of NL", {"NL": 20.0}), NeededSupport.ANY, False),
        (Cue("money", "$", "USD", {"US": 2.0}), NeededSupport.ANY, False),
        (Cue("language", "", "language en", {"US": 50.0}), NeededSupport.ANY, False),
    ],
)
def test_other_evidence_of_its_country_supports_a_name(
    other: Cue, needs: NeededSupport, counts: bool
) -> None:
    name = doubtful(MELVILLE, needs)
    kept = supported_cues([name, other], [TextLine("Melville", 0.95, BOX)], no_language)
    assert (name in kept) is counts
    assert other in kept


def test_the_language_of_the_other_words_supports_a_name_but_not_a_product() -> None:
    line = TextLine("Gorgonzola aperto", 0.95, BOX)
    asked = []

    def find_languages(lines: list[TextLine]) -> list[Cue]:
        asked.extend(line.text.strip() for line in lines)
        return [Cue("language", "aperto", "language it", {"IT": 40.0})]

    town, product = (
        doubtful(GORGONZOLA, needs) for needs in (NeededSupport.ANY, NeededSupport.SURE)
    )
    assert supported_cues([town], [line], find_languages) == [town]
    assert asked == ["aperto"]
    assert supported_cues([product], [line], find_languages) == []


def test_a_place_nearby_supports_a_name_and_a_far_one_does_not() -> None:
    name = doubtful(GORGONZOLA, NeededSupport.SURE)
    for lat, counts in ((45.46, True), (41.90, False)):
        near = Cue("place name", "X", "X, IT", {}, (Spot(lat, 9.19, 50.0, 10.0, country="IT"),))
        assert (name in supported_cues([name, near], [], no_language)) is counts


def test_two_doubtful_names_do_not_support_each_other() -> None:
    names = [doubtful(GORGONZOLA, NeededSupport.ANY), doubtful(GORGONZOLA, NeededSupport.SURE)]
    assert supported_cues(names, [], no_language) == []


@pytest.mark.parametrize(
    "text",
    [
        "Melville", "MELVILLE", "Brontë", "Cortázar", "Marlboro", "Cheddar", "Gorgonzola", "KIRIN",
        "TOYOTA", "Cheddar / Gorgonzola / Cognac", "Saint-Exupéry", "NICE", "Nice / to meet you",
        "Seat Ibiza", "Beef Wellington", "Dundee Cake",
    ],
)  # fmt: skip
def test_persons_goods_and_plain_words_alone_name_no_place(text: str) -> None:
    assert place_names(text) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Welcome to Melville", "Melville, US"),
        ("Melville, NY 11747", "Melville, US"),
        ("Marlboro, NJ 07746", "Marlboro, US"),
        ("Cheddar Parish Council", "Cheddar, GB"),
        ("Cheddar Gorge / BS27 3QF", "Cheddar, GB"),
        ("Comune di Gorgonzola", "Gorgonzola, IT"),
        ("16100 Cognac", "Cognac, FR"),
        ("Gemeente Gouda", "Gouda, NL"),
        ("Nice / Gare routière / Quai fermé", "Nice, FR"),
        ("Split / Trajektna luka", "Split, HR"),
        ("H. Ayuntamiento de Cortazar", "Cortazar, MX"),
    ],
)
def test_the_same_names_count_with_support(text: str, name: str) -> None:
    assert name in place_names(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("VENICE", "Venice, IT"),
        ("Venedig", "Venice, IT"),
        ("Peking", "Beijing, CN"),
        ("Bombay", "Mumbai, IN"),
        ("Mailand", "Milan, IT"),
        ("Warschau", "Warsaw, PL"),
        ("Londres", "London, GB"),
        ("Varsovie", "Warsaw, PL"),
        ("Parigi", "Paris, FR"),
        ("Keulen", "Köln, DE"),
        ("Selanik", "Thessaloníki, GR"),
        ("Florence", "Florence, IT"),
        ("Cologne", "Köln, DE"),
    ],
)
def test_names_in_other_languages_need_no_support(text: str, name: str) -> None:
    assert place_names(text)[0] == name
