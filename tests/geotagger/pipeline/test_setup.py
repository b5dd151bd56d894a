"""What a run loads: how many photos the network of the model takes at once."""

from pathlib import Path

import pytest

from geotagger.config import Device, RunOptions
from geotagger.pipeline import setup
from tests.fixtures.bundles import make_bundle

CPU, CPU_AND_GPU = [Device.CPU], [Device.CUDA, Device.CPU]


@pytest.mark.parametrize(
    ("devices", "read_text", "batch_size", "expected"),
    [
        (CPU, True, 0, 3),
        (CPU, False, 0, 0),
        (CPU, True, 8, 8),
        (CPU_AND_GPU, True, 0, 0),
    ],
)
def test_each_thread_of_a_cpu_runs_one_photo_while_text_is_read(
    tmp_path: Path, monkeypatch, devices, read_text, batch_size, expected
):
    monkeypatch.setattr(setup, "candidate_devices", lambda _: devices)
    options = RunOptions(
        paths=(),
        models=(str(make_bundle(tmp_path / "tiny").path),),
        read_text=read_text,
        batch_size=batch_size,
        workers=3,
    )
    assert setup.EvidenceSetup(options)._vision_batch_size() == expected
