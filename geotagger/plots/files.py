"""Writes figures and tables to a file; the suffix gives the format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geotagger.errors import UsageError
from geotagger.plots import page
from geotagger.plots.figure import Figure, arrange
from geotagger.plots.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MARKS = {
    ".html": page.MARK.encode(),
    ".svg": b"<!-- drawn by geotagger -->",
    ".png": b"Software\0geotagger",
}
"""Bytes near the beginning of each file that is written here, by suffix."""
WIDTH_PX = 880
_HEAD_BYTES = 4096


def check_target(path: Path) -> None:
    """Check, before any work is done, that a file can be written without losing another one.

    Raises:
        UsageError: the suffix is unknown, the folder is missing, or a file is there that geotagger
            did not draw.
    """
    if path.suffix.lower() not in MARKS:
        raise UsageError(f"{path}: a report with pictures ends in {', '.join(MARKS)}")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}")
    if path.exists() and not _is_ours(path):
        raise UsageError(f"{path} exists already and was not drawn by geotagger: give another name")


def _is_ours(path: Path) -> bool:
    """Whether a file is empty or was drawn by geotagger."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return not head or MARKS[path.suffix.lower()] in head


def write(path: Path, title: str, parts: Sequence[str | Table | Figure]) -> None:
    """Write paragraphs, tables and figures.

    HTML holds everything; SVG and PNG hold only the figures.

    Raises:
        OSError: the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix == ".html":
        path.write_text(page.page(title, [_html(part) for part in parts]), encoding="utf-8")
        return
    whole = arrange([part for part in parts if isinstance(part, Figure)], title, WIDTH_PX)
    if suffix == ".svg":
        opening, _, rest = whole.to_svg().partition("\n")
        path.write_text("\n".join((opening, MARKS[suffix].decode(), rest)), encoding="utf-8")
    else:
        from geotagger.plots.raster import save_png

        save_png(whole, path)


def _html(part: str | Table | Figure) -> str:
    if isinstance(part, Figure):
        return page.embedded_figure(part)
    return part.to_html() if isinstance(part, Table) else page.paragraph(part)
