"""Removes a prediction from a packet: to the byte if possible, else everything geotagger wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from geotagger.metadata.xmp.check import check_reduced
from geotagger.metadata.xmp.packet import (
    ARRAYS,
    GEOTAGGER,
    Value,
    XmlElement,
    XmpPacket,
    raw_attributes,
    read,
    value_of,
)
from geotagger.metadata.xmp.tags import (
    ADDED_KEYWORDS,
    ADDED_PROPERTIES,
    FLAT_KEYWORDS,
    KEYWORDS,
    LATITUDE,
    LONGITUDE,
    PATH_SEPARATORS,
    ROOT_KEYWORD,
    UNDO,
    same_coordinate,
    standard_blocks,
    tags_from,
)
from geotagger.metadata.xmp.writing import is_record_of_new, undone

_Span: TypeAlias = tuple[int, int]
_OWN = "geotagger:"
_SYNTAX = ("rdf:", "xml:", "about")
_POSITION = (LATITUDE, LONGITUDE)


class CleanedPacket(NamedTuple):
    """A packet without the prediction."""

    packet: bytes | None
    """None: geotagger made the packet, and nothing else is in it."""
    removed: tuple[str, ...]
    """Properties that were removed, wholly or in part; empty if there was nothing to remove. All of
    geotagger's namespace count as one, `geotagger:*`."""
    exact: bool
    """The packet is what it was before geotagger wrote. False: another program changed it since."""


def remove(packet: XmpPacket) -> CleanedPacket:
    """Removes everything that geotagger wrote.

    Raises:
        CannotEmbedError: Something that another program wrote would be lost.
    """
    properties, items = _ours(packet)
    if not properties and not items:
        return CleanedPacket(packet.raw, (), True)
    standard = {name for name in properties if not name.startswith(_OWN)} | items.keys()
    own = [_OWN + "*"] if holds_prediction(packet) else []
    removed = (*own, *sorted(standard))
    raw = packet.text.encode(_without(packet.utf8, _spans(packet, properties, items)))
    rest = read(raw)
    check_reduced(packet, raw, properties, items)
    record = packet.values.get(UNDO)
    if is_record_of_new(record) and not rest.values:
        return CleanedPacket(None, removed, True)
    original = undone(packet, record) if isinstance(record, str) else None
    if original is not None and _foreign_values(read(original)) == _foreign_values(rest):
        return CleanedPacket(original, removed, True)
    return CleanedPacket(raw, removed, False)


def holds_prediction(packet: XmpPacket) -> bool:
    """Whether the packet has a property in geotagger's namespace."""
    return any(name.startswith(_OWN) for name in packet.values)


def unchanged_properties(values: Mapping[str, Value]) -> set[str]:
    """Standard properties that geotagger added and that still have the value it wrote."""
    tags, added = tags_from(values), values.get(ADDED_PROPERTIES, [])
    if tags is None:
        return set()
    written = {name: value for block in standard_blocks(tags) for name, value in block.items()}
    unchanged = {
        name
        for name, value in written.items()
        if name in added and name in values and _same(name, values[name], value)
    }
    if not unchanged.issuperset(_POSITION):
        unchanged.difference_update(_POSITION)  # someone corrected one half of the position
    return unchanged


def _same(name: str, value: Value, written: Value) -> bool:
    return same_coordinate(value, written) if name in _POSITION else value == written


def _foreign_values(packet: XmpPacket) -> dict[str, Value]:
    """The values, except empty arrays and keywords below geotagger's root."""
    values = dict(packet.values)
    for name in KEYWORDS:
        words = values.get(name)
        if isinstance(words, list):
            values[name] = [word for word in words if not _is_below_root(name, word)]
    return {name: value for name, value in values.items() if value != []}


def _ours(packet: XmpPacket) -> tuple[set[str], dict[str, list[XmlElement]]]:
    """(properties that geotagger wrote, property name -> its items in arrays of others)."""
    values = packet.values
    properties = {name for name in values if name.startswith(_OWN)}
    items: dict[str, list[XmlElement]] = {}
    for name in KEYWORDS:
        array = _array(packet, name)
        own = _own_items(packet, name, array) if array else []
        if array and own and len(own) == len(array.children):
            properties.add(name)
        elif own:
            items[name] = own
    return properties | unchanged_properties(values), items


def _array(packet: XmpPacket, name: str) -> XmlElement | None:
    element = packet.elements.get(name)
    if element and len(element.children) == 1 and element.children[0].name in ARRAYS:
        return element.children[0]
    return None


def _own_items(packet: XmpPacket, name: str, array: XmlElement) -> list[XmlElement]:
    added = packet.values.get(ADDED_KEYWORDS)
    words = Counter(map(str, added if isinstance(added, list) else ()))
    if not holds_prediction(packet):
        words[ROOT_KEYWORD] = 1  # another program dropped the record
    own = []
    for item in array.children:
        word = value_of(item)
        if name == FLAT_KEYWORDS and isinstance(word, str) and words[word]:
            words[word] -= 1
            own.append(item)
        elif name != FLAT_KEYWORDS and _is_below_root(name, word):
            own.append(item)
    return own


def _is_below_root(name: str, word: Value) -> bool:
    separator = PATH_SEPARATORS.get(name, "\n")  # a flat keyword is a path of one part
    return isinstance(word, str) and word.split(separator)[0] == ROOT_KEYWORD


def _without(utf8: bytes, spans: list[_Span]) -> bytes:
    parts, done = [], 0
    for start, end in sorted(spans):
        parts.append(utf8[done:start])
        done = max(done, end)
    return b"".join([*parts, utf8[done:]])


def _spans(
    packet: XmpPacket, properties: set[str], items: Mapping[str, list[XmlElement]]
) -> list[_Span]:
    """The bytes to remove: properties, items, and descriptions and declarations left empty."""
    utf8 = packet.utf8
    spans = [_with_space(utf8, item) for own in items.values() for item in own]
    for description in packet.rdf.children if packet.rdf else ():
        attributes = list(raw_attributes(utf8, description))
        children = [child for child in description.children if child.name in properties]
        inside = [_with_space(utf8, child) for child in children]
        inside += [(start, end) for name, _, start, end in attributes if name in properties]
        if inside and _is_empty(packet, description, inside, properties):
            inside = [_with_space(utf8, description)]
        spans += inside
    for element in packet.root.walk():
        for name, uri, start, end in raw_attributes(utf8, element):
            if name.startswith("xmlns") and uri == GEOTAGGER:
                spans.append((start, end))
    return spans


def _is_empty(
    packet: XmpPacket, description: XmlElement, removed: list[_Span], properties: set[str]
) -> bool:
    """Whether nothing is left of a description without the removed spans."""
    remaining = description.attributes.keys() - properties
    if any(not name.startswith(_SYNTAX) for name in remaining):
        return False
    inner = description.inner
    shifted = [(start - inner, end - inner) for start, end in removed if start >= inner]
    return not _without(packet.utf8[inner : description.close], shifted).strip()


def _with_space(utf8: bytes, element: XmlElement) -> _Span:
    """The span of an element and the white space before it."""
    start = element.start
    while utf8[start - 1] in b" \t\r\n":
        start -= 1
    return start, element.end
