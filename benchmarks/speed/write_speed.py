"""Cost of tagging a JPEG compared with rewriting the same bytes, in milliseconds a photo.

    python -m benchmarks.speed.write_speed FOLDER [--turns 3]

Works on copies. Both ways read the file and sync the result. Tagging also hashes, embeds,
verifies, journals, reads back and replaces the file atomically. "undo" is `untag` on the tagged
copy. The two take turns on every photo. Other programs can only add to the wall time, so the best
tenth is close to an idle machine. "thread" is the CPU time of the main thread: a second thread
hashes large files.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from geotagger.errors import CannotEmbedError
from geotagger.metadata.embed import embed
from geotagger.metadata.exif.gps_tags import GpsTags
from geotagger.metadata.file_tags import FileTags
from geotagger.metadata.safe_write.verify import verify
from geotagger.metadata.safe_write.write import WriteContext, tag_file
from geotagger.metadata.undo.untag import untag_file
from geotagger.metadata.undo.write_journal import WriteJournal
from geotagger.metadata.xmp.prediction import with_prediction
from geotagger.metadata.xmp.tags import XmpTags
from geotagger.types import Point

if TYPE_CHECKING:
    from collections.abc import Callable

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
    rows, refused, size, tags = [], 0, 0, FileTags(GPS, XMP if arguments.xmp else None)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        with WriteJournal(folder / "state" / "writes.sqlite") as journal:
            context = WriteContext(journal, "always")
            for source in files * arguments.turns:
                data = source.read_bytes()
                try:
                    rows.append(measure(data, folder / "photo.jpg", context, tags))
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


def _figures(times: list[tuple[float, ...]]) -> str:
    parts = []
    for name, column in zip(CLOCKS, zip(*times, strict=True), strict=True):
        best = sorted(column)[len(column) // 10]
        parts.append(f"{name} {statistics.median(column):6.2f} ms (best tenth {best:6.2f})")
    return ", ".join(parts)


if __name__ == "__main__":
    main()
