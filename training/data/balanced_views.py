"""Augmented views of photos that are drawn by weight, some mixed with others of their country."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset

from geotagger.images.decode import fit
from training.data.pixels import Item, augment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from geotagger.images.decode import InputSpec
    from training.data.example import Example
    from training.data.pixels import Augmentation


@dataclass(frozen=True, slots=True)
class DrawOptions:
    """How the photos of an epoch are drawn and shown."""

    per_epoch: int
    mix: float
    """Probability that a view is mixed with one of another photo of the country."""
    augmentation: Augmentation
    seed: int


class BalancedViews(Dataset[Item]):
    """(pixels uint8 [S, S, 3], row) of photos that are drawn with replacement.

    `set_epoch` draws the photos of an epoch. A view depends only on (seed, epoch, position), so a
    resumed run sees the same views as an uninterrupted one.
    """

    def __init__(
        self,
        picture: Callable[[int], Image.Image],
        examples: Sequence[Example],
        rows: NDArray[np.intp],
        weights: NDArray[np.float64],
        spec: InputSpec,
        options: DrawOptions,
    ) -> None:
        """Makes the dataset.

        Args:
            picture: Decodes the photo of a row.
            examples: The n photos.
            rows: The m photos that are drawn.
            weights: [m] how often each is drawn.
            spec: The input of the network.
            options: How photos are drawn.
        """
        self._picture, self._spec, self._options = picture, spec, options
        self._rows, self._share = rows, weights / weights.sum()
        self._source = np.array([example.source for example in examples])
        self._country = np.array([example.country for example in examples])
        self._rows_of = {
            country: rows[self._country[rows] == country]
            for country in np.unique(self._country[rows]).tolist()
        }
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch
        random = np.random.default_rng([self._options.seed, epoch])
        self._drawn = random.choice(self._rows, self._options.per_epoch, p=self._share)

    def __len__(self) -> int:
        return len(self._drawn)

    def __getitem__(self, position: int) -> Item:
        row = int(self._drawn[position])
        random = np.random.default_rng([self._options.seed, self._epoch, position])
        view = self._view(row, random)
        if random.random() < self._options.mix:
            view = mix_views(view, self._view(self._partner(row, random), random), random)
        return torch.from_numpy(view), row

    def _view(self, row: int, random: np.random.Generator) -> NDArray[np.uint8]:
        return fit(augment(self._picture(row), random, self._options.augmentation), self._spec)

    def _partner(self, row: int, random: np.random.Generator) -> int:
        """Returns a photo of the same country, from another source if there is one."""
        own = self._rows_of[str(self._country[row])]
        others = own[self._source[own] != self._source[row]]
        return int(random.choice(others if len(others) else own))


def mix_views(
    one: NDArray[np.uint8], other: NDArray[np.uint8], random: np.random.Generator
) -> NDArray[np.uint8]:
    """Mixes two views [S, S, 3]: blended (mixup, Zhang et al. 2018), or side by side.

    Side by side keeps the horizon of both, which boxes (CutMix, Yun et al. 2019) would cut.
    """
    if random.random() < 0.5:
        share = random.beta(0.5, 0.5)
        return (share * one + (1 - share) * other).astype(np.uint8)
    width = int(one.shape[1] * random.uniform(0.3, 0.7))
    mixed = one.copy()
    if random.random() < 0.5:
        mixed[:, :width] = other[:, :width]
    else:
        mixed[:, -width:] = other[:, -width:]
    return mixed
