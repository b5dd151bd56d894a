"""Non-evidence: text that counts less, or not at all, for the place of the photo."""

# ruff: noqa: RUF001  Turkish has an i without a dot

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.text.non_evidence.assess import assess_lines
from geotagger.text.types import OcrResult, TextLine

WIDE = (4000, 3000)
PHONE = (1080, 2340)


def line(text, left, top, right=None, bottom=None, confidence=0.95):
    right = left + 0.3 if right is None else right
    bottom = top + 0.03 if bottom is None else bottom
    return TextLine(text, confidence, ((left, top), (right, top), (right, bottom), (left, bottom)))


def slanted(text, left, top, right, bottom):
    middle = (top + bottom) / 2
    return TextLine(text, 0.95, ((left, middle), (right, top), (right, middle), (left, bottom)))


def ocr(*lines, size=WIDE):
    return OcrResult(tuple(lines), *size)


SIGN = line("Stadt Bielefeld", 0.3, 0.4, 0.7, 0.5)


def page(text="eine Zeile aus einem Buch", count=20):
    return [line(text, 0.1, 0.05 + 0.04 * row, 0.85, 0.08 + 0.04 * row) for row in range(count)]


def test_no_text_has_no_weights():
    assessment = assess_lines(ocr())
    assert assessment.line_weights == ()
    assert assessment.notes == ()


@pytest.mark.parametrize(
    "text",
    ["'98 7 14", "98 7 14", "2012/05/03 14:22", "2012.05.03", "05/03/2012", "2008/9/6.12:18pm",
     "14.07.1998", "2019-11-30 08:05:11", "12:18 2008/9/6", "2011年7月4日",
     "2004.041201:15", "20040412", "'09710", "5/10/2000"],
)  # fmt: skip
def test_date_stamp(text):
    assessment = assess_lines(ocr(SIGN, line(text, 0.7, 0.93, 0.95, 0.97)))
    assert assessment.line_weights == (1.0, 0.0)
    assert assessment.notes == (f"date stamp: {text}",)


@pytest.mark.parametrize(
    "other",
    [
        line("12.05.1924", 0.4, 0.5, 0.6, 0.53),  # on a stone in the middle
        line("Konzert 3.5.2012 Stadthalle", 0.6, 0.93, 0.95, 0.97),  # on a poster
        line("2012/05/03", 0.5, 0.8, 0.95, 0.97),  # huge
        slanted("2012/05/03", 0.7, 0.9, 0.95, 0.97),  # on something that leans
        line("0351 45 67 89", 0.7, 0.93, 0.95, 0.97),  # a telephone number
        line("10.30", 0.8, 0.93, 0.95, 0.97),
        line("20119945", 0.7, 0.93, 0.95, 0.97),
    ],
)
def test_other_dates_are_no_stamp(other):
    assert assess_lines(ocr(SIGN, other)).line_weights == (1.0, 1.0)


@pytest.mark.parametrize(
    "text",
    ["alamy", "www.alamy.com", "Shutterstock", "gettyimages", "Adobe Stock | #123", "123RF",
     "sipaphoto.com版权作品"],
)  # fmt: skip
def test_agencies_anywhere_in_the_picture(text):
    assessment = assess_lines(ocr(line(text, 0.3, 0.4, 0.5, 0.5), SIGN))
    assert assessment.line_weights == (0.0, 1.0)
    assert assessment.notes == (f"watermark: {text}",)


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("© Anna Berg 2019", 0.0),
        ("(c) Anna Berg", 0.0),
        ("Photo: Franz Venhaus", 0.0),
        ("oto:Franz Venhaus", 0.0),
        ("Foto by Anna", 0.0),
        ("Anna Berg Photography", 0.0),
        ("Kakha Kotkhi2021", 0.0),
        ("www.annaberg.de", 0.25),
        ("@anna.berg", 0.25),
    ],
)
def test_credit_at_an_edge(text, weight):
    at_the_edge = line(text, 0.02, 0.95, 0.25, 0.98)
    assert assess_lines(ocr(at_the_edge, SIGN)).line_weights == (weight, 1.0)
    in_the_middle = line(text, 0.4, 0.6, 0.6, 0.63)
    assert assess_lines(ocr(in_the_middle, SIGN)).line_weights == (1.0, 1.0)


def test_a_shop_that_sells_photos_is_a_sign():
    shop = line("Fotografie Schulze", 0.2, 0.3, 0.8, 0.45)
    assert assess_lines(ocr(shop)).line_weights == (1.0,)


def test_news_caption():
    caption = line("FLOODS HIT RECIFE", 0.1, 0.82, 0.7, 0.88)
    channel = line("BBC NEWS", 0.1, 0.9, 0.25, 0.94)
    assessment = assess_lines(ocr(SIGN, caption, channel))
    assert assessment.line_weights == (1.0, 0.5, 0.5)
    assert assessment.notes == ("news caption",)
    kiosk = line("NEWS", 0.3, 0.3, 0.6, 0.4)
    assert assess_lines(ocr(SIGN, kiosk, caption)).line_weights == (1.0, 1.0, 1.0)


def test_screenshot_of_a_phone():
    bar = line("9:41", 0.05, 0.01, 0.15, 0.025)
    talk = line("Ich bin in Bielefeld", 0.1, 0.4, 0.6, 0.42)
    button = line("Type a message", 0.1, 0.95, 0.4, 0.97)
    assessment = assess_lines(ocr(bar, talk, button, size=PHONE))
    assert assessment.line_weights == (0.0, 0.25, 0.0)
    assert assessment.notes == ("screenshot",)
    assert assess_lines(ocr(talk, SIGN, size=PHONE)).line_weights == (1.0, 1.0)


