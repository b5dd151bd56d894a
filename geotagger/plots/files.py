"""Figures and tables into a file; its suffix says how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geotagger.errors import UsageError
from geotagger.plots import page
from geotagger.plots.figure import Figure, arranged
from geotagger.plots.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MARKS = {
    ".html": page.MARK.encode(),
    ".svg": b"<!-- drawn by geotagger -->",
    ".png": b"Software\0geotagger",
}
"""What stands in the beginning of each file that is written here, by its suffix."""
WIDTH_PX = 880
_LOOKED_AT_BYTES = 4096


def check(path: Path) -> None:
    """Before any work is done. Raises UsageError where the file cannot come to be, or where a photo
    or whatever else of the user's would be lost."""
    if path.suffix.lower() not in MARKS:
        raise UsageError(f"{path}: a report with pictures ends in {', '.join(MARKS)}")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}")
    if path.exists() and not _drawn(path):
        raise UsageError(f"{path} is there already, and not drawn by geotagger: give another name")


def _drawn(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_LOOKED_AT_BYTES)
    return not head or MARKS[path.suffix.lower()] in head


def write(path: Path, title: str, parts: Sequence[str | Table | Figure]) -> None:
    """HTML holds everything: paragraphs, tables, figures. SVG and PNG hold the figures alone.

    Raises OSError where the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix == ".html":
        path.write_text(page.page(title, [_html(part) for part in parts]), encoding="utf-8")
        return
    whole = arranged([part for part in parts if isinstance(part, Figure)], title, WIDTH_PX)
    if suffix == ".svg":
        opening, _, rest = whole.to_svg().partition("\n")
        path.write_text("\n".join((opening, MARKS[suffix].decode(), rest)), encoding="utf-8")
    else:
        from geotagger.plots.raster import save_png

        save_png(whole, path)


def _html(part: str | Table | Figure) -> str:
    if isinstance(part, Figure):
        return page.picture(part)
    return part.to_html() if isinstance(part, Table) else page.paragraph(part)
