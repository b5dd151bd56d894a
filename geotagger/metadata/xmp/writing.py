"""The bytes that a prediction adds to a packet, and the record that takes them out again.

The record is the property geotagger:Undo: a format number, the SHA-256 of the packet before, and
where each insertion was made in it: `00000123+00000456` (byte, length; both hexadecimal). A slash
in the place of the plus sign says that an empty tag's `/>` was replaced. Bytes count in UTF-8.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from geotagger.metadata.xmp import (
    check as xmp_check,
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
from geotagger.metadata.xmp.packet import Packet
from geotagger.metadata.xmp.tags import XmpTags
from geotagger.metadata.xmp.tree import NAMESPACES, Element, Value
from geotagger.version import __version__

_RECORD = re.compile(r"1 ([0-9a-f]{64})((?: [0-9a-f]{8}[+/][0-9a-f]{8})+)")
_RECORD_OF_NEW = "1 new"
_ELEMENT_PREFIX = re.compile(r"<(\w+):")
_EMPTY_TAG_END = b"/>"
_LINE = b" " * 99 + b"\n"
_PACKET_ID = "W5M0MpCehiHzreSzNTczkc9d"


@dataclass(frozen=True, slots=True)
class _Splice:
    """`text` goes in at byte `at`; where `opens`, an empty tag's end gives way to it."""

    at: int
    text: bytes
    opens: bool = False


