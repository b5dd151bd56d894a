"""Removes a prediction from a packet: to the byte if possible, else everything geotagger wrote."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from geotagger.metadata.exif.gps_tags import ALSO_IN_XMP, MARKS
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
    CONTINENTS,
    COPIED_KEYWORDS,
    EXIF_GPS,
    FLAT_KEYWORDS,
    GPS_MARKS,
    KEYWORDS,
    LATITUDE,
    LOCATION,
    LONGITUDE,
    PATH_SEPARATORS,
    ROOT_KEYWORDS,
    UNDO,
    clean,
    same_coordinate,
    standard_blocks,
    tags_from,
)
from geotagger.metadata.xmp.writing import is_record_of_new, undone

_Span: TypeAlias = tuple[int, int]
_OWN = "geotagger:"
_SYNTAX = ("rdf:", "xml:", "about")
ROOTS = tuple(ROOT_KEYWORDS.values())
_POSITION = (LATITUDE, LONGITUDE)
_SPACES = re.compile(re.escape(ALSO_IN_XMP) + r"([A-Za-z0-9, ]+)$")
_PHOTOSHOP = ("photoshop:City", "photoshop:State", "photoshop:Country")
_LOCATION_PARTS = tuple(f"Iptc4xmpExt:{part}" for part in ("City", "ProvinceState", "CountryName"))


class CleanedPacket(NamedTuple):
    """A packet without the prediction."""

    packet: bytes | None
    """None: geotagger made the packet, and nothing else is in it."""
    removed: tuple[str, ...]
    """Properties that were removed, wholly or in part; empty if there was nothing to remove. All of
    geotagger's namespace count as one, `geotagger:*`."""
    exact: bool
    """The packet is what it was before geotagger wrote. False: another program changed it since."""


def remove(packet: XmpPacket, note: str = "", elsewhere: Collection[str] = ()) -> CleanedPacket:
    """Removes everything that geotagger wrote.

    If another program has changed the packet since, keywords of others that geotagger has repeated
    in an array stay, unless all are still in their own place and nothing else is in the array: that
    program may have dropped them there, and an array that is left hides others.

    Args:
        packet: The packet.
        note: What geotagger wrote into the photo's EXIF; used if its own properties are gone.
        elsewhere: Keywords of others outside the packet.

    Raises:
        CannotEmbedError: Something that another program wrote would be lost.
    """
    copies = _copies(packet, note)
    if copies and holds_prediction(packet):
        cleaned = _removed(packet, note, copies)
        if cleaned.exact:
            return cleaned
    originals = _originals(packet, copies, elsewhere)
    redundant = {
        name: words
        for name, words in copies.items()
        if _left(packet, name, note, copies) == set()
        and all(_is_below_root(name, word) or _parts(word) in originals for word in words)
    }
    return _removed(packet, note, redundant)


def _left(packet: XmpPacket, name: str, note: str, copies: Mapping[str, Counter[str]]) -> set[str]:
    """What stays in an array without geotagger's keywords and the repeated ones."""
    array = _array(packet, name)
    own = _own_items(packet, name, array, note, copies) if array else []
    return set(Counter(_texts(packet, name)) - Counter(str(value_of(item)) for item in own))


def _copies(packet: XmpPacket, note: str) -> dict[str, Counter[str]]:
    """Name of an array -> the keywords of others that geotagger has repeated there.

    Without a record these are all but geotagger's in arrays that are geotagger's by the note.
    """
    copies: dict[str, Counter[str]] = {}
    for text in _texts(packet, COPIED_KEYWORDS):
        name, _, word = text.partition(" ")
        copies.setdefault(name, Counter())[word] += 1
    if not holds_prediction(packet):
        for name in KEYWORDS:
            words = _texts(packet, name) if name.partition(":")[0] in _spaces(note) else []
            own = _unrecorded_keywords(packet, words, note) if name == FLAT_KEYWORDS else Counter()
            foreign = Counter(word for word in words if not _is_below_root(name, word)) - own
            if foreign:
                copies[name] = foreign
    return copies


def _originals(
    packet: XmpPacket, copies: Mapping[str, Counter[str]], elsewhere: Collection[str]
) -> set[tuple[str, ...]]:
    """The keywords of others, as paths, in the places where they were before."""
    added = Counter(_texts(packet, ADDED_KEYWORDS))
    originals = {_parts(word) for word in elsewhere}
    for name in KEYWORDS:
        repeated = copies.get(name, Counter[str]()) + (
            added if name == FLAT_KEYWORDS else Counter()
        )
        words = Counter(_texts(packet, name)) - repeated
        originals.update(_parts(word) for word in words if not _is_below_root(name, word))
    return originals


