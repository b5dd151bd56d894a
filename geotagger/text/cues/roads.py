"""Road signs' units, road numbers and number plates.

Rates are 1 where the traffic code writes it so: miles and mph in the countries that never changed
to kilometres; `SPEED LIMIT` where signs say it in English words; road numbers by the national
scheme (letter and spacing; several countries share A, E, N, M). Plates follow the current national
series; cars travel, and serial numbers look alike, so plates have a high foreign share and an
accident rate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geotagger.text.likelihood_ratios import likelihood_ratios
from geotagger.text.types import Cue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geotagger.text.types import TextLine

# ruff: noqa: RUF001

PLATE_CONFIDENCE = 0.8
"""One wrong character makes a plate another country's."""
FOREIGN_CARS = 0.1
"""Cars abroad: of 100 in a street, about five to fifteen in small countries' towns."""
PLATE_LOOKALIKE = 0.02


@dataclass(frozen=True, slots=True)
class Form:
    """A way to write; `whole` must be all of its line."""

    meaning: str
    pattern: re.Pattern[str]
    rates: Mapping[str, float]
    accident: float = 0.0
    plate: bool = False


def _form(
    meaning: str, pattern: str, where: str, accident: float = 0.0, also: str = "", flags: int = 0
) -> Form:
    rates = dict.fromkeys(also.split(), 0.3) | dict.fromkeys(where.split(), 1.0)
    return Form(meaning, re.compile(pattern, flags), rates, accident)


def _plate(where: str, pattern: str) -> Form:
    rates = dict.fromkeys(where.split(), 1.0)
    names = ", ".join(where.split()[:3])
    return Form(
        f"plate as in {names}", re.compile(rf"^\W?{pattern}$"), rates, PLATE_LOOKALIKE, True
    )


CANTONS = "AG|AI|AR|BE|BL|BS|FR|GE|GL|GR|JU|LU|NE|NW|OW|SG|SH|SO|SZ|TG|TI|UR|VD|VS|ZG|ZH"
INDIAN_STATES = "AP|AR|AS|BR|CG|CH|DL|GA|GJ|HP|HR|JH|JK|KA|KL|MH|MN|MP|OD|PB|RJ|TN|TS|UK|UP|WB"
IRISH_COUNTIES = "C|CE|CN|CW|D|DL|G|KE|KK|KY|L|LD|LH|LM|LS|MH|MN|MO|OY|RN|SO|T|W|WH|WX|WW"
MILES = "US GB LR IM JE GG PR VI GU AS MP BS BZ KY TC VG AI AG DM GD KN LC VC MS FK SH"
ENGLISH_LIMITS = "US CA PR GU VI AS MP"

