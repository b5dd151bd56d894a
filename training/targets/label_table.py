"""The label table of a classifier: its priors, and its file (docs/reference/bundle.md)."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from geotagger.vision.bundle.label_tables import LABEL_COLUMNS, Label

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def tempered(labels: Sequence[Label], temperature: float) -> tuple[Label, ...]:
    """Applies a temperature to the priors: softmax(ln prior / T), as logits / T contain them.

    The evidence is then (logits - ln prior) / T up to a constant, so that a temperature above 1
    weakens it without favouring rare classes.
    """
    logs = np.array([label.log_prior for label in labels]) / temperature
    logs -= logs.max() + np.log(np.exp(logs - logs.max()).sum())
    pairs = zip(labels, logs.tolist(), strict=True)
    return tuple(replace(label, log_prior=round(min(value, 0.0), 6)) for label, value in pairs)


def write_labels(file: Path, labels: Sequence[Label]) -> None:
    """Writes the label table of a bundle's classify head (docs/reference/bundle.md)."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(LABEL_COLUMNS)
        for label in labels:
            values = [getattr(label, column) for column in LABEL_COLUMNS]
            writer.writerow(["" if value != value else value for value in values])


def read_label_table(file: Path) -> tuple[Label, ...]:
    """Reads what `write_labels` wrote, including tables of attributes."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    numbers = ("lat", "lon", "log_prior")
    return tuple(
        Label(**{k: float(v or "nan") if k in numbers else v for k, v in row.items()})
        for row in rows
    )
