"""The starter's last layer: what it learns, and what places share."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.data.dataset import Example  # noqa: E402
from training.models.cell_layer import LayerOptions, cell_covariance_root, empty_layer, fit_layer  # noqa: E402
from training.models.landmarks import LandmarkKernel, kernel_components  # noqa: E402
from training.targets.cells import Cells  # noqa: E402

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
    return examples, (looks + random.normal(0, 0.3, (80, 3))).astype(np.float32)


def logits(layer, look):
    with torch.inference_mode():
        return layer(torch.tensor([look])).tolist()[0]


def fitted(root, **options):
    examples, features = two_looks(np.random.default_rng(0))
    chosen = LayerOptions(**{"components": 0, "l2": 0.1, **options})
    return fit_layer(features, examples, cells(), root, CONTINENTS, chosen)


GALLERY_KINDS = [{}, {"components": 2}, {"levels": 0.5}, {"gamma": 1.0, "components": 3}]
FEW_LANDMARKS = {"gamma": 1.0, "components": 3, "landmarks": 30}


@pytest.mark.parametrize("options", [*GALLERY_KINDS, FEW_LANDMARKS])
def test_looks_are_told_apart_and_the_prior_is_taken_out(options):
    layer = fitted(cell_covariance_root(cells(), 0.0), **options)
    kenya, norway = logits(layer, [1.0, 0, 0]), logits(layer, [0, 1.0, 0])
    assert kenya[0] > kenya[2]
    assert norway[2] > norway[0]
    if not options.get("gamma"):  # there the curve between the two is anybody's guess
        between = logits(layer, [0.5, 0.5, 0])
        assert between[0] == pytest.approx(between[2], abs=0.5)


@pytest.mark.parametrize("options", [GALLERY_KINDS[0], GALLERY_KINDS[-1], FEW_LANDMARKS])
def test_a_layer_is_loaded_into_an_empty_one_of_its_shape(options):
    layer = fitted(torch.eye(3), **options)
    known = layer.state_dict().get("0.landmarks")
    empty = empty_layer(3, 3, None if known is None else tuple(known.shape))
    empty.load_state_dict(layer.state_dict())
    assert logits(empty, [1.0, 0, 0]) == logits(layer, [1.0, 0, 0])


def test_likeness_is_one_to_itself_and_fades_with_sharpness():
    looks = torch.from_numpy(two_looks(np.random.default_rng(0))[1])
    soft, sharp = (LandmarkKernel.fit(looks, 2, gamma)(looks) for gamma in (0.5, 5.0))
    assert torch.allclose(soft.diagonal(), torch.ones(80), atol=1e-5)
    assert soft[0, :20].mean() > soft[0, 20:].mean()
    assert torch.allclose(soft**10, sharp, atol=1e-4)
    cosine = LandmarkKernel.fit(looks, 2, 0.5).project(looks)
    assert torch.allclose(soft, torch.exp(-0.5 * torch.cdist(cosine, cosine) ** 2), atol=1e-3)


def test_landmarks_are_drawn_by_their_weight():
    examples, features = two_looks(np.random.default_rng(0))
    importance = np.repeat([1.0, 0.0], [40, 40]).astype(np.float32) + 1e-6
    chosen = LayerOptions(gamma=1.0, components=5, landmarks=30)
    layer = fit_layer(features, examples, cells(), torch.eye(3), CONTINENTS, chosen, importance)
    assert layer[0].landmarks.shape[0] == 30
    likeness = layer[0](torch.from_numpy(features))
    drawn = (likeness.max(dim=1).values > 1 - 1e-5).nonzero()[:, 0]
    assert len(drawn) == 30
    assert (drawn < 40).all()


def test_components_of_likenesses_have_the_kernel_as_their_products():
    looks = torch.from_numpy(two_looks(np.random.default_rng(0))[1])
    known = LandmarkKernel.fit(looks, 0, 1.0)(looks)
    turn, offset = kernel_components(known, 80)
    values = known @ turn - offset
    assert values.mean(dim=0).abs().max() < 1e-3
    middle = torch.eye(80) - 1 / 80
    centred = middle @ known @ middle
    scale = (values @ values.T).trace() / centred.trace()
    assert torch.allclose(values @ values.T, scale * centred, atol=1e-2 * float(scale))
    assert float(values.var(dim=0).mean()) == pytest.approx(1, rel=0.05)


def test_what_is_like_a_lone_photo_is_told_by_it():
    """A cluster inside another, which no straight line tells apart."""
    random = np.random.default_rng(1)
    angles = random.uniform(0, 2 * np.pi, 60)
    ring = 3 * np.stack([np.cos(angles), np.sin(angles), np.zeros(60)], 1)
    looks = np.concatenate([random.normal(0, 0.2, (20, 3)), ring])
    looks[:, 2] += random.normal(2, 0.1, 80)
    examples = photos("KE", -1.3, 36.8, 20) + photos("NO", 60.4, 5.3, 60)
    chosen = LayerOptions(components=0, l2=1e-3, gamma=1.0)
    features = looks.astype(np.float32)
    layer = fit_layer(features, examples, cells(), torch.eye(3), CONTINENTS, chosen)
    with torch.inference_mode():
        found = layer(torch.from_numpy(features)).argmax(1)
    assert (found[20:] == 2).float().mean() > 0.95
    straight = fit_layer(
        features, examples, cells(), torch.eye(3), CONTINENTS, LayerOptions(components=0, l2=1e-3)
    )
    with torch.inference_mode():
        worse = straight(torch.from_numpy(features)).argmax(1)
    right = torch.tensor([0] * 20 + [2] * 60)
    assert (found == right).sum() >= (worse == right).sum()


def test_a_country_alone_teaches_the_country_and_not_the_cell():
    """Tanzania has two cells and only photos that name the country."""
    four = Cells(
        np.array([-1.3, -6.8, -3.4, 60.4]),
        np.array([36.8, 39.3, 36.7, 5.3]),
        np.array(["KE", "TZ", "TZ", "NO"]),
    )
    random = np.random.default_rng(0)
    examples = [
        *photos("NO", 60.4, 5.3, 30),
        *[Example(f"TZ{i}", country="TZ", precision="country") for i in range(30)],
    ]
    looks = np.repeat([[1.0, 0, 0], [0, 1.0, 0]], 30, axis=0) + random.normal(0, 0.2, (60, 3))
    chosen = LayerOptions(components=0, l2=1e-2, levels=0.5)
    layer = fit_layer(looks.astype(np.float32), examples, four, torch.eye(4), CONTINENTS, chosen)
    norway, tanzania = (
        torch.tensor(logits(layer, look)).softmax(0) for look in ([1.0, 0, 0], [0, 1.0, 0])
    )
    assert norway.argmax() == 3
    assert tanzania[1:3].sum() > 0.7
    assert tanzania[1] == pytest.approx(float(tanzania[2]), abs=0.02)


def test_a_photo_without_importance_teaches_nothing():
    examples, features = two_looks(np.random.default_rng(0))
    wrong = photos("KE", -1.3, 36.8, 40)
    looks = np.concatenate([features, features[40:]])  # Norway's looks under Kenya's name
    chosen = LayerOptions(components=0, l2=0.1)
    importance = np.repeat([1.0, 0.0], [80, 40]).astype(np.float32)
    layer = fit_layer(
        looks, examples + wrong, cells(), torch.eye(3), CONTINENTS, chosen, importance
    )
    believing = fit_layer(looks, examples + wrong, cells(), torch.eye(3), CONTINENTS, chosen)
    margins = [
        values[2] - values[0] for values in (logits(one, [0, 1.0, 0]) for one in (layer, believing))
    ]
    assert margins[0] > margins[1] + 0.5


def test_what_is_known_of_kenya_tells_of_tanzania():
    kin = torch.linalg.cholesky(torch.tensor([[1, 0.6, 0], [0.6, 1, 0], [0, 0, 1.0]]))
    alone, shared = fitted(torch.eye(3)), fitted(kin)
    gain = [
        logits(layer, [1.0, 0, 0])[1] - logits(layer, [0, 1.0, 0])[1] for layer in (alone, shared)
    ]
    assert gain[1] > gain[0] + 0.2


def test_places_that_look_alike_are_kin():
    pytest.importorskip("geoclip")
    root = cell_covariance_root(cells(), 0.8)
    covariance = (root @ root.T).tolist()
    assert covariance[0][1] > covariance[0][2]
    assert covariance[0][0] == pytest.approx(1, abs=1e-3)
    assert torch.allclose(cell_covariance_root(cells(), 0.0), torch.eye(3), atol=1e-4)
