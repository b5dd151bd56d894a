"""The formats of reports: the suffix of a file names one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from geotagger.errors import UsageError
from geotagger.reports.formats.geojson import GeoJsonReport
from geotagger.reports.formats.html import HtmlReport
from geotagger.reports.formats.kml import KmlReport, KmzReport
from geotagger.reports.formats.parquet import ParquetReport
from geotagger.reports.formats.text_rows import (
    STANDARD,
    CsvReport,
    JsonLinesReport,
    ReportStyle,
    ReportWriter,
)

FORMATS: Mapping[str, type[ReportWriter]] = {
    ".csv": CsvReport,
    ".jsonl": JsonLinesReport,
    ".geojson": GeoJsonReport,
    ".kml": KmlReport,
    ".kmz": KmzReport,
    ".html": HtmlReport,
    ".parquet": ParquetReport,
}
ROWS = (".csv", ".jsonl")
"""Those that hold rows of any columns."""


def open_report(path: Path, look: ReportStyle = STANDARD) -> ReportWriter:
    """Start the report that the suffix of `path` asks for.

    Raises UsageError: the suffix is not known, or its format needs what is not installed;
    GeotaggerError: it cannot be written.
    """
    return FORMATS[_suffix(path, FORMATS)](path, look)


def check_distinct(paths: Sequence[Path]) -> None:
    """Raises UsageError: two of the files to write are the same, so one would be lost."""
    for place, path in enumerate(paths):
        if path.resolve() in (other.resolve() for other in paths[:place]):
            raise UsageError(f"{path}: would be written twice: give one of them another name")


def open_rows(path: Path, look: ReportStyle, flag: str) -> ReportWriter:
    """A file of rows of any columns; `flag` is what asked for it. Raises as `open_report` does."""
    return FORMATS[_suffix(path, ROWS)](path, look, flag)


def _suffix(path: Path, known: Mapping[str, object] | tuple[str, ...]) -> str:
    suffix = path.suffix.lower()
    if suffix not in known:
        names = ", ".join(known)
        raise UsageError(f"{path}: the suffix names the report's format; known: {names}")
    return suffix
