"""Reads a large JSON document item by item: exports of Google have gigabytes."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Any

from geotagger.tracks.fixes import TrackError

_CHUNK_BYTES = 1 << 20
_MAX_ITEM_CHARACTERS = 1 << 28
_SPACE = re.compile(r"[ \t\r\n]*")
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_items(stream: IO[bytes]) -> Iterator[tuple[str, Any]]:
    """Yields the values of a document: those of its arrays one by one.

    Yields:
        (key, value): for `{"a": [1, 2], "b": 3}` these are ("a", 1), ("a", 2) and ("b", 3), for
        `[1, 2]` they are ("", 1) and ("", 2).

    Raises:
        TrackError: the document is damaged; what comes before the damage was yielded.
    """
    text = _JsonText(stream)
    match text.take():
        case "[":
            yield from (("", value) for value in _array(text))
        case "{":
            yield from _object(text)
        case _:
            raise TrackError("it is not a JSON object or array")


def _object(text: _JsonText) -> Iterator[tuple[str, Any]]:
    if text.peek() == "}":
        return
    while True:
        key = text.value()
        if not isinstance(key, str) or text.take() != ":":
            raise text.damaged("a key and a colon are expected")
        if text.peek() == "[":
            text.take()
            yield from ((key, value) for value in _array(text))
        else:
            yield key, text.value()
        end = text.take()
        if end == "}":
            return
        if end != ",":
            raise text.damaged("a comma is expected")


def _array(text: _JsonText) -> Iterator[Any]:
    if text.peek() == "]":
        text.take()
        return
    while True:
        yield text.value()
        end = text.take()
        if end == "]":
            return
        if end != ",":
            raise text.damaged("a comma is expected")


class _JsonText:
    """The part of the document that is in memory, and the position in it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        head = stream.read(_CHUNK_BYTES)
        encoding = next((name for bom, name in _BOMS.items() if head.startswith(bom)), "utf-8")
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._scan = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode
        self._buffer, self._at, self._before = "", 0, 0
        self._is_complete = False
        self._feed(head)

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            found = _SPACE.match(self._buffer, self._at)
            assert found is not None
            self._at = found.end()
            if self._at < len(self._buffer) or not self._more(_CHUNK_BYTES):
                return self._buffer[self._at : self._at + 1]

    def take(self) -> str:
        """The same, which is then behind."""
        character = self.peek()
        self._at += len(character)
        return character

    def value(self) -> Any:
        """The next value, whole."""
        self.peek()
        size = _CHUNK_BYTES
        while True:
            try:
                value, end = self._scan(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if not self._more(size):
                    raise self.damaged(error.msg) from error
            except RecursionError as error:
                raise self.damaged("it is nested too deep") from error
            else:
                if end < len(self._buffer) or not self._more(size):  # a number may go on
                    self._at = end
                    return value
            size *= 2  # so that a long value is not scanned again and again
            if size > _MAX_ITEM_CHARACTERS:
                raise self.damaged("a value is longer than 256 million characters")

    def damaged(self, reason: str) -> TrackError:
        """The error at this position."""
        at = self._before + self._at
        return TrackError(f"its JSON is damaged at character {at:,} ({reason})")

    def _more(self, size: int) -> bool:
        """Reads on; False at the end."""
        return not self._is_complete and self._feed(self._stream.read(size))

    def _feed(self, data: bytes) -> bool:
        self._is_complete = not data
        try:
            text = self._decoder.decode(data, final=self._is_complete)
        except UnicodeDecodeError as error:
            raise self.damaged(f"it is not {error.encoding}: save it as UTF-8") from error
        self._before += self._at
        self._buffer, self._at = self._buffer[self._at :] + text, 0
        return bool(data)


def _refuse_constant(name: str) -> None:
    raise json.JSONDecodeError(f"{name} is not a number", name, 0)
