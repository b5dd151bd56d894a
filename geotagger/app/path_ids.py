"""Paths in JSON: an opaque id for programs, which holds any name, and a text for people."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geotagger.printable import printable, printable_path


def path_id(path: Path) -> str:
    """The id of a path, also of one that is not UTF-8."""
    return urlsafe_b64encode(os.fsencode(path)).decode("ascii")


def path_of_id(text: object) -> Path:
    """The path of an id. Raises ValueError if it is none."""
    if not isinstance(text, str):
        raise ValueError("the id of a path is text")
    try:
        path = Path(os.fsdecode(urlsafe_b64decode(text.encode("ascii"))))
    except ValueError as error:
        raise ValueError(f"{text!r:.40} is not the id of a path") from error
    return _checked(path)


def path_of(value: object) -> Path:
    """The path that a page has sent: `{"id"}`, or `{"path"}` as a person typed it.

    Raises:
        ValueError: it is neither, or the typed path is not absolute.
    """
    if not isinstance(value, Mapping):
        raise ValueError("a path is an object with id or path")
    if isinstance(value.get("id"), str):
        return path_of_id(value["id"])
    typed = value.get("path")
    if not isinstance(typed, str) or not typed.strip():
        raise ValueError("type a path, or choose one")
    try:
        path = Path(typed.strip()).expanduser()
    except RuntimeError as error:  # there is no such user
        raise ValueError(f"{printable(typed)}: there is no such home folder") from error
    return _checked(path)


def _checked(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("a path holds no zero byte")
    if not path.is_absolute():
        raise ValueError(f"{printable_path(path)}: type the whole path, from the root or from ~")
    return Path(os.path.normpath(path))


def path_json(path: Path, name: str = "") -> dict[str, Any]:
    """A path for the page.

    Args:
        path: absolute.
        name: its name for people; empty for its last part.
    """
    shown = name or printable_path(Path(path.name or path))
    return {"id": path_id(path), "path": printable_path(path), "name": shown}
