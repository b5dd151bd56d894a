"""Damaged inputs by the thousand: reports, tracks, records, checkpoints, requests, words.

    python -m tests.fuzz.inputs [--seconds 600] [--seed 0] [--only NAME]... [--save DIR]

Each parser in `tests.fuzz.targets` gets valid files that were damaged at random (`damage`). It may
accept a file, or refuse it with a GeotaggerError that names the file. Any other exception is a
finding, and so is a case that takes over two seconds of processor time or 200 MB, or that leaves
something changed which it must not touch. Each kind of finding is printed once and saved. The
seconds are those of the processor, in equal shares for all parsers. The same seed gives each parser
the same cases. Needs pyarrow and tokenizers.
"""

from __future__ import annotations

import argparse
import logging
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from pathlib import Path

from geotagger.errors import GeotaggerError
from tests.fuzz.damage import changed, damaged
from tests.fuzz.target import Target
from tests.fuzz.targets import targets

MAX_SECONDS, MAX_BYTES = 2.0, 200_000_000
HANG_SECONDS = 20.0
"""Of processor time, after which a case is given up."""


def read_valid(target: Target) -> None:
    """Every valid file of a target is accepted."""
    for suffix, data in target.valid.items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"valid{suffix}"
            file.write_bytes(zlib.compress(data) if target.packed else data)
            target.read(file)


def one_case(target: Target, dice: random.Random) -> tuple[str, bytes]:
    suffix = dice.choice(list(target.valid))
    data = changed(suffix, target.valid[suffix], dice)
    if target.packed:
        data = zlib.compress(data) if dice.random() < 0.8 else damaged(zlib.compress(data), dice)
    return suffix, data


def judged(target: Target, file: Path) -> tuple[bool, str]:
    """Whether the file was taken, and what nobody may ever see; empty when there was none."""
    start, peak = time.process_time(), peak_bytes()
    taken, finding = True, ""
    signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
    try:
        target.read(file)
    except GeotaggerError as error:
        taken = False
        if file.name not in str(error) and not target.nameless:
            finding = f"the message does not name the file: {str(error)[:80]}"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # libraries in Rust raise what is no Exception
        place = traceback.extract_tb(error.__traceback__)[-1]
        finding = f"{type(error).__name__} ({Path(place.filename).name}:{place.lineno})"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if time.process_time() - start > MAX_SECONDS:
        finding = finding or "slow"
    if peak_bytes() - peak > MAX_BYTES:
        finding = finding or "memory"
    return taken, finding


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _hang(*_: object) -> None:
    raise TimeoutError


class Findings:
    """Counts what was found, and keeps the first case of each kind."""

    def __init__(self, folder: Path | None) -> None:
        self.counts: Counter[str] = Counter()
        self._folder = folder

    def add(self, name: str, suffix: str, finding: str, data: bytes) -> None:
        """Prints and saves it if it is the first of its kind."""
        finding = f"{name}{suffix}: {finding}"
        self.counts[finding] += 1
        if self.counts[finding] > 1:
            return
        print(finding, flush=True)
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / f"{len(self.counts)}-{name}{suffix}").write_bytes(data)


def fuzz(name: str, target: Target, dice: random.Random, seconds: float, found: Findings) -> None:
    """Gives a parser damaged files for some seconds of processor time."""
    results: Counter[bool] = Counter()
    start = time.process_time()
    while time.process_time() - start < seconds:
        suffix, data = one_case(target, dice)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"case{suffix}"
            file.write_bytes(data)
            taken, finding = judged(target, file)
        results[taken] += 1
        if finding:
            found.add(name, suffix, finding, data)
    used = time.process_time() - start
    told = f"{results.total():8}  {name}: {results[True]} taken, {results[False]} refused"
    print(f"{told}, {used:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", metavar="NAME")
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    logging.disable()
    warnings.simplefilter("error", RuntimeWarning)
    signal.signal(signal.SIGPROF, _hang)
    known = {n: t for n, t in targets().items() if not arguments.only or n in arguments.only}
    for target in known.values():  # loads the tables, which would count as memory of a case
        read_valid(target)
    found = Findings(arguments.save)
    for name, target in known.items():
        dice = random.Random(f"{arguments.seed} {name}")
        fuzz(name, target, dice, arguments.seconds / len(known), found)
    print(f"peak {peak_bytes() / 1e6:.0f} MB")
    for finding, count in found.counts.most_common():
        print(f"{count:8}  {finding}")
    sys.exit(bool(found.counts))


if __name__ == "__main__":
    main()
