"""A table of words and numbers, as text or HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geotagger.plots import page


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; the first column holds words, the others hold numbers."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def to_text(self) -> str:
        """Aligned columns for a terminal."""
        lines = [self.header, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.header))]
        text = [self.title]
        for line in lines:
            cells = [line[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
            text.append("  " + "  ".join(cells).rstrip())
        return "\n".join([*text, *([f"  {self.note}"] if self.note else [])])

    def to_html(self) -> str:
        """A heading, the table and its note."""
        return "\n".join(
            [page.heading(self.title), page.table(self.header, self.rows), page.note(self.note)]
        )
