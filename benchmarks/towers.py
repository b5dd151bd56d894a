"""A bundle as large as the published ones, with random weights: as fast as a real one.

    python benchmarks/towers.py FOLDER --size 336

CLIP's ViT-L/14 with the embedded model's labels behind it. Attention, norms and activations are
single nodes of the graph, as in bundles that `geotagger models import` makes. Needs torch and
transformers.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import click
import onnx
import torch
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from geotagger.vision.bundle import find_bundle

WIDTH, HEADS, PATCH_PX, LAYERS = 1024, 16, 14, 24
MEAN, SPREAD = (0.4815, 0.4578, 0.4082), (0.2686, 0.2613, 0.2758)


class Tower(torch.nn.Module):
    """uint8 [B, S, S, 3] to float32 logits [B, classes]."""

    def __init__(self, size_px: int, classes: int, layers: int, attention: str) -> None:
        super().__init__()
        config = CLIPVisionConfig(
            hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_attention_heads=HEADS,
            num_hidden_layers=layers, image_size=size_px, patch_size=PATCH_PX, projection_dim=768,
            attn_implementation=attention,
        )  # fmt: skip
        self.tower = CLIPVisionModelWithProjection(config)
        self.classify = torch.nn.Linear(768, classes)
        self.register_buffer("mean", 255 * torch.tensor(MEAN))
        self.register_buffer("spread", 255 * torch.tensor(SPREAD))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        dtype = self.classify.weight.dtype
        unit = ((pixels.float() - self.mean) / self.spread).to(dtype).permute(0, 3, 1, 2)
        return self.classify(self.tower(unit).image_embeds).float()


def make_tower(
    size_px: int, layers: int = LAYERS, half: bool = False, attention: str = "sdpa"
) -> Tower:
    torch.manual_seed(0)
    tower = Tower(size_px, _classes(), layers, attention).eval()
    return tower.half() if half else tower


def make_bundle(
    folder: Path, size_px: int, layers: int = LAYERS, half: bool = False, fused: bool = True
) -> Path:
    """A bundle in `folder`.

    Args:
        half: weights and arithmetic in half precision, for GPUs.
        fused: attention, norms and activations as single nodes; TensorRT knows none of them.
    """
    from onnxruntime.transformers import optimizer  # not before geotagger

    starter = find_bundle("starter")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("README.md", "labels.csv"):
        shutil.copy(starter / name, folder / name)
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "plain.onnx"
        pixels = torch.zeros((2, size_px, size_px, 3), dtype=torch.uint8)
        with torch.inference_mode():
            torch.onnx.export(
                make_tower(size_px, layers, attention="eager"), (pixels,), plain,
                input_names=["pixels"], output_names=["cell_logits"], opset_version=20,
                dynamo=True, external_data=True, dynamic_shapes=({0: torch.export.Dim("B")},),
                verbose=False,
            )  # fmt: skip
        graph = optimizer.OnnxModel(onnx.load(plain))
        if fused:
            graph = optimizer.optimize_model(
                graph.model, model_type="clip", num_heads=HEADS, hidden_size=WIDTH, opt_level=0
            )
        if half:
            graph.convert_float_to_float16(keep_io_types=True)
        graph.save_model_to_file(str(folder / "model.onnx"), use_external_data_format=True)
    card: dict[str, Any] = json.loads((starter / "card.json").read_text("utf-8"))
    card["name"], card["input"]["size_px"] = folder.name, size_px
    files = [path for path in folder.iterdir() if path.name != "card.json"]
    card["files"] = {path.name: _sha256(path) for path in sorted(files)}
    (folder / "card.json").write_text(json.dumps(card), "utf-8")
    return folder


def _classes() -> int:
    with (find_bundle("starter") / "labels.csv").open("rb") as file:
        return sum(1 for _ in file) - 1


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--size", "size_px", default=224, show_default=True)
@click.option("--layers", default=LAYERS, show_default=True, help="Fewer for a quick look.")
@click.option("--half", is_flag=True, help="Half precision, for GPUs.")
@click.option("--fused/--plain", default=True, show_default=True, help="Plain for TensorRT.")
def main(folder: Path, size_px: int, layers: int, half: bool, fused: bool) -> None:
    click.echo(str(make_bundle(folder, size_px, layers, half, fused)))


if __name__ == "__main__":
    main()
