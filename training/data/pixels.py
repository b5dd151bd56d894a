"""Examples as batches: pixels uint8 [B, S, S, 3] and their rows int64 [B].

Training code looks up the target of a photo by its row.

Validation and test see a photo exactly as the exported model will: through
`geotagger.images.decode.fit`, without randomness. Training may see augmented views: a crop, its
mirror image, changed light and colour. A view depends only on (seed, epoch, row), so a resumed run
sees the same views as an uninterrupted one.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch.utils.data import DataLoader, Dataset, IterableDataset

from geotagger.errors import UnreadableImageError, UsageError
from geotagger.images.decode import InputSpec, fit
from training.data.streams import read_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.example import Example

Item = tuple[torch.Tensor, int]
"""(pixels uint8 [S, S, 3] or cached values, row)."""

FIT_MODES = ("crop", "squash", "pad")
"""Ways to make a photo square; see geotagger.images.decode.InputSpec."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Limits of a random training view."""

    min_area: float = 0.35
    """A crop keeps at least this share of the picture."""
    aspect_jitter: float = 0.25
    """Natural logarithm of the largest change of the aspect ratio."""
    colour_jitter: float = 0.3
    """Largest change of brightness, contrast and saturation, each."""
    mirror: float = 0.5
    """Probability of a horizontal flip. Use 0 if writing or the side of the road matters."""
    gamma_jitter: float = 0.0
    """Natural logarithm of the largest change of gamma."""
    white_balance: float = 0.0
    """Standard deviation of the natural logarithm of the gain of each channel."""
    grey: float = 0.0
    """Probability of a picture without colours."""
    coarse: float = 0.0
    """Probability of a picture that was reduced to 0.4 to 0.9 of its size and enlarged again."""
    jpeg: float = 0.0
    """Probability of JPEG artefacts, of quality 25 to 90."""


def augment(
    image: Image.Image,
    random: np.random.Generator,
    limits: Augmentation = Augmentation(),
) -> Image.Image:
    """Returns a random view of a picture. Crops are upright, so that the horizon stays level."""
    area = random.uniform(limits.min_area, 1.0)
    aspect = np.exp(random.uniform(-limits.aspect_jitter, limits.aspect_jitter))
    width = max(1, min(image.width, round(image.width * np.sqrt(area) * aspect)))
    height = max(1, min(image.height, round(image.height * np.sqrt(area) / aspect)))
    left = int(random.integers(0, image.width - width + 1))
    top = int(random.integers(0, image.height - height + 1))
    image = image.crop((left, top, left + width, top + height))
    if limits.coarse and random.random() < limits.coarse:
        image = _reduced(image, random.uniform(0.4, 0.9))
    if limits.jpeg and random.random() < limits.jpeg:
        image = _compressed(image, int(random.integers(25, 91)))
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        factor = random.uniform(1 - limits.colour_jitter, 1 + limits.colour_jitter)
        image = enhancer(image).enhance(factor)
    if limits.gamma_jitter or limits.white_balance:
        gamma = np.exp(random.uniform(-limits.gamma_jitter, limits.gamma_jitter))
        gains = np.exp(random.normal(0, limits.white_balance, 3))
        image = _toned(image, gamma, gains)
    if limits.grey and random.random() < limits.grey:
        image = image.convert("L").convert("RGB")
    mirrored = random.random() < limits.mirror
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else image


def _reduced(image: Image.Image, share: float) -> Image.Image:
    """Loses detail: reduces both sides to a share, and enlarges them again."""
    size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    bilinear = Image.Resampling.BILINEAR
    return image.resize(size, bilinear).resize(image.size, bilinear)


def _compressed(image: Image.Image, quality: int) -> Image.Image:
    """Compresses as JPEG and decodes again."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def _toned(image: Image.Image, gamma: float, gains: NDArray[np.float64]) -> Image.Image:
    """Changes gamma, and multiplies each channel by its gain."""
    tones = 255 * (np.arange(256) / 255) ** gamma
    table = np.clip(np.rint(tones * gains[:, None]), 0, 255).astype(int)
    return image.point(table.ravel().tolist())


class PhotoDataset(Dataset[Item]):
    """The rows `rows` of `examples` as (pixels uint8 [S, S, 3], row).

    Without `augmentation` every photo is shown unchanged; with it `set_epoch` changes the views.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        rows: NDArray[np.intp],
        spec: InputSpec,
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self.examples, self.rows, self.spec = examples, rows, spec
        self._augmentation, self._seed, self._epoch = augmentation, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> Item:
        row = int(self.rows[position])
        random = np.random.default_rng([self._seed, self._epoch, row])
        return _pixels(self.examples[row], self.spec, self._augmentation, random), row


