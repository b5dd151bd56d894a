"""Legal forms of companies: GmbH, S.r.l., Oy, Sp. z o.o.

The rate of a form is 1 in the countries whose law has it (ISO 20275, the list of entity legal
forms) and 0 elsewhere; large forms stand on vans, parcels and products abroad, so the foreign share
is higher than for other signs. Short forms that are also words or initials (AS, AB, SA, SL, Inc)
carry the rate at which that happens and must follow a name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geotagger.text.likelihood_ratios import likelihood_ratios
from geotagger.text.types import Cue

# ruff: noqa: RUF001

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geotagger.text.types import TextLine

FOREIGN_COMPANIES = 0.1
"""Share of company names on signs, vans and goods in a country not the company's."""
SHARED = 0.3
"""Rate where a form is one of several, or the smaller one."""


@dataclass(frozen=True, slots=True)
class Form:
    pattern: re.Pattern[str]
    meaning: str
    rates: Mapping[str, float]
    accident: float


def _form(pattern: str, countries_: str, accident: float = 0.0, also: str = "") -> Form:
    """`pattern` follows a name; letter case counts."""
    rates = dict.fromkeys(countries_.split(), 1.0) | dict.fromkeys(also.split(), SHARED)
    meaning = re.sub(r"\\|\?|\(.*?\)", "", pattern.partition("|")[0])
    whole = rf"(?<=[\w)&.'’»\"])(?:,| |, )(?:{pattern})(?!\w)"
    return Form(re.compile(whole), meaning, rates, accident)


def _alone(pattern: str, meaning: str, countries_: str, accident: float = 0.0) -> Form:
    """For forms that stand before the name, or in scripts without spaces."""
    return Form(re.compile(pattern), meaning, dict.fromkeys(countries_.split(), 1.0), accident)


EUROPE_SPANISH = "ES MX AR CO PE CL EC UY PY BO VE CR PA GT SV HN NI DO"
LIMITED = "GB IE IN NZ HK KE NG GH UG TZ ZA CN IL CY MT JM TT"
FRENCH = "FR BE LU MC CH SN CI CM MA TN DZ MG"

