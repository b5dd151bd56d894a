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
from geotagger.metadata.exif import GpsTags, embed
from geotagger.metadata.journal import Journal
from geotagger.metadata.write import tag_file, untag_file
from geotagger.records import Point

if TYPE_CHECKING:
    from collections.abc import Callable

NOTE = "PREDICTED by geotagger (benchmark), conf 0.62"
TAGS = GpsTags(Point(48.85837, 2.29448), 12.5, "Paris, Ile-de-France, France", NOTE)


def milliseconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def rewrite(path: Path) -> None:
    """The floor: read the file, write the bytes to a new one, sync."""
    data = path.read_bytes()
    with path.with_suffix(".copy").open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def measure(data: bytes, path: Path, journal: Journal) -> dict[str, float]:
    sha256 = hashlib.sha256(data).hexdigest()
    path.write_bytes(data)
    return {
        "rewrite": milliseconds(lambda: rewrite(path)),
        "embed": milliseconds(lambda: embed(data, TAGS, sha256)),
        "tag": milliseconds(lambda: tag_file(path, sha256, TAGS, journal, overwrite="always")),
        "undo": milliseconds(lambda: untag_file(path, journal)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    files = sorted(p for p in arguments.folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    rows, refused, size = [], 0, 0
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        with Journal(folder / "state" / "writes.sqlite") as journal:
            for source in files * arguments.turns:
                data = source.read_bytes()
                try:
                    rows.append(measure(data, folder / "photo.jpg", journal))
                    size += len(data)
                except CannotEmbedError:
                    refused += 1
    print(f"{len(rows)} writes of {size / max(1, len(rows)) / 1e3:.0f} KB, {refused} refused")
    for step in ("rewrite", "embed", "tag", "undo"):
        times = sorted(row[step] for row in rows)
        median, late = statistics.median(times), times[-len(times) // 10]
        print(f"{step:8} median {median:6.2f} ms, 90 % under {late:6.2f} ms")
    over = statistics.median(row["tag"] - row["rewrite"] for row in rows)
    print(f"tag over rewrite: median {over:.2f} ms")


if __name__ == "__main__":
    main()
