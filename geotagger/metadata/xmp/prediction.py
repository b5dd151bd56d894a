"""A prediction into an XMP packet, and out again: bytes in, bytes out (ISO 16684-1).

    with_prediction(packet, tags)     the packet with the prediction in it
    without_prediction(packet)        the packet without it, and whether it is the very original
    prediction_in(packet)             the tags
    gps_in(packet)                    a position in exif:GPSLatitude and exif:GPSLongitude

`packet` is all that a container or a sidecar holds. Nothing in it is moved or written anew: own
properties go into one rdf:Description of their own, keywords also into the arrays that are there.
A record of these insertions stands beside them, so that they can be taken out to the byte. What
another program has rewritten since is searched for what is still geotagger's (`xmp_removal`).
A property of another's is never replaced. Whatever cannot be extended without risk is refused
(CannotEmbedError). docs/reference/xmp.md describes the properties.
"""

from __future__ import annotations

from typing import NamedTuple

from geotagger.errors import CannotEmbedError
from geotagger.metadata.xmp import (
    gps as xmp_gps,
)
from geotagger.metadata.xmp import (
    packet as xmp_packet,
)
from geotagger.metadata.xmp import (
    removal as xmp_removal,
)
from geotagger.metadata.xmp import (
    standard as xmp_standard,
)
from geotagger.metadata.xmp import (
    tags as xmp_tags,
)
from geotagger.metadata.xmp import (
    writing as xmp_writing,
)
from geotagger.metadata.xmp.removal import Removal
from geotagger.metadata.xmp.tags import Alternative, XmpTags, tags_from
from geotagger.metadata.xmp.tree import GEOTAGGER
from geotagger.types import Point

__all__ = [
    "Alternative",
    "Removal",
    "XmpGps",
    "XmpTags",
    "gps_in",
    "prediction_in",
    "with_prediction",
    "withheld",
    "without_prediction",
]

_PADDING_BYTES = 2048


def with_prediction(
    packet: bytes | None, tags: XmpTags, *, padding_bytes: int = _PADDING_BYTES
) -> bytes:
    """The packet with `tags` in the place of an earlier prediction.

    None or empty: a new packet, with white space at its end for other programs to grow into. The
    very same packet when it says all this already; `tags.created` is not compared. Raises
    CannotEmbedError.
    """
    if not packet:
        return xmp_writing.new_packet(tags, padding_bytes)
    old = xmp_packet.read(packet)
    earlier = tags_from(old.values)
    tags = xmp_tags.dated_as(tags, earlier)
    if earlier and xmp_writing.says_already(old, tags, padding_bytes):
        return packet
    holds = xmp_removal.holds_prediction(old)
    before = xmp_removal.remove(old).packet if holds else packet
    if before is None:
        new = xmp_writing.new_packet(tags, padding_bytes)
    else:
        new = xmp_writing.extended(xmp_packet.read(before), tags)
    same = new == packet or (earlier is not None and _said(new) == _said(packet))
    return packet if same else new


def _said(packet: bytes) -> dict[str, object]:
    values = xmp_packet.read(packet).values
    said: dict[str, object] = {}
    for name, value in values.items():
        is_keywords = isinstance(value, list) and name in xmp_standard.KEYWORDS
        said[name] = sorted(map(str, value)) if is_keywords else value
    said.pop(xmp_tags.UNDO, None)
    return said


def without_prediction(packet: bytes) -> Removal:
    """The packet as it was; see Removal. Raises CannotEmbedError for a damaged one."""
    return xmp_removal.remove(xmp_packet.read(packet))


def prediction_in(packet: bytes | None) -> XmpTags | None:
    """The prediction that the packet carries; None also when it cannot be read."""
    if not packet or GEOTAGGER.encode() not in packet.replace(b"\0", b""):
        return None
    try:
        return tags_from(xmp_packet.read(packet).values)
    except CannotEmbedError:
        return None


class XmpGps(NamedTuple):
    """What exif:GPSLatitude and exif:GPSLongitude say."""

    point: Point | None
    problem: str
    """Why what stands there is no position."""
    is_prediction: bool
    """geotagger wrote it."""


def gps_in(packet: bytes | None) -> XmpGps | None:
    """None when the packet has no such property, or cannot be read."""
    if not packet or b"GPSL" not in packet.replace(b"\0", b""):
        return None
    try:
        values = xmp_packet.read(packet).values
        predicted = xmp_gps.LATITUDE in xmp_removal.unchanged(values)
        point = xmp_gps.position(values)
    except CannotEmbedError:
        return None
    except ValueError as error:
        return XmpGps(None, str(error), False)
    return XmpGps(point, "", predicted) if point else None


def withheld(packet: bytes, tags: XmpTags) -> tuple[str, ...]:
    """Properties of `tags` that `packet`, now tagged, lacks, as it has others' values for them."""
    values = xmp_packet.read(packet).values
    added = values.get(xmp_tags.ADDED_PROPERTIES, [])
    wanted = [name for block in xmp_standard.blocks(tags) for name in block]
    missing = [name for name in wanted if name not in added]
    for name, words in xmp_standard.keywords(tags).items():
        found = values.get(name)
        if not isinstance(found, list) or not all(word in found for word in words):
            missing.append(name)
    return tuple(missing)
