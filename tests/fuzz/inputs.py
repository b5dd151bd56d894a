"""Damaged inputs by the thousand: reports, decisions, areas, cards, journals, packets, words.

    python -m tests.fuzz.inputs [--seconds 600] [--seed 0] [--only NAME]... [--save DIR]

Each parser in `tests.fuzz.targets` gets valid files that were damaged at random. It may accept a
file, or refuse it with a GeotaggerError that names the file. Any other exception is a finding, and
so is a case that takes over two seconds of processor time or 200 MB. Each kind of finding is
printed once and saved. The same seed gives the same cases. Needs pyarrow.
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
import zlib
from collections import Counter
from pathlib import Path

from geotagger.errors import GeotaggerError
from tests.fuzz.targets import Target, targets

MAX_SECONDS, MAX_BYTES = 2.0, 200_000_000
WORDS = [
    b'"', b"'", b",", b";", b"\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\\",
    b"\\ud800", b"{", b"}", b"[", b"]", b"null", b"true", b"NaN", b"Infinity", b"-0", b"1e999",
    b"9" * 400, b"1e-400", b"-181", b"91", b"[" * 3000, b'{"a":' * 2000, b"\xe2\x80\xae", b"=1+1",
    b"../" * 8, b"coordinates", b"Polygon", b"type", b"\xd9\xa1",
]  # fmt: skip
"""What formats stumble over."""


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


def altered_lines(data: bytes, dice: random.Random) -> bytes:
    """The same of one line of several."""
    lines = data.splitlines(keepends=True)
    at = dice.randrange(len(lines))
    try:
        lines[at] = altered(lines[at].lstrip(b","), dice) + b"\n"
    except ValueError:  # GeoJSON begins and ends with lines that are none
        return damaged(data, dice)
    return b"".join(lines)


def read_valid(target: Target) -> None:
    """Every valid file of a target is accepted."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix, data in target.valid.items():
            file = Path(folder) / f"valid{suffix}"
            file.write_bytes(zlib.compress(data) if target.packed else data)
            target.read(file)


def one_case(target: Target, dice: random.Random) -> tuple[str, bytes]:
    suffix = dice.choice(list(target.valid))
    data = target.valid[suffix]
    change = damaged
    if dice.random() < 0.5 and suffix in (".json", ".jsonl", ".geojson"):
        change = altered if data.count(b"\n") < 2 else altered_lines
    data = change(data, dice)
    if target.packed:
        data = zlib.compress(data) if dice.random() < 0.8 else damaged(zlib.compress(data), dice)
    return suffix, data


def judged(target: Target, file: Path) -> tuple[bool, str]:
    """Whether the file was taken, and what nobody may ever see; empty when there was none."""
    start, peak = time.process_time(), peak_bytes()
    taken, finding = True, ""
    try:
        target.read(file)
    except GeotaggerError as error:
        taken = False
        if file.name not in str(error) and not target.nameless:
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
    for target in known.values():  # loads the tables, which would count as memory of a case
        read_valid(target)
    results: Counter[tuple[str, str]] = Counter()
    findings: Counter[str] = Counter()
    end = time.monotonic() + arguments.seconds
    while time.monotonic() < end:
        name = dice.choice(list(known))
        suffix, data = one_case(known[name], dice)
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