FORMS = (
    _form("miles per hour", r"\b\d{1,3} ?(?:mph|MPH|m\.p\.h\.)(?!\w)|^MPH$", MILES, 0.02),
    _form("speed limit in words", r"\bSPEED ?LIMIT ?\d{2}\b", ENGLISH_LIMITS, 0.01, "AU IN PH KE"),
    _form("maximum speed, Canada", r"\bMAXIMUM ?\d{2,3}$", "CA", 0.02),
    _form("distance in miles", r"\b\d{1,3}(?: ?[½¼¾]| \d/\d)? (?:mi|miles?|MILES?)\b", MILES, 0.05),
    _form("distance in yards", r"\b\d{2,3} (?:yds|yards|YDS|YARDS)\b", "GB IM JE GG", 0.02),
    _form("Interstate", r"\bINTERSTATE \d{1,3}\b|(?<![\w-])I-\d{1,3}(?![\w-])", "US", 0.02),
    _form("US route", r"\bUS[- ](?:HWY |ROUTE |RT )?\d{1,3}\b|\bUS-\d{1,3}\b", "US", 0.02),
    _form(
        "British motorway", r"^M\d{1,2}$|\bM\d{1,2} ?(?:J\d|\()|\bA\d{1,3}\(M\)", "GB", 0.1, "IE"
    ),
    _form("British road", r"\b[AB]\d{3,4}\b(?= ?\(|$)", "GB", 0.3),
    _form("Irish road", r"^[NR]\d{2,3}$", "IE", 0.3, "ZA FR BE"),
    _form("European road", r"^E ?\d{2,3}$", "SE NO FI DK NL BE DE FR ES IT PL TR PT CZ HU RO", 0.3),
    _form(
        "national road as in Italy",
        r"\bS\.?S\.? ?\d{1,3}\b(?: [A-Z]|$)|\bS\.?P\.? ?\d{1,3}\b",
        "IT",
        0.1,
    ),
    _form("route as in France", r"^(?:RN|RD) ?\d{1,3}$", "FR MG CI DZ TN MA", 0.1),
    _form("Autostrada", r"\bAUTOSTRADA\b|\bautostrad[ay]\b", "IT PL RO", 0.0, "CH"),
    _form("Bundesstraße", r"^B ?\d{1,3}$", "DE AT", 0.4),
    _form("autoroute", r"\b(?:AUTOROUTE|Autoroute)\b", "FR CA BE CH LU", 0.0, "MA TN DZ CI SN"),
    _form("autopista, autovía", r"\b[Aa]utopista\b|\bAUTOPISTA\b", "ES MX AR CU CL CO VE PR DO PE"),
    _form("rodovia", r"\b(?:BR|SP|MG|RJ|PR|SC|RS|BA|GO)-\d{3}\b", "BR", 0.01),
    _form(
        "ruta",
        r"\b(?:RUTA|Ruta) (?:NACIONAL |Nacional |PROVINCIAL )?\d{1,3}\b",
        "AR CL UY PY CR",
        0.0,
    ),
    _form("carretera", r"\b(?:MEX|Mex|CARRETERA FEDERAL)[- ]\d{1,3}D?\b", "MX", 0.005),
    _form("Riksväg", r"\b(?:Riksväg|Länsväg|Väg) \d{1,4}\b", "SE", 0.0, "FI"),
    _form("Riksvei", r"\b(?:Rv|Fv|Riksvei|Fylkesvei)\.? ?\d{1,4}\b", "NO", 0.005),
    _form("국도", r"국도|고속도로", "KR"),
    _form("国道", r"国道", "JP CN"),
    _form("kilometres per hour in words", r"\b\d{2,3} ?км/ч\b", "RU UA BY KZ BG"),
    _plate("GB", r"(?![A-Z]*[IQ])[A-Z]{2}(?:0[2-9]|[1-7]\d) [A-Z]{3}"),
    _plate("FR IT", r"(?![A-Z]*[IOU])[A-Z]{2}[- ]\d{3}[- ](?!SS)[A-HJ-NP-TV-Z]{2}"),
    _plate("ES", r"\d{4} ?(?:[BCDFGHJKLMNPRSTVWXYZ]{3})"),
    _plate("SE", r"[A-HJ-PR-UW-Z]{3} \d{2}[A-HJ-NPR-UW-Z\d]"),
    _plate("FI LT HU", r"[A-Z]{3}-\d{3}"),
    _plate("DE", r"[A-ZÄÖÜ]{1,3}[-: ·.][A-Z]{1,2} \d{1,4}[EH]?"),
    _plate(
        "NL", r"(?:[A-Z]{2}-\d{3}-[A-Z]|[A-Z]-\d{3}-[A-Z]{2}|\d-[A-Z]{3}-\d{2}|\d{2}-[A-Z]{3}-\d)"
    ),
    _plate("DK", r"[A-Z]{2} \d{2} \d{3}"),
    _plate("NO", r"[A-Z]{2} \d{5}"),
    _plate(
        "CH",
        rf"(?:{CANTONS})[ ·.-]\d{{4,6}}",
    ),
    _plate("BE", r"[12]-[A-Z]{3}-\d{3}"),
    _plate("PT", r"(?:\d{2}-\d{2}-[A-Z]{2}|[A-Z]{2}-\d{2}-[A-Z]{2}|\d{2}-[A-Z]{2}-\d{2})"),
    _plate("BR", r"[A-Z]{3}\d[A-Z]\d{2}"),
    _plate("AR", r"[A-Z]{2} \d{3} [A-Z]{2}"),
    _plate("TR", r"(?:0[1-9]|[1-7]\d|8[01]) [A-Z]{1,3} \d{2,4}"),
    _plate(
        "IN",
        rf"(?:{INDIAN_STATES})[ -]?\d{{1,2}}[ -]?[A-Z]{{1,2}}[ -]?\d{{4}}",
    ),
    _plate(
        "RU", r"[АВЕКМНОРСТУХABEKMHOPCTYX]\d{3}[АВЕКМНОРСТУХABEKMHOPCTYX]{2} ?\d{2,3}(?: ?RUS)?"
    ),
    _plate(
        "IE",
        rf"\d{{2,3}}-(?:{IRISH_COUNTIES})-\d{{1,6}}",
    ),
)


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """One cue for each form met; a line counts for the first form that fits."""
    cues: dict[str, Cue] = {}
    for line in lines:
        text = line.text.strip()
        if not line.legible or len(text) < 2:
            continue
        for form in FORMS:
            if form.plate and line.confidence < PLATE_CONFIDENCE:
                continue
            if match := form.pattern.search(text):
                cues.setdefault(form.meaning, _cue(form, match[0]))
                break
    return list(cues.values())


def _cue(form: Form, words: str) -> Cue:
    if form.plate:
        named = likelihood_ratios(form.rates, form.accident, FOREIGN_CARS)
        return Cue("number plate", words, form.meaning, named)
    return Cue("road", words, form.meaning, likelihood_ratios(form.rates, form.accident))
