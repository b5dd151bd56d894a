"""Recipes: the options of a run as JSON, checked against the dataclass that declares them.

A recipe may name its trainer: {"trainer": "cnn", ...}. Each options class has the name of its
trainer as the class variable `trainer`.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from geotagger.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

T = TypeVar("T")

TRAINER_KEY = "trainer"


def read_recipe(options: type[T], file: Path | None, changes: Iterable[str] = ()) -> T:
    """Reads the options of a recipe.

    Args:
        options: The dataclass of the options.
        file: The recipe; None for the defaults.
        changes: Changes to it, such as "loop.epochs=3".

    Raises:
        UsageError: The file is not JSON, an option is unknown, or the recipe is for another
            trainer.
    """
    document = read_document(file) if file else {}
    for change in changes:
        _apply_change(document, change)
    source = str(file or "options")
    trainer = document.pop(TRAINER_KEY, None)
    expected = getattr(options, TRAINER_KEY, None)
    if trainer not in (None, expected):
        raise UsageError(f"{source}: is a recipe for the trainer {trainer}, not for {expected}")
    return build_options(options, document, source)


def read_document(file: Path) -> dict[str, Any]:
    """Reads the JSON object of a recipe. Raises UsageError if the file does not hold one."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: is not a recipe ({error})") from error
    if not isinstance(document, dict):
        raise UsageError(f"{file}: is not a recipe (not a JSON object)")
    return document


def _apply_change(document: dict[str, Any], change: str) -> None:
    """Applies NAME=VALUE. VALUE is JSON, or else text."""
    name, _, text = change.partition("=")
    *path, last = name.split(".")
    inner = document
    for part in path:
        inner = inner.setdefault(part, {})
    try:
        inner[last] = json.loads(text)
    except ValueError:
        inner[last] = text


def build_options(kind: type[T], document: dict[str, Any], source: str) -> T:
    """Makes the dataclass `kind` of a JSON object.

    Args:
        kind: The dataclass.
        document: Its values.
        source: The name of the document, for messages.

    Raises:
        UsageError: An option is unknown.
    """
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind)}
    unknown = sorted(set(document) - known)
    if unknown:
        raise UsageError(
            f"{source}: {', '.join(unknown)} is not an option; the options are "
            f"{', '.join(sorted(known))}"
        )
    values = {}
    for name, value in document.items():
        if is_dataclass(hints[name]) and isinstance(value, dict):
            value = build_options(hints[name], value, f"{source}, {name}")
        elif isinstance(value, list):
            value = tuple(value)
        values[name] = value
    return kind(**values)


def check_choices(options: object, **choices: Sequence[str]) -> None:
    """Raises UsageError if an option is not one of its choices; the message lists them."""
    for name, allowed in choices.items():
        if getattr(options, name) not in allowed:
            raise UsageError(f"{name}: {getattr(options, name)} is not one of {', '.join(allowed)}")
