"""The training of the reader of scripts goes on from the weights of another run."""

import json

import click
import pytest
import torch
from click.testing import CliRunner

from training.train_text_reader import CARD_FILE, WEIGHTS_FILE, Batch, Training, main


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    torch.manual_seed(1)
    network = Training(3, 1.0).average
    torch.save(network.state_dict(), run / WEIGHTS_FILE)
    (run / CARD_FILE).write_text(json.dumps({"symbols": "abc"}), "utf-8")
    return run, network


def test_symbols_keep_their_weights_in_another_alphabet(finished):
    run, old = finished
    torch.manual_seed(2)
    training = Training(4, 1.0)
    before = training.network.classify.weight.detach().clone()
    training.begin_with(run, ["a", "x", "c", "b"])
    for network in (training.network, training.average):
        after = network.classify.weight
        assert torch.equal(after[[0, 1, 3, 4]], old.classify.weight[[0, 1, 3, 2]])
        assert torch.equal(after[2], before[2])
        assert torch.equal(network.classify.bias[[1, 3]], old.classify.bias[[1, 3]])
        assert torch.equal(network.join.weight, old.join.weight)
        assert network.temperature == 1


def test_a_folder_that_is_no_run_and_no_reader_is_refused(tmp_path):
    with pytest.raises(click.ClickException, match="no finished run and no reader"):
        Training(3, 1.0).begin_with(tmp_path, "abc")
    (tmp_path / CARD_FILE).write_text("{}", "utf-8")
    with pytest.raises(click.ClickException, match=r"lacks weights\.pt"):
        Training(3, 1.0).begin_with(tmp_path, "abc")


@pytest.fixture
def batch():
    """Two lines of which one is held, on columns of noise."""
    torch.manual_seed(3)
    early = torch.randn(2, 192, 6, 8)
    ones = torch.ones(2, dtype=torch.int64)
    return Batch(early, torch.tensor([8, 5]), 2 * ones, ones, torch.tensor([False, True]))


def changed(training, batch):
    with torch.no_grad():
        return float(training._change(batch, training.network.logits(batch.early)))


def test_a_held_line_costs_as_much_as_its_outputs_moved(batch):
    torch.manual_seed(1)
    training = Training(3, 1.0)
    training.network.eval()
    assert changed(training, batch) == 0  # nothing is held
    training.hold()
    assert changed(training, batch) == pytest.approx(0, abs=1e-5)
    with torch.no_grad():
        training.network.classify.bias[2] += 1
    moved = changed(training, batch)
    assert moved > 0.1
    early = batch.early.clone()
    early[0] += 1  # the line that is not held
    other = Batch(early, batch.columns, batch.labels, batch.lengths, batch.held)
    assert changed(training, other) == pytest.approx(moved, rel=1e-4)
    none = Batch(batch.early, batch.columns, batch.labels, batch.lengths, ~batch.held & False)
    assert changed(training, none) == 0


def test_holding_keeps_lines_while_others_are_learned(batch):
    moved = []
    for is_held in (False, True):
        torch.manual_seed(1)
        training = Training(3, 1.0)
        training.keep_norm()
        if is_held:
            training.hold()
        first = Training(3, 1.0)
        first.network.load_state_dict(training.network.state_dict())
        first.hold()
        # the labels of the held line are another reader's: what is held resists them
        for _ in range(6):
            training.learn(batch)
        with torch.no_grad():
            moved.append(float(first._change(batch, training.network.logits(batch.early))))
    assert moved[1] < moved[0]


def test_improving_a_script_needs_a_reader_to_hold_the_others_to(tmp_path):
    result = CliRunner().invoke(main, [str(tmp_path / "run"), "--improve", "Arab"])
    assert result.exit_code == 2
    assert "--improve needs --begin-with" in result.output
    assert not (tmp_path / "run").exists()
