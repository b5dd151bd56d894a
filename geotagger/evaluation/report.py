"""Writes an evaluation to a file: tables and charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geotagger.evaluation.charts import charts
from geotagger.evaluation.tables import headline, tables
from geotagger.plots import files

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.evaluation.run import Evaluation
    from geotagger.plots.figure import Figure
    from geotagger.plots.table import Table


def write(path: Path, evaluation: Evaluation) -> None:
    """Writes tables and charts. Raises OSError if the file cannot be written."""
    parts: list[str | Table | Figure] = [
        headline(evaluation.scores),
        *charts(evaluation),
        *tables(evaluation),
    ]
    files.write(path, "geotagger: how good are the predictions?", parts)
