"""A prediction in an XMP packet: add, read, remove. Bytes in, bytes out (ISO 16684-1).

    with_prediction(packet, tags)     the packet with the prediction
    without_prediction(packet)        the packet without it, and whether it is the very original
    prediction_in(packet)             the tags
    gps_in(packet)                    the position in exif:GPSLatitude and exif:GPSLongitude

`packet` is everything that a container or a sidecar holds. Nothing in it is moved or serialised
anew: geotagger's properties go into an rdf:Description of their own, and keywords also into
existing arrays. A record of these insertions is stored with them, so that they can be removed to
the byte. If another program has rewritten the packet since, what is still geotagger's is found and
removed (`removal`). Properties of others are never replaced. A packet that cannot be extended
without risk is refused (CannotEmbedError). docs/reference/xmp.md describes the properties.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from geotagger.errors import CannotEmbedError
from geotagger.metadata.coordinates import EmptyFixError
from geotagger.metadata.foreign_tags import NO_FOREIGN_TAGS, ForeignTags
from geotagger.metadata.xmp.packet import Value, XmpPacket, mentions_geotagger, read
from geotagger.metadata.xmp.removal import (
    CleanedPacket,
    holds_prediction,
    remove,
    unchanged_properties,
)
from geotagger.metadata.xmp.tags import (
    KEYWORDS,
    LATITUDE,
    PREDICTION,
    TRACK,
    UNDO,
    XmpTags,
    keyword_arrays,
    position_in,
    standard_blocks,
    tags_from,
    with_time_of,
)
from geotagger.metadata.xmp.writing import added_blocks, extended, is_up_to_date, new_packet
from geotagger.types import Point

_PADDING_BYTES = 2048


def with_prediction(
    packet: bytes | None,
    tags: XmpTags,
    *,
    padding_bytes: int = _PADDING_BYTES,
    foreign: ForeignTags = NO_FOREIGN_TAGS,
) -> bytes:
    """Adds a prediction to a packet, in place of an earlier one.

    Args:
        packet: None or empty: a new packet is made.
        tags: The prediction; `tags.created` is not compared with an earlier one.
        padding_bytes: White space at the end of a new packet, for other programs to grow into.
        foreign: Tags of others outside the packet, which new properties must not hide.

    Returns:
        `packet` itself if it holds this prediction already.

    Raises:
        CannotEmbedError: The packet cannot be extended without risk.
    """
    if not packet:
        return new_packet(tags, padding_bytes, foreign)
    old = read(packet)
    earlier = tags_from(old.values)
    tags = with_time_of(tags, earlier)
    if earlier and is_up_to_date(old, tags, padding_bytes, foreign):
        return packet
    original = _without_own(old)
    if original is None:
        new = new_packet(tags, padding_bytes, foreign)
    else:
        new = extended(read(original), tags, foreign)
    same = new == packet or (earlier is not None and _comparable(new) == _comparable(packet))
    return packet if same else new


def without_prediction(
    packet: bytes, note: str = "", elsewhere: Collection[str] = ()
) -> CleanedPacket:
    """Removes the prediction from a packet.

    Args:
        packet: The packet.
        note: What geotagger wrote into the photo's EXIF (`gps_tags.prediction_text`). It tells what
            is geotagger's if another program has dropped geotagger's own properties.
        elsewhere: Keywords of others in the photo, outside the packet.

    Raises:
        CannotEmbedError: It is damaged.
    """
    return remove(read(packet), note, elsewhere)


def spaces_written(packet: bytes | None, tags: XmpTags, foreign: ForeignTags) -> tuple[str, ...]:
    """Prefixes of the properties of other programs that `with_prediction` makes in a packet."""
    try:
        values = _values_of_others(packet)
    except CannotEmbedError:
        return ()
    names = [name for block in added_blocks(values, tags, foreign) for name in block]
    names += [name for name in keyword_arrays(tags) if name not in values]
    return tuple(dict.fromkeys(name.partition(":")[0] for name in names))


def prediction_in(packet: bytes | None) -> XmpTags | None:
    """The prediction in the packet; None if there is none, or the packet cannot be read."""
    if not packet or not mentions_geotagger(packet):
        return None
    try:
        return tags_from(read(packet).values)
    except CannotEmbedError:
        return None


class XmpGps(NamedTuple):
    """What exif:GPSLatitude and exif:GPSLongitude hold."""

    point: Point | None
    problem: str
    """Why they hold no valid position."""
    is_prediction: bool = False
    """geotagger wrote it."""
    is_unread: bool = False
    """Another reader could find a position there."""
    is_from_track: bool = False
    """geotagger wrote it, and a track measured it."""


def gps_in(packet: bytes | None) -> XmpGps | None:
    """The position in the packet; None if it has no such property."""
    if not packet or b"GPSL" not in packet.replace(b"\0", b""):
        return None
    try:
        values = read(packet).values
        own = tags_from(values) if LATITUDE in unchanged_properties(values) else None
        point = position_in(values)
    except CannotEmbedError as error:
        return XmpGps(None, f"its GPS position cannot be read: {error}", is_unread=True)
    except EmptyFixError as error:
        return XmpGps(None, str(error))
    except ValueError as error:
        return XmpGps(None, str(error), is_unread=True)
    if point is None:
        return None
    kind = own.kind if own else ""
    return XmpGps(point, "", kind == PREDICTION, is_from_track=kind == TRACK)


def withheld(
    packet: bytes | None, tags: XmpTags, foreign: ForeignTags = NO_FOREIGN_TAGS
) -> tuple[str, ...]:
    """Properties that `with_prediction` leaves out, because the photo has values of others."""
    values = _values_of_others(packet)
    added = {name for block in added_blocks(values, tags, foreign) for name in block}
    wanted = [name for block in standard_blocks(tags) for name in block]
    missing = [name for name in wanted if name not in added]
    missing += [name for name in keyword_arrays(tags) if not isinstance(values.get(name, []), list)]
    return tuple(missing)


def _values_of_others(packet: bytes | None) -> Mapping[str, Value]:
    """The properties without geotagger's. Raises CannotEmbedError."""
    original = _without_own(read(packet)) if packet else None
    return read(original).values if original else {}


def _without_own(packet: XmpPacket) -> bytes | None:
    """The packet without the prediction, if it holds one. Raises CannotEmbedError."""
    return remove(packet).packet if holds_prediction(packet) else packet.raw


def _comparable(packet: bytes) -> dict[str, object]:
    """The values without the undo record; keywords in a fixed order."""
    comparable: dict[str, object] = {}
    for name, value in read(packet).values.items():
        is_keywords = isinstance(value, list) and name in KEYWORDS
        comparable[name] = sorted(map(str, value)) if is_keywords else value
    comparable.pop(UNDO, None)
    return comparable
