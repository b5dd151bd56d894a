"""The formats of reports, by the suffix of the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from geotagger.errors import UsageError
from geotagger.reports.formats.csv import CsvReportWriter
from geotagger.reports.formats.geojson import GeoJsonReportWriter
from geotagger.reports.formats.html import HtmlReportWriter
from geotagger.reports.formats.jsonl import JsonLinesReportWriter
from geotagger.reports.formats.kml import KmlReportWriter, KmzReportWriter
from geotagger.reports.formats.parquet import ParquetReportWriter
from geotagger.reports.formats.writer import DEFAULT_STYLE, ReportStyle, ReportWriter

FORMATS: Mapping[str, type[ReportWriter]] = {
    ".csv": CsvReportWriter,
    ".jsonl": JsonLinesReportWriter,
    ".geojson": GeoJsonReportWriter,
    ".kml": KmlReportWriter,
    ".kmz": KmzReportWriter,
    ".html": HtmlReportWriter,
    ".parquet": ParquetReportWriter,
}
ROWS = (".csv", ".jsonl")
"""Formats for rows of any columns."""


def open_report(path: Path, style: ReportStyle = DEFAULT_STYLE) -> ReportWriter:
    """A new report, in the format of its suffix.

    Raises:
        UsageError: the suffix is unknown, or its format needs a package that is not installed.
        GeotaggerError: the file cannot be written.
    """
    return FORMATS[_suffix(path, FORMATS)](path, style)


def check_distinct(paths: Sequence[Path]) -> None:
    """Raises UsageError if two of the paths are the same file."""
    for index, path in enumerate(paths):
        if path.resolve() in (other.resolve() for other in paths[:index]):
            raise UsageError(f"{path}: would be written twice: give one of them another name")


def open_rows(path: Path, style: ReportStyle, flag: str) -> ReportWriter:
    """A new file of rows of any columns, which `flag` named. Raises as `open_report` does."""
    return FORMATS[_suffix(path, ROWS)](path, style, flag)


def _suffix(path: Path, known: Mapping[str, object] | tuple[str, ...]) -> str:
    suffix = path.suffix.lower()
    if suffix not in known:
        names = ", ".join(known)
        raise UsageError(f"{path}: the suffix names the report's format; known: {names}")
    return suffix
