"""Plots of the quality of a classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from geotagger.evaluation.calibration import reliability

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def draw_confusion(matrix: NDArray[np.int64], names: Sequence[str], file: Path) -> None:
    """Draws a confusion matrix, each row as shares of its true class.

    Args:
        matrix: [K, K] counts by (true class, predicted class).
        names: The K classes.
        file: The picture. It shows at most the 40 classes with most photos.
    """
    kept = np.sort(np.argsort(-matrix.sum(axis=1), kind="stable")[:40])
    shown = matrix[np.ix_(kept, kept)]
    shares = shown / np.maximum(matrix[kept].sum(axis=1, keepdims=True), 1)
    side = 3 + 0.28 * len(kept)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    labels = [names[i] for i in kept]
    axes.set_xticks(range(len(kept)), labels, rotation=90)
    axes.set_yticks(range(len(kept)), labels)
    axes.set_xlabel("prediction")
    axes.set_ylabel("truth")
    if len(kept) <= 15:
        for (row, column), count in np.ndenumerate(shown):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
    figure.colorbar(image, label="share of the photos of a class")
    figure.savefig(file, dpi=100)


def draw_reliability(
    confidence: NDArray[np.floating], right: NDArray[np.bool_], file: Path
) -> None:
    """Draws how often predictions of each confidence are right.

    Args:
        confidence: [n] in 0..1.
        right: [n].
        file: The picture.
    """
    bins = reliability(confidence, right.astype(float))
    means = [item.confidence for item in bins]
    shares_right = [item.right for item in bins]
    photos = np.array([item.photos for item in bins])
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.scatter(means, shares_right, s=10 + 300 * photos / photos.sum())
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share right")
    figure.savefig(file, dpi=100)
