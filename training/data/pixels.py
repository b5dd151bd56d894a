"""Examples as batches of pixels uint8 [B, S, S, 3] and their rows int64 [B].

What is wanted of a photo, a system looks up by its row.

Validation and test see a photo exactly as the shipped model will: `geotagger.images.decode.fit`,
nothing
random. Training may see altered views: a crop, its mirror, light and colour. The view of a photo
depends on (seed, epoch, row) alone, so that a resumed run sees what an uninterrupted one would.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch.utils.data import DataLoader, Dataset, IterableDataset

from geotagger.errors import UnreadableImageError, UsageError
from geotagger.images.decode import InputSpec, fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.dataset import Example

Item = tuple[torch.Tensor, int]

FITS = ("crop", "squash", "pad")
"""Ways to make a photo square; see geotagger.images.decode.InputSpec."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far a training view may stray from the photo."""

    least_area: float = 0.35
    """A crop keeps this share of the picture or more."""
    stretch: float = 0.25
    """Natural logarithm of the largest change of the crop's proportions."""
    light: float = 0.3
    """Largest change of brightness, contrast and colour, each."""
    mirror: float = 0.5
    """How often left and right are swapped. 0 where writing or the side of the road counts."""


def altered(
    image: Image.Image,
    random: np.random.Generator,
    how: Augmentation = Augmentation(),
) -> Image.Image:
    """A random view of a picture."""
    area = random.uniform(how.least_area, 1.0)
    aspect = np.exp(random.uniform(-how.stretch, how.stretch))
    width = max(1, min(image.width, round(image.width * np.sqrt(area) * aspect)))
    height = max(1, min(image.height, round(image.height * np.sqrt(area) / aspect)))
    left = int(random.integers(0, image.width - width + 1))
    top = int(random.integers(0, image.height - height + 1))
    image = image.crop((left, top, left + width, top + height))
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = change(image).enhance(random.uniform(1 - how.light, 1 + how.light))
    mirrored = random.random() < how.mirror
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else image


class Photos(Dataset[Item]):
    """The rows `rows` of `examples` as (pixels uint8 [S, S, 3], row).

    `alter` None shows the photo as it is; else `set_epoch` changes the views.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        rows: NDArray[np.intp],
        spec: InputSpec,
        alter: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self.examples, self.rows, self.spec = examples, rows, spec
        self._alter, self._seed, self._epoch = alter, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> Item:
        row = int(self.rows[position])
        random = np.random.default_rng([self._seed, self._epoch, row])
        return _pixels(self.examples[row], self.spec, self._alter, random), row


class PhotoStream(IterableDataset[Item]):
    """Photos of a stream, as `Photos` gives them; its index (training/data/streams.py) made
    `examples`.

    A worker reads every n-th shard. Photos that are not among `rows` are passed over.
    """

    def __init__(
        self,
        source: str,
        examples: Sequence[Example],
        rows: NDArray[np.intp],
        spec: InputSpec,
        alter: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self._source, self._spec, self._alter, self._seed, self._epoch = (
            source,
            spec,
            alter,
            seed,
            0,
        )
        self._row = {examples[row].file: int(row) for row in rows}

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._row)

    def __iter__(self) -> Iterator[Item]:
        from training.data.streams import stream

        for example in stream(self._source, shuffle_seed=[self._seed, self._epoch]):
            row = self._row.get(example.file)
            if row is not None:
                random = np.random.default_rng([self._seed, self._epoch, row])
                yield _pixels(example, self._spec, self._alter, random), row


def dataset(
    source: str,
    examples: Sequence[Example],
    rows: NDArray[np.intp],
    spec: InputSpec,
    alter: Augmentation | None = None,
    seed: int = 0,
) -> Photos | PhotoStream:
    """The photos of a folder, or, where the examples came of a stream, of that stream."""
    if examples[0].path is None:
        return PhotoStream(source, examples, rows, spec, alter, seed)
    return Photos(examples, rows, spec, alter, seed)


def _pixels(
    example: Example, spec: InputSpec, alter: Augmentation | None, random: np.random.Generator
) -> torch.Tensor:
    try:
        image = example.picture(spec.size_px)
    except (OSError, UnreadableImageError) as error:
        raise UsageError(
            f"{example.file}: {error}; run training.data.dataset on the photos"
        ) from error
    if alter:
        image = altered(image, random, alter)
    return torch.from_numpy(fit(image, spec))


class CachedViews(Dataset[Item]):
    """What a frozen network made of views of each photo, as (values, row); see `cache_views`."""

    def __init__(self, values: NDArray[np.float16], rows: NDArray[np.intp], seed: int = 0) -> None:
        self._values, self.rows, self._seed, self._epoch = values, rows, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> Item:
        row = int(self.rows[position])
        views = len(self._values)
        view = int(np.random.default_rng([self._seed, self._epoch, row]).integers(views))
        return torch.from_numpy(self._values[view, row].astype(np.float32)), row


def cache_views(
    frozen: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    key: str,
    examples: Sequence[Example],
    spec: InputSpec,
    views: int,
    file: Path,
    alter: Augmentation | None = None,
    seed: int = 0,
    source: str = "",
) -> NDArray[np.float16]:
    """float16 [views, n, ...], memory-mapped: what `frozen` makes of each view of every example.

    `frozen` takes pixels [B, S, S, 3]: on a CPU best a graph
    (training.models.starter_network.run_by_onnx).
    View 0 is the photo as it is, the others are altered. Worth it where the frozen part costs most
    and the trained one little. A cache of the same `key` (which must tell the weights), examples,
    spec and views is used again.
    """
    whole_key = json.dumps([key, repr(spec), repr(alter), views, seed, data_hash(examples)])
    key_file = file.with_suffix(".key")
    if file.exists() and key_file.exists() and key_file.read_text() == whole_key:
        return np.load(file, mmap_mode="r")
    rows = np.arange(len(examples))
    cache = None
    for view in range(views):
        photos = dataset(source, examples, rows, spec, alter if view else None, seed)
        photos.set_epoch(view)
        for pixels, batch_rows in DataLoader(photos, batch_size=32):
            values = frozen(pixels.numpy())
            if cache is None:
                shape = (views, len(examples), *values.shape[1:])
                cache = np.lib.format.open_memmap(file, "w+", np.float16, shape)
            cache[view, batch_rows.numpy()] = values
    assert cache is not None
    cache.flush()
    key_file.write_text(whole_key)
    return cache


def data_hash(examples: Sequence[Example]) -> str:
    """SHA-256 over what is known of every photo, and its fingerprint."""
    digest = hashlib.sha256()
    for e in examples:
        known: list[Any] = [e.file, e.lat, e.lon, e.country, e.region, e.city, e.label, e.source]
        digest.update(json.dumps([*known, e.split, e.fingerprint]).encode())
    return digest.hexdigest()
