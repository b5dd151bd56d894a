"""The last look at a new packet, through another door: xml.etree, without the tree that made it.

Refuses (CannotEmbedError) what says anything else than it did, but for what was to be changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from xml.etree import ElementTree

from geotagger.errors import CannotEmbedError
from geotagger.metadata.xmp import tags as xmp_tags
from geotagger.metadata.xmp import tree as xmp_tree
from geotagger.metadata.xmp.packet import Packet
from geotagger.metadata.xmp.tree import NAMESPACES, Element

_RDF = f"{{{NAMESPACES['rdf']}}}"
_SYNTAX = (_RDF, f"{{{NAMESPACES['xml']}}}")
_Statement = tuple[str, dict[str, str], str, list["_Statement"]]


def statements(packet: bytes) -> dict[str, _Statement]:
    """{URI}name -> what the packet says of it. Raises CannotEmbedError for what is no XML."""
    parser = ElementTree.XMLParser(encoding="utf-8")
    try:
        root = ElementTree.fromstring(xmp_tree.decode(packet).utf8, parser)
    except ElementTree.ParseError as error:
        raise CannotEmbedError(f"its XMP packet is damaged: {error}") from error
    found: dict[str, _Statement] = {}
    for rdf in root.iter(_RDF + "RDF"):
        for description in rdf:
            for name, text in description.attrib.items():
                if not name.startswith(_SYNTAX):
                    found[name] = (name, {}, text, [])
            found |= {child.tag: _statement(child) for child in description}
    return found


def _statement(element: ElementTree.Element) -> _Statement:
    text = element.text or ""
    parts = [_statement(child) for child in element]
    return element.tag, element.attrib, text if text.strip() else "", parts


def expanded(name: str) -> str:
    """`{URI}local` of a name as in `xmp_tree`."""
    if "}" in name:
        return "{" + name
    prefix, _, local = name.rpartition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}" if prefix else local


def check_extended(
    before: Packet, after: bytes, properties: Collection[str], items: Mapping[str, Sequence[str]]
) -> None:
    """Raises CannotEmbedError unless only `properties` and the `items` of arrays are new."""
    old, new = statements(before.raw), statements(after)
    wanted = {*map(expanded, properties), expanded(xmp_tags.UNDO)}
    sound = new.keys() - old.keys() == wanted
    grown = {expanded(name): list(words) for name, words in items.items()}
    for name, statement in old.items():
        tag, attributes, text, parts = new.get(name, ("", {}, "", []))
        if name in grown and parts:
            array, array_attributes, array_text, array_items = parts[0]
            count = len(array_items) - len(grown[name])
            sound &= [item[2] for item in array_items[count:]] == grown[name]
            parts = [(array, array_attributes, array_text, array_items[:count]), *parts[1:]]
        sound &= (tag, attributes, text, parts) == statement
    if not sound:
        raise CannotEmbedError("writing would have changed other properties of its XMP packet")


def check_reduced(
    before: Packet, after: bytes, whole: Collection[str], items: Mapping[str, Sequence[Element]]
) -> None:
    """Raises CannotEmbedError unless only the properties `whole` and these `items` are gone."""
    old, new = statements(before.raw), statements(after)
    shrunk = {expanded(name): len(found) for name, found in items.items()}
    sound = old.keys() - new.keys() == {*map(expanded, whole)} and new.keys() <= old.keys()
    for name, statement in new.items():
        if name in shrunk and statement[3] and old[name][3]:
            left, there = statement[3][0][3], old[name][3][0][3]
            following = iter(there)  # what is left must come in the same order
            sound &= len(left) + shrunk[name] == len(there) and all(x in following for x in left)
        else:
            sound &= statement == old.get(name)
    if not sound:
        raise CannotEmbedError("its XMP packet would lose other properties")
