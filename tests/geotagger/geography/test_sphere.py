"""Great-circle arithmetic: the laws of a distance on a sphere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.geography.sphere import (
    EARTH_RADIUS_KM,
    cosine_of_km,
    haversine_km,
    km_of_cosine,
    unit_vectors,
    unit_vectors64,
)

HALF_TURN_KM = np.pi * EARTH_RADIUS_KM
points = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
distances = st.floats(0, HALF_TURN_KM)


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        ((0, 0), (0, 1), HALF_TURN_KM / 180),
        ((0, 0), (1, 0), HALF_TURN_KM / 180),
        ((0, 0), (0, 180), HALF_TURN_KM),
        ((90, 0), (-90, 0), HALF_TURN_KM),
        ((90, 0), (90, 123), 0),
        ((0, 179.5), (0, -179.5), HALF_TURN_KM / 180),
        ((51.5007, -0.1246), (48.8584, 2.2945), 340.56),
        ((-33.8568, 151.2153), (40.6892, -74.0445), 15_984.3),
    ],
)
def test_known_distances(one, other, km) -> None:
    assert haversine_km(*one, *other) == pytest.approx(km, abs=0.5)


def test_a_metre_is_resolved() -> None:
    assert haversine_km(45, 7, 45.00001, 7) == pytest.approx(0.00111195, rel=1e-4)


@given(points, points)
def test_distance_is_symmetric_and_at_most_half_a_turn(one, other) -> None:
    km = haversine_km(*one, *other)
    assert isinstance(km, float)
    assert km == pytest.approx(haversine_km(*other, *one), abs=1e-6)
    assert 0 <= km <= HALF_TURN_KM + 1e-6


@given(points, points, points)
def test_a_detour_is_never_shorter(one, over, other) -> None:
    direct = haversine_km(*one, *other)
    assert direct <= haversine_km(*one, *over) + haversine_km(*over, *other) + 1e-3


@given(points)
def test_the_antipode_is_half_a_turn_away(point) -> None:
    lat, lon = point
    assert haversine_km(lat, lon, -lat, lon + 180) == pytest.approx(HALF_TURN_KM, abs=1e-3)
    assert haversine_km(lat, lon, lat, lon) == 0


@given(st.floats(-180, 180), st.floats(-180, 180))
def test_longitude_does_not_matter_at_the_poles(one, other) -> None:
    assert haversine_km(90, one, 90, other) == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(unit_vectors(90, one), [0, 0, 1], atol=1e-7)
    np.testing.assert_allclose(unit_vectors(-90, one), [0, 0, -1], atol=1e-7)


def test_the_antimeridian_is_one_line() -> None:
    np.testing.assert_allclose(unit_vectors(12.5, 180), unit_vectors(12.5, -180), atol=1e-7)
    assert haversine_km(12.5, 180, 12.5, -180) == pytest.approx(0, abs=1e-9)


def test_the_axes() -> None:
    axes = unit_vectors([0, 0, 90], [0, 90, 0])
    np.testing.assert_allclose(axes, np.eye(3), atol=1e-7)
    assert axes.dtype == np.float32


@given(st.lists(points, min_size=1, max_size=20))
def test_unit_vectors_have_length_one(some) -> None:
    lat, lon = np.array(some).T
    vectors = unit_vectors(lat, lon)
    assert vectors.shape == (len(some), 3)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1, atol=1e-6)


@given(points, points)
def test_cosine_of_unit_vectors_gives_the_distance(one, other) -> None:
    cosine = unit_vectors64(*one) @ unit_vectors64(*other)
    assert km_of_cosine(cosine) == pytest.approx(haversine_km(*one, *other), abs=0.2)


@given(distances)
def test_cosine_and_distance_are_inverse(km: float) -> None:
    assert km_of_cosine(cosine_of_km(km)) == pytest.approx(km, abs=0.2)


def test_cosines_beyond_one_by_rounding_are_clipped() -> None:
    assert km_of_cosine(1 + 1e-7) == 0
    assert km_of_cosine(-1 - 1e-7) == pytest.approx(HALF_TURN_KM)


def test_arrays_broadcast() -> None:
    km = haversine_km(np.zeros((4, 1)), np.zeros((4, 1)), np.zeros(3), np.array([0, 1, 2]))
    assert km.shape == (4, 3)
    np.testing.assert_allclose(km[0], [0, HALF_TURN_KM / 180, HALF_TURN_KM / 90])
    assert unit_vectors(np.zeros((2, 1)), np.zeros(5)).shape == (2, 5, 3)
    assert cosine_of_km(np.zeros(2)).shape == (2,)
