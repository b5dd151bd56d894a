"""What is written on signs, line by line, in the scripts that the text reader learns."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from faker import Faker

from geotagger.text.ocr.line_labels import UNKNOWN, to_symbols
from training.synthetic.script_words import script_of, words

SCRIPTS = (
    "Arab", "Armn", "Beng", "Cyrl", "Deva", "Ethi", "Geor", "Grek", "Gujr", "Guru", "Hang", "Hebr",
    "Khmr", "Knda", "Laoo", "Latn", "Mlym", "Mymr", "Orya", "Sinh", "Taml", "Telu", "Thai", "Tibt",
)  # fmt: skip
"""ISO 15924. Latin is read by another network; here it is for words beside other scripts, and for
the marks of Vietnamese."""
UNREAD = "Hani"
"""Its characters are read as `UNKNOWN`."""

SHARES = {
    "Arab": 5.0, "Cyrl": 2.0, "Deva": 2.0, "Hang": 2.4, "Thai": 1.5, "Grek": 0.9, "Beng": 1.5,
    "Latn": 1.2, "Hani": 0.4, "Tibt": 0.3, "Orya": 1.2, "Laoo": 1.1, "Ethi": 1.0, "Khmr": 2.0,
    "Knda": 1.4, "Mlym": 1.2, "Telu": 1.3, "Sinh": 1.3, "Armn": 1.0, "Mymr": 0.8, "Taml": 1.4,
}  # fmt: skip
"""How often a script is drawn; 1 if it is not listed."""

LOCALES = {
    "Arab": ("ar_AA", "fa_IR"), "Armn": ("hy_AM",), "Beng": ("bn_BD",),
    "Cyrl": ("ru_RU", "uk_UA", "bg_BG"), "Deva": ("hi_IN", "ne_NP"), "Geor": ("ka_GE",),
    "Grek": ("el_GR",), "Hang": ("ko_KR",), "Hebr": ("he_IL",), "Taml": ("ta_IN",),
    "Thai": ("th_TH",), "Latn": ("vi_VN",),
}  # fmt: skip
"""Locales of Faker: addresses, companies, names of persons."""

DIGITS = {
    "Arab": "٠١٢٣٤٥٦٧٨٩ ۰۱۲۳۴۵۶۷۸۹", "Beng": "০১২৩৪৫৬৭৮৯", "Deva": "०१२३४५६७८९",
    "Gujr": "૦૧૨૩૪૫૬૭૮૯",
    "Guru": "੦੧੨੩੪੫੬੭੮੯", "Khmr": "០១២៣៤៥៦៧៨៩", "Knda": "೦೧೨೩೪೫೬೭೮೯", "Laoo": "໐໑໒໓໔໕໖໗໘໙",
    "Mlym": "൦൧൨൩൪൫൬൭൮൯", "Mymr": "၀၁၂၃၄၅၆၇၈၉", "Orya": "୦୧୨୩୪୫୬୭୮୯", "Taml": "௦௧௨௩௪௫௬௭௮௯",
    "Telu": "౦౧౨౩౪౫౬౭౮౯", "Thai": "๐๑๒๓๔๕๖๗๘๙", "Tibt": "༠༡༢༣༤༥༦༧༨༩",
}  # fmt: skip
"""Digits of a script's own, in sets of ten."""
MARKS = {
    "Arab": "؟،؛", "Armn": "\u0589\u055d", "Beng": "।৳", "Cyrl": "№«»—₽₴₸", "Deva": "।॥₹",
    "Ethi": "።፣፡", "Geor": "„“₾", "Grek": "«»·€", "Hang": "₩·", "Hebr": "₪", "Khmr": "។៛",
    "Mymr": "၊။", "Thai": "฿ฯๆ", "Laoo": "₭ໆ", "Tibt": "་།",
}  # fmt: skip
"""Punctuation and money of a script."""
LATIN_SIGNS = "0123456789!\"#%&'()*+,-./:;<>@_$€£°"
MAKER_SHARES = (0.44, 0.14, 0.12, 0.06, 0.14, 0.1)
MAKER_SHARES_OF = {"Arab": (0.36, 0.12, 0.12, 0.06, 0.08, 0.26)}
"""How often a line is words, a piece of an address or a name, a number, Latin, spliced words, or a
number plate. Arabic letters stand alone on plates only."""
WIDE_SHARE, MAX_WIDE = 0.1, 12
"""How often the letters of a word stand far apart, and the longest such word."""
SPACEABLE = frozenset({"Armn", "Cyrl", "Ethi", "Geor", "Grek", "Hang", "Hebr", "Latn"})
"""Scripts whose letters touch no other letter."""
BICAMERAL = frozenset({"Armn", "Cyrl", "Grek", "Latn"})
MIN_WORDS, MIN_LATIN_WORDS = 2, 8
"""Letters in fewer words are left out of the alphabet: misspellings and foreign marks."""
VIETNAMESE = "ăâđêôơư" + "".join(chr(code) for code in range(0x1EA1, 0x1EFA, 2))
JAMO = "".join(
    chr(code)
    for first, last in ((0x1100, 0x1112), (0x1161, 0x1175), (0x11A8, 0x11C2))
    for code in range(first, last + 1)
)
"""The letters that compose Hangul syllables (Unicode Standard, section 3.12)."""

