"""Money: signs, codes and ways to write a price.

The rate of a currency's mark in a country is 1 where the currency is legal tender (Unicode CLDR,
`data/countries.json`) and 0 elsewhere, with the foreign share of `likelihood_ratios.py` (exchange
offices,
price lists for tourists). Marks that also mean something else (Ft, L, R, Q, din) count only beside
a number and carry the rate at which that happens by accident. The dollar sign alone is shared by
some thirty countries and comes out weak by the same formula.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geotagger.text.country_profiles import country_profiles
from geotagger.text.likelihood_ratios import likelihood_ratios
from geotagger.text.types import Cue

# ruff: noqa: RUF001

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geotagger.text.types import TextLine

ABROAD = 0.15
"""Share of euro, dollar and pound prices outside their countries: the tourists' currencies."""
MONEY_ABROAD = 0.05


@dataclass(frozen=True, slots=True)
class Mark:
    """A way to write money."""

    pattern: re.Pattern[str]
    meaning: str
    rates: dict[str, float]
    accident: float
    """Rate at which something else looks like it, against 1 in its own country."""
    foreign_share: float = MONEY_ABROAD


AMOUNT = r"(?:\d{1,3}(?:[., '’ ]\d{3})+|\d+)(?:[.,:](?:\d\d?|-|–|—))?(?![\d.,]*\d)"
BEFORE, AFTER = r"(?<![\w.,])", r"(?!\w)"


def using(*codes: str) -> dict[str, float]:
    """Countries where one of the currencies is legal tender."""
    return {
        country: 1.0
        for country, row in country_profiles().items()
        if any(code in row.currencies for code in codes)
    }


def _mark(
    sign: str, meaning: str, rates: dict[str, float], accident: float = 0.0, abroad: float = 0.0
) -> Mark:
    """`sign` is a regular expression; `#` in it is the amount, else it stands before or after."""
    whole = "#" in sign or "\\d" in sign
    body = (sign if whole else f"(?:{sign}) ?#|# ?(?:{sign})").replace("#", AMOUNT)
    pattern = re.compile(f"{BEFORE}(?:{body}){AFTER}", re.IGNORECASE)
    return Mark(pattern, meaning, rates, accident, abroad or MONEY_ABROAD)


def _alone(sign: str, meaning: str, rates: dict[str, float], abroad: float = 0.0) -> Mark:
    """A sign that needs no amount beside it."""
    return Mark(re.compile(sign, re.IGNORECASE), meaning, rates, 0.0, abroad or MONEY_ABROAD)


DOLLARS = (
    *("USD", "CAD", "AUD", "NZD", "MXN", "ARS", "CLP", "COP", "SGD", "HKD", "TWD", "JMD"),
    *("BBD", "BSD", "BZD", "XCD", "TTD", "FJD", "NAD", "LRD", "GYD", "SRD", "CUP", "DOP"),
)
EURO_FIRST = ("NL", "AT", "IE", "MT", "BE", "CY", "LU")
"""Countries that write € before the number (Unicode CLDR)."""


