"""The recogniser of the world's scripts: a borrowed backbone and a head of its own."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from training.models.line_backbone import CHANNELS, LineBackbone

ROWS = 3
"""Height of the backbone's features."""
WIDTH, HEADS, KERNEL = 256, 4, 9
MIXERS = 3


class _Convolution(nn.Module):
    """A depthwise convolution along the line and two pointwise ones (Liu et al., CVPR 2022)."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(WIDTH, WIDTH, KERNEL, padding=KERNEL // 2, groups=WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.widen = nn.Linear(WIDTH, 2 * WIDTH)
        self.narrow = nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, columns: torch.Tensor) -> torch.Tensor:
        """Maps [n, t, C] to [n, t, C]."""
        mixed = self.norm(self.depthwise(columns.transpose(1, 2)).transpose(1, 2))
        return columns + self.narrow(functional.gelu(self.widen(mixed)))


class _Attention(nn.Module):
    """Attention over the whole line (Vaswani et al., NeurIPS 2017)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.project = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, columns: torch.Tensor) -> torch.Tensor:
        """Maps [n, t, C] to [n, t, C]."""
        query, key, value = (
            part.unflatten(2, (HEADS, WIDTH // HEADS)).transpose(1, 2)
            for part in self.project(self.norm(columns)).chunk(3, dim=2)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return columns + self.out(mixed.transpose(1, 2).flatten(2))


class TextReaderNetwork(nn.Module):
    """Maps lines of text to symbols by CTC (Graves et al., ICML 2006)."""

    def __init__(self, backbone: LineBackbone, symbols: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.join = nn.Conv2d(CHANNELS[-1], WIDTH, (ROWS, 3), padding=(0, 1), bias=False)
        self.norm = nn.BatchNorm2d(WIDTH)
        mixers = [_Convolution() for _ in range(MIXERS)]
        self.mix = nn.Sequential(*mixers[:-1], _Attention(), mixers[-1], nn.LayerNorm(WIDTH))
        self.classify = nn.Linear(WIDTH, symbols + 1)
        """The first class is CTC's blank."""
        self.register_buffer("temperature", torch.ones(()))

    def logits(self, early: torch.Tensor) -> torch.Tensor:
        """Maps the backbone's early features [n, 192, 6, t] to logits [n, t, 1 + symbols]."""
        joined = functional.gelu(self.norm(self.join(self.backbone.late(early))))
        return self.classify(self.mix(joined.squeeze(2).transpose(1, 2)))

    def forward(self, lines: torch.Tensor) -> torch.Tensor:
        """Maps BGR lines [n, 3, 48, w], from -1 to 1, to probabilities [n, t, 1 + symbols].

        There is a column for every four pixels: t = w / 4, rounded up.
        """
        return torch.softmax(self.logits(self.backbone.early(lines)) / self.temperature, dim=2)
