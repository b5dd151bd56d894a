"""Endings and prefixes that names take in a sentence: "в Москве", "до Львова", "Δήμος Πάτρας".

Each rule gives what the usual name may be; the gazetteer knows which of them is one. The words are
normalised, so they have neither accents nor the marks of `й` and `ї`.
"""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, on purpose

from __future__ import annotations

from collections.abc import Iterator, Mapping

from geotagger.text.gazetteer.gazetteer import normalise
from geotagger.text.language.writing_system import script_of_letter

MIN_STEM_LETTERS, MIN_LETTERS, MIN_SYLLABLES = 2, 5, 3
"""Fewer letters before an ending, and of a whole word, are no name in another case. An Ethiopic
letter is a syllable."""
SURNAMES = frozenset(
    {
        "гагарин", "жуков", "калинин", "киров", "королев", "ломоносов", "пушкин", "суворов",
        "чапаев", "чехов", "чкалов", "щорс",
    }
)  # fmt: skip
"""Towns called like the persons after whom most streets are called: `ул. Пушкина`."""

Rule = tuple[str, tuple[str, ...]]
"""An ending, and what the name may have in its place."""

CYRILLIC: tuple[Rule, ...] = (
    ("ому", ("ии", "ыи", "ое")),
    ("ого", ("ии", "ыи", "ое")),
    ("ской", ("ская",)),
    ("ои", ("ая", "а")),
    ("ова", ("ів", "ов")),
    ("ева", ("ів", "ев")),
    ("ові", ("ів",)),
    ("еві", ("ів",)),
    ("оля", ("іль",)),
    ("ополі", ("опіль",)),
    ("вця", ("вець",)),
    ("овки", ("івка", "овка")),
    ("вцу", ("вац",)),
    ("вца", ("вац",)),
    ("нци", ("нка",)),
    ("ці", ("ка", "ця")),
    ("зі", ("га",)),
    ("ом", ("",)),
    ("ем", ("ь", "")),
    ("оі", ("а",)),
    ("ою", ("а",)),
    ("ы", ("а", "")),
    ("и", ("а", "ь", "я", "")),
    ("і", ("а", "ь", "")),
    ("е", ("а", "", "я", "о")),
    ("у", ("а", "", "о")),
    ("ю", ("ь", "я")),
    ("а", ("", "о")),
    ("я", ("ь", "и")),
)
"""Russian, Ukrainian, Belarusian and Serbian: one case ending for another."""
TURKIC: tuple[Rule, ...] = tuple(
    (ending, ("",))
    for ending in (
        "нын", "нин", "дын", "дин", "тын", "тин", "да", "де", "та", "те", "дан", "ден", "тан",
        "тен", "нін", "дін", "тін", "го", "ге", "га", "ке", "ын", "иин", "гиин", "т", "д", "аас",
        "ээс",
    )
)  # fmt: skip
"""Kazakh and Kyrgyz, and Mongolian, which joins its endings in the same way."""
GREEK: tuple[Rule, ...] = (
    ("ης", ("η",)),
    ("ας", ("α", "ας")),
    ("ους", ("οι", "ος")),
    ("ου", ("ος", "ο", "ι", "ης")),
    ("ων", ("α", "ες", "οι", "αι", "η")),
    ("ιων", ("ια", "ιοι")),
    ("εως", ("η",)),
    ("α", ("ας",)),
    ("ο", ("ος",)),
    ("η", ("ης",)),
)
GEORGIAN: tuple[Rule, ...] = (
    ("ის", ("ი", "ა", "ე", "")),
    ("ს", ("",)),
    ("ში", ("ი", "")),
    ("იდან", ("ი",)),
    ("დან", ("",)),
    ("მდე", ("ი", "")),
)
ARMENIAN: tuple[Rule, ...] = (
    ("ու", ("ի",)),
    ("ի", ("",)),
    ("ում", ("", "ի")),
    ("ից", ("",)),
    ("ը", ("",)),
    ("ն", ("",)),
)
BENGALI: tuple[Rule, ...] = (("ের", ("",)), ("র", ("",)), ("ে", ("",)), ("য়", ("",)), ("তে", ("",)))
DEVANAGARI: tuple[Rule, ...] = (
    ("त", ("",)), ("ात", ("", "े")), ("चा", ("",)), ("ची", ("",)), ("चे", ("",)), ("को", ("",)),
    ("मा", ("",)), ("का", ("",)), ("यात", ("े",)), ("मध्ये", ("",)),
)  # fmt: skip
"""Marathi and Nepali, which join what is a word of its own in Hindi."""

ENDINGS: Mapping[str, tuple[Rule, ...]] = {
    script: tuple((normalise(ending), tuple(map(normalise, forms))) for ending, forms in rules)
    for script, rules in {
        "Cyrl": CYRILLIC + TURKIC,
        "Grek": GREEK,
        "Geor": GEORGIAN,
        "Armn": ARMENIAN,
        "Beng": BENGALI,
        "Deva": DEVANAGARI,
    }.items()
}
PREFIXES: Mapping[str, tuple[str, ...]] = {
    "Arab": ("ال", "وال", "بال", "لل", "و", "ب", "ل"),
    "Hebr": ("ב", "ל", "מ", "ו", "ה", "ול", "וב"),
    "Ethi": ("የ", "በ", "ከ", "ለ"),
}
"""Articles and prepositions that are part of the word."""
ARTICLES: Mapping[str, str] = {"Arab": "ال"}
"""What a sign may leave away."""


def usual_forms(word: str) -> Iterator[str]:
    """Yield what the usual form of a name may be.

    Args:
        word: the last word of the name, or its only one, normalised.
    """
    script = script_of_letter(word[0])
    if script in ARTICLES and not word.startswith(ARTICLES[script]):
        yield ARTICLES[script] + word
    if len(word) < (MIN_SYLLABLES if script == "Ethi" else MIN_LETTERS):
        return
    for ending, replacements in ENDINGS.get(script, ()):
        stem = word.removesuffix(ending)
        if MIN_STEM_LETTERS <= len(stem) < len(word):
            forms = {stem + new: None for new in replacements}
            yield from (form for form in forms if form != word and form not in SURNAMES)
    for prefix in PREFIXES.get(script, ()):
        stem = word.removeprefix(prefix)
        if MIN_STEM_LETTERS <= len(stem) < len(word):
            yield stem
