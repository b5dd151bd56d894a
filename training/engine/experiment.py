"""How training scripts begin: what they are asked alike, and the photos with their splits."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import torch

from geotagger.errors import UsageError
from training.data.dataset import named, need, read_photos
from training.data.pixels import data_hash
from training.data.splits import leakage, split_rows
from training.engine.recipe import read_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from training.data.dataset import Example
    from training.data.splits import Splits

T = TypeVar("T")


def recipe_options(command: Callable[..., None]) -> Callable[..., None]:
    """What sets the options of a run."""
    for option in (
        click.option("--threads", default=0, help="Of the CPU; 0 for all."),
        click.option(
            "--set", "changes", multiple=True, metavar="OPTION=VALUE", help="Change one option."
        ),
        click.option(
            "--recipe",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="Options of the run as JSON: see training/recipes.",
        ),
    ):
        command = option(command)
    return command


def run_options(command: Callable[..., None]) -> Callable[..., None]:
    """SOURCE, RUN and what every script takes: the arguments of `begin`."""
    for option in (
        click.option("--exclude-rights", multiple=True, help="Leave out rows with these rights."),
        recipe_options,
        click.option(
            "--images",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            help="Where the images are.  [default: by the table]",
        ),
        click.argument("run", type=click.Path(path_type=Path)),
        click.argument("source"),
    ):
        command = option(command)
    return command


@contextmanager
def usage_errors() -> Iterator[None]:
    """What a user can mend is told in a line, without a trace."""
    try:
        yield
    except UsageError as error:
        raise click.ClickException(str(error)) from error


def begin(
    kind: type[T],
    source: str,
    run: Path,
    images: Path | None,
    recipe: Path | None,
    changes: tuple[str, ...],
    exclude_rights: tuple[str, ...],
    threads: int,
) -> tuple[Setting, T]:
    """Of the command line: what is trained on and where, and the options, a dataclass `kind`.

    Raises:
        UsageError: the recipe or a change cannot be used.
    """
    options = read_recipe(kind, recipe, changes)
    if threads:
        torch.set_num_threads(threads)
    return Setting(source, run, images, exclude_rights), options


@dataclass(frozen=True, slots=True)
class Setting:
    source: str
    """Of training/data/dataset.py."""
    run: Path
    """The folder that is written."""
    images: Path | None = None
    exclude_rights: tuple[str, ...] = ()

    def start(self, seed: int, *needed: str) -> DataSet:
        """Makes the folder, and reads the photos that know the parts `needed` ("lat", say).

        What is left out, and what the splits share that they must not, is told.

        Raises:
            UsageError: the photos cannot be used.
        """
        torch.manual_seed(seed)
        self.run.mkdir(parents=True, exist_ok=True)
        examples, problems = read_photos(self.source, self.images, self.exclude_rights)
        examples = named(examples)
        if needed:
            examples, lacking = need(examples, *needed)
            problems += lacking
        tell_left_out(problems)
        splits = split_rows(examples)
        tell_leakage(examples, splits)
        return DataSet(self.source, examples, splits, len(problems), self.exclude_rights)


@dataclass(frozen=True, slots=True)
class DataSet:
    """Photos, and which of them are trained on."""

    source: str
    """Of a stream; else it is not needed."""
    examples: list[Example]
    splits: Splits
    left_out: int = 0
    exclude_rights: Sequence[str] = ()

    def of(self, split: str) -> list[Example]:
        return [self.examples[row] for row in self.splits[split]]

    def card(self) -> dict[str, Any]:
        """What run.json says of it."""
        return {
            "sha256": data_hash(self.examples),
            "photos": len(self.examples),
            "sources": len({example.source for example in self.examples}),
            "left_out": self.left_out,
            "excluded_rights": list(self.exclude_rights),
            **{split: len(rows) for split, rows in self.splits.items()},
        }


def tell_left_out(problems: Sequence[str]) -> None:
    for problem in problems:
        click.echo(f"left out: {problem}", err=True)


def tell_trained(network: torch.nn.Module) -> int:
    """How many of its numbers are trained."""
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    total = sum(p.numel() for p in network.parameters())
    click.echo(f"{trained:,} of {total:,} numbers are trained")
    return trained


def tell_leakage(examples: Sequence[Example], splits: Splits) -> None:
    for line in leakage(examples, splits):
        click.echo(f"leakage: {line}", err=True)
