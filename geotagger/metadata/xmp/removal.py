"""Takes a prediction out of a packet: to the byte if that can be, else all that is geotagger's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from geotagger.metadata.xmp import (
    check as xmp_check,
)
from geotagger.metadata.xmp import (
    gps as xmp_gps,
)
from geotagger.metadata.xmp import (
    packet as xmp_packet,
)
from geotagger.metadata.xmp import (
    standard as xmp_standard,
)
from geotagger.metadata.xmp import (
    tags as xmp_tags,
)
from geotagger.metadata.xmp import (
    tree as xmp_tree,
)
from geotagger.metadata.xmp import (
    writing as xmp_writing,
)
from geotagger.metadata.xmp.packet import Packet
from geotagger.metadata.xmp.standard import FLAT_KEYWORDS, PATH_SEPARATORS, ROOT_KEYWORD
from geotagger.metadata.xmp.tree import ARRAYS, GEOTAGGER, Element, Value

_Span: TypeAlias = tuple[int, int]
_OWN = "geotagger:"
_SYNTAX = ("rdf:", "xml:", "about")
_POSITION = (xmp_gps.LATITUDE, xmp_gps.LONGITUDE)


class Removal(NamedTuple):
    """A packet without the prediction."""

    packet: bytes | None
    """None: geotagger made the packet, and nothing else stands in it."""
    removed: tuple[str, ...]
    """The properties that were taken out, wholly or in part; empty when there was nothing. All of
    geotagger's namespace count as one, `geotagger:*`."""
    exact: bool
    """The very packet before geotagger wrote. False: another program has written to it since."""


def remove(packet: Packet) -> Removal:
    """Raises CannotEmbedError when something of another's would be lost."""
    whole, items = _ours(packet)
    if not whole and not items:
        return Removal(packet.raw, (), True)
    others = {name for name in whole if not name.startswith(_OWN)} | items.keys()
    removed = (*([_OWN + "*"] if holds_prediction(packet) else []), *sorted(others))
    raw = packet.encoded.packed(_without(packet.utf8, _spans(packet, whole, items)))
    rest = xmp_packet.read(raw)
    xmp_check.check_reduced(packet, raw, whole, items)
    record = packet.values.get(xmp_tags.UNDO)
    if xmp_writing.is_record_of_new(record) and not rest.values:
        return Removal(None, removed, True)
    before = xmp_writing.undone(packet, record) if isinstance(record, str) else None
    if before is not None and _of_others(xmp_packet.read(before)) == _of_others(rest):
        return Removal(before, removed, True)
    return Removal(raw, removed, False)


def holds_prediction(packet: Packet) -> bool:
    """Whether anything stands in geotagger's namespace."""
    return any(name.startswith(_OWN) for name in packet.values)


def _of_others(packet: Packet) -> dict[str, Value]:
    """What the packet says, but for empty arrays and keywords below geotagger's root."""
    found = dict(packet.values)
    for name in xmp_standard.KEYWORDS:
        words = found.get(name)
        if isinstance(words, list):
            found[name] = [word for word in words if not _is_below_root(name, word)]
    return {name: value for name, value in found.items() if value != []}


def _ours(packet: Packet) -> tuple[set[str], dict[str, list[Element]]]:
    """(properties that are geotagger's, and its items in the arrays of others)."""
    values = packet.values
    whole = {name for name in values if name.startswith(_OWN)}
    items: dict[str, list[Element]] = {}
    for name in xmp_standard.KEYWORDS:
        array = _array(packet, name)
        found = _own_items(packet, name, array) if array else []
        if array and found and len(found) == len(array.children):
            whole.add(name)
        elif found:
            items[name] = found
    return whole | unchanged(values), items


def _array(packet: Packet, name: str) -> Element | None:
    element = packet.elements.get(name)
    if element and len(element.children) == 1 and element.children[0].name in ARRAYS:
        return element.children[0]
    return None


def _own_items(packet: Packet, name: str, array: Element) -> list[Element]:
    added = packet.values.get(xmp_tags.ADDED_KEYWORDS)
    words = Counter(map(str, added if isinstance(added, list) else ()))
    if not holds_prediction(packet):
        words[ROOT_KEYWORD] = 1  # another program dropped the record
    found = []
    for item in array.children:
        word = xmp_tree.value_of(item)
        if name == FLAT_KEYWORDS and isinstance(word, str) and words[word]:
            words[word] -= 1
            found.append(item)
        elif name != FLAT_KEYWORDS and _is_below_root(name, word):
            found.append(item)
    return found


def _is_below_root(name: str, word: Value) -> bool:
    separator = PATH_SEPARATORS.get(name, "\n")  # a flat keyword is a path of one part
    return isinstance(word, str) and word.split(separator)[0] == ROOT_KEYWORD


def unchanged(values: Mapping[str, Value]) -> set[str]:
    """Properties in others' namespaces that geotagger added and that still say what it wrote."""
    tags, added = xmp_tags.tags_from(values), values.get(xmp_tags.ADDED_PROPERTIES, [])
    if tags is None:
        return set()
    written = {name: value for block in xmp_standard.blocks(tags) for name, value in block.items()}
    found = {
        name
        for name, value in written.items()
        if name in added and name in values and _same(name, values[name], value)
    }
    if not found.issuperset(_POSITION):
        found.difference_update(_POSITION)  # half of a position that someone corrected
    return found


def _same(name: str, there: Value, written: Value) -> bool:
    return xmp_gps.same(there, written) if name in _POSITION else there == written


def _without(utf8: bytes, spans: list[_Span]) -> bytes:
    parts, done = [], 0
    for start, end in sorted(spans):
        parts.append(utf8[done:start])
        done = max(done, end)
    return b"".join([*parts, utf8[done:]])


def _spans(packet: Packet, whole: set[str], items: Mapping[str, list[Element]]) -> list[_Span]:
    """The bytes to take out: properties, items, and descriptions and declarations left empty."""
    utf8 = packet.utf8
    spans = [_with_space(utf8, item) for found in items.values() for item in found]
    for description in packet.rdf.children if packet.rdf else ():
        attributes = list(xmp_tree.raw_attributes(utf8, description))
        inside = [_with_space(utf8, child) for child in description.children if child.name in whole]
        inside += [(start, end) for name, _, start, end in attributes if name in whole]
        if inside and _is_empty(packet, description, inside, whole):
            inside = [_with_space(utf8, description)]
        spans += inside
    for element in packet.root.walk():
        for name, uri, start, end in xmp_tree.raw_attributes(utf8, element):
            if name.startswith("xmlns") and uri == GEOTAGGER:
                spans.append((start, end))
    return spans


def _is_empty(packet: Packet, description: Element, inside: list[_Span], whole: set[str]) -> bool:
    if any(not name.startswith(_SYNTAX) for name in description.attributes.keys() - whole):
        return False
    shifted = [
        (s - description.inner, e - description.inner) for s, e in inside if s >= description.inner
    ]
    return not _without(packet.utf8[description.inner : description.close], shifted).strip()


def _with_space(utf8: bytes, element: Element) -> _Span:
    start = element.start
    while utf8[start - 1] in b" \t\r\n":
        start -= 1
    return start, element.end
