"""Photos of up to three tables, each of which is a split: --train-csv, --val-csv, --test-csv."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from geotagger.errors import UsageError
from training.data.dataset import named, read_photos
from training.data.splits import split_rows
from training.engine.experiment import DataSet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def table_options(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments of `read_tables`."""
    path = click.Path(path_type=Path)
    for option in (
        click.option("--exclude-rights", multiple=True, help="Leave out rows with these rights."),
        click.option("--image-dir", type=path, help="Where the images are. Default: by the table."),
        click.option("--test-csv", metavar="SOURCE"),
        click.option("--val-csv", metavar="SOURCE"),
        click.option("--train-csv", metavar="SOURCE"),
    ):
        command = option(command)
    return command


def read_tables(
    train_csv: str | None = None,
    val_csv: str | None = None,
    test_csv: str | None = None,
    image_dir: Path | None = None,
    exclude_rights: Sequence[str] = (),
) -> tuple[DataSet, list[str]]:
    """The photos of all tables, and what is wrong with those left out.

    A training table alone is split by source and place, unless it has a column split. Every photo
    keeps the caption of its own row: images are found by name, never by position.

    Raises:
        UsageError: no table is given, or one cannot be used.
    """
    given = {"train": train_csv, "val": val_csv, "test": test_csv}
    sources = {split: source for split, source in given.items() if source}
    if not sources:
        raise UsageError("name the photos with --train-csv, --val-csv or --test-csv")
    examples, problems, seen = [], [], {}
    for split, source in sources.items():
        found, broken = read_photos(source, image_dir, exclude_rights)
        problems += broken
        for example in found:
            if example.file in seen:
                problems.append(f"{example.file}: is in {seen[example.file]} and in {split}")
                continue
            seen[example.file] = split
            examples.append(example if len(sources) == 1 else replace(example, split=split))
    examples = named(examples)
    if len(sources) == 1 and not train_csv:
        splits = {split: np.empty(0, np.intp) for split in given}
        splits |= {next(iter(sources)): np.arange(len(examples))}
    else:
        splits = split_rows(examples)
    if any(example.path is None for example in examples) and len(sources) > 1:
        raise UsageError("photos of a stream must come from one source, with a column split")
    source = next(iter(sources.values()))
    return DataSet(source, examples, splits, len(problems), tuple(exclude_rights)), problems
