"""Postcodes, by the form they are written in.

The forms are the Universal Postal Union's; a form has the rate 1 in every country that uses it and
an accident rate at which serial numbers, sizes and prices look the same (`likelihood_ratios.py`).
Forms with
letters are nearly the country's own; four or five bare digits before a capitalised word are shared
by dozens of countries and come out close to nothing; bare digits alone are no cue at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geotagger.text.cues.states import STATES
from geotagger.text.likelihood_ratios import likelihood_ratios
from geotagger.text.types import Cue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from geotagger.text.types import TextLine

# ruff: noqa: RUF001

TOWN = r"(?= ?,? ?[^\W\d_]*[A-ZÀ-ÞŁŚŻĆ][^\W\d_]{2,})"


@dataclass(frozen=True, slots=True)
class Form:
    """A way to write a postcode."""

    meaning: str
    pattern: re.Pattern[str]
    rates: Mapping[str, float]
    accident: float
    fits: Callable[[re.Match[str]], bool] = lambda _: True


def _same(*codes: str) -> dict[str, float]:
    return dict.fromkeys(codes, 1.0)


PREFIXED = {
    **{"AT": ("A", 4), "BE": ("B", 4), "BG": ("BG", 4), "CH": ("CH", 4), "CZ": ("CZ", 5)},
    **{"DE": ("D|DE", 5), "DK": ("DK", 4), "EE": ("EE|EST", 5), "ES": ("E|ES", 5)},
    **{"FI": ("FI|FIN", 5), "FR": ("F|FR", 5), "GR": ("GR", 5), "HR": ("HR", 5), "HU": ("H|HU", 4)},
    **{"IT": ("I|IT", 5), "LI": ("FL|LI", 4), "LT": ("LT", 5), "LU": ("L|LU", 4), "LV": ("LV", 4)},
    **{"MC": ("MC", 5), "MD": ("MD", 4), "NL": ("NL", 4), "NO": ("N|NO", 4), "PL": ("PL", 5)},
    **{"PT": ("P|PT", 4), "RO": ("RO", 6), "RS": ("RS", 5), "SE": ("S|SE", 5), "SI": ("SI", 4)},
    **{"SK": ("SK", 5), "UA": ("UA", 5), "AD": ("AD", 3), "IS": ("IS", 3)},
}
"""Sign of the country (vehicle or ISO letters) and digits of its postcode."""
ONE_LETTER_LOOKALIKE, LETTERS_LOOKALIKE = 0.02, 0.003

ZIP_FIRST = {
    **dict.fromkeys(("CT", "MA", "ME", "NH", "NJ", "RI", "VT"), "0"),
    **dict.fromkeys(("DE", "NY", "PA"), "1"),
    **dict.fromkeys(("DC", "MD", "NC", "SC", "VA", "WV"), "2"),
    **dict.fromkeys(("AL", "FL", "GA", "MS", "TN"), "3"),
    **dict.fromkeys(("IN", "KY", "MI", "OH"), "4"),
    **dict.fromkeys(("IA", "MN", "MT", "ND", "SD", "WI"), "5"),
    **dict.fromkeys(("IL", "KS", "MO", "NE"), "6"),
    **dict.fromkeys(("AR", "LA", "OK", "TX"), "7"),
    **dict.fromkeys(("AZ", "CO", "ID", "NM", "NV", "UT", "WY"), "8"),
    **dict.fromkeys(("AK", "CA", "HI", "OR", "WA"), "9"),
}
US_STATES = "|".join(code for code, (country, _) in STATES.items() if country == "US")
AUSTRALIAN_STATES = {"NSW": "12", "ACT": "02", "VIC": "38", "QLD": "49", "SA": "5", "WA": "6"}
AUSTRALIAN_STATES |= {"TAS": "7", "NT": "0"}
FOUR_DIGITS = _same("DK", "NO", "CH", "AT", "BE", "HU", "SI", "LU", "BG", "LI", "MK", "CY", "LV")
FOUR_DIGITS |= _same("AU", "NZ", "ZA", "PH", "BD", "AR", "GE", "TN", "VE", "PY", "MD", "AL")
FIVE_DIGITS = _same("DE", "FR", "IT", "ES", "FI", "HR", "RS", "EE", "UA", "TR", "BA", "ME", "LT")
FIVE_DIGITS |= _same("MX", "TH", "MY", "ID", "VN", "KR", "DZ", "MA", "EG", "SA", "JO", "PK", "LK")
FIVE_DIGITS |= _same("MC", "SM", "VA", "RE", "GP", "MQ", "PE", "GT", "CR", "UY", "DO", "CU", "KE")

FORMS = (
    Form(
        "British postcode",
        re.compile(r"\b(?!BFPO)[A-PR-UWYZ][A-HK-Y]?\d[A-HJKPSTUW\d]? \d[ABD-HJLNP-UW-Z]{2}\b"),
        _same("GB", "IM", "JE", "GG"),
        0.001,
    ),
    Form(
        "Canadian postcode",
        re.compile(r"\b[ABCEGHJ-NPRSTVXY]\d[A-Z] \d[A-Z]\d\b"),
        _same("CA"),
        0.0005,
    ),
    Form(
        "US state and zip code",
        re.compile(rf"\b({US_STATES})[.,]? (\d)\d{{4}}(?:-\d{{4}})?\b"),
        _same("US"),
        0.0005,
        lambda match: ZIP_FIRST.get(match[1]) == match[2],
    ),
    Form(
        "Australian state and postcode",
        re.compile(r"\b(NSW|ACT|VIC|QLD|SA|WA|TAS|NT),? (\d)\d{3}\b(?!\d)"),
        _same("AU"),
        0.0005,
        lambda match: match[2] in AUSTRALIAN_STATES[match[1]],
    ),
    Form(
        "Irish eircode",
        re.compile(r"\b[AC-FHKNPRTV-Y]\d[\dW] (?=\w*\d)(?=\w*[A-Z])[\dAC-FHKNPRTV-Y]{4}\b"),
        _same("IE"),
        0.02,
    ),
    Form("Argentine postcode", re.compile(r"\b[A-HJ-NP-Z]\d{4}[A-Z]{3}\b"), _same("AR"), 0.005),
    Form("Japanese postcode", re.compile(r"〒 ?\d{3}-?\d{4}"), _same("JP"), 0.0),
    Form("Brazilian postcode", re.compile(r"\bCEP[:. ]{0,2}\d{5}-?\d{3}\b"), _same("BR"), 0.0),
    Form("postcode as in BR", re.compile(r"(?<![\d-])\d{5}-\d{3}(?![\d-])"), _same("BR"), 0.1),
    Form(
        "postcode as in MX",
        re.compile(r"\bC\.?P\.? ?:? ?\d{5}\b"),
        {"MX": 1.0, "ES": 0.2, "FR": 0.02},
        0.005,
    ),
    Form(
        "postcode as in IN",
        re.compile(r"\bPIN(?:CODE)?[: -]{0,3}[1-9]\d{2} ?\d{3}\b", re.I),
        _same("IN"),
        0.001,
    ),
    Form(
        "postcode as in IN",
        re.compile(r"[^\W\d_]{4,} ?[-–] ?[1-8]\d{2} ?\d{3}(?![\d-])"),
        _same("IN"),
        0.05,
    ),
    Form(
        "postcode and province as in IT",
        re.compile(r"(?<!\d)\d{5} [^\W\d_][^\d()]{2,25} \(?[A-Z]{2}\)?(?![^\W\d_])"),
        _same("IT"),
        0.01,
        lambda match: "(" in match[0],
    ),
    Form(
        "postcode as in NL",
        re.compile(
            r"(?<![\d.,])[1-9]\d{3} (?!SA|SD|SS|KM|KG|KW|AM|PM|HZ|MM|CM|ML|AD|BC)[A-Z]{2}\b(?!\w)"
        ),
        _same("NL"),
        0.03,
    ),
    Form(
        "postcode as in PL",
        re.compile(rf"(?<![\d-])\d{{2}}-\d{{3}}(?![\d-]){TOWN}"),
        _same("PL"),
        0.01,
    ),
    Form(
        "postcode as in PT",
        re.compile(rf"(?<![\d-])\d{{4}}-\d{{3}}(?![\d-]){TOWN}"),
        _same("PT"),
        0.01,
    ),
    Form(
        "postcode as in SE, CZ, SK, GR",
        re.compile(rf"(?<![\d.,] )(?<![\d.,])[1-9]\d{{2}} \d{{2}}(?! ?\d){TOWN}"),
        _same("SE", "CZ", "SK", "GR"),
        0.1,
    ),
    Form(
        "five digits and a town",
        re.compile(rf"(?<![\w.,-])\d{{5}}(?![\d-]){TOWN}"),
        FIVE_DIGITS,
        0.5,
    ),
    Form(
        "four digits and a town",
        re.compile(rf"(?<![\w.,:/-])(?!19\d\d|20\d\d)[1-9]\d{{3}}(?![\d-]){TOWN}"),
        FOUR_DIGITS,
        0.5,
    ),
)


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """One cue for each form met; a line counts for the first form that fits."""
    cues: dict[str, Cue] = {}
    for line in lines:
        if line.legible and sum(c.isdigit() for c in line.text) >= 2:
            cue = _prefixed(line.text) or _formed(line.text)
            if cue:
                cues.setdefault(cue.meaning, cue)
    return list(cues.values())


def _formed(text: str) -> Cue | None:
    for form in FORMS:
        match = form.pattern.search(text)
        if match and form.fits(match):
            return Cue(
                "postcode", match[0], form.meaning, likelihood_ratios(form.rates, form.accident)
            )
    return None


_PREFIX = re.compile(rf"(?<![\w-])([A-Z]{{1,3}})[-–] ?((?:\d[ -]?){{2,5}}\d)(?![\w-]){TOWN}")


def _prefixed(text: str) -> Cue | None:
    """`D-33602 Bielefeld`, `SE-123 45 Kiruna`."""
    match = _PREFIX.search(text)
    if not match:
        return None
    digits = sum(c.isdigit() for c in match[2])
    for country, (signs, length) in PREFIXED.items():
        if match[1] in signs.split("|") and digits == length:
            accident = ONE_LETTER_LOOKALIKE if len(match[1]) == 1 else LETTERS_LOOKALIKE
            named = likelihood_ratios({country: 1.0}, accident)
            return Cue("postcode", match[0], f"postcode of {country}", named)
    return None
