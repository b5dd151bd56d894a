"""The photos of a source as a model sees them: read each time, or what a frozen tower made of them
once and for all."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import DataLoader

from geotagger.errors import UsageError
from training.data.pixels import Augmentation, CachedViews, cache_views, dataset
from training.models.starter_network import run_by_onnx

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn
    from torch.utils.data import Dataset

    from geotagger.images.decode import InputSpec
    from training.engine.experiment import DataSet
    from training.engine.loop import LoopOptions
    from training.models.cnn import PlaceNetwork
    from training.models.towers import Tower


class FeatureExtractor:
    def __init__(
        self,
        data: DataSet,
        spec: InputSpec,
        alter: Augmentation,
        loop: LoopOptions | None = None,
    ) -> None:
        """`loop`: whose seed the altered views are of, and by how many processes they are read."""
        self._source, self._examples = data.source, data.examples
        self._spec, self._alter = spec, alter
        self._seed, self._workers = (loop.seed, loop.workers) if loop else (0, 0)
        self._views: NDArray[np.float16] | None = None

    def keep(self, tower: Tower | PlaceNetwork, views: int, file: Path, key: str = "") -> None:
        """From now on shows what `tower.frozen` makes of `views` views of each photo. They are
        worked out once and kept in `file`, for the very weights that the tower has: `key` says
        which these are, where the tower does not (`kept`)."""
        key = key or f"{type(tower).__name__} {tower.kept} {_digest(tower)}"
        graph = file.with_suffix(".onnx")
        self._views = cache_views(
            run_by_onnx(tower, "frozen", self._spec.size_px, graph, torch.get_num_threads()),
            key,
            self._examples,
            self._spec,
            views,
            file,
            self._alter,
            self._seed,
            self._source,
        )

    def dataset(self, rows: NDArray[np.intp], altered: bool) -> Dataset[tuple[torch.Tensor, int]]:
        """(inputs, row) for training when `altered`; else every photo as it is."""
        if self._views is not None:
            return CachedViews(self._views if altered else self._views[:1], rows, self._seed)
        alter = self._alter if altered else None
        return dataset(self._source, self._examples, rows, self._spec, alter, self._seed)

    @torch.no_grad()
    def run(
        self,
        model: nn.Module,
        function: Callable[[torch.Tensor], torch.Tensor | tuple[torch.Tensor, ...]],
        rows: NDArray[np.intp],
    ) -> tuple[NDArray[np.float32], ...]:
        """What `function` of `model` makes of photos as they are, in the order of `rows`.

        Raises:
            UsageError: there are none.
        """
        if not len(rows):
            raise UsageError(
                "a split has no photos: the sources are too few; add photos, or a column split"
            )
        model.eval()
        if torch.accelerator.is_available():
            model.to(f"{torch.accelerator.current_accelerator()}:{os.environ.get('LOCAL_RANK', 0)}")
        device = next(model.parameters()).device
        place = {int(row): position for position, row in enumerate(rows)}
        outputs: list[NDArray[np.float32]] = []
        for inputs, batch in DataLoader(
            self.dataset(rows, altered=False), 64, num_workers=self._workers
        ):
            found = function(inputs.to(device))
            found = found if isinstance(found, tuple) else (found,)
            outputs = outputs or [np.zeros((len(rows), *f.shape[1:]), np.float32) for f in found]
            at = [place[row] for row in batch.tolist()]
            for output, values in zip(outputs, found, strict=True):
                output[at] = values.float().cpu().numpy()
        return tuple(outputs)


def _digest(tower: Tower) -> str:
    digest = hashlib.sha256()
    for name, value in tower.state_dict().items():
        digest.update(name.encode() + value.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