FORMS = (
    _form("A\\. ?Ş\\.?|AŞ|Ltd\\.? ?Şti\\.?|LTD\\.? ?ŞTİ\\.?|San\\. ve Tic\\.", "TR"),
    _form("GmbH ?& ?Co\\.? ?(?:KG|OHG)", "DE AT"),
    _form("g?GmbH|GMBH|Gmbh", "DE AT", also="CH LI"),
    _form("e\\. ?V\\.", "DE"),
    _form("e\\. ?K\\.|OHG", "DE", 0.0005),
    _form("e\\. ?U\\.|Ges\\.? ?m\\. ?b\\. ?H\\.", "AT"),
    _form("eG", "DE", 0.002),
    _form("KG", "DE AT", 0.01),
    _form("AG", "DE CH AT LI", 0.005),
    _form("Sàrl|S\\.à ?r\\.l\\.|Sarl", "CH LU", 0.0, "FR"),
    _form("S\\.A\\.R\\.L\\.?|SARL", FRENCH, 0.0, "LB"),
    _form("S\\.A\\.S\\.?|SAS", "FR CO", 0.002, "AR IT"),
    _form("EURL|SCI|SNC", "FR", 0.003),
    _form("S\\. ?r\\. ?l\\.?|Srl|s\\.r\\.l\\.", "IT RO", 0.0, "BE MD"),
    _form("S\\.R\\.L\\.?|SRL", "IT RO AR PE BO PY", 0.0005, "BE MD UY DO"),
    _form("S\\. ?p\\. ?A\\.?|S\\.P\\.A\\.?|SpA|Spa", "IT", 0.001, "CL DZ"),
    _form("S\\.n\\.c\\.?|s\\.n\\.c\\.|S\\.N\\.C\\.|S\\.a\\.s\\.|s\\.a\\.s\\.", "IT", 0.0, "FR"),
    _form("Soc\\. ?Coop\\.|Onlus|ONLUS", "IT"),
    _form("S\\. ?A\\. de C\\. ?V\\.?|SA de CV|S\\.A\\. DE C\\.V\\.?", "MX", 0.0, "SV HN"),
    _form("S\\. de R\\.L\\.(?: de C\\.V\\.)?", "MX HN"),
    _form("S\\. ?L\\. ?U?\\.?|SL|SLU", "ES", 0.01),
    _form("S\\.A\\.C\\.?|SAC|E\\.I\\.R\\.L\\.?|EIRL", "PE", 0.001),
    _form("Cía\\.? ?Ltda\\.?|CIA\\.? LTDA\\.?", "EC", 0.0, "BR CL CO"),
    _form("C\\. ?A\\.", "VE", 0.01, "EC"),
    _form("Ltda\\.?|LTDA\\.?", "BR", 0.0, "CL CO BO PT CR PY"),
    _form("EIRELI|Eireli|EPP|S/A|S/S", "BR", 0.001),
    _form("Lda\\.?|LDA\\.?", "PT AO MZ", 0.0, "CV"),
    _form("S\\.A\\.?|SA", EUROPE_SPANISH + " " + FRENCH + " PT BR GR PL", 0.02),
    _form(
        "(?:Sp|sp|SP)\\. ?[zZ] ?[oO]\\. ?[oO]\\.?|Sp\\. ?j\\.|s\\.c\\.",
        "PL",
    ),
    _form("s\\. ?r\\. ?o\\.?|spol\\. s ?r\\. ?o\\.", "CZ SK"),
    _form("a\\. ?s\\.", "CZ SK", 0.003),
    _form("d\\. ?o\\. ?o\\.?|D\\.O\\.O\\.?", "HR SI RS BA ME", 0.0, "MK"),
    _form("d\\. ?d\\.|j\\.d\\.o\\.o\\.", "HR SI BA", 0.001),
    _form("Kft\\.?|KFT\\.?|Zrt\\.?|Nyrt\\.?|Bt\\.", "HU"),
    _form("E?OOD|EAD|ЕООД|ООД|ЕАД", "BG"),
    _form("Oyj?|OYJ?|Ky", "FI", 0.0005),
    _form("A/S", "DK", 0.0005, "NO"),
    _form("ApS|APS|I/S|K/S", "DK", 0.0005),
    _form("ASA", "NO", 0.003),
    _form("AS", "NO EE", 0.01, "CZ"),
    _form("AB", "SE", 0.005, "FI LT"),
    _form("HB", "SE", 0.01),
    _form("ehf\\.?|hf\\.", "IS"),
    _form("OÜ|MTÜ", "EE"),
    _form("SIA", "LV", 0.002),
    _form("UAB|MB", "LT", 0.002),
    _form("B\\. ?V\\. ?B\\. ?A\\.?|BVBA|VZW|vzw|ASBL|asbl|CVBA|SPRL", "BE", 0.0, "LU"),
    _form("B\\. ?V\\.?|BV", "NL", 0.0005, "BE SR CW AW"),
    _form("V\\. ?O\\. ?F\\.?|VOF|v\\.o\\.f\\.", "NL", 0.001),
    _form("N\\. ?V\\.?|NV", "BE NL", 0.005, "SR CW AW"),
    _form("PLC|Plc|plc|P\\.L\\.C\\.", "GB IE NG KE LK ET GH", 0.001),
    _form("LLP", "GB US IN", 0.001, "CA"),
    _form("CIC|C\\.I\\.C\\.", "GB", 0.005),
    _form("P(?:ty|TY)\\.? ?(?:L(?:td|TD)|Limited)\\.?", "AU ZA", 0.0, "BW NA SZ PG"),
    _form("(?:\\(Pty\\)|\\(PTY\\)) (?:Ltd|LTD)\\.?", "ZA BW NA SZ LS"),
    _form("CC", "ZA NA", 0.02),
    _form("P(?:vt|VT|rivate)\\.? ?(?:L(?:td|TD)|Limited)\\.?", "IN PK NP LK BD"),
    _form("P(?:te|TE)\\.? ?L(?:td|TD)\\.?", "SG", 0.0, "FJ"),
    _form("S(?:dn|DN)\\.? ?B(?:hd|HD)\\.?|B(?:hd|HD)\\.?", "MY BN"),
    _form(
        "L(?:td|TD)\\.?|Limited|LIMITED",
        LIMITED,
        0.01,
        "CA AU",
    ),
    _form("LLC|L\\.L\\.C\\.?", "US AE", 0.003, "QA OM KZ UZ"),
    _form("FZ-?LLC|FZE|FZCO", "AE"),
    _form("W\\.?L\\.?L\\.?", "KW BH QA", 0.005),
    _form("Inc\\.?|INC\\.?", "US CA PH", 0.003),
    _form("Corp\\.?|CORP\\.?", "US PH", 0.01, "CA KR"),
    _form("Lt[ée]e|ltée|Enr\\.|inc\\. \\(Québec\\)", "CA", 0.001),
    _form("Α\\. ?Ε\\.?|ΑΕ|Ε\\. ?Π\\. ?Ε\\.?|ΕΠΕ|Ο\\.Ε\\.|Ι\\.?Κ\\.?Ε\\.?", "GR CY"),
    _form("MMC", "AZ", 0.002),
    _form("SH\\. ?[PA]\\. ?K\\.?|Sh\\.p\\.k\\.?|SHPK", "AL XK"),
    _form("DOOEL|ДООЕЛ|ДОО", "MK", 0.0, "RS"),
    _form("T(?:bk|BK)\\.?", "ID", 0.001),
    _form("J\\.?S\\.?C\\.?", "VN GE KZ", 0.005),
    _alone(r"^\W*(?:ООО|ОАО|ЗАО|ПАО|ИП)\W*[«\"“А-Яа-я]", "ООО", "RU", 0.0),
    _alone(r"\b(?:ТОВ|ФОП|ПрАТ|ПП) ?[«\"“А-ЯІЇЄ]", "ТОВ", "UA", 0.0),
    _alone(r"\bТОО ?[«\"“А-Я]", "ТОО", "KZ", 0.0),
    _alone(r"株式会社|\(株\)|㈱|(?<!股份)有限会社", "株式会社", "JP"),
    _alone(r"주식회사|\(주\)|㈜", "주식회사", "KR"),
    _alone(r"有限责任公司|有限公司|股份公司", "有限公司", "CN SG HK TW MY MO"),
    _alone(r"บริษัท|จำกัด", "บริษัท จำกัด", "TH"),
    _alone(r"(?:^|\b)(?:CÔNG TY|Công ty)(?: TNHH| CP| Cổ phần)?", "công ty", "VN"),
    _alone(r"^PT\.? [A-Z]", "PT", "ID", 0.02),
    _alone(r"^CV\.? [A-Z]", "CV", "ID", 0.05),
    _alone(r"^(?:SIA|AS|UAB) [\"„“«]", "SIA", "LV LT EE", 0.0),
)


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """One cue for each legal form; a line counts for the first that fits."""
    cues: dict[str, Cue] = {}
    for line in lines:
        if not line.legible or len(line.text) < 4:
            continue
        for form in FORMS:
            match = form.pattern.search(line.text)
            if match and form.meaning not in cues:
                named = likelihood_ratios(form.rates, form.accident, FOREIGN_COMPANIES)
                cues[form.meaning] = Cue("company", line.text, form.meaning, named)
            if match:
                break
    return list(cues.values())
