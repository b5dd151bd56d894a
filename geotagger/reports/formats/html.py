"""A report as one HTML file: a map, a list, and small pictures of the photos.

Rows and pictures are written in blocks, which the page parses when it shows them. After them follow
the compact columns of all rows, the towns around the photos, and the coasts. See
docs/guide/review.md.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from geotagger.reports.formats.thumbnails import read_thumbnail
from geotagger.reports.formats.writer import (
    DEFAULT_STYLE,
    ReportStyle,
    ReportWriter,
)
from geotagger.reports.page.photo_columns import PhotoColumns
from geotagger.reports.page.render import REPORT, data, outlines
from geotagger.reports.read.find_photo import find_photo
from geotagger.reports.schema import BY_NAME, Cell, printable_cell

ROWS_IN_BLOCK = 100
"""The page parses so many rows at once."""
THUMBNAIL_BYTES = 24 * 2**20
"""Size of all pictures together, in base64. Photos beyond that have no picture."""


def _is_shown(name: str) -> bool:
    return name not in BY_NAME or BY_NAME[name].in_csv


class HtmlReportWriter(ReportWriter):
    """A page that loads nothing: everything it shows is inside the file."""

    def __init__(
        self, path: Path, style: ReportStyle = DEFAULT_STYLE, flag: str = "--report"
    ) -> None:
        super().__init__(path, style, flag)
        self.columns = PhotoColumns()
        self.rows: list[dict[str, Cell]] = []
        self.pictures: list[str] = []
        self.bytes_left = THUMBNAIL_BYTES if style.thumbnails else 0
        self.picture_count = 0

    def write_row(self, cells: Mapping[str, Cell]) -> None:
        if self.is_empty:
            self.file.write(REPORT.head(f"Photos by place: {self.path.stem}"))
        self.columns.add(cells)
        self.rows.append(
            {name: printable_cell(cell) for name, cell in cells.items() if _is_shown(name)}
        )
        self.pictures.append(self._picture(str(cells["path"])))
        if len(self.rows) == ROWS_IN_BLOCK:
            self._write_block()

    def _picture(self, path: str) -> str:
        """Base64 of a WebP; empty if there is no picture, or no room left for it."""
        if self.bytes_left <= 0:
            return ""
        picture = b64encode(read_thumbnail(find_photo(path, self.path))).decode("ascii")
        self.bytes_left -= len(picture)
        self.picture_count += bool(picture)
        return picture

    def _write_block(self) -> None:
        self.file.write(data("rows", self.rows))
        if any(self.pictures):
            number = (len(self.columns) - 1) // ROWS_IN_BLOCK
            self.file.write(data(f"pictures pictures-{number}", self.pictures))
        self.rows, self.pictures = [], []

    def write_end(self) -> None:
        if self.rows:
            self._write_block()
        setup = {
            "name": self.path.name,
            "block": ROWS_IN_BLOCK,
            "pictures": self.picture_count,
            "thumbnails": self.style.thumbnails,
        }
        self.file.write(data("setup", setup))
        self.file.write(data("columns", self.columns.to_json()))
        self.file.write(data("towns", self.columns.towns()))
        self.file.write(outlines())
        self.file.write(REPORT.tail())
