"""Conditions on the rows of a report: `country=UA and (confidence > 0.6 or evidence ~ "sign:")`.

A comparison is COLUMN OPERATOR VALUE. Texts are compared without regard to case, `~` finds a part
of a text, and `missing` stands for an empty cell. A missing cell is unlike every value and neither
less nor more. `country` means the name or the code. Nothing is ever run as code.
"""

from __future__ import annotations

import difflib
import json
import math
import operator
import unicodedata
from collections.abc import Callable, Collection, Mapping

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from geotagger.errors import UsageError
from geotagger.reports.schema import BY_NAME, Cell

Condition = Callable[[Mapping[str, Cell]], bool]

GRAMMAR = r"""
?start: any
?any: all (_OR all)*
?all: one (_AND one)*
?one: _NOT one -> none | "(" any ")" | compare
compare: NAME OPERATOR (WORD | QUOTED | MISSING)
NAME: /[^\W\d]\w*/
OPERATOR: /!=|<=|>=|==?|<|>|~/
WORD: /[^\s()'"=!<>~]+/
QUOTED: /'([^']|'')*'|"([^"]|"")*"/
MISSING.2: /missing(?=[\s)]|$)/i
_AND.2: /and\b/i
_OR.2: /or\b/i
_NOT.2: /not\b/i
%ignore /\s+/
"""
ORDERS: Mapping[str, Callable[..., bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
EXPECTED = {
    "NAME": "the name of a column is expected here",
    "OPERATOR": "one of = != < <= > >= ~ is expected here",
    "WORD": "a value is expected here",
    "_AND": "and, or, or the end is expected here; a text with blanks needs quotes",
    "RPAR": "a closing parenthesis is missing",
    "$END": "there is no parenthesis to close",
}
DEEPEST = 50
PARSER = Lark(GRAMMAR, parser="lalr")


def parse_where(text: str, columns: Collection[str]) -> Condition:
    """The condition that `text` states on rows that have these columns.

    Raises UsageError, pointing at the place in `text`.
    """
    try:
        tree = PARSER.parse(text)
    except UnexpectedInput as error:
        place, says = _trouble(error, text)
        raise _pointing(text, place, says) from None
    return Conditions(text, columns).of(tree)


def _trouble(error: UnexpectedInput, text: str) -> tuple[int, str]:
    """Where the parser stopped, and what it waited for."""
    accepted = getattr(error, "accepts", None) or getattr(error, "allowed", None) or ()
    token = getattr(error, "token", None)
    place = (
        len(text) if token is not None and token.type == "$END" else int(error.pos_in_stream or 0)
    )
    if text[place : place + 1] in {"'", '"'}:
        return place, "this quote is not closed, or the value before it has ended already"
    return place, next((EXPECTED[name] for name in EXPECTED if name in accepted), "not understood")


def _pointing(text: str, place: int, says: str) -> UsageError:
    """The error, with a caret below the place in `text`, which is shown in part if it is long."""
    start = max(0, place - 60)
    shown = "".join(c if c.isprintable() else " " for c in text[start : place + 30])
    return UsageError(f"--where: {says}\n  {shown}\n  {' ' * (place - start)}^")


class Conditions:
    """Builds conditions from the tree of one expression; raises as `parse_where` does."""

    def __init__(self, text: str, columns: Collection[str]) -> None:
        self.text = text
        self.columns = columns

    def of(self, tree: Tree[Token], depth: int = 0) -> Condition:
        if depth > DEEPEST:
            raise UsageError("--where: the parentheses are nested too deeply")
        if tree.data == "compare":
            name, sign, value = (part for part in tree.children if isinstance(part, Token))
            return self._compare(name, sign, value)
        parts = [self.of(part, depth + 1) for part in tree.children if isinstance(part, Tree)]
        if tree.data == "none":
            return lambda cells: not parts[0](cells)
        combine = all if tree.data == "all" else any
        return lambda cells: combine(part(cells) for part in parts)

    def _compare(self, name: Token, sign: Token, value: Token) -> Condition:
        if name not in self.columns:
            near = difflib.get_close_matches(name, self.columns, 1)
            hint = f"do you mean {near[0]}?" if near else f"there are {', '.join(self.columns)}"
            raise self._wrong(name, f"there is no column {name}; {hint}")
        if value.type == "MISSING":
            return self._missing(str(name), sign)
        kind = BY_NAME[name].kind if name in BY_NAME else "any"
        text = _unquoted(value)
        number = as_number(text)
        if kind == "number":
            if sign == "~":
                raise self._wrong(sign, f"~ looks into texts; {name} is a number")
            if number is None:
                raise self._wrong(value, f"{name} is a number; this is none")
            return _of_numbers(str(name), sign, number)
        if kind == "list" and sign != "~":
            raise self._wrong(sign, f"{name} is a list: use ~ to look into it")
        if kind == "any" and number is not None and sign != "~":
            return _of_numbers(str(name), sign, number)
        self._check_known(name, sign, value, text)
        return _of_texts(str(name), sign, folded(text))

    def _missing(self, name: str, sign: Token) -> Condition:
        if sign not in ("=", "==", "!="):
            raise self._wrong(sign, "missing is compared by = or !=")
        wanted = sign != "!="
        return lambda cells: (cells.get(name) in ("", None, [])) is wanted

    def _check_known(self, name: Token, sign: Token, value: Token, text: str) -> None:
        known = BY_NAME[name].one_of if name in BY_NAME else ()
        if known and sign in ("=", "==", "!=") and text.casefold() not in known:
            raise self._wrong(value, f"{name} is one of {', '.join(filter(None, known))}")

    def _wrong(self, token: Token, says: str) -> UsageError:
        return _pointing(self.text, int(token.start_pos or 0), says)


def _unquoted(value: Token) -> str:
    if value.type == "QUOTED":
        quote = value[0]
        return str(value[1:-1]).replace(2 * quote, quote)
    return str(value)


def as_number(text: object) -> float | None:
    """The number that a cell is, or looks like in a file of texts."""
    try:
        number = float(text) if isinstance(text, str | float) else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _of_numbers(name: str, sign: str, wanted: float) -> Condition:
    """Cells of other columns than ours are numbers if they look like some."""
    if sign in ("=", "=="):
        return lambda cells: as_number(cells.get(name)) == wanted
    if sign == "!=":
        return lambda cells: as_number(cells.get(name)) != wanted
    order = ORDERS[sign]

    def compare(cells: Mapping[str, Cell]) -> bool:
        number = as_number(cells.get(name))
        return number is not None and order(number, wanted)

    return compare


def _of_texts(name: str, sign: str, wanted: str) -> Condition:
    if sign == "~":
        return lambda cells: wanted in _text(cells.get(name))
    names = ("country", "country_code") if name == "country" else (name,)
    if sign in ("=", "=="):
        return lambda cells: any(_text(cells.get(name)) == wanted for name in names)
    if sign == "!=":
        return lambda cells: all(_text(cells.get(name)) != wanted for name in names)
    order = ORDERS[sign]

    def compare(cells: Mapping[str, Cell]) -> bool:
        text = _text(cells.get(name))
        return text != "" and order(text, wanted)

    return compare


def _text(cell: Cell | object) -> str:
    """As it is compared; the alternatives as JSON."""
    if isinstance(cell, list):
        return folded(json.dumps(cell, ensure_ascii=False))
    return folded("" if cell is None else str(cell))


def folded(text: str) -> str:
    """For comparison: file names of a Mac hold accents as characters of their own."""
    return unicodedata.normalize("NFC", text).casefold()
