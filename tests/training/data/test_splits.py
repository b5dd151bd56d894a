"""Splits by source and place; what they share is found."""

import numpy as np
import pytest

from geotagger.errors import UsageError
from training.data.dataset import UNKNOWN_SOURCE, Example
from training.data.splits import (
    assign_folds,
    describe_leakage,
    independent_groups,
    leaking_rows,
    split_rows,
)


def example(lat=0.0, lon=0.0, source="a", fingerprint=0, file="", precision="city", split=""):
    return Example(
        file or f"{source}.jpg",
        lat=lat, lon=lon, source=source, fingerprint=fingerprint, precision=precision, split=split,
    )  # fmt: skip


def random_bits(count):
    return [int(bits) for bits in np.random.default_rng(1).integers(1, 2**63, count)]


def test_no_source_and_no_near_duplicate_stands_on_both_sides_of_a_split():
    examples = [
        example(source=f"s{index % 9}", fingerprint=bits)
        for index, bits in enumerate(random_bits(90))
    ]
    twin = 0b1111 << 40
    examples += [example(source="s0", fingerprint=twin), example(source="s8", fingerprint=twin ^ 5)]
    fold = assign_folds(examples, 4)
    of_source = {}
    for one, number in zip(examples, fold, strict=True):
        of_source.setdefault(one.source, set()).add(int(number))
    assert all(len(numbers) == 1 for numbers in of_source.values())
    assert of_source["s0"] == of_source["s8"]
    assert set(fold.tolist()) == {0, 1, 2, 3}
    assert (assign_folds(examples, 4) == fold).all()


def test_more_folds_than_sources_is_an_error():
    with pytest.raises(UsageError, match="folds"):
        assign_folds([example(source="a"), example(source="b")], 3)


def test_twins_in_a_chain_link_all_their_sources():
    examples = [
        example(source="c", fingerprint=7 << 30),
        example(source="b", fingerprint=7 << 30 | 1),
        example(source="d", fingerprint=2**60 - 1),
        example(source="a", fingerprint=2**60 - 2),
        example(source="b", fingerprint=2**60 - 1),
        example(source="z", fingerprint=0xAAAAAAAA),
    ]
    fold = assign_folds(examples, 2)
    assert len({int(fold[i]) for i in range(5)}) == 1
    assert fold[5] != fold[0]


@pytest.mark.parametrize("bits", [0, 1, 2, 3, 4])
def test_twins_differ_in_three_bits_at_most_wherever_these_are(bits):
    base = random_bits(1)[0]
    other = base
    for position in [5, 20, 40, 60][:bits]:
        other ^= 1 << position
    one, two = independent_groups(
        [example(source="a", fingerprint=base), example(source="b", fingerprint=other)]
    )
    assert (one == two) == (bits <= 3)


def test_photos_without_a_source_are_split_by_place():
    spots = [(48.8584, 2.2945), (48.8590, 2.2950), (48.8606, 2.3376), (40.0, -75.0)]
    examples = [
        example(lat, lon, UNKNOWN_SOURCE, file=str(i), precision="point")
        for i, (lat, lon) in enumerate(spots)
    ]
    group = independent_groups(examples)
    assert group[0] == group[1]
    assert len(set(group.tolist())) == 3


def test_what_shows_a_held_out_spot_is_not_trained_on():
    sources = [example(10 * i, 0, f"s{i}", file=f"{i}", precision="point") for i in range(10)]
    examples = [
        *sources,
        *[example(10 * i, 0.001, "big", file=f"b{i}", precision="point") for i in range(5)],
    ]
    splits = split_rows(examples)
    assert set(splits) == {"train", "val", "test"}
    assert not describe_leakage(examples, splits)
    everywhere = np.concatenate(list(splits.values()))
    assert len(everywhere) == len(set(everywhere.tolist())) < 15  # some are in no split at all
    rough = [example(e.lat, e.lon, e.source, file=e.file) for e in examples]
    assert len(np.concatenate(list(split_rows(rough).values()))) == 15


def test_a_data_sets_own_split_is_kept_and_what_it_shares_is_said():
    names = ["train"] * 6 + ["test"] * 3
    examples = [
        example(3 * i, 0, f"s{i % 7}", bits, f"{i}", "point", split)
        for i, (bits, split) in enumerate(zip(random_bits(9), names, strict=True))
    ]
    splits = split_rows(examples)
    assert splits["test"].tolist() == [6, 7, 8]
    assert sorted([*splits["train"], *splits["val"]]) == list(range(6))
    assert len(splits["val"])
    found = describe_leakage(examples, splits)
    assert any("share" in line and "s0" in line for line in found)
    with pytest.raises(UsageError, match="holdout"):
        split_rows([*examples, example(split="holdout")])


def test_shared_rows_are_those_to_leave_out():
    bits = random_bits(3)
    examples = [
        example(0, 0, "a", bits[0], precision="point"),
        example(0, 0.005, "b", bits[1], precision="point"),
        example(50, 0, "c", bits[2]),
        example(60, 0, "d", bits[2]),
        example(50, 0, "e", 0),
    ]
    assert leaking_rows(examples, np.array([0, 2, 4]), np.array([1, 3])).tolist() == [0, 2]
