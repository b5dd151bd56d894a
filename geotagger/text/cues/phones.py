"""Phone numbers: the country of an international number, the town of an area code.

An international number (`+49 521 ...`) belongs to its country, apart from the foreign share (call
centres, ships, vans). A national number (`0521 ...`) is tried in every country. The rate is 1 where
it is valid and written in the country's usual groups of digits, and less in other groups, against
the rate at which dates, serial numbers and prices look like a number. The numbering plans are those
of libphonenumber (package phonenumberslite).

`data/areas.json` (`tools/build_data/areas.py`) has the town of each area code. Of the numbers on a
sign, LOCAL_SHARE are of the sign's own town, against the town's share of the country's people.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from geotagger.data import read_json
from geotagger.text.country_profiles import country_profiles
from geotagger.text.likelihood_ratios import likelihood_ratios
from geotagger.text.types import Cue, Spot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from phonenumbers import PhoneNumber

    from geotagger.text.types import TextLine

MAX_NUMBERS = 3
SAME_AREA_CODE_RATE, OTHER_GROUPS_RATE = 0.5, 0.2
"""Rates of a number whose first group of digits is as usual in the country, but not the others; and
of a number whose groups are all different."""
ACCIDENT_RATE, ANNOUNCED_ACCIDENT_RATE = 0.1, 0.01
"""Rates of strings that only look like a number; the latter next to a word such as Tel."""
LOCAL_SHARE = 0.6
TOWN_EXPONENT = 0.6
"""The number of photos grows with this power of a town's people (as in the prior)."""
AREA_RADIUS_KM = 12.0

NUMBER = re.compile(r"(?<![\w.,/:+-])(?:(\+|00) ?)?(\(?\d[\d ()/.\-–]{4,20}\d)(?![\w/:%€£$])")  # noqa: RUF001
ANNOUNCED = re.compile(
    r"(?<!\w)(?:t[eé]l[eé]?f?[.:n]?|tlf|tfn|ph(?:one)?|fon|fax|mob(?:ile|il)?|call|telefono?"
    r"|teléfono|whatsapp|hotline|тел|τηλ|電話|电话|☎|✆|📞"
    r"|моб|утас|факс|الهاتف|هاتف|تليفون|تلفون|موبايل|محمول|جوال|فاكس|ت:|تلفن|همراه|فون|موبائل|طلب"
    r"|טל|נייד|फोन|मोबाइल|मो\.|ফোন|মোবাইল|தொலைபேசி|โทร|ໂທ|ទូរស័ព្ទ|ဖုန်း|전화|문의|ტელ|հեռ|ስልክ|දුරකථන)",
    re.IGNORECASE,
)
NO_PHONE = re.compile(
    r"\b(?:19|20)\d\d\b.*\b(?:19|20)\d\d\b|isbn|\b\d{1,2}[./-]\d{1,2}[./-](?:\d{2}|\d{4})\b"
    r"|\b(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2}\b|\b\d{1,2}[.:]\d\d ?[-–] ?\d{1,2}[.:]\d\d\b",  # noqa: RUF001
    re.IGNORECASE,
)
"""Two years, an ISBN, a date, opening hours."""


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """Return one cue for each number, at most MAX_NUMBERS."""
    cues: dict[str, Cue] = {}
    for line in lines:
        if not line.legible or NO_PHONE.search(line.text):
            continue
        for match in NUMBER.finditer(line.text):
            cue = _cue(match, is_announced=bool(ANNOUNCED.search(line.text)))
            if cue:
                cues.setdefault(cue.words, cue)
    return list(cues.values())[:MAX_NUMBERS]


def _cue(match: re.Match[str], *, is_announced: bool) -> Cue | None:
    """Cue of a number; is_announced: whether a word such as Tel. is in its line."""
    prefix, written = match.groups()
    groups = re.findall(r"\d+", written)
    if prefix == "+" or (prefix and (is_announced or len(groups) > 1)):
        return _international_cue(match[0].strip(), prefix)
    if not is_announced and (not 2 <= len(groups) <= 5 or max(map(len, groups)) > 8):
        return None
    digits = "".join(groups)
    if not 7 <= len(digits) <= 12 or len(set(digits)) < 3:
        return None
    return _national_cue(match[0].strip(), groups, is_announced=is_announced)


