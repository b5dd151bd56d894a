"""Image towers: networks of any kind that map pixels to one vector a photo.

The name of a tower is a backbone of training/models/backbones.py (`lite0`, `resnet50`, ...),
`tiny_clip` (random, for trying a recipe out in seconds), or a CLIP of transformers: a hub id such
as `openai/clip-vit-base-patch32`, or its folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from geotagger.errors import UsageError
from training.engine import origins
from training.models.backbones import BACKBONES

if TYPE_CHECKING:
    from training.engine.origins import Origin
    from training.models.backbones import Backbone

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
TINY_CLIP = "tiny_clip"


class Tower(nn.Module):
    """Maps photos to vectors [B, width].

    An input is uint8 pixels [B, S, S, 3], or the output of `frozen`: the part that stays as
    pretrained can be computed once for each photo. Before `freeze` is called, nothing is frozen.
    """

    width: int
    size_px: int

    def __init__(
        self,
        mean: tuple[float, ...],
        scale: tuple[float, ...],
        origins: tuple[Origin, ...],
    ) -> None:
        """Makes a tower without blocks.

        Args:
            mean: Mean of the pixel values, for one or three channels.
            scale: Their divisor.
            origins: The origins of the weights; empty if they are random.
        """
        super().__init__()
        self.origins = origins
        shape = (1, 3, 1, 1)
        self.register_buffer("mean", torch.tensor(mean).expand(3).reshape(shape).clone())
        self.register_buffer("scale", torch.tensor(scale).expand(3).reshape(shape).clone())
        self.blocks = nn.ModuleList()
        self.kept = 0

    def frozen(self, pixels: torch.Tensor) -> torch.Tensor:
        """Maps uint8 pixels [B, S, S, 3] to the output [B, ...] of the frozen part."""
        return self.lower((pixels.permute(0, 3, 1, 2).float() - self.mean) / self.scale)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Maps pixels, or the output of `frozen`, to vectors [B, width]."""
        return self.upper(self.frozen(inputs) if inputs.dtype == torch.uint8 else inputs)

    def lower(self, planes: torch.Tensor) -> torch.Tensor:
        """Maps normalised planes [B, 3, S, S] to the output [B, ...] of the frozen part."""
        raise NotImplementedError

    def upper(self, values: torch.Tensor) -> torch.Tensor:
        """Maps the output of the frozen part to vectors [B, width]."""
        raise NotImplementedError

    def freeze(self, trained_blocks: int) -> int:
        """Chooses what is trained.

        Args:
            trained_blocks: The number of last blocks that are trained, with the layers above them;
                -1 for everything, 0 for nothing.

        Returns:
            The number of parameters that are trained.

        Raises:
            UsageError: The tower has fewer blocks.
        """
        if trained_blocks > len(self.blocks):
            raise UsageError(f"trained_blocks: the tower has only {len(self.blocks)}; ask for less")
        self.requires_grad_(trained_blocks < 0)
        self.kept = 0 if trained_blocks < 0 else len(self.blocks) - trained_blocks
        for block in self.blocks[self.kept :]:
            block.requires_grad_(trained_blocks != 0)
        for part in self.above() if trained_blocks else ():
            part.requires_grad_(True)
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def above(self) -> list[nn.Module]:
        """Returns the layers that are trained together with the last blocks."""
        return []

    def train(self, mode: bool = True) -> Tower:
        """Frozen blocks stay in evaluation mode, so that their batch statistics do not change."""
        super().train(mode)
        for block in self.blocks[: self.kept]:
            block.eval()
        return self


