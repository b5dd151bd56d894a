# ruff: noqa: RUF001 (signs in many scripts)
"""Language as evidence: its countries gain; names and noise have little effect."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from geotagger.text.country_profiles import country_profiles
from geotagger.text.cues.languages import SCRIPTS, _scripts_of_languages, find
from geotagger.text.language.writing_system import script_of
from geotagger.text.types import TextLine

BOX = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))
SIGNS = Path(__file__).parents[3] / "data" / "sign_languages.csv"


def lines(*texts, confidence=0.97):
    return [TextLine(text, confidence, BOX) for text in texts]


def ratio_of(country, *texts):
    cues = find(lines(*texts))
    return cues[0].countries.get(country, 1.0) if cues else 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ausfahrt freihalten", "DE"),
        ("Hundrastplats för lösa hundar", "SE"),
        ("Koirat kytkettävä", "FI"),
        ("Défense d'afficher", "FR"),
        ("Zakaz wstępu", "PL"),
        ("Vigyázat, a kutya harap", "HU"),
        ("Lütfen çöp atmayınız", "TR"),
        ("Cấm hút thuốc", "VN"),
        ("Вход воспрещён", "RU"),
        ("Вхід заборонено", "UA"),
        ("Dilarang parkir di sini", "ID"),
        ("Tere tulemast raamatukogu", "EE"),
        ("Varúð hundur", "IS"),
        ("Fumatul interzis", "RO"),
        ("سیگار کشیدن ممنوع است", "IR"),
        ("Proibido estacionar", "BR"),
    ],
)
def test_the_country_of_the_language_gains(text, expected):
    cue = find(lines(text))[0]
    assert cue.kind == "language"
    assert cue.countries[expected] > 20
    assert cue.countries[expected] > max(cue.countries.values()) / 4


def test_close_languages_both_count():
    cue = find(lines("Hunde skal føres i snor"))[0]
    assert cue.countries["DK"] > 50
    assert cue.countries["NO"] > 10
    assert cue.countries["DK"] > 20 * cue.countries.get("SE", 1.0)


def test_english_on_a_german_sign_stays_german():
    german = ratio_of("DE", "Hunde an der Leine führen", "Keep dogs on a leash")
    assert german > 20 * ratio_of("US", "Hunde an der Leine führen", "Keep dogs on a leash")


@pytest.mark.parametrize(("word", "country"), [("अकबर", "IN"), ("ہاشمی", "PK"), ("Бжышкян", "RU")])
def test_an_unknown_word_in_another_script_is_evidence_all_the_same(word, country):
    assert ratio_of(country, word) > 5 * ratio_of("FR", word)


@pytest.mark.parametrize(
    ("word", "has", "lacks"),
    [("Дероње", "RS", "RU"), ("Чевље", "MK", "BY"), ("Ґруні", "UA", "RU")],
)
def test_a_letter_that_a_language_lacks_speaks_against_it(word, has, lacks):
    assert ratio_of(has, word) > 4 * ratio_of(lacks, word)


@pytest.mark.parametrize("word", ["आनन्द", "मण्डी"])
def test_a_nasal_that_is_written_in_full_is_hindi_too(word):
    assert ratio_of("IN", word) > ratio_of("NP", word) / 10


@pytest.mark.parametrize(
    ("word", "as_read"), [("شهرداری", "شهردارى"), ("خیابان", "خيابان"), ("مكتبة", "مکتبة")]
)
def test_letters_that_arabic_and_persian_write_alike_tell_neither(word, as_read):
    """A sign shows the last letter of a word only."""
    ratios, of_read = (find(lines(text))[0].countries for text in (word, as_read))
    assert of_read == pytest.approx(ratios, rel=0.5)
    assert max(of_read, key=of_read.get) == max(ratios, key=ratios.get)


def test_english_alone_is_weak():
    cue = find(lines("Please keep off the grass", "Dogs must be kept on leads"))[0]
    assert 1.5 < cue.countries["GB"] < 20


def test_more_words_are_stronger():
    one = ratio_of("DE", "Hund")
    assert one < ratio_of("DE", "Hunde bitte") < ratio_of("DE", "Hunde bitte an der Leine führen")


@pytest.mark.parametrize(
    "text",
    ["", "A", "12:30", "0221-221-0", "4711", "HHHH", "www.ausfahrt.de", "X1 Y2", "13.05.2024"],
)
def test_text_without_words_gives_no_cue(text):
    assert find(lines(text)) == []


def test_illegible_lines_give_no_cue():
    assert find(lines("Ausfahrt freihalten", confidence=0.4)) == []
    sure, unsure = (find(lines("Ausfahrt", confidence=c))[0].countries["DE"] for c in (0.99, 0.6))
    assert unsure <= sure


def world_posterior(cues):
    photos = np.array([country.photos for country in country_profiles().values()])
    for cue in cues:
        photos = photos * [cue.countries.get(code, 1.0) for code in country_profiles()]
    return photos / photos.sum()


def share_of_language(language):
    return np.array(
        [
            country.photos
            * sum(v for key, v in country.languages.items() if key.split("_")[0] == language)
            for country in country_profiles().values()
        ]
    )


def signs(*uses):
    with SIGNS.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["use"] in uses]
    return [(row["text"], row["language"]) for row in rows if script_of(row["text"]) in SCRIPTS]


def test_signs_of_the_world_gain_and_names_lose_little():
    """Nats gained in the countries of the signs' languages, and lost on brands and names."""
    prior = world_posterior([])
    gained, lost = [], []
    for text, language in signs("", "short", "held out"):
        change = np.log(world_posterior(find(lines(text))) / prior)
        if not language:
            lost.append(-float(prior @ change))
        elif (share := share_of_language(language)).sum() > 0:
            gained.append(float(share @ change / share.sum()))
    assert len(gained) > 650
    assert len(lost) > 20
    assert np.mean(gained) > 3.3
    assert np.mean(np.array(gained) < -1) < 0.02
    assert np.mean(lost) < 0.5


