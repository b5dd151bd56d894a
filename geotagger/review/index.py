"""The rows of a report in a temporary SQLite file, which is deleted when it is closed."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.reports.page.photo_columns import ALL_ROWS, PhotoColumns
from geotagger.review.decisions import PhotoKey

if TYPE_CHECKING:
    from geotagger.reports.schema import Cell

SEARCHED = (
    "path",
    "continent",
    "country",
    "country_code",
    "region",
    "city",
    "evidence",
    "note",
    "taken_at",
)
"""The same as in file_store.js."""


class RowIndex:
    """Finds rows by number, by photo, and by their words. Several threads may use it."""

    def __init__(self, rows: Iterable[Mapping[str, Cell]] = ()) -> None:
        self.columns = PhotoColumns()
        self._lock = threading.Lock()
        self._is_closed = False
        self._db = sqlite3.connect("", check_same_thread=False)  # on disk, deleted on close
        self._db.executescript(
            """PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
            CREATE TABLE photo (id INTEGER PRIMARY KEY, path TEXT, sha256 TEXT, cells TEXT,
                                words TEXT);
            CREATE INDEX photo_key ON photo (path, sha256);"""
        )
        self.add(rows)

    def add(self, rows: Iterable[Mapping[str, Cell]]) -> None:
        """Append rows. The numbers of those before stay the same. Closed rows take none."""
        with self._lock:
            if self._is_closed:
                return
            # never committed: nobody else reads the file, and it is deleted in the end
            self._db.executemany("INSERT INTO photo VALUES (?, ?, ?, ?, ?)", map(self._entry, rows))

    def __len__(self) -> int:
        return len(self.columns)

    def close(self) -> None:
        """Closes and deletes the temporary file. From then on no row is found."""
        with self._lock:
            self._is_closed = True
            self._db.close()

    def _entry(self, cells: Mapping[str, Cell]) -> tuple[Any, ...]:
        number = len(self.columns)
        self.columns.add(cells)
        words = "\n".join(str(cells.get(name) or "") for name in SEARCHED).lower()
        text = json.dumps(cells, ensure_ascii=True)
        return number, str(cells["path"]), str(cells["sha256"] or ""), text, words

    def columns_json(
        self, moved: Mapping[int, Mapping[str, float]], rows: slice = ALL_ROWS
    ) -> dict[str, object]:
        """`PhotoColumns.to_json`, while rows may be added."""
        with self._lock:
            return self.columns.to_json(moved, rows)

    def towns(self) -> list[list[object]]:
        """`PhotoColumns.towns`, while rows may be added."""
        with self._lock:
            return self.columns.towns()

    def rows(self, first: int, count: int) -> list[dict[str, Any]]:
        """The cells of `count` rows from the row `first`."""
        sql = "SELECT cells FROM photo WHERE id >= ? AND id < ? ORDER BY id"
        return [json.loads(cells) for (cells,) in self._all(sql, (first, first + count))]

    def row(self, number: int) -> dict[str, Any]:
        """Raises LookupError if there is no such row."""
        rows = self.rows(number, 1)
        if not rows:
            raise LookupError(f"the report has no row {number}")
        return rows[0]

    def key(self, number: int) -> PhotoKey:
        """Raises LookupError if there is no such row."""
        rows = self._all("SELECT path, sha256 FROM photo WHERE id = ?", (number,))
        if not rows:
            raise LookupError(f"the report has no row {number}")
        return PhotoKey(*rows[0])

    def keys(self, first: int, last: int) -> list[tuple[int, PhotoKey]]:
        """Number and photo of the rows from `first` to before `last`."""
        sql = "SELECT id, path, sha256 FROM photo WHERE id >= ? AND id < ?"
        return [(number, PhotoKey(*key)) for number, *key in self._all(sql, (first, last))]

    def numbers(self, key: PhotoKey) -> list[int]:
        """The rows of a photo: several if reports were joined."""
        sql = "SELECT id FROM photo WHERE path = ? AND sha256 = ?"
        return [number for (number,) in self._all(sql, key)]

    def search(self, text: str) -> bytes:
        """One byte per row: 1 if it contains all words of `text`."""
        words = text.lower().split()
        where = " AND ".join(["instr(words, ?)"] * len(words)) or "1"
        numbers = [number for (number,) in self._all(f"SELECT id FROM photo WHERE {where}", words)]
        found = np.zeros(len(self), np.uint8)
        found[numbers] = 1
        return found.tobytes()

    def _all(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._lock:
            if self._is_closed:
                raise LookupError("these rows are closed: look again")
            return self._db.execute(sql, tuple(values)).fetchall()