def marks() -> Iterable[Mark]:
    """Every mark that is known; an amount counts for the first that fits."""
    euro = using("EUR")
    last = {c: 0.2 if c in EURO_FIRST else 1.0 for c in euro}
    first = {c: 1.0 if c in EURO_FIRST else 0.4 for c in euro}
    yield _mark("# ?€", "price in €, sign last", last, abroad=ABROAD)
    yield _mark("€ ?#", "price in €, sign first", first, abroad=ABROAD)
    yield _alone("€", "€", euro, ABROAD)
    yield _mark("EUR|euros?|ευρώ", "price in euro", euro, abroad=ABROAD)
    yield _alone("£", "£", using("GBP", "GIP", "FKP", "SHP") | {"EG": 0.1}, ABROAD)
    yield _mark("# ?p", "pence", using("GBP"), 0.3)
    yield _mark("R\\$", "R$", using("BRL"), 0.0)
    yield _mark("(?:US|U\\$S)\\$?", "US dollar", using("USD") | {"AR": 0.5, "UY": 0.5}, 0.05, 0.3)
    yield _mark("(?:CA|C)\\$", "Canadian dollar", using("CAD") | {"NI": 1.0}, 0.002)
    yield _mark("(?:AU|A)\\$", "Australian dollar", using("AUD"), 0.002)
    yield _mark("NZ\\$", "New Zealand dollar", using("NZD"))
    yield _mark("S\\$", "Singapore dollar", using("SGD"), 0.002)
    yield _mark("HK\\$", "Hong Kong dollar", using("HKD"))
    yield _mark("NT\\$", "Taiwan dollar", using("TWD"))
    yield _mark("RD\\$", "Dominican peso", using("DOP"))
    yield _mark("MX\\$|\\$# ?(?:MXN|M\\.N\\.)", "Mexican peso", using("MXN"))
    yield _mark("\\$", "$", {**using(*DOLLARS), "UY": 1.0}, 0.01, ABROAD)
    yield _mark("zł|PLN|zl", "złoty", using("PLN"), 0.0005)
    yield _mark("Kč|CZK", "koruna", using("CZK"), 0.0)
    yield _mark("Kc", "koruna", using("CZK"), 0.001)
    yield _mark("Ft|HUF", "forint, or feet", using("HUF"), 0.15)
    yield _mark("SEK", "Swedish krona", using("SEK"))
    yield _mark("NOK", "Norwegian krone", using("NOK"))
    yield _mark("DKK", "Danish krone", using("DKK"))
    yield _mark("ISK", "Icelandic króna", using("ISK"))
    krona = using("SEK", "NOK", "DKK", "ISK")
    yield Mark(
        re.compile(rf"{BEFORE}\d{{1,4}}:[-–—](?!\w)"), "price 49:-", {"SE": 1.0, "FI": 0.1}, 0.001
    )
    yield _mark("kr\\.? ?#", "kr first", krona | {"SE": 0.1}, 0.0005)
    yield _mark("# ?kr\\.?", "kr last", krona | {"NO": 0.5}, 0.0005)
    yield _mark("CHF|SFr\\.?", "Swiss franc", using("CHF"))
    yield _mark("Fr\\.", "franc", using("CHF"), 0.003)
    yield _mark("#\\.[-–—]", "price 5.–", {"CH": 1.0, "LI": 1.0, "DE": 0.1, "AT": 0.1}, 0.02)
    yield _alone("₺", "₺", using("TRY"))
    yield _mark("TL", "lira", using("TRY"), 0.001)
    yield _alone("₽", "₽", using("RUB"))
    yield _mark("руб\\.?", "rouble", using("RUB", "BYN"))
    yield _alone("₴", "₴", using("UAH"))
    yield _mark("грн\\.?", "hryvnia", using("UAH"))
    yield _mark("лв\\.?|BGN", "lev", {"BG": 1.0})
    yield _mark("ден\\.?|MKD", "denar", using("MKD"))
    yield _mark("дин\\.?|RSD", "dinar", using("RSD"))
    yield _mark("din\\.?", "dinar", using("RSD"), 0.003)
    yield _mark("тг|₸|KZT", "tenge", using("KZT"))
    yield _alone("₹", "₹", using("INR"))
    yield _mark("Rs\\.?", "rupees", using("INR", "PKR", "LKR", "NPR", "MUR"), 0.001)
    yield _alone("৳", "taka", using("BDT"))
    yield _alone("₩", "₩", using("KRW"))
    yield _mark("# ?원", "won", using("KRW"))
    yield _mark("# ?円", "yen", using("JPY"))
    yield _mark("# ?元", "yuan", using("CNY", "TWD", "HKD"))
    yield _mark("[¥￥]", "¥", {"JP": 1.0, "CN": 1.0})
    yield _alone("฿", "฿", using("THB"))
    yield _mark("# ?(?:บาท|THB|baht)", "baht", using("THB"))
    yield _alone("₫", "₫", using("VND"))
    yield _mark("# ?(?:VND|VNĐ|đ|đồng)", "đồng", using("VND"), 0.0002)
    yield _alone("₱", "₱", using("PHP"))
    yield _mark("PHP", "Philippine peso", using("PHP"), 0.001)
    yield _mark("Rp\\.?|IDR", "rupiah", using("IDR"), 0.0003)
    yield _mark("RM ?#", "ringgit", using("MYR"), 0.003)
    yield _alone("₪", "₪", using("ILS"))
    yield _mark('(?:NIS|ש״ח|ש"ח)', "shekel", using("ILS"), 0.0005)
    yield _mark("lei|RON", "leu", using("RON", "MDL"), 0.0005)
    yield _alone("₾", "₾", using("GEL"))
    yield _alone("֏", "dram", using("AMD"))
    yield _mark("₼|AZN", "manat", using("AZN"))
    yield _alone("₦", "₦", using("NGN"))
    yield _alone("₵|GH¢", "cedi", using("GHS"))
    yield _mark("KSh|KES|Kshs\\.?", "Kenyan shilling", using("KES"))
    yield _mark("TSh|TZS|Tshs\\.?", "Tanzanian shilling", using("TZS"))
    yield _mark("USh|UGX", "Ugandan shilling", using("UGX"))
    yield _mark("R ?\\d+(?:[.,]\\d\\d)", "rand", using("ZAR"), 0.02)
    yield _mark("F ?CFA|FCFA|CFA", "CFA franc", using("XOF", "XAF"))
    yield _mark("# ?(?:DH|Dhs?|MAD)", "dirham", {"MA": 1.0, "AE": 0.3}, 0.002)
    yield _mark("AED|Dhs\\.?", "dirham", using("AED"), 0.001)
    yield _mark("SAR|QAR|OMR", "riyal", using("SAR", "QAR", "OMR"), 0.001)
    yield _mark("(?:EGP|L\\.?E\\.?)", "Egyptian pound", using("EGP"), 0.003)
    yield _mark("S/\\.? ?#", "sol", using("PEN"))
    yield _mark("₲|Gs\\.?", "guaraní", using("PYG"), 0.001)
    yield _alone("₡", "colón", using("CRC"))
    yield _mark("Bs\\.? ?#", "boliviano", using("BOB", "VES"), 0.001)
    yield _mark("Q\\.? ?\\d+\\.\\d\\d", "quetzal", using("GTQ"), 0.005)
    yield _mark("L\\.? ?\\d+\\.\\d\\d", "lempira", using("HNL"), 0.02)


_MARKS: list[Mark] = []


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """One cue for each currency; an amount counts for the first mark that fits."""
    if not _MARKS:
        _MARKS.extend(mark for mark in marks() if mark.rates)
    cues: dict[str, Cue] = {}
    for line in lines:
        if not line.legible:
            continue
        text = line.text
        for mark in _MARKS:
            match = mark.pattern.search(text)
            if not match:
                continue
            text = text[: match.start()] + " " * len(match[0]) + text[match.end() :]
            if mark.meaning not in cues:
                named = likelihood_ratios(mark.rates, mark.accident, mark.foreign_share)
                cues[mark.meaning] = Cue("money", match[0].strip(), mark.meaning, named)
    return list(cues.values())
