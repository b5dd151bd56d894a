"""Image and text towers with a common space (CLIP, Radford et al. 2021).

The text tower is that of the named CLIP. A backbone of training/models/backbones.py gets a small
text tower, trained from scratch, whose tokenizer is trained on the captions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, log_softmax

from geotagger.errors import UsageError
from training.models.backbones import BACKBONES
from training.models.towers import (
    TINY_CLIP,
    Tower,
    make_tower,
    text_options,
    tiny_config,
    unit_length,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.engine.loop import LossFunction

SPECIAL_TOKENS = ("<pad>", "<start>", "<unknown>", "<end>")
VOCABULARY_SIZE = 4000
MAX_TOKENS = 77
TEXT_FOLDER = "text"
"""The folder of a run with tokenizer and config of the text tower."""


class Clip(nn.Module):
    """Maps photos and captions to vectors [n, D] of length 1."""

    def __init__(
        self,
        tower: Tower,
        text: nn.Module,
        dimensions: int,
        temperature: float = 0.07,
        projected: bool = False,
    ) -> None:
        """Makes the network.

        Args:
            tower: The image tower.
            text: The text tower.
            dimensions: The size D of the common space.
            temperature: Of the loss, at the start.
            projected: Adds a linear layer above the image tower (GeoScope's lite variant), which
                starts as the identity. There is one in any case if the widths differ.
        """
        super().__init__()
        self.tower, self.text = tower, text
        is_projected = projected or tower.width != dimensions
        self.projection = nn.Linear(tower.width, dimensions) if is_projected else nn.Identity()
        if projected and tower.width == dimensions:
            nn.init.eye_(self.projection.weight)
            nn.init.zeros_(self.projection.bias)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    def images(self, inputs: torch.Tensor) -> torch.Tensor:
        """Maps pixels [B, S, S, 3], or the output of `tower.frozen`, to vectors [B, D]."""
        return unit_length(self.projection(self.tower(inputs)))

    def texts(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Maps tokens and mask [T, length] to vectors [T, D]."""
        return unit_length(self.text(input_ids=tokens, attention_mask=mask).text_embeds)

    def forward(
        self, inputs: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Maps photos and captions to scaled cosines [B, T].

        The scale stays below 100, as in CLIP.

        Args:
            inputs: Pixels [B, S, S, 3], or frozen values.
            tokens: int64 [T, length].
            mask: int64 [T, length]; 1 for tokens, 0 for padding.
        """
        scale = self.log_scale.clamp(max=math.log(100)).exp()
        return scale * self.images(inputs).float() @ self.texts(tokens, mask).float().T

    @property
    def scale(self) -> float:
        """The factor of the cosines, at most 100."""
        return float(self.log_scale.detach().clamp(max=math.log(100)).exp())


def contrastive_loss(logits: torch.Tensor, caption: torch.Tensor) -> dict[str, torch.Tensor]:
    """Computes the mean of two cross entropies: image to caption, and caption to images.

    Photos of one place share a caption, and are not negatives of each other.

    Args:
        logits: [B, T] of B images and T distinct captions.
        caption: [B] the index of each image's caption.

    Returns:
        `loss` and its parts `to_text` and `to_image`, scalars.
    """
    to_text = cross_entropy(logits, caption)
    own = torch.zeros_like(logits).scatter_(1, caption[:, None], 1.0)
    each = -(log_softmax(logits, dim=0) * own).sum(dim=0) / own.sum(dim=0).clamp_min(1)
    to_image = each[own.sum(dim=0) > 0].mean()
    return {"loss": (to_text + to_image) / 2, "to_text": to_text, "to_image": to_image}


class CaptionTokenizer:
    """Maps captions to the tokens of a text tower."""

    def __init__(self, tokenizer: Any) -> None:
        self.backend = tokenizer

    def tokens(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (tokens, mask), int64 [n, length] each."""
        batch = self.backend(
            list(texts),
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
        )
        return batch["input_ids"], batch["attention_mask"]

    @classmethod
    def train(
        cls, captions: Iterable[str], vocabulary_size: int = VOCABULARY_SIZE
    ) -> CaptionTokenizer:
        """Trains byte-pair encoding on the captions. Any text can be encoded, because bytes are
        known."""
        from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
        from tokenizers.trainers import BpeTrainer
        from transformers import PreTrainedTokenizerFast

        tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL_TOKENS[2]))
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = BpeTrainer(
            vocab_size=vocabulary_size,
            special_tokens=list(SPECIAL_TOKENS),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(sorted(set(captions)), trainer)
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{SPECIAL_TOKENS[1]} $A {SPECIAL_TOKENS[3]}",
            special_tokens=[(SPECIAL_TOKENS[1], 1), (SPECIAL_TOKENS[3], 3)],
        )
        return cls(
            PreTrainedTokenizerFast(
                tokenizer_object=tokenizer,
                pad_token=SPECIAL_TOKENS[0],
                bos_token=SPECIAL_TOKENS[1],
                unk_token=SPECIAL_TOKENS[2],
                eos_token=SPECIAL_TOKENS[3],
            )
        )

    @classmethod
    def load(cls, folder: str | Path) -> CaptionTokenizer:
        """Reads the tokenizer of a folder or a hub id."""
        from transformers import AutoTokenizer

        return cls(AutoTokenizer.from_pretrained(str(folder)))

    def save(self, folder: Path) -> None:
        """Writes the tokenizer to a folder."""
        self.backend.save_pretrained(str(folder))


