"""Which photos are trained on and which are held out: by source and place, never by row."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import UsageError
from geotagger.geography.sphere import EARTH_RADIUS_KM, unit_vectors64
from training.data.dataset import UNKNOWN, positions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from training.data.dataset import Example

TWIN_BITS = 3
"""Photos whose 64-bit hashes differ by no more are near-duplicates."""
APART_KM = 1.0
"""Photos of one spot lie no farther apart (OpenStreetView-5M keeps its splits that far apart)."""
SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}

Splits = dict[str, "NDArray[np.intp]"]


def assign_folds(examples: Sequence[Example], count: int) -> NDArray[np.intp]:
    """[n] the fold in which each photo is held out; groups (see `groups`) are held out as a whole.

    The largest groups are dealt first, each to the fold that lacks most, so that the same photos
    always give the same folds.

    Raises:
        UsageError: there are fewer groups than folds.
    """
    return _deal(groups(examples), [1 / count] * count)


def split_rows(examples: Sequence[Example], shares: Mapping[str, float] = SHARES) -> Splits:
    """Rows by split: as the data set says where it does, else whole groups dealt by `shares`.

    From each split are then left out the photos that show what one of a later split shows: the same
    spot, or nearly the same picture. Training photos of a data set's own split without a val part
    are dealt between train and val.

    Raises:
        UsageError: there are too few independent groups, or an unknown name of a split.
    """
    given = np.array([example.split.lower() for example in examples])
    if not given.any():
        part = _deal(groups(examples), list(shares.values()))
        rows = {name: np.flatnonzero(part == i) for i, name in enumerate(shares)}
    else:
        given = np.where(given == "validation", "val", given)
        unknown = set(given.tolist()) - {"train", "val", "test"}
        if unknown:
            raise UsageError(
                f"column split: {', '.join(sorted(unknown))} is not train, val or test"
            )
        rows = {name: np.flatnonzero(given == name) for name in ("train", "val", "test")}
        if not len(rows["val"]) and len(rows["train"]):
            own = [examples[row] for row in rows["train"]]
            part = _deal(groups(own), [1 - shares["val"], shares["val"]])
            rows["train"], rows["val"] = rows["train"][part == 0], rows["train"][part == 1]
    names = list(rows)
    for number, name in enumerate(names[:-1]):
        later = np.concatenate([rows[other] for other in names[number + 1 :]])
        rows[name] = np.setdiff1d(rows[name], shared_rows(examples, rows[name], later))
    return rows


def groups(examples: Sequence[Example]) -> NDArray[np.intp]:
    """[n] which photos belong together, as numbers of groups in the order of their names.

    Photos of one source share a photographer or a web site; photos without a source that lie within
    APART_KM share a spot; near-duplicates drag their sources with them.
    """
    first: dict[str, int] = {}
    joined = _Union(len(examples))
    for row, example in enumerate(examples):
        if example.source != UNKNOWN:
            joined.join(first.setdefault(example.source, row), row)
    alone = np.array([example.source == UNKNOWN for example in examples], bool)
    for one, two in _near_pairs(examples, np.flatnonzero(alone & _exact(examples))):
        joined.join(one, two)
    for one, two in _twins(examples):
        joined.join(one, two)
    roots = joined.roots()
    name: dict[int, str] = {}
    for root, example in zip(roots.tolist(), examples, strict=True):
        own = example.file if example.source == UNKNOWN else example.source
        name[root] = min(name.get(root, own), own)
    order = {root: number for number, root in enumerate(sorted(name, key=lambda r: (name[r], r)))}
    return np.array([order[root] for root in roots.tolist()], np.intp)


def shared_rows(
    examples: Sequence[Example], train: NDArray[np.intp], held: NDArray[np.intp]
) -> NDArray[np.intp]:
    """The rows of `train` that show the same spot as a photo of `held`, or nearly the same picture.

    Spots are told by labels that are precise to the point.
    """
    is_held = np.zeros(len(examples), bool)
    is_held[held] = True
    is_train = np.zeros(len(examples), bool)
    is_train[train] = True
    both = np.flatnonzero((is_held | is_train) & _exact(examples))
    found = set()
    for pairs in (_near_pairs(examples, both), _twins(examples)):
        for one, two in pairs:
            if is_train[one] and is_held[two]:
                found.add(one)
            elif is_train[two] and is_held[one]:
                found.add(two)
    return np.array(sorted(found), np.intp)


def leakage(examples: Sequence[Example], splits: Splits) -> list[str]:
    """What splits share that they must not, one line each; empty where all is well."""
    lines = []
    names = [name for name, rows in splits.items() if len(rows)]
    for i, one in enumerate(names):
        for two in names[i + 1 :]:
            first, second = splits[one], splits[two]
            sources = [{examples[row].source for row in rows} for rows in (first, second)]
            common = sorted((sources[0] & sources[1]) - {UNKNOWN})
            if common:
                some = ", ".join(common[:5])
                lines.append(f"{one} and {two} share {len(common)} sources: {some}")
            shared = shared_rows(examples, first, second)
            if len(shared):
                some = ", ".join(examples[row].file for row in shared[:5])
                lines.append(
                    f"{len(shared)} photos of {one} show the spot or the picture of one of "
                    f"{two}: {some}"
                )
    return lines


def _deal(group: NDArray[np.intp], shares: Sequence[float]) -> NDArray[np.intp]:
    sizes = Counter(group.tolist())
    if len(sizes) < len(shares):
        raise UsageError(
            f"{len(sizes)} independent sources cannot fill {len(shares)} folds; ask for less"
        )
    lacks = [share * len(group) for share in shares]
    part_of = {}
    for name, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        part_of[name] = lacks.index(max(lacks))
        lacks[part_of[name]] -= size
    return np.array([part_of[name] for name in group.tolist()])


def _exact(examples: Sequence[Example]) -> NDArray[np.bool_]:
    return np.array([e.has_point and e.precision == "point" for e in examples], bool)


def _near_pairs(examples: Sequence[Example], rows: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """Rows that lie within APART_KM of one another."""
    from scipy.spatial import cKDTree

    if len(rows) < 2:
        return
    lat, lon = positions([examples[row] for row in rows])
    tree = cKDTree(unit_vectors64(lat, lon))
    reach = 2 * np.sin(APART_KM / EARTH_RADIUS_KM / 2)
    for one, two in tree.query_pairs(reach, output_type="ndarray").tolist():
        yield int(rows[one]), int(rows[two])


def _twins(examples: Sequence[Example]) -> Iterator[tuple[int, int]]:
    """Near-duplicates. Hashes that differ in at most 3 bits share one of their four quarters.

    A fingerprint of 0 was not taken (or is a blank picture, which is like every other).
    """
    bits = np.array([example.fingerprint for example in examples], np.uint64)
    for shift in (0, 16, 32, 48):
        quarter = defaultdict(list)
        for row in np.flatnonzero(bits).tolist():
            quarter[int(bits[row]) >> shift & 0xFFFF].append(row)
        for rows in quarter.values():
            for index, one in enumerate(rows[:-1]):
                others = np.array(rows[index + 1 :])
                for two in others[np.bitwise_count(bits[others] ^ bits[one]) <= TWIN_BITS]:
                    yield one, int(two)


class _Union:
    """Sets of rows that are joined pair by pair (union-find)."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def _root(self, row: int) -> int:
        while self._parent[row] != row:
            self._parent[row] = self._parent[self._parent[row]]
            row = self._parent[row]
        return row

    def join(self, one: int, two: int) -> None:
        low, high = sorted((self._root(one), self._root(two)))
        self._parent[high] = low

    def roots(self) -> NDArray[np.intp]:
        return np.array([self._root(row) for row in range(len(self._parent))], np.intp)
