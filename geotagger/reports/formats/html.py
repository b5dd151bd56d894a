"""The report as one HTML file: a map, a table, and the photos' small pictures. See
docs/guide/review.md.

It is written as it grows: rows and pictures in blocks that the page reads when it shows them, and
behind them the compact columns of all rows, the towns around them, and the coasts.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from geotagger.reports.formats.text_rows import STANDARD, ReportStyle, ReportWriter, json_cell
from geotagger.reports.formats.thumbnails import read_thumbnail
from geotagger.reports.page import render as page
from geotagger.reports.page.points import Points
from geotagger.reports.read.find_photo import find_photo
from geotagger.reports.schema import BY_NAME, Cell

ROWS_IN_BLOCK = 100
"""What the page reads at once."""
THUMBNAIL_BYTES = 24 * 2**20
"""All pictures together, as they stand in the file; photos after that have none."""


def _is_shown(name: str) -> bool:
    return name not in BY_NAME or BY_NAME[name].in_csv


class HtmlReport(ReportWriter):
    """A page that needs nothing but itself and a browser."""

    def __init__(self, path: Path, look: ReportStyle = STANDARD, flag: str = "--report") -> None:
        super().__init__(path, look, flag)
        self.points = Points()
        self.rows: list[dict[str, Cell]] = []
        self.pictures: list[str] = []
        self.bytes_left = THUMBNAIL_BYTES if look.thumbnails else 0
        self.shown = 0

    def write(self, cells: Mapping[str, Cell]) -> None:
        if self.empty:
            self.file.write(page.head(f"Photos by place: {self.path.stem}"))
        self.points.add(cells)
        self.rows.append({name: json_cell(cell) for name, cell in cells.items() if _is_shown(name)})
        self.pictures.append(self._picture(str(cells["path"])))
        if len(self.rows) == ROWS_IN_BLOCK:
            self._write_block()

    def _picture(self, path: str) -> str:
        """Base64 of a WebP; empty when there is none, or no room for more."""
        if self.bytes_left <= 0:
            return ""
        picture = b64encode(read_thumbnail(find_photo(path, self.path))).decode("ascii")
        self.bytes_left -= len(picture)
        self.shown += bool(picture)
        return picture

    def _write_block(self) -> None:
        self.file.write(page.data("rows", self.rows))
        if any(self.pictures):
            number = (len(self.points) - 1) // ROWS_IN_BLOCK
            self.file.write(page.data(f"pictures pictures-{number}", self.pictures))
        self.rows, self.pictures = [], []

    def finish(self) -> None:
        if self.rows:
            self._write_block()
        setup = {
            "review": False,
            "name": self.path.name,
            "block": ROWS_IN_BLOCK,
            "pictures": self.shown,
            "thumbnails": self.look.thumbnails,
        }
        self.file.write(page.data("setup", setup))
        self.file.write(page.data("points", self.points.told()))
        self.file.write(page.data("towns", self.points.towns()))
        self.file.write(page.outlines())
        self.file.write(page.tail())
