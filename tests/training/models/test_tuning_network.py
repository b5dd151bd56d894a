"""What learns in a tuned backbone and what does not; the loss over cells, countries, continents."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.models.efficientnet_lite import lite_stages  # noqa: E402
from training.models.mixed_layer import MixedLayer, TunedHead, empty_heads  # noqa: E402
from training.models.place_loss import PlaceLoss  # noqa: E402
from training.models.starter_network import StarterNetwork, backbone_stages  # noqa: E402
from training.models.tuning_network import CellHeads, TuningNetwork  # noqa: E402
from training.targets.cells import Cells, PlaceTargets  # noqa: E402

PIXELS = torch.randint(0, 255, (3, 32, 32, 3), dtype=torch.uint8)


def unit_vectors(count, width=8):
    vectors = torch.randn(count, width, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.normalize(vectors, dim=1)


def test_frozen_stages_and_batch_norms_keep_what_they_are():
    network = TuningNetwork(lite_stages("lite0", False), 5, 4, unit_vectors(4), 0.3).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    sum(logits.square().mean() for logits in network(PIXELS)).backward()
    optimizer.step()
    changed = {n for n, value in network.state_dict().items() if not torch.equal(value, before[n])}
    assert not {name for name in changed if name.startswith("low.") or "running" in name}
    assert {name.split(".")[0] for name in changed} == {"high", "heads"}


def test_the_stages_are_those_of_the_backbone():
    stages = backbone_stages("tiny", True)
    network = TuningNetwork(stages, 1, 4)
    starter = StarterNetwork(("tiny",))
    assert torch.allclose(network.features(PIXELS), starter.features(PIXELS), atol=1e-6)
    starter.backbones[0].load_state_dict(network.stages.state_dict())
    assert len(network(PIXELS)) == 1


@pytest.mark.parametrize("embeddings", [None, unit_vectors(4)])
def test_heads_are_made_anew_from_their_state(embeddings):
    heads = CellHeads(6, 4, embeddings, 0.3).eval()
    again = CellHeads.shaped_like(heads.state_dict())
    again.load_state_dict(heads.state_dict())
    features = torch.randn(3, 6)
    assert [torch.equal(*pair) for pair in zip(heads(features), again(features), strict=True)]
    assert len(heads(features)) == (1 if embeddings is None else 2)


def test_a_head_that_has_no_prior_left_says_nothing_on_average():
    """Cells that were hardly ever predicted are as likely as others after that."""
    head = TunedHead(CellHeads(3, 4, unit_vectors(4)))
    with torch.no_grad():
        head.heads.cell.bias.copy_(torch.tensor([3.0, 0.0, -2.0, -9.0]))
    features, weights = torch.randn(50, 3), torch.rand(50)
    head.remove_prior(features, weights)
    raw = torch.stack(head.heads(features)).mean(dim=0)
    mean = (weights[:, None] * raw.softmax(dim=1)).sum(dim=0) / weights.sum()
    assert torch.allclose(head(features), raw - mean.log(), atol=1e-5)
    kept = head.log_prior.clone()
    head.remove_prior(features, weights)
    assert torch.equal(head.log_prior, kept)


def test_layer_and_heads_read_their_own_features_and_are_mixed_by_share():
    layer, head = torch.nn.Linear(5, 4), TunedHead(CellHeads(2, 4))
    mixed = MixedLayer(layer, {1: head}, [3, 2, 2], [0, 2], 0.25)
    features = torch.randn(6, 7)
    wanted = 0.75 * layer(features[:, [0, 1, 2, 5, 6]]) + 0.25 * head(features[:, 3:5])
    assert torch.allclose(mixed(features), wanted, atol=1e-6)
    assert empty_heads(mixed.state_dict(), 1).heads.cell.weight.shape == (4, 2)


def test_a_tuned_backbone_shares_its_frozen_stages_with_the_pretrained_one():
    network = StarterNetwork(("tiny:tuned", "tiny"), shared_stages=2)
    tuned, plain = network.backbones
    assert [one is two for one, two in zip(tuned, plain, strict=True)] == [True, True, False]
    assert network.widths == [32, 32]
    alone = StarterNetwork(("tiny:tuned",), shared_stages=2)
    assert alone.widths == [32]


CELLS = Cells(np.zeros(4), np.arange(4.0), np.array(["KE", "KE", "TZ", "NO"]))
CONTINENT_OF = {"KE": "Africa", "TZ": "Africa", "NO": "Europe"}
LOGITS = torch.tensor([[1.0, 0.5, -0.3, 0.2]] * 2)


def losses(country, continent, smoothing=0.0):
    """The first photo is in the first cell, the second somewhere in Kenya."""
    targets = PlaceTargets(
        np.array([[1, 0, 0, 0], [0.7, 0.3, 0, 0]], np.float32), np.array([True, False])
    )
    loss = PlaceLoss(targets, CELLS, CONTINENT_OF, country, continent, smoothing)
    return loss(LOGITS, torch.tensor([0, 1])).tolist()


def test_a_photo_of_a_country_costs_what_the_whole_country_does():
    mass = LOGITS[0].softmax(0).double().numpy()
    cell, kenya, africa = -np.log(mass[0]), -np.log(mass[:2].sum()), -np.log(mass[:3].sum())
    assert losses(0, 0) == pytest.approx([cell, kenya], abs=1e-5)
    assert losses(0.5, 0.4) == pytest.approx(
        [cell + 0.5 * kenya + 0.4 * africa, kenya + 0.4 * africa], abs=1e-5
    )


def test_smoothing_leaves_some_probability_to_every_country():
    mass = LOGITS[0].softmax(0).double().numpy()
    countries = np.log([mass[:2].sum(), mass[3], mass[2]])
    assert losses(0, 0, 0.3)[1] == pytest.approx(
        -(0.7 * countries[0] + 0.3 * countries.mean()), abs=1e-5
    )
