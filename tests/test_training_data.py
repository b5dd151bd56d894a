"""Photos with known place: read by name, split by source, clustered inside borders."""

import csv

import numpy as np
import pytest
from PIL import Image

from geotagger.errors import UsageError
from training.data import (
    Cells,
    Example,
    assign_folds,
    country_weights,
    make_cells,
    read_examples,
    soft_targets,
)


def example(lat=0.0, lon=0.0, country="DE", source="a", fingerprint=0, precision="city"):
    return Example(None, f"{source}.jpg", lat, lon, country, precision, source, fingerprint)


def write_folder(folder, rows, pictures):
    for name, seed in pictures.items():
        noise = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
        Image.fromarray(noise).save(folder / name)
    with (folder / "labels.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def row(file, **changes):
    plain = {
        "file": file,
        "lat": 52.5,
        "lon": 13.4,
        "country": "DE",
        "source": "a",
        "rights": "own",
    }
    return plain | changes


def test_rows_and_images_pair_by_name_and_what_is_broken_is_named(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    rows = [
        row("b.png", lat=1.0),
        row("a.png", lat=2.0),
        row("broken.png"),
        row("missing.png"),
        row("far.png", lat=91),
        row("word.png", lon="east"),
        row("nowhere.png", country=""),
        row("sold.png", rights="agency"),
        row("a.png"),
    ]
    names = ("a.png", "b.png", "far.png", "word.png", "nowhere.png", "sold.png")
    write_folder(tmp_path, rows, {name: seed for seed, name in enumerate(names)})
    examples, problems = read_examples(tmp_path, ["agency"])
    assert [(e.file, e.lat, e.path.name) for e in examples] == [
        ("b.png", 1.0, "b.png"),
        ("a.png", 2.0, "a.png"),
    ]
    assert [problem.split(":")[0] for problem in problems] == [
        "broken.png",
        "missing.png",
        "far.png",
        "word.png",
        "nowhere.png",
        "a.png",
    ]
    assert "listed twice" in problems[-1]


def test_a_table_that_is_missing_or_lacks_a_column_stops_the_run(tmp_path):
    with pytest.raises(UsageError, match=r"labels\.csv"):
        read_examples(tmp_path)
    (tmp_path / "labels.csv").write_text("file,lat\nx,1\n")
    with pytest.raises(UsageError, match="lon, country"):
        read_examples(tmp_path)


def test_no_source_and_no_near_duplicate_stands_on_both_sides_of_a_split():
    random = np.random.default_rng(1)
    examples = [
        example(source=f"s{index % 9}", fingerprint=int(random.integers(0, 2**63)))
        for index in range(90)
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


def test_cells_cover_every_country_and_cross_no_border():
    examples = [
        example(48.5, 7.7, "FR"),
        example(48.6, 8.0, "DE"),
        example(48.7, 8.1, "DE"),
        example(54.0, 10.0, "DE"),
        example(51.0, 10.0, "DE", precision="country"),
        example(42.5, 1.5, "AD", precision="country"),
    ]
    cells = make_cells(examples, 200)
    assert cells.country.tolist() == ["AD", "DE", "DE", "FR"]
    assert (cells.lat[1], cells.lon[1]) == pytest.approx((48.65, 8.05), abs=0.01)
    assert cells.lat[2] == pytest.approx(54.0)


def test_a_cell_over_the_date_line_lies_on_it():
    cells = make_cells([example(-17.0, 179.5, "FJ"), example(-17.0, -179.5, "FJ")], 200)
    assert len(cells) == 1
    assert abs(cells.lon[0]) == pytest.approx(180, abs=1e-6)


def test_targets_fall_with_distance_and_stay_at_home_where_asked():
    cells = Cells(np.array([0.0, 0, 0]), np.array([0.0, 3, 6]), np.array(["AA", "BB", "AA"]))
    photo = [example(0, 0.1, "AA")]
    near = soft_targets(photo, cells, 300, 0.0)[0]
    home = soft_targets(photo, cells, 300, 1.0)[0]
    assert near.sum() == pytest.approx(1)
    assert near[0] > near[1] > near[2] > 0
    assert home[1] == 0
    assert home[0] > home[2] > 0
    vague = soft_targets([example(0, 0.1, "AA", precision="country")], cells, 300, 0.0)[0]
    assert vague[0] < near[0]
    stranger = soft_targets([example(0, 0.1, "ZZ")], cells, 300, 1.0)[0]
    assert stranger == pytest.approx(near)


def test_weights_lift_rare_countries():
    weights = country_weights([example()] * 9 + [example(country="TO")], 0.5)
    assert weights.mean() == pytest.approx(1)
    assert weights[-1] == pytest.approx(3 * weights[0])
