"""What models cost on a machine, and which one suits it."""

import pytest
from click.testing import CliRunner

from geotagger.cli.main import cli
from geotagger.config import Device
from geotagger.doctor import recommend, speed
from geotagger.doctor.recommend import ModelCost, costs, operations, recommended
from geotagger.doctor.speed import Speed, measure_flops
from geotagger.download.known import KnownModel
from geotagger.vision.bundle.bundle import models_folder
from geotagger.vision.published.architecture import read_towers
from tests.fixtures.bundles import make_bundle


def names(found):
    return {cost.model.name: cost for cost in found}


@pytest.mark.parametrize(
    ("patch_px", "layers", "width", "gflop"),
    [(32, 12, 768, 8.8), (16, 12, 768, 35.1), (14, 24, 1024, 162.0)],
)
def test_operations_are_those_of_the_literature(patch_px, layers, width, gflop):
    """Twice the multiply-adds that are given for CLIP ViT-B/32, B/16 and L/14: 4.4, 17.6 and 81."""
    vision = {
        "patch_size": patch_px, "num_hidden_layers": layers, "hidden_size": width,
        "intermediate_size": 4 * width,
    }  # fmt: skip
    tower = read_towers({"model_type": "clip", "vision_config": vision}, "x").image
    assert operations(tower) / 1e9 == pytest.approx(gflop, rel=0.02)


def test_a_download_has_the_size_of_the_weights_that_are_needed():
    found = names(costs(1e11))["clip-b32"]
    assert found.download_bytes == 605_109_248  # of 151,277,313 values, all but the scale; float32
    assert found.photo_s == pytest.approx(0.088, rel=0.02)
    assert found.licence == "MIT"


def cost(name, photo_s, licence="MIT", memory_gb=1.0):
    model = KnownModel(name, f"someone/{name}", {})
    return ModelCost(model, licence, 10**9, round(memory_gb * 1e9), photo_s)


def test_the_best_that_is_fast_enough_fits_and_is_free_to_use(monkeypatch):
    found = [
        cost("best", 4.0, memory_gb=8),
        cost("second", 1.0, licence="CC-BY-NC-4.0"),
        cost("third", 1.0),
        cost("last", 0.1),
    ]
    memory = 64_000_000_000
    monkeypatch.setattr(recommend, "_memory_bytes", lambda: memory)
    assert recommended(found, 5.0).model.name == "best"
    assert recommended(found, 3.0).model.name == "third"
    assert recommended(found, 0.5).model.name == "last"
    assert recommended(found, 0.01) is None
    memory = 4_000_000_000
    assert recommended(found, 5.0).model.name == "third"
    memory = 0  # not known
    assert recommended(found, 5.0).model.name == "best"


def test_a_speed_is_measured():
    assert measure_flops(Device.CPU) > 1e6


def test_without_a_gpu_the_cpu_is_measured(monkeypatch):
    def measure(device):
        if device is Device.CUDA:
            raise RuntimeError("no CUDA")
        return 1e11

    monkeypatch.setattr(speed, "measure_flops", measure)
    monkeypatch.setattr(speed, "candidate_devices", lambda _: [Device.CUDA, Device.CPU])
    assert speed.measure_speed() == Speed(Device.CPU, 1e11)


def test_the_command(monkeypatch):
    monkeypatch.setattr(speed, "measure_speed", lambda: Speed(Device.CPU, 1e11))
    output = CliRunner().invoke(cli, ["models", "recommend"]).output
    assert "100 GFLOP/s on cpu" in output
    line = next(line for line in output.splitlines() if line.startswith("clip-b32"))
    assert line.split() == ["clip-b32", "0.61", "GB", "0.088", "s", "MIT"]
    assert "   67 %  MIT\n" in output  # in its column
    best = recommended(costs(1e11), 5.0).model.name
    assert output.endswith(f"recommended: geotagger models pull {best}\n")
    make_bundle(models_folder() / best)
    assert (
        CliRunner()
        .invoke(cli, ["models", "recommend"])
        .output.endswith(f"recommended: geotagger tag --model {best}\n")
    )
    slow = CliRunner().invoke(cli, ["models", "recommend", "--max-seconds", "0.001"]).output
    assert "keep the starter" in slow
