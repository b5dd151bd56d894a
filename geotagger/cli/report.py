"""`geotagger report`: convert a report, or print a part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from geotagger.reports.schema import Cell

OUTPUT_FLAGS: Sequence[Callable[..., Any]] = (
    click.option(
        "--thumbnails/--no-thumbnails",
        default=True,
        show_default=True,
        help="Small pictures of the photos in .html and .kmz reports, links to them in .kml.",
    ),
    click.option("--circles", is_flag=True, help="Add the 90 % radius as a polygon to .geojson."),
    click.option(
        "--csv-bom", is_flag=True, help="Begin .csv with a byte order mark, for Excel on Windows."
    ),
)


def output_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags for the content of reports."""
    for flag in reversed(OUTPUT_FLAGS):
        command = flag(command)
    return command


def _names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (value or "").split(",") if name.strip())


@click.command()
@click.argument("source", metavar="FROM", type=click.Path(path_type=Path, dir_okay=False))
@click.argument(
    "targets", nargs=-1, metavar="[TO]...", type=click.Path(path_type=Path, dir_okay=False)
)
@click.option(
    "--where",
    metavar="CONDITION",
    help="Only rows with this condition: 'country=UA and confidence>0.6'."
    " Operators: = != < <= > >= ~ (contains), and, or, not, ( ).",
)
@click.option(
    "--sort",
    callback=_names,
    metavar="LIST",
    help="Sort by these columns; -NAME from high to low: country,-confidence.",
)
@click.option(
    "--group",
    callback=_names,
    metavar="LIST",
    help="Group by place, day or any column: place,day. Without TO, print the groups.",
)
@output_flags
def report(
    source: Path,
    targets: tuple[Path, ...],
    where: str | None,
    sort: tuple[str, ...],
    group: tuple[str, ...],
    thumbnails: bool,
    circles: bool,
    csv_bom: bool,
) -> None:
    """Convert, filter, sort or group a report.

    FROM is a report in .csv, .jsonl, .geojson or .parquet. The suffix of each TO is its format:
    these, or .kml, .kmz or .html. Without TO, the rows or groups are printed.

    \b
    geotagger report photos.csv photos.html photos.kml
    geotagger report photos.csv --where 'status=unsure and evidence ~ sign'
    geotagger report photos.csv --group place,day
    geotagger report photos.csv sure.csv --where 'confidence >= 0.8' --sort country,-confidence
    """
    from geotagger.reports.formats.writer import ReportStyle
    from geotagger.reports.query import convert, groups
    from geotagger.reports.query.where import parse_where
    from geotagger.reports.read.rows import columns_of, read_rows

    columns = columns_of(source)
    convert.check_targets(source, targets)
    holds = parse_where(where, columns) if where is not None else None
    rows: Iterable[dict[str, Cell]] = read_rows(source)
    if holds:
        rows = filter(holds, rows)
    if sort:
        rows = convert.sort_rows(rows, sort, columns)
    if group:
        parts = groups.group(list(rows), group, columns)
        if not targets:
            _print_table(groups.table(parts, group), left=len(group))
            return
        rows = convert.rows_by_group(parts)
        columns = tuple(dict.fromkeys((*columns, convert.GROUP)))
    if targets:
        style = ReportStyle(
            columns, thumbnails=thumbnails, circles=circles, csv_bom=csv_bom, source=source
        )
        count = convert.write_rows(rows, targets, style)
        named = ", ".join(str(target) for target in targets)
        click.echo(f"{_rows(count)}: {named}" if count else "no rows, nothing written", err=True)
        return
    count = 0
    for row in rows:
        click.echo(_line(row))
        count += 1
    click.echo(_rows(count), err=True)


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _line(row: Mapping[str, Cell]) -> str:
    from geotagger.geography.distance_text import distance_text
    from geotagger.printable import printable
    from geotagger.reports.schema import place_text, position

    text = place_text(row) if position(row) else str(row["note"])
    sure = f"{row['confidence']:.2f}" if isinstance(row["confidence"], float) else ""
    near = ""
    if isinstance(radius_km := row["radius_km"], float):
        near = f"{radius_km:,.0f} km" if radius_km >= 1 else distance_text(radius_km)
    return printable(f"{row['status']:<9} {sure:>4} {near:>9}  {row['path']}: {text}")


def _print_table(lines: Iterable[Sequence[str]], left: int) -> None:
    """Prints a table; the first `left` columns are aligned to the left."""
    from geotagger.printable import printable

    table = [[printable(cell) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        cells = zip(line, widths, strict=True)
        aligned = (c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(cells))
        click.echo("  ".join(aligned).rstrip())
