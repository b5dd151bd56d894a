"""The inputs of a model: decoded photos, or cached outputs of its frozen part."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader

from geotagger.errors import UsageError
from training.data.pixels import CachedViewDataset, cache_views, photo_dataset
from training.models.onnx_graph import run_by_onnx

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn
    from torch.utils.data import Dataset

    from geotagger.images.decode import InputSpec
    from training.data.pixels import Augmentation
    from training.data.split_dataset import SplitDataset
    from training.engine.loop_options import LoopOptions

BATCH_SIZE = 64


class FrozenPart(Protocol):
    """A network whose lower part is not trained."""

    def frozen(self, pixels: torch.Tensor) -> torch.Tensor:
        """Maps uint8 pixels [B, S, S, 3] to the output [B, ...] of the lower part."""


class FeatureExtractor:
    """Shows photos to a model, for training and for evaluation."""

    def __init__(
        self,
        data: SplitDataset,
        spec: InputSpec,
        augmentation: Augmentation,
        loop: LoopOptions | None = None,
    ) -> None:
        """Shows decoded photos until `cache_views` is called.

        Args:
            data: The photos.
            spec: The input of the model.
            augmentation: Limits of the training views.
            loop: Has the seed of the training views and the number of reading processes.
        """
        self._source, self._examples = data.source, data.examples
        self._spec, self._augmentation = spec, augmentation
        self._seed, self._workers = (loop.seed, loop.workers) if loop else (0, 0)
        self._views: NDArray[np.float16] | None = None

    def cache_views(self, frozen_part: FrozenPart, views: int, file: Path, key: str = "") -> None:
        """Caches the frozen output for several views of each photo, and shows it from now on.

        Args:
            frozen_part: The network.
            views: The number of views of each photo.
            file: The cache.
            key: Identifies the weights of the network; "" to hash a tower.
        """
        key = key or f"{type(frozen_part).__name__} {frozen_part.kept} {_digest(frozen_part)}"
        graph = file.with_suffix(".onnx")
        self._views = cache_views(
            run_by_onnx(frozen_part, "frozen", self._spec.size_px, graph, torch.get_num_threads()),
            key,
            self._examples,
            self._spec,
            views,
            file,
            self._augmentation,
            self._seed,
            self._source,
        )

    def dataset(self, rows: NDArray[np.intp], augmented: bool) -> Dataset[tuple[torch.Tensor, int]]:
        """Returns (input, row) for each of `rows`: training views, or the unchanged photos."""
        if self._views is not None:
            views = self._views if augmented else self._views[:1]
            return CachedViewDataset(views, rows, self._seed)
        augmentation = self._augmentation if augmented else None
        return photo_dataset(
            self._source, self._examples, rows, self._spec, augmentation, self._seed
        )

    @torch.no_grad()
    def run(
        self,
        model: nn.Module,
        function: Callable[[torch.Tensor], torch.Tensor | tuple[torch.Tensor, ...]],
        rows: NDArray[np.intp],
    ) -> tuple[NDArray[np.float32], ...]:
        """Runs a function of a model on unchanged photos.

        Args:
            model: The model; it is set to evaluation and moved to the accelerator.
            function: Maps inputs [B, ...] to one tensor [B, ...] or several.
            rows: The n photos.

        Returns:
            One array [n, ...] for each tensor, in the order of `rows`.

        Raises:
            UsageError: There are no photos.
        """
        if not len(rows):
            raise UsageError(
                "a split has no photos, because there are too few sources; add photos, or a "
                "column split"
            )
        model.eval()
        if torch.accelerator.is_available():
            model.to(f"{torch.accelerator.current_accelerator()}:{os.environ.get('LOCAL_RANK', 0)}")
        device = next(model.parameters()).device
        position_of = {int(row): position for position, row in enumerate(rows)}
        outputs: list[NDArray[np.float32]] = []
        photos = self.dataset(rows, augmented=False)
        for inputs, batch_rows in DataLoader(photos, BATCH_SIZE, num_workers=self._workers):
            values = function(inputs.to(device))
            values = values if isinstance(values, tuple) else (values,)
            outputs = outputs or [np.zeros((len(rows), *v.shape[1:]), np.float32) for v in values]
            at = [position_of[row] for row in batch_rows.tolist()]
            for output, value in zip(outputs, values, strict=True):
                output[at] = value.float().cpu().numpy()
        return tuple(outputs)


def _digest(tower: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in tower.state_dict().items():
        digest.update(name.encode() + value.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
