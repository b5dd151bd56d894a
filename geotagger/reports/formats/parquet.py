"""A report as Apache Parquet, for pandas, DuckDB and Spark. It needs pyarrow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geotagger.errors import UsageError
from geotagger.reports.formats.writer import (
    DEFAULT_STYLE,
    ReportStyle,
    ReportWriter,
)
from geotagger.reports.schema import BY_NAME, SCHEMA_VERSION, VERSION, Cell, printable_cell

ROWS_PER_GROUP = 5000


def import_pyarrow(path: Path) -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet; `path` is for the message.

    Raises:
        UsageError: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError(
            f"{path}: Parquet needs pyarrow: pip install 'geotagger-photos[parquet]'"
        ) from error
    return pyarrow, pyarrow.parquet


class ParquetReportWriter(ReportWriter):
    """Typed columns: numbers are doubles, lists are lists of structs, empty cells are null.

    Rows are written in groups. The file can only be read once it is closed.
    """

    mode = "wb"

    def __init__(
        self, path: Path, style: ReportStyle = DEFAULT_STYLE, flag: str = "--report"
    ) -> None:
        self.arrow, parquet = import_pyarrow(path)
        super().__init__(path, style, flag)
        types = [(name, self._type(name)) for name in style.columns]
        self.schema = self.arrow.schema(types, {VERSION: str(SCHEMA_VERSION)})
        self.rows: list[dict[str, Cell]] = []
        with self.named_errors():
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

    def write_row(self, cells: Mapping[str, Cell]) -> None:
        self.rows.append({name: self._cell(name, cells.get(name)) for name in self.style.columns})
        if len(self.rows) == ROWS_PER_GROUP:
            self._flush()

    @staticmethod
    def _cell(name: str, cell: Cell) -> Cell:
        if name in BY_NAME:
            return printable_cell(cell) if cell != "" else None
        return None if cell is None or cell == "" else str(printable_cell(cell))

    def write_end(self) -> None:
        self._flush()
        self.writer.close()

    def close(self) -> None:
        try:
            super().close()
        finally:  # pyarrow would try to finish the file again when the writer is collected
            self.writer.is_open = False

    def _flush(self) -> None:
        self.writer.write_table(self.arrow.Table.from_pylist(self.rows, schema=self.schema))
        self.rows.clear()
