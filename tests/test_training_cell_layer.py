"""The starter's last layer: what it learns, and what places share."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.cell_layer import LayerOptions, fit_layer, kinship_root  # noqa: E402
from training.cells import Cells  # noqa: E402
from training.data import Example  # noqa: E402

CONTINENTS = {"KE": "Africa", "TZ": "Africa", "NO": "Europe"}


def cells():
    return Cells(
        np.array([-1.3, -6.8, 60.4]), np.array([36.8, 39.3, 5.3]), np.array(["KE", "TZ", "NO"])
    )


def photos(code, lat, lon, count):
    return [Example(f"{code}{i}", lat=lat, lon=lon, country=code) for i in range(count)]


def two_looks(random):
    """Twenty photos of Kenya look one way, sixty of Norway another."""
    examples = photos("KE", -1.3, 36.8, 20) + photos("NO", 60.4, 5.3, 60)
    looks = np.repeat([[1.0, 0, 0], [0, 1.0, 0]], [20, 60], axis=0)
    return examples, (looks + random.normal(0, 0.3, (2, 80, 3))).astype(np.float32)


def logits(weight, bias, look):
    return (weight @ torch.tensor(look) + bias).tolist()


def fitted(root, **options):
    examples, features = two_looks(np.random.default_rng(0))
    chosen = LayerOptions(**{"components": 0, "l2": 0.1, **options})
    return fit_layer(features, examples, cells(), root, CONTINENTS, chosen)


@pytest.mark.parametrize("options", [{}, {"components": 2}, {"levels": 0.5}])
def test_looks_are_told_apart_and_the_prior_is_taken_out(options):
    weight, bias = fitted(kinship_root(cells(), 0.0), **options)
    assert weight.shape == (3, 3)
    kenya, norway = logits(weight, bias, [1.0, 0, 0]), logits(weight, bias, [0, 1.0, 0])
    assert kenya[0] > kenya[2]
    assert norway[2] > norway[0]
    between = logits(weight, bias, [0.5, 0.5, 0])
    assert between[0] == pytest.approx(between[2], abs=0.5)


def test_what_is_known_of_kenya_tells_of_tanzania():
    kin = torch.linalg.cholesky(torch.tensor([[1, 0.6, 0], [0.6, 1, 0], [0, 0, 1.0]]))
    alone, shared = fitted(torch.eye(3)), fitted(kin)
    gain = [
        logits(*layer, [1.0, 0, 0])[1] - logits(*layer, [0, 1.0, 0])[1] for layer in (alone, shared)
    ]
    assert gain[1] > gain[0] + 0.2


def test_places_that_look_alike_are_kin():
    pytest.importorskip("geoclip")
    root = kinship_root(cells(), 0.8)
    covariance = (root @ root.T).tolist()
    assert covariance[0][1] > covariance[0][2]
    assert covariance[0][0] == pytest.approx(1, abs=1e-3)
    assert torch.allclose(kinship_root(cells(), 0.0), torch.eye(3), atol=1e-4)