def _parts(word: str) -> tuple[str, ...]:
    """A keyword as a path, cleaned part by part and without empty parts, as it is repeated."""
    return tuple(filter(None, map(clean, word.replace("|", "/").split("/"))))


def _removed(packet: XmpPacket, note: str, copies: Mapping[str, Counter[str]]) -> CleanedPacket:
    properties, items = _ours(packet, note, copies)
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


def _spaces(note: str) -> list[str]:
    """Prefixes of the XMP properties that geotagger has made, by the note in EXIF."""
    match = _SPACES.search(note)
    return match[1].split(", ") if match else []


def area_of(note: str) -> str:
    """The names of the place in the note in EXIF."""
    return next((clean(note.partition(f"; {mark}")[0]) for mark in MARKS if mark in note), "")


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


def _ours(
    packet: XmpPacket, note: str, copies: Mapping[str, Counter[str]]
) -> tuple[set[str], dict[str, list[XmlElement]]]:
    """(properties that geotagger wrote, property name -> its items in arrays of others)."""
    values = packet.values
    properties = {name for name in values if name.startswith(_OWN)}
    items: dict[str, list[XmlElement]] = {}
    for name in KEYWORDS:
        array = _array(packet, name)
        own = _own_items(packet, name, array, note, copies) if array else []
        if array and own and len(own) == len(array.children):
            properties.add(name)
        elif own:
            items[name] = own
    if not holds_prediction(packet):
        return properties | _named_by_note(values, note), items
    return properties | unchanged_properties(values), items


def _named_by_note(values: Mapping[str, Value], note: str) -> set[str]:
    """Standard properties that the note in EXIF names, and that still have the values it names."""
    spaces, area = _spaces(note), area_of(note)
    named: set[str] = set()
    names = [name for name in _PHOTOSHOP if name in values]
    if "photoshop" in spaces and _joined(values[name] for name in names) == area:
        named.update(names)
    places = values.get(LOCATION)
    if "Iptc4xmpExt" in spaces and isinstance(places, list) and len(places) == 1:
        place = places[0] if isinstance(places[0], dict) else {}
        texts = [place[part] for part in _LOCATION_PARTS if part in place]
        if area in (_joined(texts), place.get("Iptc4xmpExt:WorldRegion")):
            named.add(LOCATION)
    marks = values.get("exif:GPSProcessingMethod"), values.get("exif:GPSStatus")
    if "exif" in spaces and LATITUDE in values and marks in GPS_MARKS.values():
        named.update(name for name in EXIF_GPS if name in values)
    return named


def _joined(texts: Iterable[Value]) -> str:
    return clean(", ".join(text for text in texts if isinstance(text, str)))


def _array(packet: XmpPacket, name: str) -> XmlElement | None:
    element = packet.elements.get(name)
    if element and len(element.children) == 1 and element.children[0].name in ARRAYS:
        return element.children[0]
    return None


def _own_items(
    packet: XmpPacket,
    name: str,
    array: XmlElement,
    note: str,
    copies: Mapping[str, Counter[str]],
) -> list[XmlElement]:
    words = [value_of(item) for item in array.children]
    if name != FLAT_KEYWORDS:
        own = Counter(str(word) for word in words if _is_below_root(name, word))
    elif holds_prediction(packet):
        own = Counter(_texts(packet, ADDED_KEYWORDS))
    else:
        own = _unrecorded_keywords(packet, words, note)
    own += copies.get(name, Counter())
    items = []
    pairs = list(zip(array.children, words, strict=True))
    for item, word in pairs if holds_prediction(packet) else reversed(pairs):
        if isinstance(word, str) and own[word]:
            own[word] -= 1
            items.append(item)
    return items


def _unrecorded_keywords(packet: XmpPacket, words: Sequence[Value], note: str) -> Counter[str]:
    """Flat keywords that are geotagger's although another program has dropped the record.

    geotagger's come last, after its root keyword; an equal keyword before it is someone else's.
    """
    root = next((root for root in ROOTS if root in words), None)
    if root is None:
        return Counter()
    names = {*area_of(note).split(", "), *(CONTINENTS if note else ())}
    for array, separator in PATH_SEPARATORS.items():
        for path in _texts(packet, array):
            names.update(path.split(separator) if _is_below_root(array, path) else ())
    after = words[words.index(root) + 1 :]
    return Counter({root: 1} | {w: 1 for w in after if isinstance(w, str) and w in names})


def _texts(packet: XmpPacket, name: str) -> list[str]:
    value = packet.values.get(name)
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _is_below_root(name: str, word: Value) -> bool:
    separator = PATH_SEPARATORS.get(name, "\n")  # a flat keyword is a path of one part
    return isinstance(word, str) and word.split(separator)[0] in ROOTS


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
