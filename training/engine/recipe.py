"""Recipes: the options of a run as JSON, checked against the dataclass that declares them."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from geotagger.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

T = TypeVar("T")


def read_recipe(options: type[T], file: Path | None, changes: Iterable[str] = ()) -> T:
    """The options of a recipe, with `changes` such as "loop.epochs=3" made to it.

    Raises:
        UsageError: a file or value is no JSON, or an option is not known.
    """
    document: dict[str, Any] = {}
    if file:
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"{file}: is no recipe ({error})") from error
    for change in changes:
        name, _, text = change.partition("=")
        *path, last = name.split(".")
        inner = document
        for part in path:
            inner = inner.setdefault(part, {})
        try:
            inner[last] = json.loads(text)
        except ValueError:
            inner[last] = text
    return build(options, document, str(file or "options"))


def build(kind: type[T], document: dict[str, Any], source: str) -> T:
    """The dataclass `kind` with the values of a JSON object. Raises as `read_recipe` does."""
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind)}
    unknown = sorted(set(document) - known)
    if unknown:
        raise UsageError(
            f"{source}: {', '.join(unknown)} is not an option; there are {', '.join(sorted(known))}"
        )
    values = {}
    for name, value in document.items():
        if is_dataclass(hints[name]) and isinstance(value, dict):
            value = build(hints[name], value, f"{source}, {name}")
        elif isinstance(value, list):
            value = tuple(value)
        values[name] = value
    return kind(**values)


def check_choices(options: object, **choices: Sequence[str]) -> None:
    """Raises UsageError: an option is not one of its choices; the message names them."""
    for name, allowed in choices.items():
        if getattr(options, name) not in allowed:
            raise UsageError(f"{name}: {getattr(options, name)} is not one of {', '.join(allowed)}")
