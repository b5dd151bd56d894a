"""The shared loop: going on after a stop changes nothing; rates, averages, several processes."""

import dataclasses
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from geotagger.errors import UsageError  # noqa: E402
from training.engine import loop  # noqa: E402
from training.engine.loop import fit, learning_rate_factor  # noqa: E402
from training.engine.loop_options import LoopOptions  # noqa: E402

OPTIONS = LoopOptions(
    epochs=3,
    batch_size=4,
    accumulation=2,
    learning_rate=0.05,
    schedule="cosine",
    warmup=0.1,
    clip=1,
)


class Points(torch.utils.data.Dataset):
    """Rows of noise; the epoch is in the input, as altered views would be."""

    def __init__(self, count=22):
        self.values = torch.from_numpy(np.random.default_rng(0).normal(size=(count, 3))).float()
        self.epoch, self.seen = 0, []

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return len(self.values)

    def __getitem__(self, row):
        self.seen.append(row)
        return self.values[row] + 0.01 * self.epoch, row


def network():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))


def loss_of(model, inputs, rows):
    loss = (model(inputs)[:, 0] - inputs.sum(dim=1)).square().mean()
    return {"loss": loss, "rows": rows.float().mean()}


def weights(model):
    return torch.cat([value.flatten() for value in model.state_dict().values()])


def test_a_run_learns_and_logs(tmp_path):
    told = []
    options = dataclasses.replace(OPTIONS, epochs=40)
    model = fit(
        network(),
        loss_of,
        Points(),
        tmp_path,
        options,
        lambda _: {"score": 1.0},
        report=told.append,
    )
    first, last = (float(line.split("loss ")[1].split()[0]) for line in (told[0], told[-1]))
    assert last < first
    assert "val/score 1" in told[0]
    assert not model.training
    assert list((tmp_path / "tensorboard").rglob("events.*"))


def test_a_long_epoch_says_how_far_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "_REPORT_EVERY_S", 0.0)
    told = []
    fit(
        network(),
        loss_of,
        Points(),
        tmp_path,
        dataclasses.replace(OPTIONS, epochs=1),
        report=told.append,
    )
    assert [line.split(",")[0] for line in told[:-1]] == [
        f"epoch 1: batch {batch}/6" for batch in range(1, 7)
    ]
    assert told[-1].startswith("epoch 1/1: loss ")


class StopError(Exception):
    pass


@pytest.mark.parametrize("stop_at", [3, 7])
@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_stopped_run_ends_as_one_that_was_not_stopped(tmp_path, stop_at, average):
    options = dataclasses.replace(OPTIONS, checkpoint_steps=1, average_decay=average)
    whole = fit(network(), loss_of, Points(), tmp_path / "whole", options)
    calls = []

    def stopping(model, inputs, rows):
        calls.append(rows)
        if len(calls) == 2 * stop_at:
            raise StopError
        return loss_of(model, inputs, rows)

    with pytest.raises(StopError):
        fit(network(), stopping, Points(), tmp_path / "halves", options)
    again = fit(network(), loss_of, Points(), tmp_path / "halves", options)
    assert torch.equal(weights(whole), weights(again))
    assert not torch.equal(weights(whole), weights(network()))


def test_every_photo_is_seen_once_an_epoch_in_another_order(tmp_path):
    photos = Points()
    fit(network(), loss_of, photos, tmp_path, dataclasses.replace(OPTIONS, epochs=2))
    first, second = photos.seen[:22], photos.seen[22:]
    assert sorted(first) == sorted(second) == list(range(22))
    assert first != second


def test_a_folder_of_another_run_is_not_gone_on_with(tmp_path):
    fit(network(), loss_of, Points(), tmp_path, OPTIONS)
    with pytest.raises(UsageError, match="learning_rate"):
        fit(network(), loss_of, Points(), tmp_path, dataclasses.replace(OPTIONS, learning_rate=1))


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    with pytest.raises(FloatingPointError, match="learning rate"):
        fit(
            network(),
            lambda model, x, _: {"loss": model(x).sum() * float("nan")},
            Points(),
            tmp_path,
            OPTIONS,
        )


def test_warm_up_is_never_zero_iterations_where_it_is_asked_for():
    """geolocation_clip's schedule had none, however it was set."""
    options = LoopOptions(warmup=0.001, schedule="linear")
    rates = [learning_rate_factor(100, options)(step) for step in range(101)]
    assert 0 < rates[0] < rates[1] == 1
    assert rates[-1] == 0
    assert all(a >= b for a, b in pairwise(rates[1:]))
    assert learning_rate_factor(100, LoopOptions())(0) == 1


@pytest.mark.train
def test_mixed_precision_runs(tmp_path):
    """In a process of its own, for the library keeps one precision a process."""
    run_script(tmp_path, [sys.executable], precision="bf16")


@pytest.mark.train
def test_two_processes_share_the_work_and_end_with_the_same_weights(tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    found = run_script(tmp_path, torchrun, precision="no")
    assert len(found) == 2
    assert found[0]["weights"] == found[1]["weights"]
    assert sorted({*found[0]["seen"], *found[1]["seen"]}) == list(range(22))
    assert len(found[0]["seen"]) < 22


def run_script(folder, command, precision):
    script = folder / "script.py"
    script.write_text(
        "import dataclasses, json, os, sys\n"
        "from pathlib import Path\n"
        "from tests.training.engine.test_loop import *\n"
        "folder = Path(sys.argv[1])\n"
        "photos = Points()\n"
        "options = dataclasses.replace(OPTIONS, epochs=1, precision=sys.argv[2])\n"
        "model = fit(network(), loss_of, photos, folder / 'run', options)\n"
        "rank = os.environ.get('RANK', '0')\n"
        "(folder / f'{rank}.json').write_text("
        "json.dumps({'weights': weights(model).tolist(), 'seen': photos.seen}))\n"
    )
    root = Path(__file__).parents[3]
    environment = {
        "PYTHONPATH": str(root),
        "PATH": "",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    done = subprocess.run(
        [*command, str(script), str(folder), precision],
        capture_output=True, text=True, cwd=root, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(file.read_text()) for file in sorted(folder.glob("?.json"))]
