"""The training of the reader of scripts goes on from the weights of another run."""

import json

import click
import pytest
import torch

from training.train_text_reader import CARD_FILE, WEIGHTS_FILE, Training


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
