"""Convolutional backbones: pixels to one vector a photo, with pretrained weights or random ones.

A backbone is a sequence of stages, so that any number of them can stay as pretrained.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from geotagger.errors import UsageError
from training.engine import origins
from training.engine.origins import Origin
from training.models.efficientnet_lite import MEAN, SCALE, SIZE_PX, lite_stages

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Backbone:
    """The stages before the heads."""

    stages: nn.Sequential
    """Map float32 [B, 3, S, S] to [B, width]."""
    pretrained: int
    """The number of first stages that may have pretrained weights; later ones are random."""
    width: int
    size_px: int
    """S in the pretraining."""
    mean: tuple[float, ...] = tuple(255 * x for x in IMAGENET_MEAN)
    scale: tuple[float, ...] = tuple(255 * x for x in IMAGENET_STD)
    """The stages see (pixel - mean) / scale, for each channel."""
    origins: tuple[Origin, ...] = ()
    """The origins of the weights; empty if they are random."""


class GlobalAveragePool(nn.Module):
    """The mean over the picture."""

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Maps [B, C, h, w] to [B, C]."""
        return planes.mean(dim=(2, 3))


class ChannelAndSpaceAttention(nn.Module):
    """CBAM: attention over channels, then over positions (Woo et al. 2018)."""

    def __init__(self, channels: int, reduction: int = 8, kernel: int = 7) -> None:
        super().__init__()
        self.channel = nn.Sequential(
            nn.Linear(channels, channels // reduction),
            nn.ReLU(),
            nn.Linear(channels // reduction, channels),
        )
        self.space = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Maps [B, C, h, w] to [B, C, h, w]."""
        mean, peak = planes.mean(dim=(2, 3)), planes.amax(dim=(2, 3))
        planes = planes * (self.channel(mean) + self.channel(peak)).sigmoid()[:, :, None, None]
        both = torch.cat([planes.mean(1, keepdim=True), planes.amax(1, keepdim=True)], dim=1)
        return planes * self.space(both).sigmoid()


class ParallelBranches(nn.Module):
    """Two networks on the same input, or on the pair of outputs of earlier branches."""

    def __init__(self, one: nn.Module, two: nn.Module) -> None:
        super().__init__()
        self.one, self.two = one, two

    def forward(self, inputs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Maps [B, C, h, w], or a pair of these, to a pair of [B, C', h', w']."""
        first, second = inputs if isinstance(inputs, tuple) else (inputs, inputs)
        return self.one(first), self.two(second)


class ConcatenateChannels(nn.Module):
    """Joins the outputs of two branches."""

    def forward(self, pair: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """Maps [B, C, h, w] and [B, D, h, w] to [B, C + D, h, w]."""
        return torch.cat(pair, dim=1)


class ProjectedSum(nn.Module):
    """The sum of two parts of the channels, each projected to `width` by a 1x1 convolution."""

    def __init__(self, one: int, two: int, width: int) -> None:
        super().__init__()
        self.widths = (one, two)
        self.one, self.two = nn.Conv2d(one, width, 1), nn.Conv2d(two, width, 1)

    def forward(self, joined: torch.Tensor) -> torch.Tensor:
        """Maps [B, one + two, h, w] to [B, width, h, w]."""
        first, second = joined.split(self.widths, dim=1)
        return self.one(first) + self.two(second)


def baseline(_: str) -> Backbone:
    """GeoScope's baseline: six convolutions, each followed by pooling, and 128 units."""
    widths = (3, 32, 64, 128, 256, 512, 1024)
    stages = [
        nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        for a, b in pairwise(widths)
    ]
    size_px = 128
    flat = widths[-1] * (size_px // 64) ** 2
    last = nn.Sequential(nn.Flatten(), nn.Linear(flat, 128), nn.ReLU())
    return Backbone(nn.Sequential(*stages, last), 0, 128, size_px)


def tiny(_: str) -> Backbone:
    """A network for trying a recipe out in seconds; its stages count as pretrained."""
    stages = [
        nn.Sequential(nn.Conv2d(a, b, 3, 2, 1), nn.BatchNorm2d(b), nn.ReLU())
        for a, b in ((3, 8), (8, 16), (16, 32))
    ]
    return Backbone(nn.Sequential(*stages, GlobalAveragePool()), 3, 32, 32, (127.0,), (128.0,))


def lite(weights: str, number: int) -> Backbone:
    """EfficientNet-Lite; weights `auto` are those of the installed package."""
    name = f"lite{number}"
    stages = lite_stages(name, pretrained=weights == "auto")
    width = stages[-1][0].out_channels
    if weights not in ("auto", "none"):
        raise UsageError(f"{name}: weights must be auto (of the package) or none")
    packaged = Origin(f"EfficientNet-Lite{number}, ImageNet", "Apache-2.0")
    return Backbone(
        nn.Sequential(*stages, GlobalAveragePool()),
        len(stages),
        width,
        SIZE_PX[name],
        (MEAN,),
        (SCALE,),
        (packaged,) if weights == "auto" else (),
    )


def of_torchvision(weights: str, name: str) -> Backbone:
    """A network of torchvision.

    Args:
        weights: none, imagenet (torchvision downloads them), or a file with the state of the
            network (.pth, .safetensors); auto means none.
        name: The function in torchvision.models.

    Raises:
        UsageError: The file of weights cannot be used.
    """
    from torchvision import models

    network = getattr(models, name)(weights="DEFAULT" if weights == "imagenet" else None)
    origin = Origin(f"torchvision's {name}, ImageNet", "BSD-3-Clause")
    if weights not in ("auto", "none", "imagenet"):
        _load(network, weights)
        origin = origins.of_file(weights)
    if name.startswith("efficientnet"):
        stages = list(network.features)
        width = network.classifier[1].in_features
    else:
        stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
        stages = [stem, network.layer1, network.layer2, network.layer3, network.layer4]
        width = network.fc.in_features
    size_px = 300 if name == "efficientnet_b3" else 224
    random = weights in ("auto", "none")
    return Backbone(
        nn.Sequential(*stages, GlobalAveragePool()),
        0 if random else len(stages),
        width,
        size_px,
        origins=() if random else (origin,),
    )


def _load(network: nn.Module, file: str) -> None:
    """Loads all weights except the last layer, whose classes differ."""
    from safetensors.torch import load_file

    last_layer = ("fc.", "classifier.")
    try:
        if file.endswith(".safetensors"):
            state = load_file(file)
        else:
            state = torch.load(file, weights_only=True, map_location="cpu")
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error}); name a file of weights") from error
    kept = {name: value for name, value in state.items() if not name.startswith(last_layer)}
    absent = network.load_state_dict(kept, strict=False).missing_keys
    missing = {name for name in absent if not name.startswith(last_layer)}
    if missing:
        raise UsageError(f"{file}: lacks {len(missing)} weights, such as {min(missing)}")


def dual(weights: str, one: str, two: str, width: int = 512) -> Backbone:
    """GeoScope's dual network: two backbones, summed, with attention around a convolution.

    Args:
        weights: For both, or one for each with a comma between.
        one: The name of the first backbone.
        two: The name of the second backbone.
        width: Channels of the sum.

    Raises:
        UsageError: The backbones normalise their pixels differently.
    """
    both = [*weights.split(","), weights][:2] if "," in weights else [weights, weights]
    left, right = (BACKBONES[name](part) for name, part in zip((one, two), both, strict=True))
    if (left.mean, left.scale) != (right.mean, right.scale):
        raise UsageError(f"{one} and {two} normalise their pixels differently")
    bodies = [backbone.stages[:-1] for backbone in (left, right)]  # without the pooling
    kept = 3 if left.pretrained and right.pretrained else 0
    middle = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width))
    stages = nn.Sequential(
        ParallelBranches(bodies[0][:-1], bodies[1][:-1]),
        ParallelBranches(bodies[0][-1], bodies[1][-1]),
        ConcatenateChannels(),
        ProjectedSum(left.width, right.width, width),
        ChannelAndSpaceAttention(width),
        middle,
        ChannelAndSpaceAttention(width),
        GlobalAveragePool(),
    )
    size_px = min(left.size_px, right.size_px)
    both_origins = left.origins + right.origins
    return Backbone(stages, kept, width, size_px, left.mean, left.scale, both_origins)


BACKBONES: dict[str, Callable[[str], Backbone]] = {
    "baseline": baseline,
    "tiny": tiny,
    "dual": lambda weights: dual(weights, "efficientnet_b3", "resnet50"),
    "dual_lite": lambda weights: dual(weights, "lite0", "lite1", 128),
    "dual_tiny": lambda weights: dual(weights, "tiny", "tiny", 16),
    **{
        f"lite{number}": lambda weights, number=number: lite(weights, number)
        for number in range(3)
    },
    **{
        name: lambda weights, name=name: of_torchvision(weights, name)
        for name in (
            "resnet18", "resnet34", "resnet50", "resnet101", "resnet152",
            "wide_resnet50_2", "efficientnet_b3",
        )
    },
}  # fmt: skip
"""Name -> function of its weights (none, auto, imagenet, or a file)."""
