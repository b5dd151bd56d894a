"""Cost of tagging a JPEG compared with rewriting the same bytes, in milliseconds a photo.

    python -m benchmarks.speed.write_speed FOLDER [--turns 3] [--xmp]

Works on copies. Both ways read the file and sync the result. Tagging also hashes, embeds,
verifies, journals, reads back and replaces the file atomically. "undo" is `untag` on the tagged
copy. The two take turns on every photo. Other programs can only add to the wall time, so the best
tenth is close to an idle machine. "thread" is the CPU time of the main thread: a second thread
hashes large files. The stages of tagging are in core-ms of that thread, each without those inside
it; the last column is the median in rewrites of the same photos.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from geotagger.config import Overwrite
from geotagger.errors import CannotEmbedError
from geotagger.metadata.embed import embed
from geotagger.metadata.exif.gps_tags import GpsTags
from geotagger.metadata.file_tags import FileTags
from geotagger.metadata.safe_write import loading, write
from geotagger.metadata.safe_write import replace as replacing
from geotagger.metadata.safe_write.verify import verify
from geotagger.metadata.safe_write.write import WriteContext, tag_file
from geotagger.metadata.undo.untag import untag_file
from geotagger.metadata.undo.write_journal import WriteJournal
from geotagger.metadata.xmp import writing
from geotagger.metadata.xmp.prediction import with_prediction
from geotagger.metadata.xmp.tags import XmpTags
from geotagger.types import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NOTE = "PREDICTED by geotagger (benchmark), conf 0.62"
PARIS = Point(48.85837, 2.29448)
GPS = GpsTags(PARIS, 12.5, "Paris, Ile-de-France, France", NOTE)
XMP = XmpTags(
    *(PARIS, 12.5, 0.62, "city", "Europe", "France", "FR", "Ile-de-France", "Paris"),
    model="benchmark",
    created="2026-01-01T00:00:00Z",
)


CLOCKS = {
    "wall": time.perf_counter,
    "processor": time.process_time,  # without waiting for the disk or other programs
    "thread": time.thread_time,
}
STAGES: dict[str, tuple[tuple[Any, str], ...]] = {
    "read": ((loading, "_read"),),
    "hash": ((loading, "_sha256"),),
    "policy": tuple(
        (write, name) for name in ("metadata_blocks", "read_gps", "with_positions_beside")
    ),
    "patch": ((write, "_embedded"),),
    "verify": ((write, "verify"), (writing, "check_new"), (replacing, "_reads_as")),
    "journal": tuple((WriteJournal, name) for name in ("begin", "complete", "finish")),
    "write, sync, replace": ((write, "replace"),),
    "rest": ((write, "tag_file"),),
}
"""Stage of tagging -> the functions that do it, where they are looked up."""


class StageTimes:
    """Core-ms that each stage of tagging takes, without the stages inside it."""

    def __init__(self) -> None:
        self.spent_ms = dict.fromkeys(STAGES, 0.0)
        self._open: list[str] = []
        self._since = 0.0

    def installed(self) -> ExitStack:
        """Measures until the context ends."""
        stack = ExitStack()
        for stage, functions in STAGES.items():
            for owner, name in functions:
                timed = self._timed(getattr(owner, name), stage)
                stack.enter_context(mock.patch.object(owner, name, timed))
        return stack

    def _timed(self, function: Callable[..., object], stage: str) -> Callable[..., object]:
        @wraps(function)
        def timed(*arguments: object, **named: object) -> object:
            self._switch()
            self._open.append(stage)
            try:
                return function(*arguments, **named)
            finally:
                self._switch()
                self._open.pop()

        return timed

    def _switch(self) -> None:
        now = time.thread_time()
        if self._open:
            self.spent_ms[self._open[-1]] += (now - self._since) * 1000
        self._since = now


def milliseconds(action: Callable[[], object]) -> tuple[float, ...]:
    """Duration of an action by each clock."""
    start = [clock() for clock in CLOCKS.values()]
    action()
    return tuple((clock() - s) * 1000 for clock, s in zip(CLOCKS.values(), start, strict=True))


def rewrite(path: Path) -> None:
    """The minimum: read the file, write its bytes to a new file, sync."""
    data = path.read_bytes()
    with path.with_suffix(".copy").open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def stage_times(path: Path, sha256: str, tags: FileTags, context: WriteContext) -> dict[str, float]:
    """Core-ms of each stage of tagging."""
    times = StageTimes()
    with times.installed():
        write.tag_file(path, sha256, tags, context)
    return times.spent_ms


def measure(
    data: bytes, path: Path, context: WriteContext, tags: FileTags
) -> dict[str, tuple[float, ...]]:
    sha256 = hashlib.sha256(data).hexdigest()
    change = (lambda packet: with_prediction(packet, XMP)) if tags.xmp else None
    written = embed(data, tags.gps, change, sha256)
    path.write_bytes(data)
    path.with_suffix(".copy").unlink(missing_ok=True)
    return {
        "rewrite": milliseconds(lambda: rewrite(path)),
        "sha256": milliseconds(lambda: hashlib.sha256(data)),
        "embed": milliseconds(lambda: embed(data, tags.gps, change, sha256)),
        "verify": milliseconds(lambda: verify(written)),
        "tag": milliseconds(lambda: tag_file(path, sha256, tags, context)),
        "undo": milliseconds(lambda: untag_file(path, context.journal)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--xmp", action="store_true", help="an XMP packet too")
    arguments = parser.parse_args()
    files = sorted(p for p in arguments.folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    rows, stages, refused, size = [], [], 0, 0
    tags = FileTags(GPS, XMP if arguments.xmp else None)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        with WriteJournal(folder / "state" / "writes.sqlite") as journal:
            context = WriteContext(journal, Overwrite.ALWAYS)
            for source in files * arguments.turns:
                data, photo = source.read_bytes(), folder / "photo.jpg"
                try:
                    rows.append(measure(data, photo, context, tags))
                    sha256 = hashlib.sha256(data).hexdigest()
                    stages.append(stage_times(photo, sha256, tags, context))
                    size += len(data)
                except CannotEmbedError:
                    refused += 1
    load = " ".join(f"{number:.1f}" for number in os.getloadavg())
    size_kb = size / max(1, len(rows)) / 1e3
    print(f"{len(rows)} writes of {size_kb:.0f} KB, {refused} refused; load {load}")
    for step in ("rewrite", "sha256", "embed", "verify", "tag", "undo"):
        print(f"{step:20} {_figures([row[step] for row in rows])}")
    over = [tuple(a - b for a, b in zip(row["tag"], row["rewrite"], strict=True)) for row in rows]
    print(f"{'tag over rewrite':20} {_figures(over)}")
    print("stages of tag, core-ms")
    rewrite_ms = statistics.median(row["rewrite"][-1] for row in rows)
    for stage in STAGES:
        column = [row[stage] for row in stages]
        ratio = statistics.median(column) / rewrite_ms
        print(f"  {stage:20} {_median_and_best(column)} {ratio:6.2f} rewrites")


def _figures(times: list[tuple[float, ...]]) -> str:
    columns = zip(CLOCKS, zip(*times, strict=True), strict=True)
    return ", ".join(f"{name} {_median_and_best(column)}" for name, column in columns)


def _median_and_best(times_ms: Sequence[float]) -> str:
    best = sorted(times_ms)[len(times_ms) // 10]
    return f"{statistics.median(times_ms):6.2f} ms (best tenth {best:6.2f})"


if __name__ == "__main__":
    main()
