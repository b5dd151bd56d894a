"""Labelled photos with their splits, read from one source or from one source for each split."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.errors import UsageError
from training.data.dataset import fill_place_names, read_photos, require_fields
from training.data.left_out import LeftOut
from training.data.pixels import data_hash
from training.data.splits import split_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from training.data.example import Example
    from training.data.splits import Splits

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class SplitDataset:
    """Labelled photos, and the rows of each split."""

    source: str
    """The source of the photos; only needed for a stream."""
    examples: list[Example]
    splits: Splits
    left_out: int = 0
    """The number of photos that could not be used."""
    exclude_rights: Sequence[str] = ()

    def of(self, split: str) -> list[Example]:
        """Returns the photos of a split, in the order of its rows."""
        return [self.examples[row] for row in self.splits[split]]

    def card(self) -> dict[str, Any]:
        """Describes the data for run.json."""
        return {
            "sha256": data_hash(self.examples),
            "photos": len(self.examples),
            "sources": len({example.source for example in self.examples}),
            "left_out": self.left_out,
            "excluded_rights": list(self.exclude_rights),
            **{split: len(rows) for split, rows in self.splits.items()},
        }


def read_split_dataset(
    sources: Mapping[str, str | None],
    images: Path | None = None,
    exclude_rights: Sequence[str] = (),
    required_fields: Sequence[str] = (),
) -> tuple[SplitDataset, list[LeftOut]]:
    """Reads the photos of all sources.

    A training source alone is split by source and place, unless it has a column split. Several
    sources are a split each. Every photo keeps the labels of its own row: images are found by
    name, never by position.

    Args:
        sources: Split (train, val, test) -> source; see training/data/dataset.py.
        images: The folder of the images; by default the folder of each table.
        exclude_rights: Rows with these rights are skipped.
        required_fields: Photos without these fields are left out.

    Returns:
        (the photos, one line for each photo that is left out).

    Raises:
        UsageError: No source is given, or one cannot be used.
    """
    given = {split: source for split in SPLITS if (source := sources.get(split))}
    if not given:
        raise UsageError("name the photos with --train-csv, --val-csv or --test-csv")
    examples, problems = _read_sources(given, images, exclude_rights)
    if required_fields:
        examples, incomplete = require_fields(examples, *required_fields)
        problems += incomplete
    if len(given) > 1 and any(example.path is None for example in examples):
        raise UsageError("photos of a stream must come from one source, with a column split")
    if len(given) == 1 and "train" not in given:
        splits = {split: np.empty(0, np.intp) for split in SPLITS}
        splits |= {next(iter(given)): np.arange(len(examples))}
    else:
        splits = split_rows(examples)
    source = next(iter(given.values()))
    return SplitDataset(source, examples, splits, len(problems), tuple(exclude_rights)), problems


def _read_sources(
    given: Mapping[str, str], images: Path | None, exclude_rights: Sequence[str]
) -> tuple[list[Example], list[LeftOut]]:
    """Reads the photos of every source; with several, each photo gets the split of its source."""
    examples, problems, seen = [], [], {}
    for split, source in given.items():
        found, broken = read_photos(source, images, exclude_rights)
        problems += broken
        for example in found:
            if example.file in seen:
                reason = f"is in {seen[example.file]} and in {split}"
                problems.append(LeftOut(example.file, reason))
                continue
            seen[example.file] = split
            examples.append(example if len(given) == 1 else replace(example, split=split))
    return fill_place_names(examples), problems
