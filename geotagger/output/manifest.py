"""`--manifest`: a chain of custody. One row a photo: what it was before the run, what it is after.

Each source is read and hashed once more after everything that belongs to it has been written. What
an earlier run has told is kept, under another name: no later run could tell it again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from geotagger.metadata.safe_write.write import Result
from geotagger.printable import printable_path
from geotagger.reports.formats.earlier import keep
from geotagger.reports.formats.registry import ROWS, open_rows
from geotagger.reports.formats.text_rows import PARTIAL, ReportStyle, ReportWriter
from geotagger.reports.schema import Cell
from geotagger.types import Outcome, Status, joined

COLUMNS = (
    "path",
    "status",
    "size_bytes",
    "mtime",
    "sha256_before",
    "sha256_after",
    "out_path",
    "out_sha256",
    "sidecar_path",
    "sidecar_sha256",
)


@contextmanager
def open_manifest(path: Path) -> Iterator[Manifest]:
    """Raises UsageError for an unknown suffix, GeotaggerError when it cannot be written."""
    if path.suffix.lower() in ROWS:
        for earlier in (path, path.with_name(path.name + PARTIAL)):
            keep(earlier, path, "--manifest")
    rows = open_rows(path, ReportStyle(columns=COLUMNS), "--manifest")
    try:
        yield Manifest(rows)
    finally:
        rows.close()


class Manifest:
    """A manifest being written."""

    def __init__(self, rows: ReportWriter) -> None:
        self.rows = rows

    def add(self, outcome: Outcome, photo: Result | None, sidecar: Result | None) -> Outcome:
        """Adds the row; `photo` and `sidecar` are what was written, in place or below `--out`.

        Returns the outcome: failed, when the source is not what it should be now.
        """
        before = outcome.photo
        after = sha256_of(before.path) if outcome.sha256 else ""
        in_place = photo is not None and photo.path == Path(os.path.realpath(before.path))
        if after != (photo.sha256 if photo and in_place else outcome.sha256):
            note = joined(outcome.note, "the source changed during the run")
            outcome = replace(outcome, status=Status.FAILED, note=note)
        mtime = datetime.fromtimestamp(before.mtime_ns // 10**9, UTC)
        cells: tuple[Cell, ...] = (
            printable_path(before.path),
            outcome.status.value,
            before.size_bytes,
            mtime.isoformat() if before.mtime_ns else "",
            outcome.sha256,
            after,
            printable_path(photo.path) if photo else "",
            photo.sha256 if photo else "",
            printable_path(sidecar.path) if sidecar else "",
            sidecar.sha256 if sidecar else "",
        )
        self.rows.add_row(dict(zip(COLUMNS, cells, strict=True)))
        return outcome


def sha256_of(path: Path) -> str:
    """Of the file as it is now; empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