class CnnTower(Tower):
    """A backbone of training/models/backbones.py; its blocks are its stages."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone.mean, backbone.scale, backbone.origins)
        self.width, self.size_px = backbone.width, backbone.size_px
        self.blocks = nn.ModuleList(backbone.stages)

    def lower(self, planes: torch.Tensor) -> torch.Tensor:
        """Maps planes [B, 3, S, S] to the output [B, ...] of the frozen stages."""
        for block in self.blocks[: self.kept]:
            planes = block(planes)
        return planes

    def upper(self, values: torch.Tensor) -> torch.Tensor:
        """Maps the output of the frozen stages to vectors [B, width]."""
        for block in self.blocks[self.kept :]:
            values = block(values)
        return values

    def freeze(self, trained_blocks: int) -> int:
        """See `Tower.freeze`. The last stage is the average pool, which has nothing to train."""
        if trained_blocks > 0:
            trained_blocks += not any(True for _ in self.blocks[-1].parameters())
        return super().freeze(trained_blocks)


class ClipTower(Tower):
    """CLIP's vision transformer with its projection (Radford et al. 2021)."""

    def __init__(self, model: Any, origins: tuple[Origin, ...] = ()) -> None:
        mean, scale = (tuple(255 * x for x in values) for values in (CLIP_MEAN, CLIP_STD))
        super().__init__(mean, scale, origins)
        self.width = model.config.projection_dim
        self.size_px = model.config.image_size
        self.embeddings = model.vision_model.embeddings
        self.before = model.vision_model.pre_layrnorm
        self.blocks = nn.ModuleList(model.vision_model.encoder.layers)
        self.norm = model.vision_model.post_layernorm
        self.projection = model.visual_projection

    def lower(self, planes: torch.Tensor) -> torch.Tensor:
        """Maps planes [B, 3, S, S] to tokens [B, T, C], or if all is frozen to vectors [B,
        width]."""
        values = self.before(self.embeddings(planes))
        for block in self.blocks[: self.kept]:
            values = block(values, None)
        if self.kept == len(self.blocks) and not self.norm.weight.requires_grad:
            return self._project(values)  # [B, width] is far smaller to cache than tokens
        return values

    def upper(self, values: torch.Tensor) -> torch.Tensor:
        """Maps tokens [B, T, C], or vectors [B, width], to vectors [B, width]."""
        for block in self.blocks[self.kept :]:
            values = block(values, None)
        return self._project(values) if values.dim() == 3 else values

    def _project(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.projection(self.norm(tokens[:, 0]))

    def above(self) -> list[nn.Module]:
        """See `Tower.above`."""
        return [self.norm]


def unit_length(vectors: torch.Tensor) -> torch.Tensor:
    """Divides vectors [n, D] by their lengths.

    torch's own normalize exports an Expand node, on which ONNX Runtime's shape inference fails
    before it can quantise a graph.
    """
    return vectors / vectors.square().sum(dim=1, keepdim=True).sqrt().clamp_min(1e-12)


def make_tower(name: str, weights: str = "auto") -> Tower:
    """Makes the tower of a name.

    Args:
        name: See the module docstring.
        weights: auto, or none to start at random, for loading the weights of a run.

    Raises:
        UsageError: No backbone, hub id or folder has that name.
    """
    if name in BACKBONES:
        return CnnTower(BACKBONES[name](weights))
    from transformers import CLIPConfig, CLIPVisionModelWithProjection

    if name == TINY_CLIP:
        return ClipTower(CLIPVisionModelWithProjection(tiny_config().vision_config))
    try:
        if weights == "none":
            config = CLIPConfig.from_pretrained(name).vision_config
            return ClipTower(CLIPVisionModelWithProjection(config))
        pretrained = CLIPVisionModelWithProjection.from_pretrained(name)
        return ClipTower(pretrained, (origins.of_checkpoint(name),))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{name}: is not a tower ({str(error).splitlines()[0]}); give {TINY_CLIP}, one of "
            f"{', '.join(BACKBONES)}, a hub id that can be reached, or a folder"
        ) from error


def tiny_config(vocabulary_size: int = 512) -> Any:
    """Returns the config of a CLIP with some ten thousand parameters."""
    from transformers import CLIPConfig

    size = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "projection_dim": 24,
    }
    return CLIPConfig(
        text_config={**size, **text_options(vocabulary_size), "num_hidden_layers": 2},
        vision_config={**size, "num_hidden_layers": 3, "image_size": 32, "patch_size": 8},
        projection_dim=size["projection_dim"],
    )


def text_options(vocabulary_size: int) -> dict[str, int]:
    """Returns the options of a text tower that fit the tokenizer of training/models/clip.py."""
    return {
        "vocab_size": vocabulary_size,
        "max_position_embeddings": 77,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 3,
    }
