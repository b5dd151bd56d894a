"""A report as Apache Parquet, for pandas, DuckDB and Spark. Needs pyarrow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geotagger.errors import UsageError
from geotagger.reports.formats.text_rows import STANDARD, ReportStyle, ReportWriter, json_cell
from geotagger.reports.schema import BY_NAME, SCHEMA_VERSION, VERSION, Cell

ROWS_PER_GROUP = 5000


def import_pyarrow(path: Path) -> tuple[Any, Any]:
    """pyarrow and pyarrow.parquet. Raises UsageError when it is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError(
            f"{path}: Parquet needs pyarrow: pip install 'geotagger-photos[parquet]'"
        ) from error
    return pyarrow, pyarrow.parquet


class ParquetReport(ReportWriter):
    """Columns with types: numbers are doubles, alternatives a list of structs; empty is null.

    Rows are written by the thousand, and the file can be read only once it is closed.
    """

    mode = "wb"

    def __init__(self, path: Path, look: ReportStyle = STANDARD, flag: str = "--report") -> None:
        self.arrow, parquet = import_pyarrow(path)
        super().__init__(path, look, flag)
        types = [(name, self._type(name)) for name in look.columns]
        self.schema = self.arrow.schema(types, {VERSION: str(SCHEMA_VERSION)})
        self.rows: list[dict[str, Cell]] = []
        with self.guarded():
            self.writer = parquet.ParquetWriter(self.file, self.schema, compression="zstd")

    def _type(self, name: str) -> Any:
        arrow = self.arrow
        column = BY_NAME.get(name)
        if column is None or column.kind == "text":
            return arrow.string()
        if column.kind == "number":
            return arrow.float64()
        texts = [(key, arrow.string()) for key in column.texts]
        numbers = [(key, arrow.float64()) for key in column.numbers]
        return arrow.list_(arrow.struct(texts + numbers))

    def write(self, cells: Mapping[str, Cell]) -> None:
        self.rows.append({name: self._cell(name, cells.get(name)) for name in self.look.columns})
        if len(self.rows) == ROWS_PER_GROUP:
            self._flush()

    @staticmethod
    def _cell(name: str, cell: Cell) -> Cell:
        if name in BY_NAME:
            return json_cell(cell) if cell != "" else None
        return None if cell is None or cell == "" else str(json_cell(cell))

    def finish(self) -> None:
        self._flush()
        self.writer.close()

    def close(self) -> None:
        try:
            super().close()
        finally:  # a writer that could not finish would try again when it is collected
            self.writer.is_open = False

    def _flush(self) -> None:
        self.writer.write_table(self.arrow.Table.from_pylist(self.rows, schema=self.schema))
        self.rows.clear()
