"""Labelled photos outside a folder: webdataset shards and Hugging Face data sets.

`read_stream_index` reads the labels once, without keeping the photos; splits and classes are made
from it. `read_stream` then yields the photos, as often as needed. The labels of a sample are the
columns of a table (training/data/columns.py): in shards its .json, in a data set its features.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.errors import UsageError
from geotagger.images.scan import IMAGE_SUFFIXES
from training.data.columns import example_from_row, match_columns
from training.data.example import Example
from training.data.fingerprints import check_images
from training.data.left_out import LeftOut

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

SHUFFLE_SAMPLES = 1000
"""Samples that are shuffled in memory while shards are read."""

HUGGING_FACE = "hf:"


def is_stream(source: str) -> bool:
    """Whether the source is a stream, not a table or a folder."""
    return source.startswith(HUGGING_FACE) or source.endswith((".tar", ".tar.gz", ".tgz"))


def read_stream_index(
    source: str, exclude_rights: Collection[str] = ()
) -> tuple[list[Example], list[LeftOut]]:
    """Reads the labels of every photo of the stream.

    Returns:
        (examples without their bytes, the photos that are left out).

    Raises:
        UsageError: The stream does not exist, or lacks a column.
    """
    examples, problems, seen = [], [], set()
    for sample in _examples(source):
        if isinstance(sample, LeftOut):
            problems.append(sample)
        elif sample.rights in exclude_rights:
            continue
        elif sample.file in seen:
            problems.append(LeftOut(sample.file, "is listed twice"))
        else:
            seen.add(sample.file)
            readable, broken = check_images([sample])
            examples += [replace(example, data=None) for example in readable]
            problems += broken
    return examples, problems


def read_stream(source: str, shuffle_seed: Sequence[int] | None = None) -> Iterator[Example]:
    """Yields the photos with their bytes, including those that the index left out as broken.

    Args:
        source: The stream.
        shuffle_seed: Shuffles the photos. Worker processes divide the shards among them.
    """
    seed = (
        None if shuffle_seed is None else int(np.random.default_rng(shuffle_seed).integers(2**31))
    )
    return (sample for sample in _examples(source, seed) if isinstance(sample, Example))


def _examples(source: str, seed: int | None = None) -> Iterator[Example | LeftOut]:
    """Yields an example, or why a sample is left out."""
    matched = None
    samples = _hugging_face_rows if source.startswith(HUGGING_FACE) else _shard_samples
    for key, row, data in samples(source, seed):
        if matched is None:
            matched = match_columns([*row, "__key__"], source, named_by_row=False)
        try:
            if data is None:
                raise ValueError("has no image")
            yield example_from_row(row, matched, key, data=data)
        except (ValueError, TypeError) as error:
            yield LeftOut(key, str(error))


Sample = tuple[str, dict[str, Any], "bytes | None"]
"""(key, labels, bytes of the image)."""


def _shard_samples(source: str, seed: int | None) -> Iterator[Sample]:
    import webdataset

    shards = webdataset.shardlists.expand_urls(source)
    absent = [shard for shard in shards if "://" not in shard and not Path(shard).is_file()]
    if absent or not shards:
        raise UsageError(f"{(absent or [source])[0]}: no such shard; name existing shards")
    samples = webdataset.WebDataset(
        shards,
        shardshuffle=len(shards) if seed is not None else False,
        nodesplitter=iter,  # the training loop divides batches among processes itself
        workersplitter=webdataset.split_by_worker,
        seed=seed,
        empty_check=False,
    )
    if seed is not None:
        samples = samples.shuffle(SHUFFLE_SAMPLES, seed=seed)
    for sample in samples:
        images = [v for k, v in sample.items() if f".{k.split('.')[-1].lower()}" in IMAGE_SUFFIXES]
        row = json.loads(sample.get("json") or b"{}")
        yield sample["__key__"], row, images[0] if images else None


def _hugging_face_rows(source: str, seed: int | None) -> Iterator[Sample]:
    import datasets

    for split, part in _hugging_face_splits(source.removeprefix(HUGGING_FACE)).items():
        image = next(
            (k for k, kind in part.features.items() if isinstance(kind, datasets.Image)), ""
        )
        if not image:
            raise UsageError(f"{source}: has no column of images; add one")
        part = part.cast_column(image, datasets.Image(decode=False))
        if seed is not None:
            part = part.shuffle(seed=seed)
        for number, row in enumerate(part):
            held = row.pop(image)
            row.setdefault("split", split)
            key = str(row.get("id") or row.get("file") or held.get("path") or f"{split}/{number}")
            yield key, row, held.get("bytes") or _read_bytes(held.get("path"))


def _hugging_face_splits(name: str) -> dict[str, Any]:
    """Returns split -> iterable data set, of a saved data set, a folder of Parquet, or the hub."""
    import datasets

    local = Path(name)
    if (local / "dataset_info.json").is_file() or (local / "dataset_dict.json").is_file():
        saved = datasets.load_from_disk(name)
        parts = saved if isinstance(saved, dict) else {"": saved}
        return {
            split: part.to_iterable_dataset(num_shards=min(8, len(part)))
            for split, part in parts.items()
        }
    if local.is_dir():
        loaded = datasets.load_dataset("parquet", data_dir=name, streaming=True)
    else:
        loaded = datasets.load_dataset(name, streaming=True)
    return loaded if isinstance(loaded, dict) else {"": loaded}


def _read_bytes(path: str | None) -> bytes | None:
    return Path(path).read_bytes() if path else None
