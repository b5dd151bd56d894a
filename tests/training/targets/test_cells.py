"""Classes of every kind, and how right each is for a photo."""

import math

import numpy as np
import pytest

from geotagger.errors import UsageError
from geotagger.geography.sphere import haversine_km
from training.data.example import Example
from training.targets.cells import (
    Cells,
    largest_town,
    make_cells,
    place_targets,
    quadtree_cells,
    soft_targets,
)
from training.targets.classes import make_classes, smooth_targets, with_log_prior
from training.targets.label_table import read_label_table, tempered, write_labels


def example(lat=math.nan, lon=math.nan, country="DE", **more):
    return Example(f"{lat} {lon}", lat=lat, lon=lon, country=country, **more)


def everyone(examples):
    return np.arange(len(examples))


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
    vague = soft_targets([example(0, 0.1, "AA", precision="region")], cells, 300, 0.0)[0]
    assert vague[0] < near[0]
    stranger = soft_targets([example(0, 0.1, "ZZ")], cells, 300, 1.0)[0]
    assert stranger == pytest.approx(near)


def test_a_country_that_is_known_only_by_name_gets_its_largest_town():
    examples = [example(48.5, 7.7, "FR"), example(country="TO"), example(country="FR")]
    cells = make_cells(examples, 200)
    assert cells.country.tolist() == ["FR", "TO"]
    assert (cells.lat[1], cells.lon[1]) == pytest.approx((-21.14, -175.2), abs=0.1)  # Nuku'alofa
    with pytest.raises(UsageError, match="Atlantis"):
        largest_town("Atlantis")


def test_a_photo_of_a_country_may_be_in_any_of_its_cells():
    cells = Cells(np.array([0.0, 0, 0]), np.array([0.0, 9, 18]), np.array(["AA", "AA", "BB"]))
    examples = [
        *[example(0, 0, "AA")] * 3,
        example(0, 9, "AA"),
        example(country="AA"),
        example(5, 5, "AA", precision="country"),
        example(country="ZZ"),
    ]
    targets = place_targets(examples, cells, 100, 0.9)
    assert targets.is_located.tolist() == [True] * 4 + [False] * 3
    assert targets.cells[:6].sum(axis=1) == pytest.approx(1)
    assert targets.cells[4] == pytest.approx([0.75, 0.25, 0], abs=0.01)
    assert targets.cells[5] == pytest.approx(targets.cells[4])
    assert targets.cells[6].tolist() == [0, 0, 0]


def test_a_city_is_one_of_its_country_and_region():
    """StreetCLIP looked cities up by their name alone."""
    examples = [
        example(48.86, 2.35, "FR", region="Île-de-France", city="Paris"),
        example(33.66, -95.55, "US", region="Texas", city="Paris"),
        example(48.85, 2.30, "FR", region="Île-de-France", city="Paris"),
        example(52.52, 13.40, "DE", region="Berlin", city="Berlin"),
        example(city=""),
    ]
    classes = make_classes(examples, "city", everyone(examples))
    names = [label.label for label in classes.labels]
    assert sorted(names) == ["Berlin", "Paris, Texas, US", "Paris, Île-de-France, FR"]
    assert classes.index[0] == classes.index[2] != classes.index[1]
    assert classes.index[4] == -1
    texas = classes.labels[classes.index[1]]
    assert (texas.scope, texas.lat, texas.country_code) == ("point", pytest.approx(33.66), "US")


def test_scopes_of_named_classes():
    examples = [
        example(48.1, 11.6, "DE", region="Bavaria", continent="Europe"),
        example(55.0, 73.0, "RU", region="Nowhere", continent="Russia"),
        example(35.0, 135.0, "JP", region="Kyoto", continent="Asia"),
    ]
    known = everyone(examples)
    scope = {
        kind: {label.label: label.scope for label in make_classes(examples, kind, known).labels}
        for kind in ("continent", "country", "region")
    }
    assert scope["continent"] == {"Europe": "continent", "Russia": "country", "Asia": "continent"}
    assert set(scope["country"].values()) == {"country"}
    assert scope["region"] == {"Bavaria": "region", "Nowhere": "point", "Kyoto": "region"}


def test_classes_come_from_the_training_rows_alone():
    examples = [example(1, 1, "FR"), example(2, 2, "DE"), example(3, 3, "IT")]
    classes = make_classes(examples, "country", np.array([0, 2]))
    assert [label.label for label in classes.labels] == ["FR", "IT"]
    assert classes.index.tolist() == [0, -1, 1]
    with pytest.raises(UsageError, match="city"):
        make_classes(examples, "city", np.array([0]))