def _international_cue(words: str, prefix: str) -> Cue | None:
    import phonenumbers

    text = "+" + "".join(re.findall(r"\d", words.removeprefix("00").replace("(0)", "")))
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    country = phonenumbers.region_code_for_number(number)
    if country not in country_profiles():
        return None
    # "00" may also begin a serial number
    accident_rate = 0.0 if prefix == "+" else ANNOUNCED_ACCIDENT_RATE
    countries = likelihood_ratios({country: 1.0}, accident_rate)
    spots = _spots(number, countries[country])
    return Cue("phone number", words, f"+{number.country_code} is {country}", countries, spots)


def _national_cue(words: str, groups: list[str], *, is_announced: bool) -> Cue | None:
    rates: dict[str, float] = {}
    numbers = dict(_valid_numbers("".join(groups)))
    for country, number in numbers.items():
        usual = _usual_groups(number)
        if usual == groups:
            rates[country] = 1.0
        elif usual[0] == groups[0] and len(groups) > 1:
            rates[country] = SAME_AREA_CODE_RATE
        else:
            rates[country] = OTHER_GROUPS_RATE
    accident_rate = ANNOUNCED_ACCIDENT_RATE if is_announced else ACCIDENT_RATE
    countries = likelihood_ratios(rates, accident_rate)
    if not countries:
        return None
    spots = [
        spot for country, number in numbers.items() for spot in _spots(number, countries[country])
    ]
    photos = {code: country_profiles()[code].photos for code in countries}
    likeliest = sorted(countries, key=lambda code: -countries[code] * photos[code])[:3]
    meaning = f"number as in {', '.join(likeliest)}"
    return Cue("national phone number", words, meaning, countries, spots)


def _valid_numbers(digits: str) -> Iterator[tuple[str, PhoneNumber]]:
    """Yield the country and the number wherever the digits, dialled there, are a valid number."""
    import phonenumbers

    for country in country_profiles():
        plan = phonenumbers.PhoneMetadata.metadata_for_region(country, None)
        if plan is None:
            continue
        prefix = plan.national_prefix or ""
        has_prefix = bool(prefix) and digits.startswith(prefix)
        national = digits[len(prefix) :] if has_prefix else digits
        if not any(pattern.fullmatch(national) for pattern in _number_patterns(country)):
            continue
        zeros = len(national) - len(national.lstrip("0"))
        number = phonenumbers.PhoneNumber(
            country_code=plan.country_code,
            national_number=int(national),
            italian_leading_zero=zeros > 0 or None,
            number_of_leading_zeros=zeros if zeros > 1 else None,
        )
        if has_prefix or not prefix or "".join(_usual_groups(number)) == digits:
            yield country, number


@cache
def _number_patterns(country: str) -> tuple[re.Pattern[str], ...]:
    """Patterns of the country's fixed, mobile, free and other numbers.

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


def _usual_groups(number: PhoneNumber) -> list[str]:
    """Groups of digits as they are written in the number's country."""
    import phonenumbers

    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return re.findall(r"\d+", text)


def _spots(number: PhoneNumber, ratio: float) -> list[Spot]:
    """The town of the area code, if the number is of a fixed line; ratio: of its country."""
    import phonenumbers

    kinds = phonenumbers.PhoneNumberType
    if phonenumbers.number_type(number) not in (kinds.FIXED_LINE, kinds.FIXED_LINE_OR_MOBILE):
        return []
    digits = f"{number.country_code}{phonenumbers.national_significant_number(number)}"
    for end in range(min(len(digits), 8), 2, -1):
        town = _towns_of_area_codes().get(digits[:end])
        if town:
            lat, lon, share = town
            return [Spot(lat, lon, 1 + (ratio - 1) * LOCAL_SHARE / share, AREA_RADIUS_KM)]
    return []


@cache
def _towns_of_area_codes() -> dict[str, tuple[float, float, float]]:
    """Prefix with country code -> lat, lon, and the town's share of its country's photos."""
    rows = read_json("areas.json")
    photos: dict[str, float] = {}
    for _, country, _, _, people, _ in rows:
        photos[country] = photos.get(country, 0.0) + people**TOWN_EXPONENT
    return {
        prefix: (lat, lon, (people or 1) ** TOWN_EXPONENT / max(photos[country], 1.0))
        for _, country, lat, lon, people, prefixes in rows
        for prefix in prefixes.split(" ")
    }
