"""Photos made to cost time or memory, through a whole run: each gets its row, and soon."""

import os
import socket
import struct
import zlib
from itertools import pairwise
from pathlib import Path

import pytest

from geotagger.config import RunOptions
from geotagger.errors import PhotoError
from geotagger.images.scan import walk
from geotagger.metadata.containers.locate import exif_block, xmp_packet
from geotagger.metadata.read import read
from geotagger.metadata.safe_write.loading import opened
from geotagger.pipeline.prepare import MAX_FILE_BYTES, prepare
from geotagger.reasons import note_text
from geotagger.types import Photo, Status
from tests.fixtures import jpegs
from tests.fixtures.drawer import bombs, encode, texture
from tests.fixtures.photo_files import chunk, png
from tests.fixtures.xmps import wrapped

SMALL = encode(texture(64, 48), "JPEG")


def segment(marker, payload):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(payload) + 2) + payload


def with_segments(*more):
    return SMALL[:2] + b"".join(more) + SMALL[2:]


def laughs():
    """A billion laughs: each entity is ten of the one before."""
    names = "abcdefghij"
    entities = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(names))
    return f'<!DOCTYPE l [<!ENTITY a "ha">{entities}]><x:xmpmeta GPSL="1">&j;</x:xmpmeta>'.encode()


def looping(data):
    """A TIFF whose last directory leads to its first."""
    data = bytearray(data)
    (first,) = struct.unpack_from("<L", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<L", data, first + 2 + 12 * entries, first)
    return bytes(data)


def packet_in_png(packet, *, packed=False):
    text = zlib.compress(packet, 9) if packed else packet
    return png(chunk(b"iTXt", b"XML:com.adobe.xmp\0" + bytes([packed, 0]) + b"\0\0" + text))


HOSTILE = {
    **bombs(),
    "segments.jpg": with_segments(segment(0xE5, b"") * 50_000),
    "comments.jpg": with_segments(segment(0xFE, b"x") * 50_000),
    "exif-again-and-again.jpg": with_segments(segment(0xE1, jpegs.exif(b"")[4:]) * 20_000),
    "profiles.jpg": with_segments(segment(0xE2, b"ICC_PROFILE\0\1\1x") * 20_000),
    "laughs.jpg": with_segments(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + laughs())),
    "deep.jpg": with_segments(
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<GPSL>" + b"<a>" * 20_000)
    ),
    "text-bomb.png": png(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(20_000_000), 9))),
    "profile-bomb.png": png(chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(20_000_000), 9))),
    "packet-bomb.png": packet_in_png(b"<GPSL>" + b" " * 20_000_000, packed=True),
    "chunks.png": png(chunk(b"teSt") * 50_000),
    "huge-exif.png": png(chunk(b"eXIf", b"II*\0\x08\0\0\0\xff\xff" + bytes(2_000_000))),
    "loop.tif": looping(encode(texture(64, 48), "TIFF")),
    "frames.tif": encode(texture(8, 8), "TIFF", save_all=True, append_images=[texture(8, 8)] * 300),
    "frames.gif": encode(texture(8, 8), "GIF", save_all=True, append_images=[texture(8, 9)] * 300),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_photo_is_a_row(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(HOSTILE[name])
    (photo,) = walk([path])
    outcome = prepare(photo, [], RunOptions(paths=())).outcome
    assert outcome.sha256
    assert outcome.status is not Status.FAILED or note_text(outcome.reasons)


@pytest.mark.parametrize("name", bombs())
def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(HOSTILE[name])
    (photo,) = walk([path])
    outcome = prepare(photo, [], RunOptions(paths=())).outcome
    assert outcome.status is Status.FAILED
    assert "claims" in note_text(outcome.reasons)


def test_a_packet_is_inflated_no_further_than_one_can_be():
    data = packet_in_png(wrapped("").encode() + bytes(8_000_000), packed=True)
    packet = xmp_packet(data)
    assert packet is not None
    assert len(packet) == 1 << 20


def test_laughs_are_no_position():
    assert read(HOSTILE["laughs.jpg"]).gps is None
    assert exif_block(HOSTILE["laughs.jpg"]) is None


@pytest.mark.skipif(os.name == "nt", reason="pipes and sockets have no names there")
def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.jpg"))
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "round.jpg").symlink_to("round.jpg")
    (tmp_path / "again").symlink_to(tmp_path)
    found = {photo.path.name: photo for photo in walk([tmp_path])}
    assert found.keys() == {"pipe.jpg", "socket.jpg", "zero.jpg", "round.jpg"}
    for name, kind in (("pipe", "a named pipe"), ("socket", "a socket"), ("zero", "a device")):
        outcome = prepare(found[f"{name}.jpg"], [], RunOptions(paths=())).outcome
        assert outcome.status is Status.FAILED
        assert kind in note_text(outcome.reasons)
    assert prepare(found["round.jpg"], [], RunOptions(paths=())).outcome.status is Status.FAILED


def test_a_file_larger_than_the_limit_is_not_read(tmp_path):
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    (photo,) = walk([path])
    outcome = prepare(photo, [], RunOptions(paths=())).outcome
    assert "larger than" in note_text(outcome.reasons)
    assert not outcome.sha256


def test_a_photo_that_vanishes_after_the_walk_is_a_row(tmp_path):
    gone = Photo(Path(tmp_path / "gone.jpg"), tmp_path, 100, 1)
    outcome = prepare(gone, [], RunOptions(paths=())).outcome
    assert outcome.status is Status.FAILED
    assert "cannot read the file" in note_text(outcome.reasons)


@pytest.mark.skipif(os.name == "nt", reason="pipes have no names there")
def test_a_pipe_that_takes_the_place_of_a_photo_is_not_waited_for(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpegs.photo())
    (photo,) = walk([path])
    path.unlink()
    os.mkfifo(path)
    outcome = prepare(photo, [], RunOptions(paths=())).outcome
    assert outcome.status is Status.FAILED
    assert "not a regular file" in note_text(outcome.reasons)
    with pytest.raises(PhotoError, match="not a regular file"), opened(path):
        pass


def test_a_photo_that_grew_past_the_limit_after_the_walk_is_not_read(tmp_path):
    path = tmp_path / "large.jpg"
    path.write_bytes(jpegs.photo())
    (photo,) = walk([path])
    os.truncate(path, MAX_FILE_BYTES + 1)
    outcome = prepare(photo, [], RunOptions(paths=())).outcome
    assert outcome.status is Status.FAILED
    assert "larger than" in note_text(outcome.reasons)
    assert not outcome.sha256
