"""Damaged inputs by the thousand: reports, candidates, areas, labels, cards, journals.

    python benchmarks/fuzz_inputs.py [--seconds 600] [--seed 0] [--only NAME]... [--save DIR]

Each parser gets sound files that were damaged in many ways. It may take them or refuse them, with
a GeotaggerError that names the file. Anything else raised, and any case over two seconds of work or
200 MB, is a finding: printed once a kind, and saved. The same seed gives the same cases. Needs
pyarrow.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from geotagger.area import read_area
from geotagger.candidates import read_candidates
from geotagger.errors import GeotaggerError
from geotagger.evidence.roll import Anchor
from geotagger.labels import read_labels
from geotagger.places import load_places
from geotagger.records import (
    Candidate,
    Existing,
    Level,
    Outcome,
    Photo,
    Place,
    Point,
    Prediction,
    Status,
)
from geotagger.reports.formats import open_report
from geotagger.reports.reading import columns_of, read_rows
from geotagger.reports.rowfile import Look
from geotagger.resume.journal import Journal
from geotagger.vision.bundle import embedded_bundles, find_bundle
from geotagger.vision.card import ModelCard
from geotagger.vision.tables import read_labels as read_bundle_labels

MAX_SECONDS, MAX_BYTES = 2.0, 200_000_000
WORDS = [
    b'"', b"'", b",", b";", b"\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\\",
    b"\\ud800", b"{", b"}", b"[", b"]", b"null", b"true", b"NaN", b"Infinity", b"-0", b"1e999",
    b"9" * 400, b"1e-400", b"-181", b"91", b"[" * 3000, b'{"a":' * 2000, b"\xe2\x80\xae", b"=1+1",
    b"../" * 8, b"coordinates", b"Polygon", b"type", b"\xd9\xa1",
]  # fmt: skip
"""What formats stumble over."""
PLACE = Place(Point(52.0, 8.5), "DE", "Germany", "North Rhine-Westphalia", "Bielefeld", "Europe")
OTHER = Place(Point(-33.9, 151.2), "AU", "Australia", "New South Wales", "Sydney", "Oceania")
PREDICTION = Prediction(
    Point(52.02, 8.53),
    PLACE,
    Level.CITY,
    0.71,
    23.5,
    (Candidate(PLACE, Point(52.02, 8.53), 0.7), Candidate(OTHER, Point(-33.9, 151.2), 0.1)),
    (("climate", "Cfb"),),
    ("sign: Stadt Bielefeld", "clock +02:00"),
)
ANCHOR = Anchor("a.jpg", 1e9, np.full(240, 1 / 240, np.float32), Point(52.0, 8.5), 0.5, "Stadt")


@dataclass(frozen=True)
class Target:
    """One parser: sound inputs by suffix, and what reads a file."""

    sound: Mapping[str, bytes]
    read: Callable[[Path], object]


def damaged(data: bytes, dice: random.Random) -> bytes:
    """The data with a few cuts, copies, flips and words that formats stumble over."""
    new = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        at, size = dice.randrange(len(new) + 1), int(dice.expovariate(1 / 12)) + 1
        match dice.randrange(7):
            case 0:
                del new[at : at + size]
            case 1:
                new[at:at] = dice.randbytes(size)
            case 2:
                new[at:at] = new[dice.randrange(len(new) + 1) :][: 5 * size]
            case 3 if dice.random() < 0.3:
                del new[at:]
            case 4 if new:
                new[at % len(new)] ^= 1 << dice.randrange(8)
            case _:
                word = dice.choice(WORDS)
                new[at : at + dice.choice((0, 1, size))] = word
    return bytes(new)


def altered(data: bytes, dice: random.Random) -> bytes:
    """JSON that stays JSON, with values of other kinds where they do not belong."""
    document = json.loads(data)
    for _ in range(dice.choice((1, 1, 2, 3))):
        _alter(document, dice)
    return json.dumps(document).encode()


def _alter(node: object, dice: random.Random) -> None:
    odd = dice.choice(
        [None, True, -1, 0, 2**63, 10**400, 1e308, "", "x", "\ud800", "..", [], {}, [[]], {"": 1}]
    )
    while isinstance(node, dict | list) and node:
        key = dice.choice(list(node) if isinstance(node, dict) else range(len(node)))
        inner = node[key]  # type: ignore[index,call-overload]
        if not isinstance(inner, dict | list) or not inner or dice.random() < 0.25:
            if dice.random() < 0.2:
                del node[key]  # type: ignore[arg-type]
            else:
                node[key] = odd  # type: ignore[index,call-overload]
            return
        node = inner


def sound_reports() -> dict[str, bytes]:
    photo = Photo(Path("photos/ä b.jpg"), Path("photos"), 1000, 10**18)
    existing = Existing(Point(52.1, 8.4), taken_at="2020-05-01T12:00:00+02:00", camera="X 1")
    outcomes = [
        Outcome(photo, Status.PREDICTED, existing, PREDICTION, "a" * 64, "m-1@00000000", "note"),
        Outcome(replace(photo, path=Path("=b.jpg")), Status.FAILED, note="cannot be read"),
    ]
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".csv", ".jsonl", ".geojson", ".parquet"):
            report = open_report(Path(folder) / f"r{suffix}", Look(thumbnails=False))
            for outcome in outcomes:
                report.add(outcome)
            report.close()
            made[suffix] = report.path.read_bytes()
    return made


def read_report(file: Path) -> None:
    columns_of(file)
    for row in read_rows(file):
        json.dumps(row, allow_nan=False)


def read_whole_area(file: Path) -> None:
    area = read_area(str(file))
    area.rows(load_places())
    area.contains([0.0, 52.0], [0.0, 8.5])


def sound_journal() -> bytes:
    """A database of a few rows, packed into one file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "done.sqlite"
        with Journal(file, "key") as journal:
            for number in range(3):
                photo = Photo(Path(f"/photos/{number}.jpg"), Path("/photos"), 1000, 10**18)
                outcome = Outcome(photo, Status.PREDICTED, Existing(), PREDICTION, "a" * 64, "m")
                journal.add(outcome, ANCHOR)
            journal.keep("model", [("ab" * 32, "", b"answer")])
        return file.read_bytes()


