"""Adds a prediction to a packet, with the record that removes it to the byte.

The record is the property geotagger:Undo: a format number, the SHA-256 of the packet before, and
each insertion: `00000123+00000456` (position in the packet before, length; both hexadecimal). A
slash instead of the plus sign means that the `/>` of an empty tag was replaced. Positions count
bytes in UTF-8.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from geotagger.metadata.xmp.check import check_extended, check_new
from geotagger.metadata.xmp.packet import (
    NAMESPACES,
    Value,
    XmlElement,
    XmpPacket,
    raw_attributes,
    read,
    tag_name,
)
from geotagger.metadata.xmp.tags import (
    ADDED_KEYWORDS,
    ADDED_PROPERTIES,
    COPIED_KEYWORDS,
    FLAT_KEYWORDS,
    ORDERED_ARRAYS,
    UNDO,
    XmpTags,
    keyword_arrays,
    own_properties,
    standard_blocks,
)
from geotagger.version import __version__

if TYPE_CHECKING:
    from geotagger.metadata.foreign_tags import ForeignTags

_RECORD = re.compile(r"1 ([0-9a-f]{64})((?: [0-9a-f]{8}[+/][0-9a-f]{8})+)")
_RECORD_OF_NEW = "1 new"
_ELEMENT_PREFIX = re.compile(r"<(\w+):")
_EMPTY_TAG_END = b"/>"
_PADDING_LINE = b" " * 99 + b"\n"
_PACKET_ID = "W5M0MpCehiHzreSzNTczkc9d"


@dataclass(frozen=True, slots=True)
class _Insertion:
    """Inserts `text` at byte `at`; if `opens`, it replaces the end of an empty tag there."""

    at: int
    text: bytes
    opens: bool = False


def new_packet(tags: XmpTags, padding_bytes: int, foreign: ForeignTags) -> bytes:
    """A packet that holds only a prediction, in UTF-8. Raises CannotEmbedError."""
    properties, _ = _plan({}, tags, foreign)
    body = _body({**properties, UNDO: _RECORD_OF_NEW})
    lines = [
        f'<?xpacket begin="\ufeff" id="{_PACKET_ID}"?>',
        f'<x:xmpmeta xmlns:x="{NAMESPACES["x"]}" x:xmptk="geotagger {__version__}">',
        f' <rdf:RDF xmlns:rdf="{NAMESPACES["rdf"]}">',
        *("  " + line for line in _description(body)),
        " </rdf:RDF>",
        "</x:xmpmeta>",
    ]
    padding = _PADDING_LINE * (padding_bytes // len(_PADDING_LINE))
    packet = "\n".join(lines).encode() + b"\n" + padding + b'<?xpacket end="w"?>'
    check_new(packet)
    return packet


def extended(packet: XmpPacket, tags: XmpTags, foreign: ForeignTags) -> bytes:
    """The packet with a prediction; it must not hold one yet. Raises CannotEmbedError."""
    properties, items = _plan(packet.values, tags, foreign)
    new = _with(packet, properties, items)
    check_extended(packet, new, properties, items)
    return new


def is_up_to_date(
    packet: XmpPacket, tags: XmpTags, padding_bytes: int, foreign: ForeignTags
) -> bool:
    """Whether writing `tags` into the original packet would give this packet, byte for byte."""
    record = packet.values.get(UNDO)
    if not isinstance(record, str):
        return False
    if is_record_of_new(record):
        return new_packet(tags, padding_bytes, foreign) == packet.raw
    raw = undone(packet, record)
    if raw is None:
        return False
    original = read(raw)
    return _with(original, *_plan(original.values, tags, foreign)) == packet.raw


def undone(packet: XmpPacket, record: str) -> bytes | None:
    """The packet before, verified by its SHA-256; None if `record` does not lead there."""
    match = _RECORD.fullmatch(record)
    if not match:
        return None
    utf8, parts, at, original_at = packet.utf8, [], 0, 0
    for insertion in match[2].split():
        length = int(insertion[:8], 16) - original_at
        if length < 0:
            return None
        parts.append(utf8[at : at + length])
        at += length + int(insertion[9:], 16)
        original_at += length
        if insertion[8] == "/":
            parts.append(_EMPTY_TAG_END)
            original_at += len(_EMPTY_TAG_END)
    try:
        original = packet.text.encode(b"".join([*parts, utf8[at:]]))
    except UnicodeDecodeError:  # the record cuts a character in two
        return None
    return original if hashlib.sha256(original).hexdigest() == match[1] else None


def is_record_of_new(record: Value | None) -> bool:
    """Whether geotagger made the packet, so that there was none before."""
    return record == _RECORD_OF_NEW


def _with(
    packet: XmpPacket, properties: Mapping[str, Value], items: Mapping[str, Sequence[str]]
) -> bytes:
    utf8 = packet.utf8
    insertions = [
        _appended(utf8, array, _items(utf8, array, words))
        for name, words in items.items()
        for array in packet.elements[name].children
    ]
    body = _body(properties)
    record = _record(packet, [*insertions, _Insertion(0, b"")])  # has its final length already
    ordered = insertions
    for _ in range(2):
        own = _own_description(packet, [*body, *_body({UNDO: record})])
        ordered = sorted([*insertions, own], key=lambda insertion: insertion.at)
        record = _record(packet, ordered)
    return packet.text.encode(_inserted(utf8, ordered))


def added_blocks(
    existing: Mapping[str, Value], tags: XmpTags, foreign: ForeignTags
) -> list[dict[str, Value]]:
    """The blocks of standard properties for which nobody else has a value."""
    taken = existing.keys() | foreign.properties
    return [block for block in standard_blocks(tags) if not block.keys() & taken]


def _plan(
    existing: Mapping[str, Value], tags: XmpTags, foreign: ForeignTags
) -> tuple[dict[str, Value], dict[str, list[str]]]:
    """(properties for the own description, property name -> items for existing arrays)."""
    properties = own_properties(tags)
    items: dict[str, list[str]] = {}
    added: dict[str, Value] = {}
    for block in added_blocks(existing, tags, foreign):
        added |= block
    new_arrays: dict[str, Value] = {}
    added_keywords: list[str] = []
    copied: list[str] = []
    for name, words in keyword_arrays(tags).items():
        array = existing.get(name)
        if array is not None and not isinstance(array, list):
            continue  # not an array, as it should be: left alone
        copies = [] if array else foreign.to_repeat(name, existing)
        missing = [word for word in words if word not in (array or copies)]
        if array is None:
            new_arrays[name] = [*copies, *missing]
        elif copies or missing:
            items[name] = [*copies, *missing]
        copied += [f"{name} {word}" for word in copies]
        if name == FLAT_KEYWORDS:
            added_keywords = missing
    lists = {
        ADDED_PROPERTIES: sorted(added),
        ADDED_KEYWORDS: list(added_keywords),
        COPIED_KEYWORDS: copied,
    }
    properties |= {name: list(names) for name, names in lists.items() if names}
    return properties | added | new_arrays, items


def _own_description(packet: XmpPacket, body: Sequence[str]) -> _Insertion:
    rdf, utf8 = packet.rdf, packet.utf8
    if rdf is None:
        lines = [f'<rdf:RDF xmlns:rdf="{NAMESPACES["rdf"]}">']
        lines += [" " + line for line in _description(body)]
        return _appended(utf8, packet.root, [[*lines, "</rdf:RDF>"]])
    rdf_declared = tag_name(utf8, rdf) == "rdf:RDF"
    return _appended(utf8, rdf, [_description(body, _about(packet), rdf_declared=rdf_declared)])


def _record(packet: XmpPacket, insertions: Sequence[_Insertion]) -> str:
    parts = (f" {i.at:08x}{'+/'[i.opens]}{len(i.text):08x}" for i in insertions)
    return f"1 {packet.sha256()}{''.join(parts)}"


def _inserted(utf8: bytes, insertions: Sequence[_Insertion]) -> bytes:
    parts, done = [], 0
    for insertion in insertions:
        parts += [utf8[done : insertion.at], insertion.text]
        done = insertion.at + (len(_EMPTY_TAG_END) if insertion.opens else 0)
    return b"".join([*parts, utf8[done:]])


def _appended(utf8: bytes, parent: XmlElement, texts: Sequence[Sequence[str]]) -> _Insertion:
    """New last children of `parent`, each a list of lines, indented as its last child is."""
    indent = b""
    if parent.children:
        last = parent.children[-1].start
        indent = utf8[len(utf8[:last].rstrip(b" \t\r\n")) : last]
    joint = indent if b"\n" in indent else b""
    written = b"".join(indent + joint.join(_line(line, joint) for line in text) for text in texts)
    if parent.children:
        return _Insertion(parent.children[-1].end, written)
    if parent.close == parent.end:  # <parent/>
        name = tag_name(utf8, parent)
        return _Insertion(parent.end - 2, b">" + written + f"</{name}>".encode(), opens=True)
    return _Insertion(parent.inner, written)


def _line(line: str, joint: bytes) -> bytes:
    return (line if joint else line.lstrip(" ")).encode()


def _items(utf8: bytes, array: XmlElement, words: Sequence[str]) -> list[list[str]]:
    prefix = tag_name(utf8, array).rpartition(":")[0]
    item = f"{prefix}:li" if prefix else "li"
    return [[f"<{item}>{escape(word)}</{item}>"] for word in words]


def _description(body: Sequence[str], about: str = '""', *, rdf_declared: bool = True) -> list[str]:
    used = {*_ELEMENT_PREFIX.findall("".join(body)), "rdf"} - ({"rdf"} if rdf_declared else set())
    spaces = [f' xmlns:{prefix}="{NAMESPACES[prefix]}"' for prefix in sorted(used)]
    start = f"<rdf:Description rdf:about={about}{''.join(spaces)}>"
    return [start, *(" " + line for line in body), "</rdf:Description>"]


def _about(packet: XmpPacket) -> str:
    """The rdf:about that all descriptions share, quoted as in the packet; mostly empty."""
    for description in packet.rdf.children if packet.rdf else ():
        attributes = description.attributes
        if attributes.get("rdf:about") or attributes.get("about"):
            raw = {name: text for name, text, *_ in raw_attributes(packet.utf8, description)}
            text = raw.get("rdf:about") or raw["about"]
            return f"'{text}'" if '"' in text else f'"{text}"'
    return '""'


def _body(properties: Mapping[str, Value]) -> list[str]:
    lines: list[str] = []
    for name, value in properties.items():
        _add_xml(lines, "", name, value)
    return lines


def _add_xml(lines: list[str], indent: str, name: str, value: Value) -> None:
    if isinstance(value, str):
        lines.append(f"{indent}<{name}>{escape(value)}</{name}>")
        return
    if isinstance(value, dict):
        lines.append(f'{indent}<{name} rdf:parseType="Resource">')
        for field, text in value.items():
            _add_xml(lines, indent + " ", field, text)
    else:
        array = "rdf:Seq" if name in ORDERED_ARRAYS else "rdf:Bag"
        lines += [f"{indent}<{name}>", f"{indent} <{array}>"]
        for item in value:
            _add_xml(lines, indent + "  ", "rdf:li", item)
        lines.append(f"{indent} </{array}>")
    lines.append(f"{indent}</{name}>")