def test_labels_without_a_place_are_an_attribute():
    examples = [example(label="alpine"), example(label="coast")]
    assert not make_classes(examples, "label", everyone(examples)).places
    examples = [example(label="France"), example(label="IT")]
    classes = make_classes(examples, "label", everyone(examples))
    assert classes.places
    assert [(label.scope, label.country_code) for label in classes.labels] == [
        ("country", "FR"),
        ("country", "IT"),
    ]


def test_priors_are_the_shares_in_training():
    examples = [example(0, 0, "FR")] * 3 + [example(0, 0, "DE")]
    classes = make_classes(examples, "country", everyone(examples))
    shares = np.exp([label.log_prior for label in classes.labels])
    assert shares.sum() == pytest.approx(1)
    assert shares[1] / shares[0] == pytest.approx(3.5 / 1.5, rel=1e-4)


def test_label_tables_are_read_back(tmp_path):
    examples = [example(48.1, 11.6, "DE", region="Bavaria"), example(35, 135, "JP", region="Kyoto")]
    classes = make_classes(examples, "region", everyone(examples))
    write_labels(tmp_path / "labels.csv", classes.labels)
    assert read_label_table(tmp_path / "labels.csv") == classes.labels


def scattered(count):
    random = np.random.default_rng(0)
    lat = np.degrees(np.arcsin(random.uniform(-1, 1, count)))
    return [
        example(float(a), float(o))
        for a, o in zip(lat, random.uniform(-180, 180, count), strict=True)
    ]


def test_quadtree_cells_hold_at_most_so_many_photos_and_lie_among_them():
    dense = [example(10 + i / 1000, 10.0) for i in range(400)]
    examples = scattered(600) + dense
    classes = make_classes(examples, "quadtree", everyone(examples), max_photos=50, min_photos=5)
    counts = np.bincount(classes.index, minlength=len(classes))
    assert 20 <= len(classes) <= 200
    assert counts.max() <= 100  # a cell, and what came from dropped neighbours
    own = classes.cells
    km = haversine_km(
        own.lat[classes.index], own.lon[classes.index],
        [e.lat for e in examples], [e.lon for e in examples],
    )  # fmt: skip
    assert np.median(km[600:]) < 15 < np.median(km[:600])


def test_uniform_photos_give_cells_of_about_equal_area():
    """Cells of one level of S2's cube differ by a factor of about 2 in area, also at the poles."""
    cells = quadtree_cells(scattered(20_000), max_photos=20_000 // 96 * 2, min_photos=1)
    assert len(cells) in range(90, 110)
    polar = np.abs(cells.lat) > 60
    assert 0.08 < polar.mean() < 0.22  # the caps are 13 % of the sphere


def test_smoothed_labels_sum_to_one_and_the_own_class_counts_most():
    examples = [
        example(0, 0, "AA"),
        example(0, 1, "BB"),
        example(0, 30, "CC"),
        example(country="AA"),
    ]
    classes = make_classes(examples, "country", everyone(examples))
    rows = everyone(examples)
    plain = smooth_targets(classes, examples, rows, 0)
    assert (plain == np.eye(3)[[0, 1, 2, 0]]).all()
    smooth = smooth_targets(classes, examples, rows, 75)
    assert smooth.sum(axis=1) == pytest.approx(1)
    assert (smooth.argmax(axis=1) == classes.index).all()
    assert smooth[0, 1] / smooth[0, 0] == pytest.approx(math.exp(-111.19 / 75), rel=1e-3)
    assert (smooth[3] == plain[3]).all()


def test_what_training_put_in_is_what_is_taken_out():
    examples = [example(0, 0, "FR")] * 3 + [example(0, 0, "DE")]
    classes = with_log_prior(
        make_classes(examples, "country", everyone(examples)), np.array([2, 6])
    )
    assert np.exp([label.log_prior for label in classes.labels]) == pytest.approx([0.25, 0.75])
    for temperature in (0.5, 1, 3):
        softened = np.array([label.log_prior for label in tempered(classes.labels, temperature)])
        assert np.exp(softened).sum() == pytest.approx(1)
        assert softened[1] - softened[0] == pytest.approx(np.log(3) / temperature, abs=1e-4)
