"""Damaged photos by the thousand, decoded, read, written and undone: nothing may crash or hang.

    python -m tests.fuzz.metadata [FOLDER] [--count 10000] [--seed 0] [--save DIR]

Every file of FOLDER (up to 3 MB) is damaged in many ways, before and after it is tagged. Without
FOLDER, those are the JPEG, PNG, TIFF, WebP, HEIF and camera RAW files that the tests make. Anything
raised but a refusal, anything harmed, any case over two seconds of work or 200 MB is a finding:
printed once a kind, and saved. The same seed gives the same cases.
"""

from __future__ import annotations

import argparse
import random
import resource
import struct
import sys
import time
import traceback
from collections import Counter
from contextlib import suppress
from pathlib import Path

from benchmarks.quality.metadata_corpus import (
    GPS,
    change,
    general,
    kind_of,
    written_and_proven,
)
from geotagger.errors import CannotEmbedError, PhotoError, UnreadableImageError
from geotagger.evidence.clock import read_clock
from geotagger.images.decode import decode
from geotagger.metadata.containers.heif import picture_parts
from geotagger.metadata.containers.locate import xmp_packet
from geotagger.metadata.embed import embed, original, undo_record
from geotagger.metadata.foreign_tags import foreign_tags_for_sidecar
from geotagger.metadata.place_names import place_names
from geotagger.metadata.read import prediction_text, read
from geotagger.metadata.undo.removal import without_own
from geotagger.metadata.xmp.prediction import without_prediction
from tests.fixtures import jpegs, photo_files
from tests.fuzz.camera_files import valid_raws
from tests.fuzz.targets import valid_heif

MAX_FILE_BYTES = 3_000_000
MAX_SECONDS, MAX_BYTES = 2.0, 200_000_000
ODD = [b"\0", b"\1", b"\x7f", b"\x80", b"\xff", b"\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\xff"]
ODD += [b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\1\0", b"\xff\xd8\xff", b"\xff\xd9"]
MARKS = [b"\xff\xe1", b"Exif\0\0", b"II*\0", b"MM\0*", b"eXIf", b"iTXt", b"EXIF", b"XMP ", b"VP8"]
MARKS += [
    b"IDAT",
    b"MPF\0",
    b"\x25\x88",
    b"\x88\x25",
    b"\x69\x87",
    b"GTagUndo",
    b"<rdf:",
    b"\x01\xbc",
]


def somewhere(data: bytearray, dice: random.Random) -> int:
    """A place in the file: anywhere, near its ends, or near a word of the formats."""
    choice = dice.randrange(5)
    if choice == 0:
        return dice.randrange(len(data) + 1)
    if choice == 1:
        return min(len(data), int(dice.expovariate(1 / 300)))
    if choice == 2:
        return max(0, len(data) - int(dice.expovariate(1 / 100)))
    mark = data.find(dice.choice(MARKS), dice.randrange(2) * dice.randrange(len(data) + 1))
    return min(len(data), max(0, mark + dice.randrange(-8, 40)))


def damaged(data: bytes, others: list[bytes], dice: random.Random) -> bytes:
    new = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 3, 6))):
        at, size = somewhere(new, dice), int(dice.expovariate(1 / 20)) + 1
        match dice.randrange(8):
            case 0:
                del new[at : at + size]
            case 1:
                new[at:at] = dice.randbytes(size)
            case 2:
                new[at : at + size] = new[somewhere(new, dice) :][:size]
            case 3:
                new[at:at] = new[somewhere(new, dice) :][: 10 * size]
            case 4 if dice.random() < 0.3:
                del new[at:]
            case 5:
                other = dice.choice(others)
                new[at:at] = other[dice.randrange(len(other) + 1) :][: 10 * size]
            case _:
                odd = dice.choice(ODD)
                new[at : at + len(odd)] = odd
    return bytes(new)


def case(data: bytes, tagged: bytes | None, others: list[bytes], dice: random.Random) -> bytes:
    return damaged(data if tagged is None or dice.random() < 0.6 else tagged, others, dice)


def run(data: bytes) -> str:
    """Whether it was written or refused. Raises what nobody may ever see."""
    read_clock(read(data))
    xmp_packet(data)
    place_names(data)
    foreign_tags_for_sidecar(data, None)
    prediction_text(data)
    with suppress(UnreadableImageError):
        decode(data, 32)
    if data[4:8] == b"ftyp":
        with suppress(IndexError, struct.error):
            picture_parts(data)
    record = undo_record(data)
    if record:
        record.restore(data)
    original(data)
    with suppress(CannotEmbedError):
        without_own(data, lambda packet: without_prediction(packet).packet)
    try:
        written_and_proven(data)
    except PhotoError:
        return "refused"
    return "written"


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def files_in(folder: Path) -> list[bytes]:
    """The contents of its files that are not too large."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path.read_bytes() for path in files if 0 < path.stat().st_size <= MAX_FILE_BYTES]


def made_files() -> list[bytes]:
    """Photos of every format, as the tests make them."""
    sound = (jpegs.SOUND | photo_files.SOUND).values()
    return [*sound, valid_heif(), *valid_raws().values()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)
    sound = files_in(arguments.folder) if arguments.folder else made_files()
    pairs: list[tuple[bytes, bytes | None]] = []
    for data in sound:
        try:
            pairs.append((data, embed(data, GPS, change).data))
        except CannotEmbedError:
            if kind_of(data) != "other":  # HEIC, say: it is only read
                pairs.append((data, None))
    assert pairs, "no file in the folder can be written into"
    results: Counter[str] = Counter()
    findings: Counter[str] = Counter()
    for number in range(arguments.count):
        data = case(*dice.choice(pairs), sound, dice)
        start, peak = time.process_time(), peak_bytes()
        finding = ""
        try:
            results[run(data)] += 1
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            finding = f"{type(error).__name__}: {general(str(error))} ({place.name}:{place.lineno})"
        if time.process_time() - start > MAX_SECONDS:
            finding = finding or f"slow: {len(data)} bytes"
        if peak_bytes() - peak > MAX_BYTES:
            finding = finding or f"memory: {len(data)} bytes"
        if finding:
            findings[finding] += 1
            if arguments.save and findings[finding] == 1:
                arguments.save.mkdir(parents=True, exist_ok=True)
                (arguments.save / f"{arguments.seed}-{number}.bin").write_bytes(data)
                print(f"{arguments.seed}-{number}: {finding}", flush=True)
    print(dict(results), f"peak {peak_bytes() / 1e6:.0f} MB")
    for finding, count in findings.most_common():
        print(f"{count:6}  {finding}")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
