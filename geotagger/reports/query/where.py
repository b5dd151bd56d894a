"""Conditions on the rows of a report: `country=UA and (confidence > 0.6 or evidence ~ "sign:")`.

A comparison is COLUMN OPERATOR VALUE. Texts are compared without regard to case, `~` finds a part
of a text, and `missing` is an empty cell. An empty cell differs from every value, and is neither
less nor greater. `country` is the name or the code. A condition is never run as code.
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
?one: _NOT one -> negation | "(" any ")" | compare
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
MAX_DEPTH = 50
PARSER = Lark(GRAMMAR, parser="lalr")


def parse_where(text: str, columns: Collection[str]) -> Condition:
    """Parses a condition on rows that have these columns.

    Raises:
        UsageError: the condition is invalid. The message points to the place in `text`.
    """
    try:
        tree = PARSER.parse(text)
    except UnexpectedInput as error:
        index, message = _explain(error, text)
        raise _error_at(text, index, message) from None
    return Conditions(text, columns).build(tree)


def _explain(error: UnexpectedInput, text: str) -> tuple[int, str]:
    """The index at which the parser stopped, and what it expected there."""
    accepted = getattr(error, "accepts", None) or getattr(error, "allowed", None) or ()
    token = getattr(error, "token", None)
    index = (
        len(text) if token is not None and token.type == "$END" else int(error.pos_in_stream or 0)
    )
    if text[index : index + 1] in {"'", '"'}:
        return index, "this quote is not closed, or a value ends before it"
    return index, next((EXPECTED[name] for name in EXPECTED if name in accepted), "not understood")


def _error_at(text: str, index: int, message: str) -> UsageError:
    """An error with a caret below that index; of a long `text` only a part is shown."""
    start = max(0, index - 60)
    shown = "".join(c if c.isprintable() else " " for c in text[start : index + 30])
    return UsageError(f"--where: {message}\n  {shown}\n  {' ' * (index - start)}^")


class Conditions:
    """Builds the condition from the syntax tree of an expression. Raises as `parse_where` does."""

    def __init__(self, text: str, columns: Collection[str]) -> None:
        self.text = text
        self.columns = columns

    def build(self, tree: Tree[Token], depth: int = 0) -> Condition:
        """The condition of a part of the tree."""
        if depth > MAX_DEPTH:
            raise UsageError("--where: the parentheses are nested too deeply")
        if tree.data == "compare":
            name, sign, value = (part for part in tree.children if isinstance(part, Token))
            return self._compare(name, sign, value)
        parts = [self.build(part, depth + 1) for part in tree.children if isinstance(part, Tree)]
        if tree.data == "negation":
            return lambda cells: not parts[0](cells)
        combine = all if tree.data == "all" else any
        return lambda cells: combine(part(cells) for part in parts)

    def _compare(self, name: Token, sign: Token, value: Token) -> Condition:
        if name not in self.columns:
            near = difflib.get_close_matches(name, self.columns, 1)
            hint = (
                f"do you mean {near[0]}?" if near else f"the columns are {', '.join(self.columns)}"
            )
            raise self._wrong(name, f"there is no column {name}; {hint}")
        if value.type == "MISSING":
            return self._missing(str(name), sign)
        kind = BY_NAME[name].kind if name in BY_NAME else "any"
        text = _unquoted(value)
        number = as_number(text)
        if kind == "number":
            if sign == "~":
                raise self._wrong(sign, f"~ searches texts, and {name} is a number")
            if number is None:
                raise self._wrong(value, f"{name} is a number, and this is not")
            return _compare_numbers(str(name), sign, number)
        if kind == "list" and sign != "~":
            raise self._wrong(sign, f"{name} is a list: search it with ~")
        if kind == "any" and number is not None and sign != "~":
            return _compare_numbers(str(name), sign, number)
        self._check_known(name, sign, value, text)
        return _compare_texts(str(name), sign, folded(text))

    def _missing(self, name: str, sign: Token) -> Condition:
        if sign not in ("=", "==", "!="):
            raise self._wrong(sign, "compare missing by = or !=")
        wanted = sign != "!="
        return lambda cells: (cells.get(name) in ("", None, [])) is wanted

    def _check_known(self, name: Token, sign: Token, value: Token, text: str) -> None:
        known = BY_NAME[name].one_of if name in BY_NAME else ()
        if known and sign in ("=", "==", "!=") and text.casefold() not in known:
            raise self._wrong(value, f"{name} is one of {', '.join(filter(None, known))}")

    def _wrong(self, token: Token, message: str) -> UsageError:
        return _error_at(self.text, int(token.start_pos or 0), message)


def _unquoted(value: Token) -> str:
    if value.type == "QUOTED":
        quote = value[0]
        return str(value[1:-1]).replace(2 * quote, quote)
    return str(value)


def as_number(text: object) -> float | None:
    """The number in a cell, also where the file holds it as text; None if there is none."""
    try:
        number = float(text) if isinstance(text, str | float) else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _compare_numbers(name: str, sign: str, wanted: float) -> Condition:
    """Compares cells as numbers; texts of extra columns count if they look like numbers."""
    if sign in ("=", "=="):
        return lambda cells: as_number(cells.get(name)) == wanted
    if sign == "!=":
        return lambda cells: as_number(cells.get(name)) != wanted
    order = ORDERS[sign]

    def compare(cells: Mapping[str, Cell]) -> bool:
        number = as_number(cells.get(name))
        return number is not None and order(number, wanted)

    return compare


def _compare_texts(name: str, sign: str, wanted: str) -> Condition:
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
    """The text that is compared; of a list its JSON."""
    if isinstance(cell, list):
        return folded(json.dumps(cell, ensure_ascii=False))
    return folded("" if cell is None else str(cell))


def folded(text: str) -> str:
    """The text for comparison: accents are composed, which file names of a Mac separate."""
    return unicodedata.normalize("NFC", text).casefold()
