"""What tagging a JPEG costs over writing the same bytes anew: milliseconds per photo.

    python benchmarks/write_speed.py FOLDER [--turns 3]

Works on copies. Both ways read the file and sync what they write; tagging also hashes, embeds,
verifies, journals, reads back and replaces in one step. "undo" is `untag` on the tagged copy.
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
from geotagger.metadata.file_tags import FileTags
from geotagger.metadata.gps_tags import GpsTags
from geotagger.metadata.journal import Journal
from geotagger.metadata.untag import untag_file
from geotagger.metadata.verify import verify
from geotagger.metadata.write import Pen, tag_file
from geotagger.metadata.xmp import XmpTags, with_prediction
from geotagger.records import Point

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


def milliseconds(action: Callable[[], object]) -> tuple[float, float]:
    """(by the wall clock, of the processor: without waiting for the disk or for other programs)."""
    start, busy = time.perf_counter(), time.process_time()
    action()
    return (time.perf_counter() - start) * 1000, (time.process_time() - busy) * 1000


def rewrite(path: Path) -> None:
    """The floor: read the file, write the bytes to a new one, sync."""
    data = path.read_bytes()
    with path.with_suffix(".copy").open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def measure(data: bytes, path: Path, pen: Pen, tags: FileTags) -> dict[str, tuple[float, float]]:
    sha256 = hashlib.sha256(data).hexdigest()
    change = (lambda packet: with_prediction(packet, XMP)) if tags.xmp else None
    written = embed(data, tags.gps, change, sha256)
    path.write_bytes(data)
    return {
        "rewrite": milliseconds(lambda: rewrite(path)),
        "sha256": milliseconds(lambda: hashlib.sha256(data)),
        "embed": milliseconds(lambda: embed(data, tags.gps, change, sha256)),
        "verify": milliseconds(lambda: verify(written)),
        "tag": milliseconds(lambda: tag_file(path, sha256, tags, pen)),
        "undo": milliseconds(lambda: untag_file(path, pen.journal)),
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
        with Journal(folder / "state" / "writes.sqlite") as journal:
            pen = Pen(journal, "always")
            for source in files * arguments.turns:
                data = source.read_bytes()
                try:
                    rows.append(measure(data, folder / "photo.jpg", pen, tags))
                    size += len(data)
                except CannotEmbedError:
                    refused += 1
    print(f"{len(rows)} writes of {size / max(1, len(rows)) / 1e3:.0f} KB, {refused} refused")
    for step in ("rewrite", "sha256", "embed", "verify", "tag", "undo"):
        wall, busy = zip(*(row[step] for row in rows), strict=True)
        late = sorted(wall)[-len(wall) // 10]
        print(
            f"{step:8} median {statistics.median(wall):6.2f} ms, 90 % under {late:6.2f} ms; "
            f"processor {statistics.median(busy):5.2f} ms"
        )
    for number, clock in enumerate(("wall", "processor")):
        over = statistics.median(row["tag"][number] - row["rewrite"][number] for row in rows)
        print(f"tag over rewrite, {clock}: median {over:.2f} ms")


if __name__ == "__main__":
    main()
