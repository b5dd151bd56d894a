"""HEIF files that are small and made to take long."""

import struct
import tracemalloc

import pytest

from geotagger.metadata.containers import heif

PACKET = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"


def box(name, *content):
    body = b"".join(content)
    return struct.pack(">L", len(body) + 8) + name + body


def infe(number, kind, more=b"\0"):
    return box(b"infe", b"\3\0\0\0", struct.pack(">LH", number, 0), kind, more)


def photo(references, packets, extents=1):
    """A primary picture 1 and XMP items from 2 on; `references`: (item, what it describes...)."""
    mime = b"\0application/rdf+xml\0\0"
    items = [infe(1, b"hvc1"), *(infe(2 + i, b"mime", mime) for i in range(packets))]
    iinf = box(b"iinf", b"\1\0\0\0", struct.pack(">L", len(items)), *items)
    refs = b"".join(
        box(b"cdsc", struct.pack(">LH", item, len(ids)), *(struct.pack(">L", i) for i in ids))
        for item, *ids in references
    )
    iref = box(b"iref", b"\1\0\0\0", refs)
    pitm = box(b"pitm", bytes(4), b"\0\1")

    def whole(at):
        places = [(1, 8), *((2 + i, at + i * len(PACKET)) for i in range(packets))]
        entries = b"".join(
            struct.pack(">LHHH", number, 0, 0, extents)
            + struct.pack(">LL", start, len(PACKET)) * extents
            for number, start in places
        )
        iloc = box(b"iloc", b"\2\0\0\0\x44\0", struct.pack(">L", len(places)), entries)
        head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
        return (
            head + box(b"meta", bytes(4), pitm, iinf, iloc, iref) + box(b"mdat", PACKET * packets)
        )

    return whole(len(whole(0)) - packets * len(PACKET))


def test_the_packet_of_the_primary_picture_is_taken():
    assert heif.xmp_packet(photo([(2, 7), (3, 9, 1)], 2)) == PACKET
    assert heif.xmp_packet(photo([(2, 7), (2, 1)], 1)) == PACKET
    assert heif.xmp_packet(photo([], 1)) == PACKET
    assert heif.xmp_packet(photo([(2, 7)], 1)) is None


def counting(monkeypatch):
    """How many boxes have been looked at."""
    seen = []
    real = heif.walk

    def boxes(*where):
        for found in real(*where):
            seen.append(found[0])
            yield found

    monkeypatch.setattr(heif, "walk", boxes)
    return seen


def test_many_packets_with_many_references_take_one_look_at_each(monkeypatch):
    data = photo([(2 + i % 500, 7) for i in range(500)], 500)
    seen = counting(monkeypatch)
    assert heif.xmp_packet(data) is None
    assert len(seen) < 2000


def test_a_reference_that_claims_more_than_its_box_holds_is_cut():
    data = photo([(2,)] * 3000, 1)
    claims = data.replace(b"\0\0\0\x0ecdsc\0\0\0\2\0\0", b"\0\0\0\x0ecdsc\0\0\0\2\xff\xff")
    assert claims != data
    tracemalloc.start()
    try:
        assert heif.xmp_packet(claims) is None
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_the_name_of_an_item_is_not_split_into_all_its_zeros():
    padded = box(b"ftyp", b"heic") + box(
        b"meta",
        bytes(4),
        box(b"iinf", b"\1\0\0\0\0\0\0\1", infe(2, b"mime", bytes(1_000_000))),
        box(b"iloc", b"\2\0\0\0\x44\0\0\0\0\0"),
    )
    tracemalloc.start()
    try:
        assert heif.xmp_packet(padded) is None
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_many_items_of_many_parts_are_not_hashed_again_and_again():
    data = photo([], 1)
    assert [kind for _, kind, _ in heif.picture_parts(data)] == [b"hvc1", b"pitm"]
    with pytest.raises(IndexError, match="larger than the file"):
        heif.picture_parts(photo([], 0, extents=60))


def test_a_file_without_locations_has_no_items():
    bare = box(b"ftyp", b"heic") + box(b"meta", bytes(4), box(b"iinf", bytes(6), infe(1, b"hvc1")))
    assert heif.picture_parts(bare) == []
    assert heif.xmp_packet(bare) is None
    assert heif.exif_block(bare) is None
