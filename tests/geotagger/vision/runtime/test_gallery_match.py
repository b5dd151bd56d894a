import numpy as np
import pytest

from geotagger.vision.runtime.gallery_match import GalleryMatcher


@pytest.fixture(scope="module")
def gallery():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(500, 16)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), rng.integers(1, 5, 500)


def softmax(logits, count):
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / (shares * count).sum(axis=1, keepdims=True)


def test_the_best_are_those_of_numpy(gallery):
    vectors, count = gallery
    photos = vectors[[3, 99, 3]] * 0.9
    matcher = GalleryMatcher(vectors, 12.5, count=count.astype(np.float32))
    logits = 12.5 * photos @ vectors.T
    assert matcher.logits(photos) == pytest.approx(logits, abs=1e-4)
    rows, probabilities = matcher.best(photos, 7)
    assert np.array_equal(rows, np.argsort(-logits, axis=1, kind="stable")[:, :7])
    expected = np.take_along_axis(softmax(logits, count), rows, axis=1)
    assert probabilities == pytest.approx(expected, rel=1e-4)


def test_a_row_that_counts_thrice_is_as_if_it_stood_there_thrice(gallery):
    vectors, _ = gallery
    count = np.ones(500, np.float32)
    count[7] = 3
    repeated = np.concatenate([vectors, vectors[[7, 7]]])
    one = GalleryMatcher(vectors, 5.0, count=count).best(vectors[[7]], 4)
    two = GalleryMatcher(repeated, 5.0).best(vectors[[7]], 6)
    assert one[1][0, 0] == pytest.approx(two[1][0, 0], rel=1e-5)
    assert one[1][0, 1:] == pytest.approx(two[1][0, 3:], rel=1e-5)


def test_counts_can_be_a_prior(gallery):
    vectors, _ = gallery
    count = np.ones(500, np.float32)
    count[11] = 1e6
    rows, probabilities = GalleryMatcher(vectors, 1.0, count=count, prior=True).best(
        vectors[[7]], 1
    )
    assert rows[0, 0] == 11
    assert probabilities[0, 0] > 0.9


def test_no_more_come_back_than_there_are():
    rows, probabilities = GalleryMatcher(np.eye(3, dtype=np.float16), 1.0).best(np.eye(3)[:1], 10)
    assert rows.shape == (1, 3)
    assert probabilities.sum() == pytest.approx(1)


def test_large_logits_stay_finite():
    _, probabilities = GalleryMatcher(np.eye(3, dtype=np.float32), 1e3).best(np.eye(3), 3)
    assert np.isfinite(probabilities).all()
    assert probabilities[:, 0] == pytest.approx(1)


def test_no_photo_has_no_match():
    matcher = GalleryMatcher(np.eye(3, dtype=np.float32), 2.0)
    nothing = np.empty((0, 3), np.float32)
    assert matcher.logits(nothing).shape == (0, 3)
    assert [part.shape for part in matcher.best(nothing, 5)] == [(0, 3), (0, 3)]
