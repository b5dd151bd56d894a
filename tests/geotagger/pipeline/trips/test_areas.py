"""The graph of countries and regions against sums that are made row by row."""

import numpy as np
import pytest

from geotagger.geography.sphere import EARTH_RADIUS_KM
from geotagger.pipeline.trips.areas import Areas


@pytest.fixture(scope="module")
def areas(belief):
    return Areas(belief.places, belief.log_prior)


def test_every_area_is_inside_its_country_and_no_other(areas):
    rows = [areas.inside(country) for country in range(areas.country_count)]
    np.testing.assert_array_equal(
        np.concatenate([np.arange(row.start, row.stop) for row in rows]), np.arange(len(areas))
    )
    for country, row in enumerate(rows):
        assert (areas.country[row] == country).all()


def test_an_area_is_the_rows_of_one_region_of_one_country(areas, places):
    area = areas.spread(np.arange(len(areas))).astype(int)
    pairs = np.stack([area, places.country, places.region], axis=1)
    assert len(np.unique(pairs, axis=0)) == len(np.unique(pairs[:, 1:], axis=0)) == len(areas)


def test_sums_are_those_of_the_rows(areas, places):
    mass = np.random.default_rng(0).random(len(places)).astype(np.float32)
    area = areas.spread(np.arange(len(areas))).astype(int)
    np.testing.assert_allclose(areas.sums(mass), np.bincount(area, mass), rtol=1e-3)
    by_country = np.bincount(places.country, mass)
    np.testing.assert_allclose(areas.by_country(areas.sums(mass)), by_country, rtol=1e-3)
    assert areas.prior.sum() == pytest.approx(1, abs=1e-4)


def centre(belief, rows):
    """The centre of population of some rows, as a unit vector."""
    vector = np.exp(belief.log_prior[rows]) @ belief.places.unit[rows]
    return vector / np.linalg.norm(vector)


def km_between(centres):
    return EARTH_RADIUS_KM * np.arccos(np.clip(centres @ centres.T, -1, 1))


def test_distances_of_countries_are_those_of_their_centres(areas, places, belief):
    """In every part of the world: vectors have negative components."""
    codes = ["PT", "DE", "US", "BR", "AR", "AU", "NZ", "ZA", "JP", "FJ", "WS"]
    exact = km_between(np.stack([centre(belief, places.mask([code])) for code in codes]))
    rows = [list(places.country_codes).index(code) for code in codes]
    km = areas.country_distances_km()[np.ix_(rows, rows)]
    np.testing.assert_allclose(km, exact, rtol=0.01, atol=5)
    assert 6500 < km[0, 2] < 8500  # Portugal to the United States


@pytest.mark.parametrize("country", ["JP", "US", "AU", "IT"])
def test_distances_of_regions_are_those_of_their_centres(areas, places, belief, country):
    index = list(places.country_codes).index(country)
    area = areas.spread(np.arange(len(areas))).astype(int)
    inside = range(len(areas))[areas.inside(index)]
    exact = km_between(np.stack([centre(belief, area == one) for one in inside]))
    np.testing.assert_allclose(areas.region_distances_km(index), exact, rtol=0.01, atol=5)
