"""Verifies a new packet with an independent reader: xml.etree instead of the tree that made it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from xml.etree import ElementTree
from xml.parsers import expat

from geotagger.errors import CannotEmbedError
from geotagger.metadata.xmp.packet import NAMESPACES, XmlElement, XmpPacket, decode
from geotagger.metadata.xmp.tags import UNDO

_RDF = f"{{{NAMESPACES['rdf']}}}"
_SYNTAX = (_RDF, f"{{{NAMESPACES['xml']}}}")
_Statement = tuple[str, dict[str, str], str, list["_Statement"]]
"""(name, attributes, text, children)."""


def check_new(packet: bytes) -> None:
    """Checks that a new packet is XML. Raises CannotEmbedError."""
    try:
        expat.ParserCreate().Parse(packet, True)
    except expat.ExpatError as error:
        raise CannotEmbedError(f"its new XMP packet would be damaged: {error}") from error


def check_extended(
    before: XmpPacket, after: bytes, properties: Collection[str], items: Mapping[str, Sequence[str]]
) -> None:
    """Checks a packet to which a prediction was added.

    Args:
        before: The packet before.
        after: The packet with the prediction.
        properties: Names of the properties that must be new.
        items: Property name -> items that must be new at the end of its array.

    Raises:
        CannotEmbedError: Anything else is new, changed or missing.
    """
    old, new = _statements(before.raw), _statements(after)
    expected = {*map(_expanded, properties), _expanded(UNDO)}
    valid = new.keys() - old.keys() == expected
    extended = {_expanded(name): list(words) for name, words in items.items()}
    for name, statement in old.items():
        tag, attributes, text, parts = new.get(name, ("", {}, "", []))
        if name in extended and parts:
            array, array_attributes, array_text, array_items = parts[0]
            count = len(array_items) - len(extended[name])
            valid &= [item[2] for item in array_items[count:]] == extended[name]
            parts = [(array, array_attributes, array_text, array_items[:count]), *parts[1:]]
        valid &= (tag, attributes, text, parts) == statement
    if not valid:
        raise CannotEmbedError("writing would have changed other properties of its XMP packet")


def check_reduced(
    before: XmpPacket,
    after: bytes,
    properties: Collection[str],
    items: Mapping[str, Sequence[XmlElement]],
) -> None:
    """Checks a packet from which a prediction was removed.

    Args:
        before: The packet with the prediction.
        after: The packet without it.
        properties: Names of the properties that must be gone.
        items: Property name -> items that must be gone from its array.

    Raises:
        CannotEmbedError: Anything else is new, changed or missing.
    """
    old, new = _statements(before.raw), _statements(after)
    reduced = {_expanded(name): len(removed) for name, removed in items.items()}
    valid = old.keys() - new.keys() == {*map(_expanded, properties)} and new.keys() <= old.keys()
    for name, statement in new.items():
        if name in reduced and statement[3] and old[name][3]:
            left, original = statement[3][0][3], old[name][3][0][3]
            remaining = iter(original)  # what is left must be in the same order
            valid &= len(left) + reduced[name] == len(original)
            valid &= all(item in remaining for item in left)
        else:
            valid &= statement == old.get(name)
    if not valid:
        raise CannotEmbedError("its XMP packet would lose other properties")


def _statements(packet: bytes) -> dict[str, _Statement]:
    """{URI}name -> the statement about it. Raises CannotEmbedError if the packet is not XML."""
    parser = ElementTree.XMLParser(encoding="utf-8")
    try:
        root = ElementTree.fromstring(decode(packet).utf8, parser)
    except ElementTree.ParseError as error:
        raise CannotEmbedError(f"its XMP packet is damaged: {error}") from error
    statements: dict[str, _Statement] = {}
    for rdf in root.iter(_RDF + "RDF"):
        for description in rdf:
            for name, text in description.attrib.items():
                if not name.startswith(_SYNTAX):
                    statements[name] = (name, {}, text, [])
            statements |= {child.tag: _statement(child) for child in description}
    return statements


def _statement(element: ElementTree.Element) -> _Statement:
    text = element.text or ""
    parts = [_statement(child) for child in element]
    return element.tag, element.attrib, text if text.strip() else "", parts


def _expanded(name: str) -> str:
    """`{URI}local` of a name as in `packet`."""
    if "}" in name:
        return "{" + name
    prefix, _, local = name.rpartition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}" if prefix else local