def read_journal(file: Path) -> None:
    """A journal that is damaged costs a run its head start, and nothing else."""
    with Journal(file, "key") as journal:
        for number in range(3):
            photo = Photo(Path(f"/photos/{number}.jpg"), Path("/photos"), 1000, 10**18)
            journal.replay(photo)
            journal.add(Outcome(photo, Status.PREDICTED, Existing(), PREDICTION, "a" * 64, "m"))
        journal.answer("ab" * 32, "model")


def read_journal_row(file: Path) -> None:
    """One row whose packed outcome is what the file holds."""
    photo = Photo(Path("/photos/0.jpg"), Path("/photos"), 1000, 10**18)
    with Journal(file.with_suffix(".sqlite"), "key") as journal:
        journal.add(Outcome(photo, Status.PREDICTED, Existing(), PREDICTION, "a" * 64, "m"), ANCHOR)
        journal._tell([("UPDATE done SET outcome = ?", (file.read_bytes(),))])
        journal.replay(photo)


def packed_row(data: bytes) -> bytes:
    import zlib

    return zlib.compress(data)


def sound_row() -> bytes:
    import zlib

    from geotagger.resume.packing import pack

    photo = Photo(Path("/photos/0.jpg"), Path("/photos"), 1000, 10**18)
    outcome = Outcome(photo, Status.PREDICTED, Existing(), PREDICTION, "a" * 64, "m")
    return zlib.decompress(pack(outcome, ANCHOR))