APART = "\u200c"
"""ZERO WIDTH NON-JOINER: the letters beside it do not join."""

_CLUSTER = re.compile(r".[\u0300-\u036f]*")
_PLATE = re.compile(r"(?:[^\W\d] )+\d+")


@dataclass(frozen=True, slots=True)
class SignText:
    """A line of a sign."""

    text: str
    """What it says."""
    drawn: str
    """The same with other spaces and with bars: as it is painted."""


class LineTexts:
    """Makes up lines for signs. One seed determines all random choices."""

    def __init__(
        self, seed: int, scripts: Sequence[str] = SCRIPTS, improved: Sequence[str] = ()
    ) -> None:
        """Reads the words.

        Args:
            seed: Of all random choices.
            scripts: That lines are in.
            improved: Those of them that half of the lines are in.
        """
        self.scripts = (*scripts, UNREAD)
        self._rng = np.random.default_rng(seed)
        self._words = words()
        self._latin = [word for word in self._words["Latn"] if word.isascii() and len(word) < 12]
        self._words["Latn"] = [
            *self._words["Latn"][::40],
            *(word for word in self._words["Latn"] if _is_vietnamese(word)),
        ]
        Faker.seed(seed)
        self._fakers = {
            script: [Faker(locale) for locale in locales] for script, locales in LOCALES.items()
        }
        shares = np.array([SHARES.get(script, 1.0) for script in self.scripts])
        if improved:
            some = np.isin(self.scripts, improved)
            shares[some] *= shares[~some].sum() / shares[some].sum()
        self._shares = shares / shares.sum()
        self._makers: Sequence[Callable[[str], str]] = (
            self._some_words,
            self._made_up,
            self._with_number,
            self._with_latin,
            self._spliced,
            self._plate,
        )

    @cached_property
    def alphabet(self) -> tuple[str, ...]:
        """Every symbol that the reader may emit, sorted; the last one is `UNKNOWN`."""
        symbols = set("".join([" ", LATIN_SIGNS, *DIGITS.values(), *MARKS.values(), JAMO]))
        symbols.update(VIETNAMESE + VIETNAMESE.upper())
        for script in self.scripts[:-1]:
            counts = Counter(
                symbol
                for word in self._words[script]
                for text in {word, word.upper() if script in BICAMERAL else word}
                for symbol in set(to_symbols(text))
            )
            least = MIN_LATIN_WORDS if script == "Latn" else MIN_WORDS
            symbols.update(symbol for symbol, count in counts.items() if count >= least)
        kept = (s for s in symbols - {UNKNOWN} if unicodedata.category(s)[0] in "LMNPSZ")
        return (*sorted(kept), UNKNOWN)

    def draw_script(self) -> str:
        """Returns a script, as often as `SHARES` says."""
        return self.scripts[self._rng.choice(len(self.scripts), p=self._shares)]

    def words_of(self, script: str) -> list[str]:
        """Returns the words of a script."""
        return self._words[script]

    def line(self, script: str) -> SignText:
        """Returns one line in a script."""
        shares = MAKER_SHARES_OF.get(script, MAKER_SHARES)
        make = self._makers[self._rng.choice(len(shares), p=shares)]
        text = self._cased(script, make(script))
        return SignText(text, self._as_drawn(script, text))

    def symbols(self, script: str, text: str) -> str | None:
        """Returns what the reader should emit for a line; None if the alphabet lacks a letter."""
        symbols = to_symbols(text)
        if script == UNREAD:
            symbols = "".join(s if s in self._symbols else UNKNOWN for s in symbols)
        return symbols if all(symbol in self._symbols for symbol in symbols) else None

    @cached_property
    def _symbols(self) -> frozenset[str]:
        return frozenset(self.alphabet)

    def _pick(self, script: str) -> str:
        some = self._words[script]
        return some[self._rng.integers(len(some))]

    def _some_words(self, script: str) -> str:
        count = int(self._rng.choice([1, 1, 1, 2, 2, 3]))
        return " ".join(self._pick(script) for _ in range(count))

    def _made_up(self, script: str) -> str:
        """A piece of an address, a company or a person."""
        fakers = self._fakers.get(script)
        if not fakers:
            return self._some_words(script)
        faker = fakers[self._rng.integers(len(fakers))]
        kinds = (faker.address, faker.street_address, faker.company, faker.name, faker.city)
        parts = kinds[self._rng.integers(len(kinds))]().replace("\n", " ").split()
        start = int(self._rng.integers(max(1, len(parts) - 2)))
        return " ".join(parts[start : start + int(self._rng.integers(1, 5))])

    def _with_number(self, script: str) -> str:
        rng = self._rng
        number = str(rng.integers(1, int(10 ** rng.integers(1, 7))))
        forms = (
            number, f"{number},{rng.integers(10, 100)}", f"{number}.{rng.integers(10, 100)}",
            f"{rng.integers(1, 24)}:{rng.integers(10, 60)}", f"{rng.integers(1, 99)}%",
            f"{rng.integers(100, 999)} {rng.integers(10, 99)} {rng.integers(10, 99)}",
            f"({rng.integers(100, 999)}) {rng.integers(1000, 9999)}", f"№{number}", f"{number}A",
        )  # fmt: skip
        form = forms[rng.integers(len(forms))]
        form = self._digits(script, form)
        word = self._pick(script)
        if script in MARKS and rng.random() < 0.4:
            word += str(rng.choice(list(MARKS[script])))
        return str(rng.choice([form, f"{word} {form}", f"{form} {word}", word]))

    def _with_latin(self, script: str) -> str:
        rng = self._rng
        latin = self._latin[rng.integers(len(self._latin))]
        if rng.random() < 0.25:
            latin = "".join(rng.choice(list(LATIN_SIGNS), int(rng.integers(1, 9))))
        forms = (latin, latin.upper(), latin.lower())
        latin = forms[rng.integers(3)]
        word = self._pick(script)
        return str(rng.choice([latin, f"{latin} {word}", f"{word} {latin}"]))

    def _spliced(self, script: str) -> str:
        """Letters in another order than those of words, so that rare ones are learned too."""
        letters = [_CLUSTER.findall(self._pick(script)) for _ in range(3)]
        cut = [some[: len(some) // 2 + 1] for some in letters]
        order = self._rng.permutation(3)
        return "".join(letter for index in order[:2] for letter in cut[index])

    def _plate(self, script: str) -> str:
        """Single letters and a number, as number plates and signs of plots have them."""
        rng = self._rng
        letters = [self._letter(script) for _ in range(int(rng.integers(1, 4)))]
        number = self._digits(script, "".join(rng.choice(list("0123456789"), rng.integers(1, 5))))
        if rng.random() < 0.3:  # special numbers repeat a digit
            number = number[0] * len(number)
        pair = self._digits(script, str(rng.integers(10, 100)))
        if script == "Arab" and rng.random() < 0.7:
            return " ".join([*letters, number])
        forms = (
            f"{letters[0]} {pair} {letters[-1]}", f"{letters[0]}{pair}{letters[-1]}",
            f"{pair}{letters[0]} {number}", f"{letters[0]}{number}{''.join(letters)}",
            f"{pair}-{number}", f"{self._pick(script)} {pair}-{number}",
            f"{self._pick(script)}-{letters[0]}", f"{letters[0]}. {self._pick(script)}",
            " ".join(letters), number, f"{pair}{letters[0]}",
        )  # fmt: skip
        return forms[rng.integers(len(forms))]

    def _letter(self, script: str) -> str:
        """A letter that can stand alone."""
        while True:
            word = self._pick(script)
            letter = word[self._rng.integers(len(word))]
            if unicodedata.category(letter) in {"Lo", "Lu", "Ll"}:
                return _without_accents(letter).upper() if script in BICAMERAL else letter

    def _digits(self, script: str, number: str) -> str:
        """A number, most times in the digits of the script."""
        own = DIGITS.get(script, "").split()
        if not own or self._rng.random() < 0.3:
            return number
        return number.translate(str.maketrans("0123456789", own[self._rng.integers(len(own))]))

    def _as_drawn(self, script: str, text: str) -> str:
        """Moves letters apart or together. Bars divide the letters of a plate from its number."""
        rng = self._rng
        if script == "Arab" and _PLATE.fullmatch(text):
            letters, number = text.rsplit(" ", 1)
            between = str(rng.choice([" ", " ", "  ", " | ", " | "]))
            near = APART if rng.random() < 0.7 else " "
            return letters.replace(" ", near) + between + number
        wide = script in SPACEABLE and " " not in text and len(text) <= MAX_WIDE
        if wide and rng.random() < WIDE_SHARE:
            return " ".join(_CLUSTER.findall(unicodedata.normalize("NFC", text)))
        return text

    def _cased(self, script: str, text: str) -> str:
        if script not in BICAMERAL:
            return text
        chance = self._rng.random()
        if chance < 0.4:  # Greek capitals carry no accents
            return _without_accents(text).upper() if script == "Grek" else text.upper()
        return text.lower() if chance < 0.5 else text


def _without_accents(text: str) -> str:
    plain = (s for s in unicodedata.normalize("NFD", text) if s not in "\u0301\u0308")
    return unicodedata.normalize("NFC", "".join(plain))


def _is_vietnamese(word: str) -> bool:
    return script_of(word) == "Latn" and any("\u1ea0" <= letter <= "\u1ef9" for letter in word)
