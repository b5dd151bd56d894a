"""Converts a report: sorted, grouped, in other formats."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from geotagger.errors import UsageError
from geotagger.reports.formats.registry import check_distinct, open_report
from geotagger.reports.formats.writer import PARTIAL, ReportStyle, ReportWriter
from geotagger.reports.query.groups import Group, Row
from geotagger.reports.query.where import as_number, folded
from geotagger.reports.schema import BY_NAME

GROUP = "group"
"""The column with the group of a row."""


def sort_rows(rows: Iterable[Row], keys: Sequence[str], columns: Collection[str]) -> list[Row]:
    """The rows sorted by the keys, the first one first; `-NAME` sorts from high to low.

    Empty cells come last. Equal rows keep their order.

    Raises:
        UsageError: there is no such column.
    """
    for key in keys:
        if key.removeprefix("-") not in columns:
            raise UsageError(f"--sort {key}: the columns are {', '.join(columns)}")
    ordered = list(rows)
    for key in reversed(keys):
        name = key.removeprefix("-")
        filled = [row for row in ordered if row.get(name) not in ("", None, [])]
        empty = [row for row in ordered if row.get(name) in ("", None, [])]
        if _is_numeric(name, filled):
            filled.sort(key=lambda row: as_number(row[name]) or 0.0, reverse=key != name)
        else:
            filled.sort(key=lambda row: folded(str(row[name])), reverse=key != name)
        ordered = filled + empty
    return ordered


def _is_numeric(name: str, rows: Iterable[Row]) -> bool:
    """Whether all cells of a column are numbers, or look like numbers in an extra column."""
    if name in BY_NAME:
        return BY_NAME[name].kind == "number"
    return all(as_number(row[name]) is not None for row in rows)


def rows_by_group(groups: Iterable[Group]) -> Iterator[Row]:
    """All rows, group by group, each with the name of its group in `GROUP`."""
    for group in groups:
        for row in group.rows:
            yield {**row, GROUP: " / ".join(group.names)}


def check_targets(source: Path, targets: Sequence[Path]) -> None:
    """Raises UsageError if a target is the source, or is named twice."""
    for target in targets:
        for written in (target, target.with_name(target.name + PARTIAL)):
            if written.exists() and written.samefile(source):
                raise UsageError(f"{target}: would overwrite {source}: give it another name")
    check_distinct(targets)


def write_rows(rows: Iterable[Row], targets: Sequence[Path], style: ReportStyle) -> int:
    """Writes the rows to every target; without any row, nothing is written.

    Returns:
        The number of rows.

    Raises:
        UsageError, GeotaggerError: as `open_report` and `ReportWriter`. Earlier reports then stay
            as they were.
    """
    count = 0
    with ExitStack() as stack:
        reports = [stack.enter_context(_opened(target, style)) for target in targets]
        for row in rows:
            for report in reports:
                report.add_row(row)
            count += 1
    return count


@contextmanager
def _opened(target: Path, style: ReportStyle) -> Iterator[ReportWriter]:
    report = open_report(target, style)
    try:
        yield report
    except BaseException:
        report.discard()
        raise
    report.close()
