"""Reads JSON strictly: no key may be unknown, missing, of the wrong type or out of range."""

from __future__ import annotations

import json
import math
import reprlib
from typing import TYPE_CHECKING, TypeVar

from geotagger.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def parse_json(data: bytes | str, source: str) -> object:
    """The document in `data`; NaN, infinities and half surrogates are refused."""

    def finite(text: str) -> float:
        if not math.isfinite(number := float(text)):
            raise ValueError(f"{text} is not a finite number")
        return number

    try:
        document: object = json.loads(data, parse_float=finite, parse_constant=finite)
        json.dumps(document, ensure_ascii=False).encode()  # half a surrogate cannot be written
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{source}: not readable as JSON ({error}); fetch it again") from error
    return document


class JsonObject:
    """Takes the keys of one JSON object one by one; what is left at the end is unknown.

    Every method raises BundleError, naming the file, the key and the remedy.
    """

    def __init__(self, value: object, source: str, where: str) -> None:
        self.source, self.where = source, where
        if not isinstance(value, dict):
            raise BundleError(f"{source}: {where} must be an object; correct the card")
        self._rest = dict(value)

    def names(self) -> list[str]:
        return list(self._rest)

    def take(
        self, key: str, kind: type[T], what: str, valid: Callable[[T], object] = lambda _: True
    ) -> T:
        if key not in self._rest:
            raise BundleError(f"{self.source}: {self.where} lacks the key {key!r}; add it")
        value = self._rest.pop(key)
        if type(value) is not kind or not valid(value):  # type(), for True is an int too
            raise BundleError(
                f"{self.source}: in {self.where}, {key!r} must be {what}, "
                f"not {reprlib.repr(value)}; correct the card"
            )
        return value

    def optional(
        self, key: str, kind: type[T], what: str, valid: Callable[[T], object], absent: T
    ) -> T:
        """As `take`, but `absent` where there is no such key."""
        return self.take(key, kind, what, valid) if key in self._rest else absent

    def number(self, key: str, low: float, high: float) -> float:
        if type(self._rest.get(key)) is int:  # JSON may write 1.0 as 1
            return float(self.whole(key, math.ceil(low), math.floor(high)))
        return self.take(key, float, f"from {low:g} to {high:g}", lambda v: low <= v <= high)

    def whole(self, key: str, low: int, high: int) -> int:
        return self.take(key, int, f"a whole number, {low} to {high}", lambda v: low <= v <= high)

    def one_of(self, key: str, choices: tuple[str, ...]) -> str:
        return self.take(key, str, f"one of {', '.join(choices)}", choices.__contains__)

    def inner(self, key: str) -> JsonObject:
        return JsonObject(self.take(key, dict, "an object"), self.source, f"{key!r}")

    def items(self, key: str) -> list[JsonObject]:
        entries = self.take(key, list, "a list with at least one entry", len)
        return [JsonObject(entry, self.source, f"{key}[{i}]") for i, entry in enumerate(entries)]

    def finish(self) -> None:
        for key in self._rest:
            raise BundleError(
                f"{self.source}: in {self.where}, {key!r} is not a known key; "
                "remove it or update geotagger"
            )
