"""Labelled photos that do not lie in a folder: webdataset shards and Hugging Face data sets.

`index` reads the labels once, without keeping the photos; splits and classes are made from it.
`stream` then gives the photos themselves, again and again. A sample's labels are the columns of a
table (training/data/columns.py): in shards its .json, in a data set its features.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.errors import UsageError
from geotagger.images.scan import IMAGE_SUFFIXES
from training.data.columns import match_columns
from training.data.dataset import Example, example_of
from training.data.fingerprints import look_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

SHUFFLE_SHARDS = 1000
"""Samples that are mixed in memory while shards are read."""


def index(source: str, exclude_rights: Collection[str] = ()) -> tuple[list[Example], list[str]]:
    """Every photo of the stream without its bytes, and what is wrong with those left out.

    Raises:
        UsageError: there is no such stream, or a column lacks.
    """
    examples, problems, seen = [], [], set()
    for found in _examples(source):
        if isinstance(found, str):
            problems.append(found)
        elif found.rights in exclude_rights:
            continue
        elif found.file in seen:
            problems.append(f"{found.file}: is there twice")
        else:
            seen.add(found.file)
            good, broken = look_at([found])
            examples += [replace(example, data=None) for example in good]
            problems += broken
    return examples, problems


def stream(source: str, shuffle_seed: Sequence[int] | None = None) -> Iterator[Example]:
    """The photos with their bytes; those that `index` found wrong are among them.

    With `shuffle_seed` in another order. Worker processes share the shards among them.
    """
    seed = (
        None if shuffle_seed is None else int(np.random.default_rng(shuffle_seed).integers(2**31))
    )
    return (found for found in _examples(source, seed) if isinstance(found, Example))


def _examples(source: str, seed: int | None = None) -> Iterator[Example | str]:
    """An example, or what is wrong with one."""
    matched = None
    for key, row, data in (_rows if source.startswith("hf:") else _samples)(source, seed):
        if matched is None:
            matched = match_columns([*row, "__key__"], source, named_by_row=False)
        try:
            if data is None:
                raise ValueError("has no image")
            yield example_of(row, matched, key, data=data)
        except (ValueError, TypeError) as error:
            yield f"{key}: {error}"


Sample = tuple[str, dict[str, Any], "bytes | None"]


def _samples(source: str, seed: int | None) -> Iterator[Sample]:
    import webdataset

    shards = webdataset.shardlists.expand_urls(source)
    absent = [shard for shard in shards if "://" not in shard and not Path(shard).is_file()]
    if absent or not shards:
        raise UsageError(f"{(absent or [source])[0]}: there is no such shard; name those there are")
    samples = webdataset.WebDataset(
        shards,
        shardshuffle=len(shards) if seed is not None else False,
        nodesplitter=iter,  # the training loop shares batches out among processes itself
        workersplitter=webdataset.split_by_worker,
        seed=seed,
        empty_check=False,
    )
    if seed is not None:
        samples = samples.shuffle(SHUFFLE_SHARDS, seed=seed)
    for sample in samples:
        images = [v for k, v in sample.items() if f".{k.split('.')[-1].lower()}" in IMAGE_SUFFIXES]
        row = json.loads(sample.get("json") or b"{}")
        yield sample["__key__"], row, images[0] if images else None


def _rows(source: str, seed: int | None) -> Iterator[Sample]:
    import datasets

    name = source.removeprefix("hf:")
    local = Path(name)
    if (local / "dataset_info.json").is_file() or (local / "dataset_dict.json").is_file():
        found = datasets.load_from_disk(name)
        parts = found if isinstance(found, dict) else {"": found}
        found = {
            split: part.to_iterable_dataset(num_shards=min(8, len(part)))
            for split, part in parts.items()
        }
    elif local.is_dir():
        found = datasets.load_dataset("parquet", data_dir=name, streaming=True)
    else:
        found = datasets.load_dataset(name, streaming=True)
    parts = found if isinstance(found, dict) else {"": found}
    for split, part in parts.items():
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
            yield key, row, held.get("bytes") or _read(held.get("path"))


def _read(path: str | None) -> bytes | None:
    return Path(path).read_bytes() if path else None