def test_opening_hours_on_an_upright_photo_are_no_status_bar():
    hours = line("9:00 - 18:00", 0.2, 0.02, 0.8, 0.09)
    assert assess_lines(ocr(hours, SIGN, size=PHONE)).line_weights == (1.0, 1.0)


def test_page_of_a_book():
    assessment = assess_lines(ocr(*page()))
    assert set(assessment.line_weights) == {0.5}
    assert assessment.notes == ("page of text",)


@pytest.mark.parametrize(
    "lines",
    [
        page(count=5),
        [line("eine Zeile", 0.1 + 0.07 * (n % 7), 0.05 + 0.04 * n, 0.9) for n in range(20)],
        [line("Zeile auf einem Schild", 0.4, 0.4 + 0.01 * n, 0.6, 0.408 + 0.01 * n)
         for n in range(20)],
    ],
    ids=["few lines", "lines that begin anywhere", "a small plate in a large picture"],
)  # fmt: skip
def test_other_lines_are_no_page(lines):
    assert set(assess_lines(ocr(*lines)).line_weights) == {1.0}


def test_menu_keeps_its_prices():
    dishes = [line(f"Pizza {n}", 0.1, 0.1 + 0.06 * n, 0.4) for n in range(8)]
    prices = [line(f"{n},50 €", 0.7, 0.1 + 0.06 * n, 0.8) for n in range(8)]
    assessment = assess_lines(ocr(*dishes, *prices))
    assert assessment.line_weights == (0.5,) * 8 + (1.0,) * 8
    assert assessment.notes == ("menu",)
    assert set(assess_lines(ocr(*dishes, *prices[:3])).line_weights) == {1.0}


def test_map_by_a_publisher():
    towns = [line(f"Town {n}", 0.1 * n, 0.07 * n + 0.1) for n in range(8)]
    hint = line("Map data ©2023", 0.7, 0.97, 0.95, 0.99)
    assessment = assess_lines(ocr(*towns, hint))
    assert set(assessment.line_weights[:-1]) == {0.25}
    assert set(assess_lines(ocr(*towns)).line_weights) == {1.0}


def test_map_by_its_scattered_names():
    rng = random.Random(4)
    towns = [
        line(f"Town {n}", left := rng.uniform(0, 0.8), 0.9 * n / 14, left + 0.1) for n in range(14)
    ]
    assert assess_lines(ocr(*towns)).notes == ("map: names all over",)
    signpost = [line(f"Town {n}", 0.3, 0.1 + 0.05 * n, 0.45) for n in range(14)]
    assert assess_lines(ocr(*signpost)).notes == ()
    centred = [line(f"Town {n}", 0.4 - 0.02 * n, 0.1 + 0.05 * n, 0.6 + 0.02 * n) for n in range(11)]
    assert assess_lines(ocr(*centred)).notes == ()


def test_slogan_over_two_lines():
    lines = [line("Fly", 0.4, 0.5, 0.6, 0.55), line("Emirates", 0.4, 0.56, 0.6, 0.6), SIGN]
    assert assess_lines(ocr(*lines)).line_weights[:2] == (0.25, 0.25)
    assert assess_lines(ocr(line("Fly", 0.4, 0.5), SIGN)).line_weights == (1.0, 1.0)


def test_lines_next_to_a_slogan_count_less_too():
    slogan = line("HARD ROCK CAFE", 0.4, 0.5, 0.6, 0.55)
    town = line("PARIS", 0.45, 0.57, 0.55, 0.6)
    assessment = assess_lines(ocr(SIGN, slogan, town, line("Rue de Lyon", 0.05, 0.1, 0.2, 0.13)))
    assert assessment.line_weights[1:] == (0.25, 0.25, 1.0)


@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.text(max_size=30), st.sampled_from(["alamy", "2012/05/03", "9:41", "€ 5"])
            ),
            *[st.floats(0, 1) for _ in range(8)],
        ),
        max_size=30,
    ),
    st.sampled_from([WIDE, PHONE, (1, 1)]),
)
def test_every_line_gets_a_weight(lines, size):
    made = [TextLine(text, 0.9, tuple(zip(c[::2], c[1::2], strict=True))) for text, *c in lines]
    assessment = assess_lines(ocr(*made, size=size))
    assert len(assessment.line_weights) == len(lines)
    assert all(0 <= weight <= 1 for weight in assessment.line_weights)
    assert bool(assessment.notes) == any(weight < 1 for weight in assessment.line_weights)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Masumiyet Müzesi / Orhan Pamuk / Roman", "Roman"),
        ("Osmanlı Tarihi", "Osmanlı Tarihi"),
        ("Suç ve Ceza / Can Yayınları", "Can Yayınları"),
        ("Die Blechtrommel / rororo Taschenbuch", "rororo Taschenbuch"),
        ("L'Étranger / Gallimard", "Gallimard"),
        ("The Long Way / Jane Doe / A NOVEL", "A NOVEL"),
        ("ISBN 978-3-16-148410-0", "ISBN 978-3-16-148410-0"),
    ],
)
def test_book(text, hint):
    lines = [line(part, 0.3, 0.1 * row) for row, part in enumerate(text.split(" / "), 1)]
    assessment = assess_lines(ocr(*lines))
    assert assessment.notes == (f"book: {hint}",)
    assert set(assessment.line_weights) == {0.02}


@pytest.mark.parametrize(
    "text",
    [
        "Primaria Roman",
        "Roman / Romania",
        "Tarihi Yarımada",
        "Kuruluş Tarihi",
        "Verlagshaus Bielefeld",
    ],
)
def test_no_book(text):
    lines = [line(part, 0.3, 0.1 * row) for row, part in enumerate(text.split(" / "), 1)]
    assert "book" not in " ".join(assess_lines(ocr(*lines)).notes)