SQUARE = [[[5.0, 50.0], [10.0, 50.0], [10.0, 55.0], [5.0, 55.0], [5.0, 50.0]]]
AREA = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "properties": {}, "geometry": {"type": kind, "coordinates": shape}}
        for kind, shape in (("Polygon", SQUARE), ("MultiPolygon", [SQUARE]), ("Point", [1.0, 2.0]))
    ],
}
CANDIDATES = {
    "locations": [
        {"city": "Lyon", "region": "", "country": "France", "continent": "Europe"},
        {"city": "Turin", "region": "Piedmont", "country": "Italy", "lat": 45.1, "lon": 7.7},
        {"city": "", "region": "", "country": "Malta"},
    ]
}
LABELS = 'file,lat,lon,country\na.jpg,52.5,13.4,DE\nb/c.jpg,,,FR\n"d,e.jpg",-33.9,151.2,\n'


def targets() -> dict[str, Target]:
    bundle = find_bundle(embedded_bundles()[0])
    card = (bundle / "card.json").read_bytes()
    lines = (bundle / "labels.csv").read_bytes().splitlines(keepends=True)
    return {
        "report": Target(sound_reports(), read_report),
        "candidates": Target({".json": json.dumps(CANDIDATES).encode()}, read_candidates),
        "area": Target({".geojson": json.dumps(AREA).encode()}, read_whole_area),
        "labels": Target({".csv": LABELS.encode()}, lambda f: read_labels(f, load_places())),
        "card": Target({".json": card}, lambda f: ModelCard.from_json(f.read_bytes(), str(f))),
        "table": Target({".csv": b"".join(lines[:12])}, lambda f: read_bundle_labels(f, True)),
        "journal": Target({".sqlite": sound_journal()}, read_journal),
        "row": Target({".json": sound_row()}, read_journal_row),
    }


def one_case(target: Target, name: str, dice: random.Random) -> tuple[str, bytes]:
    suffix = dice.choice(list(target.sound))
    data = target.sound[suffix]
    is_json = suffix in (".json", ".geojson") and name != "report"
    data = altered(data, dice) if is_json and dice.random() < 0.5 else damaged(data, dice)
    if name == "row":
        data = packed_row(data) if dice.random() < 0.8 else damaged(packed_row(data), dice)
    return suffix, data


def judged(target: Target, file: Path) -> tuple[bool, str]:
    """Whether the file was taken, and what nobody may ever see; empty when there was none."""
    start, peak = time.process_time(), peak_bytes()
    taken, finding = True, ""
    try:
        target.read(file)
    except GeotaggerError as error:
        taken = False
        if file.name not in str(error):
            finding = f"the message does not name the file: {str(error)[:80]}"
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        finding = f"{type(error).__name__} ({Path(place.filename).name}:{place.lineno})"
    if time.process_time() - start > MAX_SECONDS:
        finding = finding or "slow"
    if peak_bytes() - peak > MAX_BYTES:
        finding = finding or "memory"
    return taken, finding


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", metavar="NAME")
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    logging.disable()
    dice = random.Random(arguments.seed)
    known = {n: t for n, t in targets().items() if not arguments.only or n in arguments.only}
    for target in known.values():  # tables that load once are no finding
        with tempfile.TemporaryDirectory() as folder:
            for suffix, data in target.sound.items():
                file = Path(folder) / f"sound{suffix}"
                file.write_bytes(packed_row(data) if target.read is read_journal_row else data)
                target.read(file)
    results: Counter[tuple[str, str]] = Counter()
    findings: Counter[str] = Counter()
    end = time.monotonic() + arguments.seconds
    while time.monotonic() < end:
        name = dice.choice(list(known))
        suffix, data = one_case(known[name], name, dice)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"case{suffix}"
            file.write_bytes(data)
            taken, finding = judged(known[name], file)
        results[name, "taken" if taken else "refused"] += 1
        if finding:
            finding = f"{name}{suffix}: {finding}"
            findings[finding] += 1
            if findings[finding] == 1:
                print(finding, flush=True)
                if arguments.save:
                    arguments.save.mkdir(parents=True, exist_ok=True)
                    (arguments.save / f"{len(findings)}-{name}{suffix}").write_bytes(data)
    for (name, result), count in sorted(results.items()):
        print(f"{count:8}  {name} {result}")
    print(f"peak {peak_bytes() / 1e6:.0f} MB")
    for finding, count in findings.most_common():
        print(f"{count:8}  {finding}")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
