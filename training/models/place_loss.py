"""The loss of logits over cells: at the cell, at its country and at its continent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import log_softmax

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from training.targets.cells import Cells, PlaceTargets


class PlaceLoss:
    """Cross-entropies of n photos over C cells, their countries and their continents.

    The probability of a country is the sum over its cells. A photo that is known only to its
    country says nothing of the cell: its loss is that of the country alone (a partial label, Cour
    et al. 2011).
    """

    def __init__(
        self,
        targets: PlaceTargets,
        cells: Cells,
        continent_of: Mapping[str, str],
        country: float,
        continent: float,
        smoothing: float = 0.0,
    ) -> None:
        """Makes the loss.

        Args:
            targets: Of the n photos.
            cells: The C cells.
            continent_of: Country code -> continent.
            country: The weight of the country next to the cell, where the cell is known.
            continent: The weight of the continent.
            smoothing: The share of the targets of countries and continents that is spread over all
                of them.
        """
        continents = np.array([continent_of[code] for code in cells.country.tolist()])
        self._cells = torch.from_numpy(targets.cells)
        self._is_located = torch.from_numpy(targets.is_located)
        self._levels = [_membership(names) for names in (cells.country, continents)]
        self._targets = [
            (1 - smoothing) * own + smoothing * own.sum(dim=1, keepdim=True) / own.shape[1]
            for own in (self._cells @ membership for membership in self._levels)
        ]
        self._country, self._continent = country, continent

    def __call__(self, logits: torch.Tensor, rows: torch.Tensor | slice) -> torch.Tensor:
        """Maps the logits [B, C] of some photos, by their rows on the CPU, to their losses [B]."""
        logs = log_softmax(logits, dim=1)
        probability, device = logs.exp(), logits.device
        country, continent = (
            -(target[rows].to(device) * (probability @ membership.to(device) + 1e-9).log()).sum(1)
            for target, membership in zip(self._targets, self._levels, strict=True)
        )
        cell = -(self._cells[rows].to(device) * logs).sum(dim=1) + self._country * country
        is_located = self._is_located[rows].to(device)
        return torch.where(is_located, cell, country) + self._continent * continent


def _membership(names: NDArray[np.str_]) -> torch.Tensor:
    """Returns [len(names), distinct names]: 1 where the name is the distinct one."""
    return torch.from_numpy((names[:, None] == np.unique(names)).astype(np.float32))
