"""Figures and tables into a file; its suffix says how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geotagger.drawing import page
from geotagger.drawing.figure import Figure, arranged
from geotagger.drawing.table import Table
from geotagger.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SUFFIXES = (".html", ".svg", ".png")
WIDTH_PX = 880


def check(path: Path) -> None:
    """Before any work is done. Raises UsageError where the file cannot come to be."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: a report with pictures ends in {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}")


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
        path.write_text(whole.to_svg(), encoding="utf-8")
    else:
        from geotagger.drawing.raster import save_png

        save_png(whole, path)


def _html(part: str | Table | Figure) -> str:
    if isinstance(part, Figure):
        return page.picture(part)
    return part.to_html() if isinstance(part, Table) else page.paragraph(part)