class PhotoStreamDataset(IterableDataset[Item]):
    """The photos of a stream, in the form of `PhotoDataset`.

    `examples` is the index of the stream (training/data/streams.py). A worker reads every n-th
    shard. Photos outside `rows` are skipped.
    """

    def __init__(
        self,
        source: str,
        examples: Sequence[Example],
        rows: NDArray[np.intp],
        spec: InputSpec,
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self._source, self._spec, self._augmentation = source, spec, augmentation
        self._seed, self._epoch = seed, 0
        self._row = {examples[row].file: int(row) for row in rows}

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._row)

    def __iter__(self) -> Iterator[Item]:
        for example in read_stream(self._source, shuffle_seed=[self._seed, self._epoch]):
            row = self._row.get(example.file)
            if row is not None:
                random = np.random.default_rng([self._seed, self._epoch, row])
                yield _pixels(example, self._spec, self._augmentation, random), row


def photo_dataset(
    source: str,
    examples: Sequence[Example],
    rows: NDArray[np.intp],
    spec: InputSpec,
    augmentation: Augmentation | None = None,
    seed: int = 0,
) -> PhotoDataset | PhotoStreamDataset:
    """Returns the dataset of a folder, or of a stream if the examples have no path."""
    if examples[0].path is None:
        return PhotoStreamDataset(source, examples, rows, spec, augmentation, seed)
    return PhotoDataset(examples, rows, spec, augmentation, seed)


def _pixels(
    example: Example,
    spec: InputSpec,
    augmentation: Augmentation | None,
    random: np.random.Generator,
) -> torch.Tensor:
    """Returns uint8 [S, S, 3]. Raises UsageError if the photo cannot be read."""
    try:
        image = example.picture(spec.size_px)
    except (OSError, UnreadableImageError) as error:
        raise UsageError(
            f"{example.file}: {error}; run python -m training.data on the photos"
        ) from error
    if augmentation:
        image = augment(image, random, augmentation)
    return torch.from_numpy(fit(image, spec))


class CachedViewDataset(Dataset[Item]):
    """Cached outputs of a frozen network as (values, row); see `cache_views`.

    `set_epoch` changes which view of a photo is used.
    """

    def __init__(self, values: NDArray[np.float16], rows: NDArray[np.intp], seed: int = 0) -> None:
        self._values, self.rows, self._seed, self._epoch = values, rows, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> Item:
        row = int(self.rows[position])
        random = np.random.default_rng([self._seed, self._epoch, row])
        view = int(random.integers(len(self._values)))
        return torch.from_numpy(self._values[view, row].astype(np.float32)), row


def cache_views(
    frozen: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    key: str,
    examples: Sequence[Example],
    spec: InputSpec,
    views: int,
    file: Path,
    augmentation: Augmentation | None = None,
    seed: int = 0,
    source: str = "",
) -> NDArray[np.float16]:
    """Computes the output of a frozen network for several views of every example, once.

    View 0 is the unchanged photo, the others are augmented. This pays if the frozen part is
    expensive and the trained part is cheap. An existing cache with the same `key`, examples, spec
    and views is reused.

    Args:
        frozen: Maps pixels [B, S, S, 3] to values [B, ...]. On a CPU best an ONNX graph
            (training.models.onnx_graph.run_by_onnx).
        key: Identifies the weights of `frozen`.
        examples: The n photos.
        spec: The input of the network.
        views: The number of views of each photo.
        file: The cache (.npy); a .key file is written next to it.
        augmentation: Limits of the views above 0.
        seed: Seed of the views.
        source: The stream that the examples come from, if any.

    Returns:
        float16 [views, n, ...], memory-mapped.
    """
    full_key = json.dumps([key, repr(spec), repr(augmentation), views, seed, data_hash(examples)])
    key_file = file.with_suffix(".key")
    if file.exists() and key_file.exists() and key_file.read_text() == full_key:
        return np.load(file, mmap_mode="r")
    rows = np.arange(len(examples))
    cache = None
    for view in range(views):
        photos = photo_dataset(source, examples, rows, spec, augmentation if view else None, seed)
        photos.set_epoch(view)
        for pixels, batch_rows in DataLoader(photos, batch_size=32):
            values = frozen(pixels.numpy())
            if cache is None:
                shape = (views, len(examples), *values.shape[1:])
                cache = np.lib.format.open_memmap(file, "w+", np.float16, shape)
            cache[view, batch_rows.numpy()] = values
    assert cache is not None
    cache.flush()
    key_file.write_text(full_key)
    return cache


def data_hash(examples: Sequence[Example]) -> str:
    """Returns the SHA-256 over the labels and the fingerprint of every photo."""
    digest = hashlib.sha256()
    for e in examples:
        known: list[Any] = [e.file, e.lat, e.lon, e.country, e.region, e.city, e.label, e.source]
        digest.update(json.dumps([*known, e.split, e.fingerprint]).encode())
    return digest.hexdigest()
