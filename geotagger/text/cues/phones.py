"""Phone numbers: the country of an international number, the town of an area code.

An international number (`+49 521 ...`) belongs to its country but for the foreign share of
`likelihood_ratios.py` (call centres, ships, vans). A national one (`0521 ...`) is weighed for
every country:
rate 1 where it is a valid number there and written in that country's groups, less in other groups,
against the rate at which dates, serial numbers and prices look like that. Numbering plans are
libphonenumber's (package phonenumberslite).

Area codes lead to towns by `data/areas.json` (`tools/build_data/areas.py`): LOCAL_SHARE of the
numbers
on signs are of the sign's own town, against the town's share of the country's people.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from geotagger.data import read_json
from geotagger.text.country_profiles import country_profiles
from geotagger.text.likelihood_ratios import likelihood_ratios
from geotagger.text.types import Cue, Spot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from geotagger.text.types import TextLine

MAX_NUMBERS = 3
SAME_AREA_CODE, OTHER_GROUPS = 0.5, 0.2
"""Rate of a number of which only the first group of digits, or none, is as usual in its country."""
LOOKALIKE, ANNOUNCED_LOOKALIKE = 0.1, 0.01
"""Rate of strings that only look like a number, the latter beside a word such as Tel."""
LOCAL_SHARE = 0.6
TOWN_EXPONENT = 0.6
"""Photos grow with this power of a town's people (as in the prior belief)."""
AREA_RADIUS_KM = 12.0

NUMBER = re.compile(r"(?<![\w.,/:+-])(?:(\+|00) ?)?(\(?\d[\d ()/.\-–]{4,20}\d)(?![\w/:%€£$])")  # noqa: RUF001
ANNOUNCED = re.compile(
    r"(?<!\w)(?:t[eé]l[eé]?f?[.:n]?|tlf|tfn|ph(?:one)?|fon|fax|mob(?:ile|il)?|call|telefono?"
    r"|teléfono|whatsapp|hotline|тел|τηλ|電話|电话|☎|✆|📞)",
    re.IGNORECASE,
)
NO_PHONE = re.compile(
    r"\b(?:19|20)\d\d\b.*\b(?:19|20)\d\d\b|isbn|\b\d{1,2}[./-]\d{1,2}[./-](?:\d{2}|\d{4})\b"
    r"|\b(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2}\b|\b\d{1,2}[.:]\d\d ?[-–] ?\d{1,2}[.:]\d\d\b",  # noqa: RUF001
    re.IGNORECASE,
)


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """One cue for each of the first few numbers."""
    cues: dict[str, Cue] = {}
    for line in lines:
        if not line.legible or not any(c.isdigit() for c in line.text):
            continue
        if NO_PHONE.search(line.text):
            continue
        for match in NUMBER.finditer(line.text):
            cue = _cue(match, bool(ANNOUNCED.search(line.text)))
            if cue:
                cues.setdefault(cue.words, cue)
    return list(cues.values())[:MAX_NUMBERS]


def _cue(match: re.Match[str], announced: bool) -> Cue | None:
    international, written = match.groups()
    groups = re.findall(r"\d+", written)
    if international == "+" or (international and (announced or len(groups) > 1)):
        return _international(match[0].strip(), international)
    if not announced and (not 2 <= len(groups) <= 5 or max(map(len, groups)) > 8):
        return None
    digits = "".join(groups)
    if not 7 <= len(digits) <= 12 or len(set(digits)) < 3:
        return None
    return _national(match[0].strip(), groups, announced)


def _international(words: str, sign: str) -> Cue | None:
    import phonenumbers

    text = "+" + "".join(re.findall(r"\d", words.removeprefix("00").replace("(0)", "")))
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    country = phonenumbers.region_code_for_number(number)
    if country not in country_profiles():
        return None
    national = phonenumbers.national_significant_number(number)
    # "00" may also begin a serial number
    named = likelihood_ratios({country: 1.0}, 0.0 if sign == "+" else ANNOUNCED_LOOKALIKE)
    spots = _spots(number, f"{number.country_code}{national}", named[country])
    return Cue("phone number", words, f"+{number.country_code} is {country}", named, spots)


