"""Divides photos into training and held-out parts: by source and place, never by row."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from geotagger.errors import UsageError
from geotagger.geography.sphere import EARTH_RADIUS_KM, unit_vectors64
from training.data.example import UNKNOWN_SOURCE, positions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from training.data.example import Example

NEAR_DUPLICATE_BITS = 3
"""Near-duplicates differ in at most this many bits of their 64-bit hashes."""
SAME_SPOT_KM = 1.0
"""Photos within this distance show one spot (OpenStreetView-5M keeps its splits that far apart)."""
SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}

Splits = dict[str, "NDArray[np.intp]"]
"""train, val, test -> rows."""


def assign_folds(examples: Sequence[Example], count: int) -> NDArray[np.intp]:
    """Assigns every photo to the fold in which it is held out.

    Whole groups (see `independent_groups`) go into a fold, the largest first, each into the fold
    that is furthest below its size. The same photos always get the same folds.

    Returns:
        [n] the fold of each photo.

    Raises:
        UsageError: There are fewer groups than folds.
    """
    return _distribute(independent_groups(examples), [1 / count] * count)


def hold_out_sources(
    examples: Sequence[Example], groups: Mapping[str, Collection[str]]
) -> NDArray[np.str_]:
    """Names the group in which each photo is held out.

    Args:
        examples: The n photos.
        groups: Name of a group -> its sources.

    Returns:
        [n] the name; "" for photos that are not held out.

    Raises:
        UsageError: No photo is of these sources, all are, or a source is in two groups.
    """
    group_of: dict[str, str] = {}
    for name, sources in groups.items():
        for source in sources:
            if source in group_of:
                raise UsageError(f"hold_out: source {source} is in {group_of[source]} and {name}")
            group_of[source] = name
    named = np.array([group_of.get(example.source, "") for example in examples])
    held = np.count_nonzero(named)
    if held in (0, len(named)):
        raise UsageError(
            f"hold_out: {held} of {len(named)} photos are of its sources; name other sources, or "
            "set it to {} to hold out every source in turn"
        )
    return named


def split_rows(examples: Sequence[Example], shares: Mapping[str, float] = SHARES) -> Splits:
    """Divides photos into train, val and test.

    The split of the data set is used if it has one; its training photos are divided into train and
    val if it has no val part. Otherwise whole groups are divided by `shares`. From each split the
    photos are removed that show the same spot or nearly the same picture as one of a later split.

    Raises:
        UsageError: There are too few independent groups, or a split has an unknown name.
    """
    given = np.array([example.split.lower() for example in examples])
    if given.any():
        rows = _given_splits(examples, given, shares)
    else:
        part = _distribute(independent_groups(examples), list(shares.values()))
        rows = {name: np.flatnonzero(part == i) for i, name in enumerate(shares)}
    names = list(rows)
    for number, name in enumerate(names[:-1]):
        later = np.concatenate([rows[other] for other in names[number + 1 :]])
        rows[name] = np.setdiff1d(rows[name], leaking_rows(examples, rows[name], later))
    return rows


def _given_splits(
    examples: Sequence[Example], given: NDArray[np.str_], shares: Mapping[str, float]
) -> Splits:
    given = np.where(given == "validation", "val", given)
    unknown = set(given.tolist()) - {"train", "val", "test"}
    if unknown:
        raise UsageError(f"column split: {', '.join(sorted(unknown))} is not train, val or test")
    rows = {name: np.flatnonzero(given == name) for name in ("train", "val", "test")}
    if not len(rows["val"]) and len(rows["train"]):
        own = [examples[row] for row in rows["train"]]
        part = _distribute(independent_groups(own), [1 - shares["val"], shares["val"]])
        rows["train"], rows["val"] = rows["train"][part == 0], rows["train"][part == 1]
    return rows


def independent_groups(examples: Sequence[Example]) -> NDArray[np.intp]:
    """Groups photos that must stay in one split.

    Photos of one source share a photographer or a web site. Photos without a source within
    SAME_SPOT_KM share a spot. A near-duplicate joins the two sources.

    Returns:
        [n] the number of each photo's group. Groups are numbered in the order of their names.
    """
    first_of_source: dict[str, int] = {}
    joined = [
        (first_of_source.setdefault(example.source, row), row)
        for row, example in enumerate(examples)
        if example.source != UNKNOWN_SOURCE
    ]
    alone = np.array([example.source == UNKNOWN_SOURCE for example in examples], bool)
    joined += _near_pairs(examples, np.flatnonzero(alone & _is_exact(examples)))
    joined += _near_duplicate_pairs(examples)
    component = _components(len(examples), joined)
    names: dict[int, str] = {}
    for number, example in zip(component.tolist(), examples, strict=True):
        own = example.file if example.source == UNKNOWN_SOURCE else example.source
        names[number] = min(names.get(number, own), own)
    order = {number: i for i, number in enumerate(sorted(names, key=lambda n: (names[n], n)))}
    return np.array([order[number] for number in component.tolist()], np.intp)


def _components(count: int, pairs: Sequence[tuple[int, int]]) -> NDArray[np.intp]:
    """Returns [count] the connected component of each row, numbered by its first row."""
    edges = np.array(pairs, np.intp).reshape(-1, 2).T
    graph = coo_array((np.ones(edges.shape[1], bool), tuple(edges)), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    return labels


def leaking_rows(
    examples: Sequence[Example], train: NDArray[np.intp], held: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Finds the rows of `train` that show the spot or nearly the picture of a row of `held`.

    Spots are compared only for labels that are precise to the point.
    """
    is_compared = np.zeros(len(examples), bool)
    is_compared[train] = is_compared[held] = True
    spots = _near_pairs(examples, np.flatnonzero(is_compared & _is_exact(examples)))
    return np.union1d(
        _paired_rows(len(examples), train, held, spots), near_duplicate_rows(examples, train, held)
    )