@pytest.mark.parametrize(
    ("whole", "damaged"),
    [
        ("Hunde skal føres i snor", "Hunde skal føres isnor"),
        ("Vara här", "VARAHÄR"),
        ("Geschützte Grünanlage", "GESCHUTZTE GRUNANLAGE"),
        ("Hunde skal føres i snor", "Hunde skal fores i snor"),
        ("Zapatería y llaves", "Zapateria y llaves"),
    ],
)
def test_lost_diacritics_and_spaces_change_little(whole, damaged):
    before, after = (world_posterior(find(lines(text))) for text in (whole, damaged))
    best = int(before.argmax())
    assert after[best] > before[best] / 3
    assert after[best] > 0.3 * after.max()


def test_a_compound_of_known_words_is_known():
    cue = find(lines("Kein Hundeklo"))[0]
    assert cue.countries["DE"] > 10 * cue.countries.get("DK", 1.0)


@pytest.mark.parametrize("text", ["LA", "So", "GH", "AGA", "LAM", "TRI", "HA", "IN"])
def test_a_single_short_word_is_very_weak(text):
    cues = find(lines(text, confidence=0.9))
    assert all(ratio < 5 for cue in cues for ratio in cue.countries.values())


def test_a_letter_that_is_a_word_counts_among_others():
    polish, bare = (find(lines(text))[0].countries for text in ("buty i torebki", "buty torebki"))
    assert polish["PL"] > bare["PL"]
    assert find(lines("i")) == []


@pytest.mark.parametrize(
    ("text", "country", "lat", "lon"),
    [
        ("Universitat de Barcelona", "ES", 41.4, 2.2),
        ("Sartzea debekatuta", "ES", 43.2, -2.9),
        ("Croeso i Gymru", "GB", 51.6, -3.4),
        ("Défense de stationner", "CA", 46.8, -71.2),
        ("Toegang verboden", "BE", 51.2, 4.4),
    ],
)
def test_the_language_of_a_part_of_a_country_is_a_spot(text, country, lat, lon):
    (cue,) = find(lines(text))
    near = [
        spot
        for spot in cue.spots
        if math.hypot((spot.lat - lat) * 111, (spot.lon - lon) * 70) < spot.radius_km
    ]
    assert max(spot.ratio for spot in near) > cue.countries.get(country, 1.0)


def test_two_languages_of_one_country_mean_that_country():
    posterior = world_posterior(find(lines("Toegang verboden", "Accès interdit")))
    assert list(country_profiles())[posterior.argmax()] == "BE"
    side_by_side = world_posterior(find(lines("Pääsy kielletty / Tillträde förbjudet")))
    assert list(country_profiles())[side_by_side.argmax()] == "FI"


def test_ratios_are_finite_and_above_one():
    text = ["Eintritt nur für Mitglieder, bitte läuten Sie an der Tür"] * 40
    (cue,) = find(lines(*text))
    assert all(1 < r < 1e6 and math.isfinite(r) for r in cue.countries.values())
    assert set(cue.countries) <= set(country_profiles())


@pytest.mark.parametrize("text", ["Ямбол", "Пелин", "Бач", "كريات", "الجم"])
def test_only_languages_of_the_letters_are_named(text):
    (cue,) = find(lines(text))
    named = set(cue.meaning.removeprefix("language ").split(" or "))
    assert named
    assert not named & {"en", "de", "fr", "es"}


def test_every_script_of_the_model_has_a_language():
    assert set().union(*_scripts_of_languages()) >= SCRIPTS
