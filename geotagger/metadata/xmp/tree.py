"""An XMP packet as a tree that knows which bytes each element stands in (ISO 16684-1).

Expat parses and tells the positions; nothing is ever written from the tree, so that what is not
changed keeps its bytes. Whatever other XMP readers would refuse is refused here too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias
from xml.parsers import expat

from geotagger.errors import CannotEmbedError

Value: TypeAlias = "str | list[Value] | dict[str, Value]"
"""Simple text, array, or structure."""

GEOTAGGER = "urn:uuid:9a04f9d7-5d47-45e6-bbfd-74902117989d#"
"""The namespace of a prediction: docs/reference/xmp.md describes what stands in it."""

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
"""Inside this package a name is `prefix:local` with these prefixes, whatever the packet calls them.
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
ARRAYS = frozenset({"rdf:Bag", "rdf:Seq", "rdf:Alt"})


@dataclass(frozen=True, slots=True)
class Encoded:
    """A packet as UTF-8, and what its own bytes are."""

    utf8: bytes
    codec: str
    tail: str
    """Zero characters that some writers pad with."""

    def packed(self, utf8: bytes) -> bytes:
        """Another text in the same encoding."""
        if self.codec == "utf-8":
            return utf8 + self.tail.encode()
        return (utf8.decode() + self.tail).encode(self.codec)


def decode(packet: bytes) -> Encoded:
    """Raises CannotEmbedError when the text is no Unicode or too long."""
    if len(packet) > _MAX_BYTES:
        raise CannotEmbedError(f"its XMP packet is too large ({len(packet) >> 20} MB)")
    codec = next((codec for mark, codec in _BOMS if packet.startswith(mark)), "utf-8")
    if codec == "utf-8":
        utf8 = packet.rstrip(b"\0")
        return Encoded(utf8, codec, "\0" * (len(packet) - len(utf8)))
    try:
        whole = packet.decode(codec)
    except UnicodeDecodeError as error:
        raise CannotEmbedError(f"its XMP packet is damaged: no {codec.upper()} text") from error
    text = whole.rstrip("\0")
    return Encoded(text.encode(), codec, whole[len(text) :])


class Element:
    """An element and where it stands: `<start ...>` inner `</close>` end."""

    __slots__ = ("attributes", "children", "close", "end", "inner", "name", "start", "texts")

    def __init__(self, name: str, attributes: dict[str, str], start: int, inner: int) -> None:
        self.name = name
        self.attributes = attributes
        """In the order in which they stand there; without the namespace declarations."""
        self.start = start
        self.inner = inner
        self.close = self.end = inner
        """Equal to `inner` both, where the element is a single empty tag."""
        self.children: list[Element] = []
        self.texts: list[str] = []
        """The text, in pieces, as far as it stands before the first child."""

    def walk(self) -> Iterator[Element]:
        """The element and all below it."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting += element.children


class _Builder:
    def __init__(self, utf8: bytes) -> None:
        self.utf8 = utf8
        self.root: Element | None = None
        self.open: list[Element] = []
        self.parts = 0
        parser = self.parser = expat.ParserCreate("utf-8", "}")
        parser.ordered_attributes = parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CommentHandler = parser.ProcessingInstructionHandler = self._count
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        parser.XmlDeclHandler = self._declared

    def _start(self, name: str, attributes: list[str]) -> None:
        self._count()
        if len(self.open) >= _MAX_DEPTH:
            raise CannotEmbedError("its XMP packet is nested too deep")
        at = self.parser.CurrentByteIndex
        tag = _START_TAG.match(self.utf8, at)
        if tag is None:
            raise CannotEmbedError("its XMP packet is damaged: an element has no end")
        names = map(_name, attributes[::2])
        element = Element(
            _name(name), dict(zip(names, attributes[1::2], strict=True)), at, tag.end()
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
        if self.open and not self.open[-1].children:  # else it is white space between elements
            self.open[-1].texts.append(text)

    def _doctype(self, *_: object) -> None:
        raise CannotEmbedError("its XMP packet has a DOCTYPE, which may hide anything")

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding and not _ENCODINGS.fullmatch(encoding) and not self.utf8.isascii():
            raise CannotEmbedError(f"its XMP packet is written in {encoding[:40]}, not in Unicode")


def _name(expanded: str) -> str:
    uri, _, local = expanded.rpartition("}")
    prefix = _PREFIX_OF.get(uri)
    return f"{prefix}:{local}" if prefix else expanded


def parse(utf8: bytes) -> Element:
    """The root element. Raises CannotEmbedError with the reason."""
    builder = _Builder(utf8)
    try:
        builder.parser.Parse(utf8, True)
    except expat.ExpatError as error:
        raise CannotEmbedError(f"its XMP packet is damaged: {error}") from error
    assert builder.root is not None  # a document without an element is an ExpatError
    return builder.root


def tag_name(utf8: bytes, element: Element) -> str:
    """The name as the packet writes it, such as `rdf:Bag`."""
    return re.split(rb"[\s/>]", utf8[element.start + 1 : element.inner], maxsplit=1)[0].decode()


def raw_attributes(utf8: bytes, element: Element) -> Iterator[tuple[str, str, int, int]]:
    """(name, its value as written, start, end) of each attribute, namespaces among them.

    Names of namespace declarations are `xmlns` and `xmlns:prefix`; the others are as in
    `element.attributes`. The span begins at the white space before it.
    """
    names = iter(element.attributes)
    for found in _ATTRIBUTE.finditer(utf8, element.start, element.inner):
        raw = found[1].decode()
        declares = raw == "xmlns" or raw.startswith("xmlns:")
        yield raw if declares else next(names), found[2][1:-1].decode(), *found.span()


def value_of(element: Element) -> Value:
    """What a property element says. Qualifiers (xml:lang and others) are left out."""
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
            return value_of_fields(children[0], fields)
        if not children and not fields:
            return attributes.get("rdf:value", "".join(element.texts))
    return value_of_fields(element, fields)


def value_of_fields(element: Element, fields: dict[str, Value]) -> Value:
    """A structure; or what is qualified, where that is what it wraps."""
    for name, text in element.attributes.items():
        if not name.startswith(("rdf:", "xml:")) or name == "rdf:value":
            fields[name] = text
    for child in element.children:
        fields[child.name] = value_of(child)
    return fields.get("rdf:value", fields)
