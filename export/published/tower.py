"""Image and text towers of CLIP and SigLIP checkpoints as ONNX graphs."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from typing import TYPE_CHECKING, Any

import onnx
import torch
from torch import nn
from torch.nn.functional import normalize

from geotagger.errors import UsageError
from geotagger.vision.published.bundle import EMBEDDING, FEATURES

if TYPE_CHECKING:
    from pathlib import Path

OPSET = 20
MAX_TEXT = 77


class ImageTowerModule(nn.Module):
    """The image tower with its normalisation of pixels."""

    def __init__(self, model: Any, processor: Any) -> None:
        super().__init__()
        self.model = model
        shape = (1, 3, 1, 1)
        self.register_buffer("mean", 255 * torch.tensor(processor.image_mean).reshape(shape))
        self.register_buffer("scale", 255 * torch.tensor(processor.image_std).reshape(shape))

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Maps uint8 pixels [B, S, S, 3] to (features [B, D], vectors of length 1 [B, D])."""
        planes = (pixels.permute(0, 3, 1, 2).float() - self.mean) / self.scale
        features = _tensor(self.model.get_image_features(pixel_values=planes))
        return features, normalize(features, dim=1)


class TextTowerModule(nn.Module):
    """The text tower."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Maps int64 tokens [n, L] to vectors [n, D] of length 1."""
        return normalize(_tensor(self.model.get_text_features(input_ids=tokens)), dim=1)


def load_model(folder: Path) -> tuple[Any, Any, Any]:
    """Loads a checkpoint.

    Returns:
        (model, image processor, tokenizer or None).

    Raises:
        UsageError: The folder holds no CLIP or SigLIP.
    """
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    try:
        model = AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, attn_implementation="eager"
        ).eval()
        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{folder}: not a model of transformers ({error})") from error
    if not (hasattr(model, "get_image_features") and hasattr(model, "get_text_features")):
        raise UsageError(f"{folder}: {type(model).__name__} has no image and text towers")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError):
        tokenizer = None
    return model, processor, tokenizer


def save_graph(
    module: nn.Module,
    example: torch.Tensor,
    file: Path,
    inputs: str,
    outputs: list[str],
    free: tuple[str, ...] = ("batch",),
) -> None:
    """Writes a graph with one input whose first dimensions are free; these are their names."""
    dimensions = {axis: torch.export.Dim(name) for axis, name in enumerate(free)}
    big = sum(p.numel() * p.element_size() for p in module.parameters()) > 1.9e9
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # from the exporter itself
        torch.onnx.export(
            module.eval(),
            (example,),
            file,
            input_names=[inputs],
            output_names=outputs,
            dynamic_shapes=(dimensions,),
            opset_version=OPSET,
            external_data=big,  # a file of Protocol Buffers ends at 2 GB
            verbose=False,
        )


def save_image_tower(tower: ImageTowerModule, size_px: int, file: Path) -> None:
    """Writes the graph of the image tower: `pixels` to FEATURES and EMBEDDING."""
    pixels = torch.zeros(2, size_px, size_px, 3, dtype=torch.uint8)
    save_graph(tower, pixels, file, "pixels", [FEATURES, EMBEDDING])


def fuse(source: Path, target: Path, config: Any) -> None:
    """Fuses attention, norms and activations: a fifth faster on a CPU, equal to 1e-6."""
    from onnxruntime.transformers import optimizer

    vision = config.vision_config
    logging.disable(logging.WARNING)  # it logs every step that it skips
    source, target = source.resolve(), target.resolve()
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.chdir(target.parent),
    ):  # it writes files there
        fused = optimizer.optimize_model(
            str(source),
            model_type="clip",
            num_heads=vision.num_attention_heads,
            hidden_size=vision.hidden_size,
            opt_level=1,
        )
    logging.disable(logging.NOTSET)
    onnx.save(fused.model, target)


def save_text_tower(model: Any, tokenizer: Any, folder: Path) -> None:
    """Writes text.onnx, and tokenizer.json, which pads and truncates captions as the checkpoint
    does."""
    config = model.config.text_config
    length = min(MAX_TEXT, config.max_position_embeddings)
    fast = tokenizer.backend_tokenizer
    fast.enable_truncation(length)
    fast.enable_padding(length=length, pad_id=tokenizer.pad_token_id, pad_token=tokenizer.pad_token)
    fast.save(str(folder / "tokenizer.json"))
    save_text_graph(model, length, tokenizer.eos_token_id, folder / "text.onnx")


def save_text_graph(model: Any, length: int, end_token: int, file: Path) -> None:
    """Writes the graph of the text tower: `tokens` to `vectors`.

    In CLIP no token sees those after it, so captions may be cut after their end token: the length
    is free. SigLIP takes the vector at the last token, and was trained with padding.
    """
    free = ("batch", "length") if model.config.model_type == "clip" else ("batch",)
    tokens = torch.full((2, length // 2 if len(free) > 1 else length), end_token)
    save_graph(TextTowerModule(model), tokens, file, "tokens", ["vectors"], free)


def _tensor(output: Any) -> torch.Tensor:
    """transformers 4 returns a tensor, 5 an object with it."""
    return output if isinstance(output, torch.Tensor) else output.pooler_output