def caption_loss(captions: Sequence[str], tokenizer: CaptionTokenizer) -> LossFunction:
    """Returns the loss of photos, by row, against the captions of their batch.

    Each distinct caption of a batch is encoded once.
    """

    def loss_function(
        model: nn.Module, inputs: torch.Tensor, rows: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        texts = [captions[row] for row in rows.tolist()]
        distinct = list(dict.fromkeys(texts))
        number = {text: index for index, text in enumerate(distinct)}
        tokens, mask = tokenizer.tokens(distinct)
        logits = model(inputs, tokens.to(inputs.device), mask.to(inputs.device))
        caption = torch.tensor([number[text] for text in texts], device=logits.device)
        return contrastive_loss(logits, caption)

    return loss_function


def make_clip(
    tower_name: str,
    weights: str,
    captions: Sequence[str],
    temperature: float = 0.07,
    projected: bool = False,
    saved: CaptionTokenizer | None = None,
) -> tuple[Clip, CaptionTokenizer]:
    """Makes the towers of a name.

    Args:
        tower_name: See training/models/towers.py.
        weights: Of a backbone: none, auto, imagenet, or a file.
        captions: Texts on which a new tokenizer is trained.
        temperature: Of a new text tower's loss. A pretrained one has its own.
        projected: Adds a linear layer above the image tower.
        saved: The tokenizer of an earlier start of the run, instead of a new one.

    Returns:
        (network, tokenizer).

    Raises:
        UsageError: There is no such tower.
    """
    tower = make_tower(tower_name, weights)
    if has_new_text_tower(tower_name):
        tokenizer = saved or CaptionTokenizer.train(captions)
        text = _random_text_tower(_text_config(tower_name, len(tokenizer.backend)))
        dimensions = text.config.projection_dim
        return Clip(tower, text, dimensions, temperature, projected), tokenizer
    from transformers import CLIPTextModelWithProjection

    text = CLIPTextModelWithProjection.from_pretrained(tower_name)
    clip = Clip(tower, text, text.config.projection_dim, temperature, projected)
    return clip, CaptionTokenizer.load(tower_name)


def _text_config(tower_name: str, vocabulary_size: int) -> Any:
    from transformers import CLIPTextConfig

    if tower_name == TINY_CLIP:
        return tiny_config(vocabulary_size).text_config
    return CLIPTextConfig(
        hidden_size=128,
        intermediate_size=256,
        num_attention_heads=4,
        num_hidden_layers=2,
        projection_dim=128,
        **text_options(vocabulary_size),
    )


def _random_text_tower(config: Any) -> nn.Module:
    from transformers import CLIPTextModelWithProjection

    return CLIPTextModelWithProjection(config)


def save_clip(run: Path, clip: Clip, tokenizer: CaptionTokenizer) -> None:
    """Writes what `load_clip` needs besides the weights."""
    tokenizer.save(run / TEXT_FOLDER)
    clip.text.config.save_pretrained(str(run / TEXT_FOLDER))


def saved_tokenizer(run: Path, tower_name: str) -> CaptionTokenizer | None:
    """Reads the tokenizer of a run that was stopped.

    Returns:
        The tokenizer; None if the run is new, or if its tower has a pretrained tokenizer.

    Raises:
        UsageError: There is a checkpoint without a tokenizer. A new tokenizer would encode the
            captions differently.
    """
    checkpoint = run / "checkpoints" / "last"
    if not has_new_text_tower(tower_name) or not checkpoint.is_dir():
        return None
    if not (run / TEXT_FOLDER).is_dir():
        raise UsageError(
            f"{checkpoint}: the tokenizer of this run is missing; delete the run to start again"
        )
    return CaptionTokenizer.load(run / TEXT_FOLDER)


def has_new_text_tower(tower_name: str) -> bool:
    """Whether the name has no text tower, so that a small one is trained from scratch."""
    return tower_name in BACKBONES or tower_name == TINY_CLIP


def load_clip(run: Path, tower_name: str, projected: bool = False) -> tuple[Clip, CaptionTokenizer]:
    """Makes the towers of a run. Load the weights with run_folder.load_weights."""
    from transformers import CLIPTextConfig

    config = CLIPTextConfig.from_pretrained(str(run / TEXT_FOLDER))
    tower = make_tower(tower_name, "none")
    clip = Clip(tower, _random_text_tower(config), config.projection_dim, projected=projected)
    return clip, CaptionTokenizer.load(run / TEXT_FOLDER)


@torch.no_grad()
def embed_texts(
    clip: Clip, tokenizer: CaptionTokenizer, texts: Sequence[str]
) -> NDArray[np.float32]:
    """Encodes texts; each distinct text passes through the tower once.

    Returns:
        float32 [n, D] of length 1.
    """
    clip.eval()
    device = clip.log_scale.device
    distinct = list(dict.fromkeys(texts))
    parts = []
    for start in range(0, len(distinct), 256):
        tokens, mask = tokenizer.tokens(distinct[start : start + 256])
        parts.append(clip.texts(tokens.to(device), mask.to(device)).float().cpu().numpy())
    row = {text: number for number, text in enumerate(distinct)}
    return np.concatenate(parts)[[row[text] for text in texts]]