def _national(words: str, groups: list[str], announced: bool) -> Cue | None:
    import phonenumbers

    rates: dict[str, float] = {}
    numbers: dict[str, Any] = {}
    for country, number in _valid_numbers("".join(groups)):
        usual = _usual_groups(number)
        same = SAME_AREA_CODE if usual[0] == groups[0] and len(groups) > 1 else OTHER_GROUPS
        rates[country] = 1.0 if usual == groups else same
        numbers[country] = number
    named = likelihood_ratios(rates, ANNOUNCED_LOOKALIKE if announced else LOOKALIKE)
    if not named:
        return None
    spots: list[Spot] = []
    for country, number in numbers.items():
        national = phonenumbers.national_significant_number(number)
        spots += _spots(number, f"{number.country_code}{national}", named[country])
    best = sorted(named, key=lambda code: -named[code] * country_profiles()[code].photos)[:3]
    return Cue("national phone number", words, f"number as in {', '.join(best)}", named, spots)


def _valid_numbers(digits: str) -> Iterator[tuple[str, Any]]:
    """(country, number) wherever the digits, as dialled there, are a valid number."""
    import phonenumbers

    for country in country_profiles():
        plan = phonenumbers.PhoneMetadata.metadata_for_region(country, None)
        if plan is None:
            continue
        prefix = plan.national_prefix or ""
        dialled = bool(prefix) and digits.startswith(prefix)
        national = digits[len(prefix) :] if dialled else digits
        if not any(kind.fullmatch(national) for kind in _kinds(country)):
            continue
        zeros = len(national) - len(national.lstrip("0"))
        number = phonenumbers.PhoneNumber(
            country_code=plan.country_code,
            national_number=int(national),
            italian_leading_zero=zeros > 0 or None,
            number_of_leading_zeros=zeros if zeros > 1 else None,
        )
        if dialled or not prefix or "".join(_usual_groups(number)) == digits:
            yield country, number


@cache
def _kinds(country: str) -> tuple[re.Pattern[str], ...]:
    """Patterns of the country's fixed, mobile, free ... numbers.

    As in `phonenumbers.is_valid_number_for_region`, which compiles them anew for most numbers.
    """
    import phonenumbers

    plan = phonenumbers.PhoneMetadata.metadata_for_region(country, None)
    kinds = ("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip", "uan")
    rules = [getattr(plan, kind) for kind in kinds] if plan else []
    return tuple(
        re.compile(rule.national_number_pattern)
        for rule in rules
        if rule is not None and rule.national_number_pattern
    )


def _usual_groups(number: Any) -> list[str]:
    """Groups of digits as written in the number's country."""
    import phonenumbers

    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return re.findall(r"\d+", text)


def _spots(number: Any, digits: str, ratio: float) -> list[Spot]:
    """The town of the area code, if the number is of a fixed line."""
    import phonenumbers

    kinds = phonenumbers.PhoneNumberType
    if phonenumbers.number_type(number) not in (kinds.FIXED_LINE, kinds.FIXED_LINE_OR_MOBILE):
        return []
    for end in range(min(len(digits), 8), 2, -1):
        if found := _areas().get(digits[:end]):
            lat, lon, share = found
            return [Spot(lat, lon, 1 + (ratio - 1) * LOCAL_SHARE / share, AREA_RADIUS_KM)]
    return []


@cache
def _areas() -> dict[str, tuple[float, float, float]]:
    """Prefix with country code -> lat, lon, and the town's share of its country's photos."""
    rows = read_json("areas.json")
    of_country: dict[str, float] = {}
    for _, country, _, _, people, _ in rows:
        of_country[country] = of_country.get(country, 0.0) + people**TOWN_EXPONENT
    return {
        prefix: (lat, lon, (people or 1) ** TOWN_EXPONENT / max(of_country[country], 1.0))
        for _, country, lat, lon, people, prefixes in rows
        for prefix in prefixes.split(" ")
    }
