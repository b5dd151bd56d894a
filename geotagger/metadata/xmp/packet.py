"""One XMP packet, read: its properties, and the bytes that each element occupies (ISO 16684-1).

Expat parses and gives the positions. Nothing is ever serialised from the tree, so everything that
does not change keeps its bytes. Whatever other XMP readers would refuse is refused here too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias
from xml.parsers import expat

from geotagger.errors import CannotEmbedError

Value: TypeAlias = "str | list[Value] | dict[str, Value]"
"""A simple text, an array or a structure."""

GEOTAGGER = "urn:uuid:9a04f9d7-5d47-45e6-bbfd-74902117989d#"
"""The namespace of a prediction; docs/reference/xmp.md describes its properties."""

NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xml": "http://www.w3.org/XML/1998/namespace",
    "x": "adobe:ns:meta/",
    "geotagger": GEOTAGGER,
    "dc": "http://purl.org/dc/elements/1.1/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
}
"""In this package a name is `prefix:local` with these prefixes, whatever prefixes the packet uses.
A name of another namespace is `URI}local`."""

_PREFIX_OF = {uri: prefix for prefix, uri in NAMESPACES.items()}
_BOMS = (
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\0<", "utf-16-be"),
    (b"<\0", "utf-16-le"),
)
_ENCODINGS = re.compile(
    r"utf-?(8|16|32)(-?[bl]e)?|us-ascii|ascii|ucs-[24]|iso-10646-ucs-[24]", re.I
)
_START_TAG = re.compile(rb"""<(?:[^"'>]++|"[^"]*+"|'[^']*+')*+>""")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=]+)\s*=\s*("[^"]*+"|'[^']*+')""")
_MAX_BYTES = 16 << 20
_MAX_PARTS = 50_000  # elements, comments, processing instructions
_MAX_DEPTH = 100
_CACHED_PACKETS = 4  # of the photo being processed: several modules read the same packet
_WRAPPERS = frozenset({"x:xmpmeta", "x:xapmeta"})
ARRAYS = frozenset({"rdf:Bag", "rdf:Seq", "rdf:Alt"})


def mentions_geotagger(data: bytes) -> bool:
    """Whether geotagger's namespace occurs in the bytes, in UTF-8 or UTF-16."""
    return GEOTAGGER.encode() in data.replace(b"\0", b"")


@dataclass(frozen=True, slots=True)
class EncodedText:
    """The text of a packet as UTF-8, and the encoding of its own bytes."""

    utf8: bytes
    codec: str
    padding: str
    """Zero characters at the end, which some writers pad with."""

    def encode(self, utf8: bytes) -> bytes:
        """Another text in the same encoding, with the same padding."""
        if self.codec == "utf-8":
            return utf8 + self.padding.encode()
        return (utf8.decode() + self.padding).encode(self.codec)


class XmlElement:
    """An XML element and its position in the UTF-8 text: `<start ...>` inner `</close>` end."""

    __slots__ = ("attributes", "children", "close", "end", "inner", "name", "start", "texts")

    def __init__(self, name: str, attributes: dict[str, str], start: int, inner: int) -> None:
        self.name = name
        self.attributes = attributes
        """In document order, without namespace declarations."""
        self.start = start
        self.inner = inner
        self.close = self.end = inner
        """Both equal `inner` for a single empty tag."""
        self.children: list[XmlElement] = []
        self.texts: list[str] = []
        """The text before the first child, in pieces."""

    def walk(self) -> Iterator[XmlElement]:
        """The element and everything below it."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting += element.children


@dataclass(frozen=True, slots=True)
class XmpPacket:
    """A valid packet, as made by `read`. Never changed."""

    raw: bytes
    text: EncodedText
    root: XmlElement
    rdf: XmlElement | None
    """None: an empty wrapper without rdf:RDF."""
    values: dict[str, Value] = field(default_factory=dict)
    """Property name -> value."""
    elements: dict[str, XmlElement] = field(default_factory=dict)
    """Property name -> element, for properties that are not attributes."""

    @property
    def utf8(self) -> bytes:
        """The text in which positions count."""
        return self.text.utf8

    def sha256(self) -> str:
        """Of the raw bytes, hexadecimal."""
        return hashlib.sha256(self.raw).hexdigest()


@lru_cache(_CACHED_PACKETS)
def read(raw: bytes) -> XmpPacket:
    """Parses a packet.

    Args:
        raw: Everything that a container or a sidecar holds.

    Raises:
        CannotEmbedError: It is malformed, or RDF that XMP does not allow.
    """
    text = decode(raw)
    root = _parse(text.utf8)
    rdf = _rdf(root)
    _refuse_odd(rdf)
    packet = XmpPacket(raw, text, root, rdf)
    for description in rdf.children if rdf else ():
        for name, value, element in _properties(description):
            if name in packet.values:
                raise CannotEmbedError(f"its XMP packet has {name.rpartition('}')[2]} twice")
            packet.values[name] = value
            if element:
                packet.elements[name] = element
    return packet


def decode(packet: bytes) -> EncodedText:
    """Finds the encoding of a packet.

    Raises:
        CannotEmbedError: It is not Unicode, or too long.
    """
    if len(packet) > _MAX_BYTES:
        raise CannotEmbedError(f"its XMP packet is too large ({len(packet) >> 20} MB)")
    codec = next((codec for mark, codec in _BOMS if packet.startswith(mark)), "utf-8")
    if codec == "utf-8":
        utf8 = packet.rstrip(b"\0")
        return EncodedText(utf8, codec, "\0" * (len(packet) - len(utf8)))
    try:
        padded = packet.decode(codec)
    except UnicodeDecodeError as error:
        raise CannotEmbedError(f"its XMP packet is damaged: no {codec.upper()} text") from error
    text = padded.rstrip("\0")
    return EncodedText(text.encode(), codec, padded[len(text) :])


def tag_name(utf8: bytes, element: XmlElement) -> str:
    """The name as the packet writes it, such as `rdf:Bag`."""
    return re.split(rb"[\s/>]", utf8[element.start + 1 : element.inner], maxsplit=1)[0].decode()


def raw_attributes(utf8: bytes, element: XmlElement) -> Iterator[tuple[str, str, int, int]]:
    """(name, value as written, start, end) of each attribute, namespace declarations included.

    Declarations are named `xmlns` and `xmlns:prefix`; other names are as in `element.attributes`.
    The span starts at the white space before the attribute.
    """
    names = iter(element.attributes)
    for match in _ATTRIBUTE.finditer(utf8, element.start, element.inner):
        raw = match[1].decode()
        is_declaration = raw == "xmlns" or raw.startswith("xmlns:")
        yield raw if is_declaration else next(names), match[2][1:-1].decode(), *match.span()


def value_of(element: XmlElement) -> Value:
    """The value of a property element, without qualifiers (xml:lang and others)."""
    attributes = element.attributes
    if "rdf:resource" in attributes:
        return attributes["rdf:resource"]
    fields: dict[str, Value] = {}
    for name, text in attributes.items():
        if not name.startswith(("rdf:", "xml:")):
            fields[name] = text
    children = element.children
    if attributes.get("rdf:parseType") != "Resource":
        if len(children) == 1 and children[0].name in ARRAYS:
            return [value_of(item) for item in children[0].children]
        if len(children) == 1 and children[0].name == "rdf:Description":
            return _structure(children[0], fields)
        if not children and not fields:
            return attributes.get("rdf:value", "".join(element.texts))
    return _structure(element, fields)


def _structure(element: XmlElement, fields: dict[str, Value]) -> Value:
    """A structure; or the qualified value if it only wraps one."""
    for name, text in element.attributes.items():
        if not name.startswith(("rdf:", "xml:")) or name == "rdf:value":
            fields[name] = text
    for child in element.children:
        fields[child.name] = value_of(child)
    return fields.get("rdf:value", fields)


def _rdf(root: XmlElement) -> XmlElement | None:
    candidates = [root] if root.name == "rdf:RDF" else []
    candidates += [child for child in root.children if child.name == "rdf:RDF"]
    if len(candidates) == 1:
        return candidates[0]
    if root.name in _WRAPPERS and not root.children:
        return None
    raise CannotEmbedError(f"its XMP packet has {len(candidates) or 'no'} rdf:RDF element")


def _refuse_odd(rdf: XmlElement | None) -> None:
    subjects = set()
    for description in rdf.children if rdf else ():
        if description.name != "rdf:Description" or "rdf:nodeID" in description.attributes:
            raise CannotEmbedError("its XMP packet holds RDF that XMP does not allow")
        about = description.attributes.get("about", "")
        subjects.add(description.attributes.get("rdf:about", about))
    subjects.discard("")
    if len(subjects) > 1:
        raise CannotEmbedError("its XMP packet describes more than one thing")


def _properties(description: XmlElement) -> Iterator[tuple[str, Value, XmlElement | None]]:
    for name, text in description.attributes.items():
        if not name.startswith(("rdf:", "xml:")) and name != "about":
            yield name, text, None
    for child in description.children:
        yield child.name, value_of(child), child


def _parse(utf8: bytes) -> XmlElement:
    """The root element. Raises CannotEmbedError with the reason."""
    builder = _TreeBuilder(utf8)
    try:
        builder.parser.Parse(utf8, True)
    except expat.ExpatError as error:
        raise CannotEmbedError(f"its XMP packet is damaged: {error}") from error
    assert builder.root is not None  # a document without an element is an ExpatError
    return builder.root


class _TreeBuilder:
    def __init__(self, utf8: bytes) -> None:
        self.utf8 = utf8
        self.root: XmlElement | None = None
        self.open: list[XmlElement] = []
        self.parts = 0
        parser = self.parser = expat.ParserCreate("utf-8", "}")
        parser.ordered_attributes = parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CommentHandler = parser.ProcessingInstructionHandler = self._count
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        parser.XmlDeclHandler = self._xml_declaration

    def _start(self, name: str, attributes: list[str]) -> None:
        self._count()
        if len(self.open) >= _MAX_DEPTH:
            raise CannotEmbedError("its XMP packet is nested too deep")
        at = self.parser.CurrentByteIndex
        tag = _START_TAG.match(self.utf8, at)
        if tag is None:
            raise CannotEmbedError("its XMP packet is damaged: an element has no end")
        names = map(_prefixed, attributes[::2])
        element = XmlElement(
            _prefixed(name), dict(zip(names, attributes[1::2], strict=True)), at, tag.end()
        )
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)

    def _count(self, *_: object) -> None:
        self.parts += 1
        if self.parts > _MAX_PARTS:
            raise CannotEmbedError("its XMP packet has too many elements")

    def _end(self, _name: str) -> None:
        element = self.open.pop()
        if self.utf8[element.inner - 2 : element.inner] != b"/>":
            element.close = self.parser.CurrentByteIndex
            element.end = self.utf8.index(b">", element.close) + 1

    def _text(self, text: str) -> None:
        if self.open and not self.open[-1].children:  # otherwise white space between elements
            self.open[-1].texts.append(text)

    def _doctype(self, *_: object) -> None:
        raise CannotEmbedError("its XMP packet has a DOCTYPE, which may hide anything")

    def _xml_declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding and not _ENCODINGS.fullmatch(encoding) and not self.utf8.isascii():
            raise CannotEmbedError(f"its XMP packet is written in {encoding[:40]}, not in Unicode")


def _prefixed(expanded: str) -> str:
    """`prefix:local` of Expat's `URI}local`."""
    uri, _, local = expanded.rpartition("}")
    prefix = _PREFIX_OF.get(uri)
    return f"{prefix}:{local}" if prefix else expanded