def near_duplicate_rows(
    examples: Sequence[Example], train: NDArray[np.intp], held: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Finds the rows of `train` that show nearly the picture of a row of `held`."""
    return _paired_rows(len(examples), train, held, _near_duplicate_pairs(examples))


def _paired_rows(
    count: int,
    train: NDArray[np.intp],
    held: NDArray[np.intp],
    pairs: Iterable[tuple[int, int]],
) -> NDArray[np.intp]:
    """Returns the rows of `train` that are paired with a row of `held`."""
    is_train, is_held = np.zeros(count, bool), np.zeros(count, bool)
    is_train[train] = is_held[held] = True
    paired = {
        own
        for pair in pairs
        for own, other in (pair, pair[::-1])
        if is_train[own] and is_held[other]
    }
    return np.array(sorted(paired), np.intp)


def describe_leakage(examples: Sequence[Example], splits: Splits) -> list[str]:
    """Describes what splits share that they must not, one line each; empty if nothing."""
    lines = []
    names = [name for name, rows in splits.items() if len(rows)]
    for i, one in enumerate(names):
        for two in names[i + 1 :]:
            first, second = splits[one], splits[two]
            sources = [{examples[row].source for row in rows} for rows in (first, second)]
            common = sorted((sources[0] & sources[1]) - {UNKNOWN_SOURCE})
            if common:
                some = ", ".join(common[:5])
                lines.append(f"{one} and {two} share {len(common)} sources: {some}")
            shared = leaking_rows(examples, first, second)
            if len(shared):
                some = ", ".join(examples[row].file for row in shared[:5])
                lines.append(
                    f"{len(shared)} photos of {one} show the spot or the picture of one of "
                    f"{two}: {some}"
                )
    return lines


def _distribute(group: NDArray[np.intp], shares: Sequence[float]) -> NDArray[np.intp]:
    """Returns [n] the part of each photo; whole groups go into a part."""
    sizes = Counter(group.tolist())
    if len(sizes) < len(shares):
        raise UsageError(
            f"{len(sizes)} independent sources cannot fill {len(shares)} folds; ask for less"
        )
    missing = [share * len(group) for share in shares]
    part_of = {}
    for name, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        part_of[name] = missing.index(max(missing))
        missing[part_of[name]] -= size
    return np.array([part_of[name] for name in group.tolist()])


def _is_exact(examples: Sequence[Example]) -> NDArray[np.bool_]:
    return np.array([e.has_point and e.precision == "point" for e in examples], bool)


def _near_pairs(examples: Sequence[Example], rows: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """Yields pairs of `rows` within SAME_SPOT_KM of each other."""
    if len(rows) < 2:
        return
    lat, lon = positions([examples[row] for row in rows])
    tree = cKDTree(unit_vectors64(lat, lon))
    chord = 2 * np.sin(SAME_SPOT_KM / EARTH_RADIUS_KM / 2)
    for one, two in tree.query_pairs(chord, output_type="ndarray").tolist():
        yield int(rows[one]), int(rows[two])


def _near_duplicate_pairs(examples: Sequence[Example]) -> Iterator[tuple[int, int]]:
    """Yields pairs of near-duplicates.

    Hashes that differ in at most 3 bits agree in at least one of their four quarters. A
    fingerprint of 0 was not computed, or belongs to a blank picture, which resembles all others.
    """
    bits = np.array([example.fingerprint for example in examples], np.uint64)
    for shift in (0, 16, 32, 48):
        quarter = defaultdict(list)
        for row in np.flatnonzero(bits).tolist():
            quarter[int(bits[row]) >> shift & 0xFFFF].append(row)
        for rows in quarter.values():
            for index, one in enumerate(rows[:-1]):
                others = np.array(rows[index + 1 :])
                differing = np.bitwise_count(bits[others] ^ bits[one])
                for two in others[differing <= NEAR_DUPLICATE_BITS]:
                    yield one, int(two)
