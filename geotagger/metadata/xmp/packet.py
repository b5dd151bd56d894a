"""One XMP packet, read: the properties of the photo, and where in the bytes each one stands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from geotagger.errors import CannotEmbedError
from geotagger.metadata.xmp import tree as xmp_tree
from geotagger.metadata.xmp.tree import Element, Encoded, Value

_WRAPPERS = frozenset({"x:xmpmeta", "x:xapmeta"})
_KEPT = 4  # packets of the photo at hand, which several modules ask for


@dataclass(frozen=True, slots=True)
class Packet:
    """A sound packet. `read` makes it; nobody changes it."""

    raw: bytes
    encoded: Encoded
    root: Element
    rdf: Element | None
    """None: an empty wrapper without rdf:RDF."""
    values: dict[str, Value] = field(default_factory=dict)
    elements: dict[str, Element] = field(default_factory=dict)
    """Of the properties that are no attributes."""

    @property
    def utf8(self) -> bytes:
        return self.encoded.utf8

    def sha256(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()


@lru_cache(_KEPT)
def read(raw: bytes) -> Packet:
    """Raises CannotEmbedError when a packet is malformed, or RDF that XMP does not allow."""
    encoded = xmp_tree.decode(raw)
    root = xmp_tree.parse(encoded.utf8)
    rdf = _rdf(root)
    _refuse_odd(rdf)
    packet = Packet(raw, encoded, root, rdf)
    for description in rdf.children if rdf else ():
        for name, value, element in _properties(description):
            if name in packet.values:
                raise CannotEmbedError(f"its XMP packet has {name.rpartition('}')[2]} twice")
            packet.values[name] = value
            if element:
                packet.elements[name] = element
    return packet


def _rdf(root: Element) -> Element | None:
    found = [root] if root.name == "rdf:RDF" else []
    found += [child for child in root.children if child.name == "rdf:RDF"]
    if len(found) == 1:
        return found[0]
    if root.name in _WRAPPERS and not root.children:
        return None
    raise CannotEmbedError(f"its XMP packet has {len(found) or 'no'} rdf:RDF element")


def _refuse_odd(rdf: Element | None) -> None:
    subjects = set()
    for description in rdf.children if rdf else ():
        if description.name != "rdf:Description" or "rdf:nodeID" in description.attributes:
            raise CannotEmbedError("its XMP packet holds RDF that XMP does not allow")
        about = description.attributes.get("about", "")
        subjects.add(description.attributes.get("rdf:about", about))
    subjects.discard("")
    if len(subjects) > 1:
        raise CannotEmbedError("its XMP packet describes more than one thing")


def _properties(description: Element) -> Iterator[tuple[str, Value, Element | None]]:
    for name, text in description.attributes.items():
        if not name.startswith(("rdf:", "xml:")) and name != "about":
            yield name, text, None
    for child in description.children:
        yield child.name, xmp_tree.value_of(child), child
