"""Image towers: pixels to one vector a photo, whatever stands behind it.

A tower is named: any trunk of training/models/backbones.py (`lite0`, `resnet50`, ...), `tiny_clip`
(random,
for trying a recipe out in seconds), or else a CLIP that transformers knows: a hub id such as
`openai/clip-vit-base-patch32`, or a folder that holds one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from geotagger.errors import UsageError
from training.engine import origins
from training.models.backbones import TRUNKS

if TYPE_CHECKING:
    from training.engine.origins import Origin
    from training.models.backbones import Trunk

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
TINY_CLIP = "tiny_clip"


class Tower(nn.Module):
    """uint8 pixels [B, S, S, 3] -> [B, width].

    It also takes what `frozen` gives: the output of the part that stays as it was pretrained, which
    can be worked out once for each photo. Until `freeze` is called, no part does.
    """

    width: int
    size_px: int

    def __init__(
        self,
        mean: tuple[float, ...],
        scale: tuple[float, ...],
        origins: tuple[Origin, ...],
    ) -> None:
        """`origins`: of the weights; empty where they are random."""
        super().__init__()
        self.origins = origins
        shape = (1, 3, 1, 1)
        self.register_buffer("mean", torch.tensor(mean).expand(3).reshape(shape).clone())
        self.register_buffer("scale", torch.tensor(scale).expand(3).reshape(shape).clone())
        self.blocks = nn.ModuleList()
        self.kept = 0

    def frozen(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.lower((pixels.permute(0, 3, 1, 2).float() - self.mean) / self.scale)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.upper(self.frozen(inputs) if inputs.dtype == torch.uint8 else inputs)

    def lower(self, planes: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def upper(self, values: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def freeze(self, trained_blocks: int) -> int:
        """Trains the last `trained_blocks` blocks and what stands above them; -1 for all, and 0 for
        nothing of this tower. Returns how many numbers are trained.

        Raises:
            UsageError: the tower has fewer blocks.
        """
        if trained_blocks > len(self.blocks):
            raise UsageError(f"trained_blocks: the tower has but {len(self.blocks)}; ask for less")
        self.requires_grad_(trained_blocks < 0)
        self.kept = 0 if trained_blocks < 0 else len(self.blocks) - trained_blocks
        for block in self.blocks[self.kept :]:
            block.requires_grad_(trained_blocks != 0)
        for part in self.above() if trained_blocks else ():
            part.requires_grad_(True)
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def above(self) -> list[nn.Module]:
        """What is trained together with the last blocks."""
        return []

    def train(self, mode: bool = True) -> Tower:
        """Kept blocks stay in evaluation: their batch statistics are part of what is kept."""
        super().train(mode)
        for block in self.blocks[: self.kept]:
            block.eval()
        return self


class CnnTower(Tower):
    """A trunk of training/models/backbones.py; its blocks are its stages."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__(trunk.mean, trunk.scale, trunk.origins)
        self.width, self.size_px = trunk.width, trunk.size_px
        self.blocks = nn.ModuleList(trunk.stages)

    def lower(self, planes: torch.Tensor) -> torch.Tensor:
        for block in self.blocks[: self.kept]:
            planes = block(planes)
        return planes

    def upper(self, values: torch.Tensor) -> torch.Tensor:
        for block in self.blocks[self.kept :]:
            values = block(values)
        return values

    def freeze(self, trained_blocks: int) -> int:
        """The last stage is the mean over the picture, which has nothing to train."""
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
        values = self.before(self.embeddings(planes))
        for block in self.blocks[: self.kept]:
            values = block(values, None)
        if self.kept == len(self.blocks) and not self.norm.weight.requires_grad:
            return self._end(values)  # [B, width] is far less to keep than tokens
        return values

    def upper(self, values: torch.Tensor) -> torch.Tensor:
        for block in self.blocks[self.kept :]:
            values = block(values, None)
        return self._end(values) if values.dim() == 3 else values

    def _end(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.projection(self.norm(tokens[:, 0]))

    def above(self) -> list[nn.Module]:
        return [self.norm]


def of_length_one(vectors: torch.Tensor) -> torch.Tensor:
    """[n, D] divided by their lengths. (torch's own normalize exports an Expand, at which ONNX
    Runtime's shape inference stumbles before it can make 8 bits of a graph.)"""
    return vectors / vectors.square().sum(dim=1, keepdim=True).sqrt().clamp_min(1e-12)


def make_tower(name: str, weights: str = "auto") -> Tower:
    """The tower of that name. `weights` none starts it at random, for loading a run into it.

    Raises:
        UsageError: there is no such trunk, hub id or folder.
    """
    if name in TRUNKS:
        return CnnTower(TRUNKS[name](weights))
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
            f"{name}: is no tower ({str(error).splitlines()[0]}); give {TINY_CLIP}, one of "
            f"{', '.join(TRUNKS)}, a hub id that can be reached, or a folder"
        ) from error


def tiny_config(words: int = 512) -> Any:
    """A CLIP of some ten thousand numbers; `words` is the size of its vocabulary."""
    from transformers import CLIPConfig

    size = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "projection_dim": 24,
    }
    return CLIPConfig(
        text_config={**size, **text_options(words), "num_hidden_layers": 2},
        vision_config={**size, "num_hidden_layers": 3, "image_size": 32, "patch_size": 8},
        projection_dim=size["projection_dim"],
    )


def text_options(words: int) -> dict[str, int]:
    """How a text tower must be made for the tokeniser of training/models/clip.py."""
    return {
        "vocab_size": words,
        "max_position_embeddings": 77,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 3,
    }
