"""From one report to others: sorted, grouped, in other formats."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from geotagger.errors import UsageError
from geotagger.reports.formats.registry import check_distinct, open_report
from geotagger.reports.formats.text_rows import PARTIAL, ReportStyle, ReportWriter
from geotagger.reports.query.groups import Group, Row
from geotagger.reports.query.where import as_number, folded
from geotagger.reports.schema import BY_NAME

GROUP = "group"
"""The column that tells to which group a row belongs."""


def in_order(rows: Iterable[Row], keys: Sequence[str], columns: Collection[str]) -> list[Row]:
    """The rows by each key in turn; `-NAME` is from high to low. Empty cells come last.

    Rows that are equal stay in their order. Raises UsageError: there is no such column.
    """
    for key in keys:
        if key.removeprefix("-") not in columns:
            raise UsageError(f"--sort {key}: there are the columns {', '.join(columns)}")
    ordered = list(rows)
    for key in reversed(keys):
        name = key.removeprefix("-")
        told = [row for row in ordered if row.get(name) not in ("", None, [])]
        empty = [row for row in ordered if row.get(name) in ("", None, [])]
        if _of_numbers(name, told):
            told.sort(key=lambda row: as_number(row[name]) or 0.0, reverse=key != name)
        else:
            told.sort(key=lambda row: folded(str(row[name])), reverse=key != name)
        ordered = told + empty
    return ordered


def _of_numbers(name: str, rows: Iterable[Row]) -> bool:
    """Columns of others are numbers where all cells look like some."""
    if name in BY_NAME:
        return BY_NAME[name].kind == "number"
    return all(as_number(row[name]) is not None for row in rows)


def with_groups(groups: Iterable[Group]) -> Iterator[Row]:
    """All rows, group by group, each with the name of its group."""
    for group in groups:
        for row in group.rows:
            yield {**row, GROUP: " / ".join(group.names)}


def check_targets(source: Path, targets: Sequence[Path]) -> None:
    """Raises UsageError when a target is what is read, or is named twice."""
    for target in targets:
        for written in (target, target.with_name(target.name + PARTIAL)):
            if written.exists() and written.samefile(source):
                raise UsageError(f"{target}: would overwrite {source}: give it another name")
    check_distinct(targets)


def write_rows(rows: Iterable[Row], targets: Sequence[Path], look: ReportStyle) -> int:
    """Write rows into every target; how many there were. Without any, nothing is written.

    Raises as `open_report` and RowFile do; earlier reports then stay as they were.
    """
    count = 0
    with ExitStack() as stack:
        reports = [stack.enter_context(_opened(target, look)) for target in targets]
        for row in rows:
            for report in reports:
                report.add_row(row)
            count += 1
    return count


@contextmanager
def _opened(target: Path, look: ReportStyle) -> Iterator[ReportWriter]:
    report = open_report(target, look)
    try:
        yield report
    except BaseException:
        report.discard()
        raise
    report.close()
