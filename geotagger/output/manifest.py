"""`--manifest`: a chain of custody. One row per photo: its hash before the run and after it.

An earlier manifest is renamed and never overwritten: a later run could not write it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from geotagger.metadata.safe_write.write import WriteResult
from geotagger.printable import printable_path
from geotagger.reports.formats.existing import move_aside
from geotagger.reports.formats.registry import ROWS, open_rows
from geotagger.reports.formats.writer import PARTIAL, ReportStyle, ReportWriter
from geotagger.reports.schema import Cell
from geotagger.types import Outcome

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
    """A manifest to add rows to.

    Raises:
        UsageError: the suffix is unknown.
        GeotaggerError: the file cannot be written.
    """
    if path.suffix.lower() in ROWS:
        for earlier in (path, path.with_name(path.name + PARTIAL)):
            move_aside(earlier, path, "--manifest")
    rows = open_rows(path, ReportStyle(columns=COLUMNS, schema_version=None), "--manifest")
    try:
        yield Manifest(rows)
    finally:
        rows.close()


class Manifest:
    """An open manifest."""

    def __init__(self, rows: ReportWriter) -> None:
        self.rows = rows

    def add(
        self,
        outcome: Outcome,
        sha256_after: str,
        photo: WriteResult | None,
        sidecar: WriteResult | None,
    ) -> None:
        """Adds a row.

        Args:
            outcome: of the photo, final.
            sha256_after: of the source after everything was written; empty when it is unreadable.
            photo: the photo as it was written, in place or below `--out`.
            sidecar: the sidecar as it was written.
        """
        before = outcome.photo
        mtime = datetime.fromtimestamp(before.mtime_ns // 10**9, UTC)
        cells: tuple[Cell, ...] = (
            printable_path(before.path),
            outcome.status.value,
            before.size_bytes,
            mtime.isoformat() if before.mtime_ns else "",
            outcome.sha256,
            sha256_after,
            printable_path(photo.path) if photo else "",
            photo.sha256 if photo else "",
            printable_path(sidecar.path) if sidecar else "",
            sidecar.sha256 if sidecar else "",
        )
        self.rows.add_row(dict(zip(COLUMNS, cells, strict=True)))


def sha256_of(path: Path) -> str:
    """SHA-256 of the file as it is now, in hexadecimal; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
