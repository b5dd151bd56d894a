"""Describes a data set: python -m training.data SOURCE

Prints its places, a map, the counts by class, how evenly the photos are spread over sources and
countries, and the broken photos. With --check the command fails
if the splits share a source, a spot or a near-duplicate picture. For the kinds of SOURCE see
training/data/dataset.py.
"""

from __future__ import annotations

from pathlib import Path

import click

from geotagger.errors import UsageError
from training.data.balance import describe_balance
from training.data.dataset import fill_place_names, read_photos
from training.data.splits import describe_leakage, split_rows
from training.data.summary import summary


@click.command(help=__doc__)
@click.argument("source")
@click.option("--images", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--exclude-rights", multiple=True, help="Leave out rows with these rights.")
@click.option("--check", is_flag=True, help="Fail if the splits share what they must not.")
def main(source: str, images: Path | None, exclude_rights: tuple[str, ...], check: bool) -> None:
    try:
        examples, problems = read_photos(source, images, exclude_rights)
        examples = fill_place_names(examples)
        click.echo(summary(examples, problems))
        click.echo(describe_balance(examples))
        splits = split_rows(examples)
    except UsageError as error:
        raise click.ClickException(str(error)) from error
    sizes = ", ".join(f"{name} {len(rows):,}" for name, rows in splits.items())
    is_given = any(example.split for example in examples)
    click.echo(f"splits {'of the data set' if is_given else 'by source and place'}: {sizes}")
    leaks = describe_leakage(examples, splits)
    click.echo("\n".join(leaks) or "no leakage between splits found")
    if check and leaks:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
