"""Reads XML as a stream, in flat memory, and without anything that XML can be abused for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import IO
from xml.parsers import expat

from geotagger.tracks.fixes import TrackError

_WRONG_ENCODING = frozenset(
    expat.errors.codes[name]
    for name in (
        expat.errors.XML_ERROR_INVALID_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNKNOWN_ENCODING,
        expat.errors.XML_ERROR_INCORRECT_ENCODING,
    )
)
_CHUNK_BYTES = 1 << 18
_MAX_TEXT_CHARACTERS = 1 << 20


class WrongEncodingError(TrackError):
    """The document may be in another encoding than the one that it states."""


OnStart = Callable[[dict[str, str]], None]
"""Called with the attributes of an element."""
OnEnd = Callable[[str], None]
"""Called with the text of an element, if it is wanted."""


def read_xml(
    stream: IO[bytes],
    on_start: Mapping[str, OnStart],
    on_end: Mapping[str, OnEnd],
    *,
    with_text: Collection[str],
    encoding: str | None = None,
) -> None:
    """Reads a document and calls back for some of its elements, by their names without prefix.

    Entities are not declared: they could expand without limit, or name other files.

    Args:
        stream: the document.
        with_text: names of the elements whose text is wanted; they have no elements inside.
        encoding: instead of the one that the document states.

    Raises:
        TrackError: the document declares entities, or is not well-formed.
    """
    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    wanted = frozenset(with_text)
    text: list[str] = []
    """The parts of the text since the latest start of an element. expat appends them itself: a
    function in Python for each would take a fifth of the whole time."""

    element = ""

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal element
        text.clear()
        if ":" in name:
            name = name.partition(":")[2]
        element = name
        if name in on_start:
            on_start[name](attributes)

    def end(name: str) -> None:
        if ":" in name:
            name = name.partition(":")[2]
        if name in on_end:
            on_end[name]("".join(text) if name in wanted else "")

    def refuse(*_: object) -> None:
        raise TrackError("it declares XML entities, which a track does not need: remove them")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text.append
    parser.EntityDeclHandler = refuse
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            parser.Parse(chunk, False)
            if sum(map(len, text)) > _MAX_TEXT_CHARACTERS:
                if element in wanted:
                    raise TrackError("one of its values is longer than a million characters")
                text.clear()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        reason = expat.errors.messages[error.code]
        kind = WrongEncodingError if error.code in _WRONG_ENCODING else TrackError
        raise kind(f"its XML is damaged in line {error.lineno:,} ({reason})") from error
    except (ValueError, LookupError) as error:  # of the codec that the document names
        raise WrongEncodingError(f"its encoding is not readable ({error})") from error