def new_packet(tags: XmpTags, padding_bytes: int) -> bytes:
    """A packet with a prediction and nothing else, in UTF-8."""
    properties, _ = _plan({}, tags)
    body = _body({**properties, xmp_tags.UNDO: _RECORD_OF_NEW})
    lines = [
        f'<?xpacket begin="\ufeff" id="{_PACKET_ID}"?>',
        f'<x:xmpmeta xmlns:x="{NAMESPACES["x"]}" x:xmptk="geotagger {__version__}">',
        f' <rdf:RDF xmlns:rdf="{NAMESPACES["rdf"]}">',
        *("  " + line for line in _description(body)),
        " </rdf:RDF>",
        "</x:xmpmeta>",
    ]
    padding = _LINE * (padding_bytes // len(_LINE))
    return "\n".join(lines).encode() + b"\n" + padding + b'<?xpacket end="w"?>'


def extended(packet: Packet, tags: XmpTags) -> bytes:
    """The packet with a prediction, of which it has none. Raises CannotEmbedError."""
    properties, items = _plan(packet.values, tags)
    new = _with(packet, properties, items)
    xmp_check.check_extended(packet, new, properties, items)
    return new


def says_already(packet: Packet, tags: XmpTags, padding_bytes: int) -> bool:
    """Whether the packet is, to the byte, what writing `tags` into the one before would make."""
    record = packet.values.get(xmp_tags.UNDO)
    if not isinstance(record, str):
        return False
    if is_record_of_new(record):
        return new_packet(tags, padding_bytes) == packet.raw
    raw = undone(packet, record)
    if raw is None:
        return False
    before = xmp_packet.read(raw)
    return _with(before, *_plan(before.values, tags)) == packet.raw


def _with(
    packet: Packet, properties: Mapping[str, Value], items: Mapping[str, Sequence[str]]
) -> bytes:
    utf8 = packet.utf8
    splices = [
        _appended(utf8, array, _items(utf8, array, words))
        for name, words in items.items()
        for array in packet.elements[name].children
    ]
    body = _body(properties)
    record = _record(packet, [*splices, _Splice(0, b"")])  # as long as it will be
    ordered = splices
    for _ in range(2):
        own = _own_splice(packet, [*body, *_xml(xmp_tags.UNDO, record)])
        ordered = sorted([*splices, own], key=lambda splice: splice.at)
        record = _record(packet, ordered)
    return packet.encoded.packed(_spliced(utf8, ordered))


def _plan(
    present: Mapping[str, Value], tags: XmpTags
) -> tuple[dict[str, Value], dict[str, list[str]]]:
    """(properties for the own description, items for arrays that are there)."""
    properties = xmp_tags.own_properties(tags)
    items: dict[str, list[str]] = {}
    added: dict[str, Value] = {}
    for block in xmp_standard.blocks(tags):
        if not block.keys() & present.keys():
            added |= block
    created: dict[str, Value] = {}
    words_added: list[str] = []
    for name, words in xmp_standard.keywords(tags).items():
        there = present.get(name)
        if there is None:
            missing = words
            created[name] = list(words)
        elif isinstance(there, list):
            missing = [word for word in words if word not in there]
            if missing:
                items[name] = missing
        else:
            continue  # no array, as it should be: left alone
        if name == xmp_standard.FLAT_KEYWORDS:
            words_added = missing
    records = {
        xmp_tags.ADDED_PROPERTIES: sorted(added),
        xmp_tags.ADDED_KEYWORDS: list(words_added),
    }
    properties |= {name: list(found) for name, found in records.items() if found}
    return properties | added | created, items


def _own_splice(packet: Packet, body: Sequence[str]) -> _Splice:
    rdf, utf8 = packet.rdf, packet.utf8
    if rdf is None:
        lines = [f'<rdf:RDF xmlns:rdf="{NAMESPACES["rdf"]}">']
        lines += [" " + line for line in _description(body)]
        return _appended(utf8, packet.root, [[*lines, "</rdf:RDF>"]])
    rdf_declared = xmp_tree.tag_name(utf8, rdf) == "rdf:RDF"
    return _appended(utf8, rdf, [_description(body, _about(packet), rdf_declared=rdf_declared)])


def _record(packet: Packet, splices: Sequence[_Splice]) -> str:
    parts = (f" {s.at:08x}{'+/'[s.opens]}{len(s.text):08x}" for s in splices)
    return f"1 {packet.sha256()}{''.join(parts)}"


def _spliced(utf8: bytes, splices: Sequence[_Splice]) -> bytes:
    parts, done = [], 0
    for splice in splices:
        parts += [utf8[done : splice.at], splice.text]
        done = splice.at + (len(_EMPTY_TAG_END) if splice.opens else 0)
    return b"".join([*parts, utf8[done:]])


def undone(packet: Packet, record: str) -> bytes | None:
    """The packet before, proven by its SHA-256; None when `record` does not lead there."""
    found = _RECORD.fullmatch(record)
    if not found:
        return None
    utf8, parts, at, original_at = packet.utf8, [], 0, 0
    for splice in found[2].split():
        length = int(splice[:8], 16) - original_at
        if length < 0:
            return None
        parts.append(utf8[at : at + length])
        at += length + int(splice[9:], 16)
        original_at += length
        if splice[8] == "/":
            parts.append(_EMPTY_TAG_END)
            original_at += len(_EMPTY_TAG_END)
    try:
        before = packet.encoded.packed(b"".join([*parts, utf8[at:]]))
    except UnicodeDecodeError:  # it cuts a character in two
        return None
    return before if hashlib.sha256(before).hexdigest() == found[1] else None


def is_record_of_new(record: Value | None) -> bool:
    """Whether geotagger made the packet, so that nothing was there before."""
    return record == _RECORD_OF_NEW


def _appended(utf8: bytes, parent: Element, texts: Sequence[Sequence[str]]) -> _Splice:
    """New last children of `parent`, each a list of lines, set as its last child is."""
    break_ = b""
    if parent.children:
        last = parent.children[-1].start
        break_ = utf8[len(utf8[:last].rstrip(b" \t\r\n")) : last]
    joint = break_ if b"\n" in break_ else b""
    written = b"".join(break_ + joint.join(_set(line, joint) for line in text) for text in texts)
    if parent.children:
        return _Splice(parent.children[-1].end, written)
    if parent.close == parent.end:  # <parent/>
        name = xmp_tree.tag_name(utf8, parent)
        return _Splice(parent.end - 2, b">" + written + f"</{name}>".encode(), opens=True)
    return _Splice(parent.inner, written)


def _set(line: str, joint: bytes) -> bytes:
    return (line if joint else line.lstrip(" ")).encode()


def _items(utf8: bytes, array: Element, words: Sequence[str]) -> list[list[str]]:
    prefix = xmp_tree.tag_name(utf8, array).rpartition(":")[0]
    item = f"{prefix}:li" if prefix else "li"
    return [[f"<{item}>{escape(word)}</{item}>"] for word in words]


def _description(body: Sequence[str], about: str = '""', *, rdf_declared: bool = True) -> list[str]:
    used = {*_ELEMENT_PREFIX.findall("".join(body)), "rdf"} - ({"rdf"} if rdf_declared else set())
    spaces = [f' xmlns:{prefix}="{NAMESPACES[prefix]}"' for prefix in sorted(used)]
    start = f"<rdf:Description rdf:about={about}{''.join(spaces)}>"
    return [start, *(" " + line for line in body), "</rdf:Description>"]


def _about(packet: Packet) -> str:
    """What all descriptions are about, as it is written there; mostly empty."""
    for description in packet.rdf.children if packet.rdf else ():
        attributes = description.attributes
        if attributes.get("rdf:about") or attributes.get("about"):
            raw = {
                name: text for name, text, *_ in xmp_tree.raw_attributes(packet.utf8, description)
            }
            text = raw.get("rdf:about") or raw["about"]
            return f"'{text}'" if '"' in text else f'"{text}"'
    return '""'


def _body(properties: Mapping[str, Value]) -> list[str]:
    return [line for name, value in properties.items() for line in _xml(name, value)]


def _xml(name: str, value: Value) -> list[str]:
    if isinstance(value, str):
        return [f"<{name}>{escape(value)}</{name}>"]
    if isinstance(value, dict):
        fields = [" " + line for field, text in value.items() for line in _xml(field, text)]
        return [f'<{name} rdf:parseType="Resource">', *fields, f"</{name}>"]
    array = "rdf:Seq" if name in xmp_tags.ORDERED else "rdf:Bag"
    items = ["  " + line for item in value for line in _xml("rdf:li", item)]
    return [f"<{name}>", f" <{array}>", *items, f" </{array}>", f"</{name}>"]
