"""What people and other programs wrote into a photo, and new XMP properties would hide.

Programs read keywords and place names from the first of several properties that exists: Immich
from digiKam:TagsList, else lr:hierarchicalSubject, else the IPTC keywords; digiKam in the same
order with more in between; programs that follow the Metadata Working Group from dc:subject before
IPTC. So whoever adds the first one must repeat there what those programs have shown until then.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geotagger.errors import CannotEmbedError
from geotagger.metadata.containers.locate import metadata_blocks
from geotagger.metadata.exif.ifd import read_tiff
from geotagger.metadata.iptc import CITY, COUNTRY, KEYWORDS, STATE, iptc_fields
from geotagger.metadata.xmp import packet as xmp
from geotagger.metadata.xmp.tags import FLAT_KEYWORDS, PATH_SEPARATORS, clean

if TYPE_CHECKING:
    from geotagger.metadata.containers.locate import MetadataBlocks
    from geotagger.metadata.xmp.packet import Value

_XP_KEYWORDS = 0x9C9E
_MAX_XP_BYTES = 1 << 16
_OTHER_SEPARATOR = {"/": "|", "|": "/"}
_PATHS = {
    **PATH_SEPARATORS,
    "http://ns.microsoft.com/photo/1.0/}LastKeywordXMP": "/",
    "http://ns.iview-multimedia.com/mediapro/1.0/}CatalogSets": "|",
}
"""Property -> separator of its hierarchical keywords. Copied only from here."""
_IPTC_NAMES = {CITY: "photoshop:City", STATE: "photoshop:State", COUNTRY: "photoshop:Country"}


@dataclass(frozen=True, slots=True)
class ForeignTags:
    """Tags of others outside the packet that is to be extended."""

    keywords: tuple[str, ...] = ()
    paths: tuple[tuple[str, ...], ...] = ()
    """Hierarchical keywords, from the root down."""
    properties: frozenset[str] = frozenset()
    """XMP properties that would hide a value elsewhere."""

    def to_repeat(self, name: str, existing: Mapping[str, Value]) -> list[str]:
        """The keywords that a new array must repeat, so that no reader loses them.

        Args:
            name: Name of the array: dc:subject or one with hierarchical keywords.
            existing: The packet's properties.
        """
        if not (existing or self.keywords or self.paths):
            return []  # nearly every photo of a camera
        flat = [*_texts(existing.get(FLAT_KEYWORDS)), *self.keywords]
        separator = PATH_SEPARATORS.get(name)
        if separator is None:
            return _unique(flat)
        paths = [*_paths_in(existing), *self.paths]
        parts = {part for path in paths for part in path}
        other = _OTHER_SEPARATOR[separator]
        joined = [separator.join(p.replace(separator, other) for p in path) for path in paths]
        return _unique([*joined, *(word for word in flat if word not in parts)])


NO_FOREIGN_TAGS = ForeignTags()


def foreign_tags(data: bytes, blocks: MetadataBlocks | None = None) -> ForeignTags:
    """The tags of others in a photo, except those in its XMP packet. Never raises.

    Args:
        data: The photo.
        blocks: Its blocks of metadata, if they are known.
    """
    fields = iptc_fields(data)
    block = (blocks or metadata_blocks(data)).exif
    keywords = _unique([*fields.get(KEYWORDS, ()), *_xp_keywords(block)])
    names = {name for field, name in _IPTC_NAMES.items() if any(fields.get(field, ()))}
    return ForeignTags(tuple(keywords), (), frozenset(names))


def foreign_tags_for_sidecar(data: bytes, original_packet: bytes | None) -> ForeignTags:
    """The tags of others in a photo, which a sidecar would hide. Never raises.

    Args:
        data: The photo.
        original_packet: Its XMP packet without geotagger's properties.
    """
    outside = foreign_tags(data)
    try:
        values = xmp.read(original_packet).values if original_packet else {}
    except CannotEmbedError:
        return outside
    keywords = _unique([*_texts(values.get(FLAT_KEYWORDS)), *outside.keywords])
    properties = outside.properties | (values.keys() - {FLAT_KEYWORDS, *_PATHS})
    return ForeignTags(tuple(keywords), tuple(_paths_in(values)), properties)


def _paths_in(values: Mapping[str, Value]) -> Iterator[tuple[str, ...]]:
    for name, separator in _PATHS.items():
        for text in _texts(values.get(name)):
            if path := tuple(filter(None, text.split(separator))):
                yield path


def _texts(value: Value | None) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str)]


def _unique(words: Iterable[str]) -> list[str]:
    return [word for word in dict.fromkeys(map(clean, words)) if word]


def _xp_keywords(block: bytes | None) -> list[str]:
    """The keywords of Windows: UTF-16, separated by semicolons."""
    try:
        tiff = read_tiff(block or b"")
        raw = tiff.value(tiff.ifd(tiff.first).entry(_XP_KEYWORDS), _MAX_XP_BYTES)
    except (ValueError, IndexError, struct.error):
        return []
    return raw.decode("utf-16-le", "replace").strip("\0").split(";")
