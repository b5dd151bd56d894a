"""Image and text towers that meet in one space (CLIP, Radford et al. 2021).

The text tower is that of the named CLIP, or, beside a trunk of training/models/backbones.py, a
small one that
is trained from nothing, with words of its own that are learnt from the captions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, log_softmax

from geotagger.errors import UsageError
from training.models.backbones import TRUNKS
from training.models.towers import (
    TINY_CLIP,
    Tower,
    make_tower,
    of_length_one,
    text_options,
    tiny_config,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.engine.loop import LossOf

SPECIAL = ("<pad>", "<start>", "<unknown>", "<end>")
MAX_WORDS = 4000
MAX_TOKENS = 77
TEXT_FOLDER = "text"
"""Of a run: tokenizer and config of the text tower."""


class Clip(nn.Module):
    """Photos and captions as vectors [n, D] of length 1."""

    def __init__(
        self,
        tower: Tower,
        text: nn.Module,
        dimensions: int,
        temperature: float = 0.07,
        projected: bool = False,
    ) -> None:
        """`projected` puts a linear layer on the image tower's vector (GeoScope's lite variant);
        there is one anyway where the widths differ. It begins as close to nothing as it can."""
        super().__init__()
        self.tower, self.text = tower, text
        needed = projected or tower.width != dimensions
        self.projection = nn.Linear(tower.width, dimensions) if needed else nn.Identity()
        if projected and tower.width == dimensions:
            nn.init.eye_(self.projection.weight)
            nn.init.zeros_(self.projection.bias)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    def images(self, inputs: torch.Tensor) -> torch.Tensor:
        """[B, D] of pixels, or of what `tower.frozen` gave."""
        return of_length_one(self.projection(self.tower(inputs)))

    def texts(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """[T, D] of `Words.tokens`."""
        return of_length_one(self.text(input_ids=tokens, attention_mask=mask).text_embeds)

    def forward(
        self, inputs: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """[B, T] scaled cosines. The scale stays below 100, as CLIP's does."""
        scale = self.log_scale.clamp(max=math.log(100)).exp()
        return scale * self.images(inputs).float() @ self.texts(tokens, mask).float().T

    @property
    def scale(self) -> float:
        return float(self.log_scale.detach().clamp(max=math.log(100)).exp())


def contrastive_loss(logits: torch.Tensor, caption: torch.Tensor) -> dict[str, torch.Tensor]:
    """The mean of two cross entropies, image to caption and caption to images.

    Args:
        logits: [B, T] of B images and T captions, no two of which say the same: photos of one place
            share a caption, and are not each other's counter-example.
        caption: [B] which caption is each image's.
    """
    to_text = cross_entropy(logits, caption)
    own = torch.zeros_like(logits).scatter_(1, caption[:, None], 1.0)
    each = -(log_softmax(logits, dim=0) * own).sum(dim=0) / own.sum(dim=0).clamp_min(1)
    to_image = each[own.sum(dim=0) > 0].mean()
    return {"loss": (to_text + to_image) / 2, "to_text": to_text, "to_image": to_image}


class Words:
    """Captions as numbers for a text tower: [n, length] tokens and their mask."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def tokens(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
        )
        return found["input_ids"], found["attention_mask"]

    @classmethod
    def learn(cls, captions: Iterable[str], most: int = MAX_WORDS) -> Words:
        """Byte pairs that are frequent in the captions; no text has a word that is not known."""
        from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
        from tokenizers.trainers import BpeTrainer
        from transformers import PreTrainedTokenizerFast

        tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL[2]))
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = BpeTrainer(
            vocab_size=most,
            special_tokens=list(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(sorted(set(captions)), trainer)
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{SPECIAL[1]} $A {SPECIAL[3]}",
            special_tokens=[(SPECIAL[1], 1), (SPECIAL[3], 3)],
        )
        return cls(
            PreTrainedTokenizerFast(
                tokenizer_object=tokenizer,
                pad_token=SPECIAL[0],
                bos_token=SPECIAL[1],
                unk_token=SPECIAL[2],
                eos_token=SPECIAL[3],
            )
        )

    @classmethod
    def load(cls, folder: str | Path) -> Words:
        from transformers import AutoTokenizer

        return cls(AutoTokenizer.from_pretrained(str(folder)))

    def save(self, folder: Path) -> None:
        self.tokenizer.save_pretrained(str(folder))


def caption_loss(captions: Sequence[str], words: Words) -> LossOf:
    """The loss of photos, by row, against the captions of their batch; each is encoded once."""

    def loss_of(
        model: nn.Module, inputs: torch.Tensor, rows: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        own = [captions[row] for row in rows.tolist()]
        distinct = list(dict.fromkeys(own))
        number = {text: index for index, text in enumerate(distinct)}
        tokens, mask = words.tokens(distinct)
        logits = model(inputs, tokens.to(inputs.device), mask.to(inputs.device))
        caption = torch.tensor([number[text] for text in own], device=logits.device)
        return contrastive_loss(logits, caption)

    return loss_of


def make_clip(
    tower_name: str,
    weights: str,
    captions: Sequence[str],
    temperature: float = 0.07,
    projected: bool = False,
    kept: Words | None = None,
) -> tuple[Clip, Words]:
    """The towers of that name (training/models/towers.py). A new text tower learns its words from
    `captions`, where they are not `kept` of an earlier start; a pretrained one has its own, and its
    own temperature.

    Raises:
        UsageError: there is no such tower.
    """
    tower = make_tower(tower_name, weights)
    if learns_words(tower_name):
        words = kept or Words.learn(captions)
        text = _new_text(_text_config(tower_name, len(words.tokenizer)))
        dimensions = text.config.projection_dim
        return Clip(tower, text, dimensions, temperature, projected), words
    from transformers import CLIPTextModelWithProjection

    text = CLIPTextModelWithProjection.from_pretrained(tower_name)
    clip = Clip(tower, text, text.config.projection_dim, temperature, projected)
    return clip, Words.load(tower_name)


def _text_config(tower_name: str, words: int) -> Any:
    from transformers import CLIPTextConfig

    if tower_name == TINY_CLIP:
        return tiny_config(words).text_config
    return CLIPTextConfig(
        hidden_size=128,
        intermediate_size=256,
        num_attention_heads=4,
        num_hidden_layers=2,
        projection_dim=128,
        **text_options(words),
    )


def _new_text(config: Any) -> nn.Module:
    from transformers import CLIPTextModelWithProjection

    return CLIPTextModelWithProjection(config)


def save_clip(run: Path, clip: Clip, words: Words) -> None:
    """What `load_clip` needs beside the weights."""
    words.save(run / TEXT_FOLDER)
    clip.text.config.save_pretrained(str(run / TEXT_FOLDER))


def kept_words(run: Path, tower_name: str) -> Words | None:
    """The words of a run that was stopped; None where it is to begin, or its tower brings them.

    Raises:
        UsageError: there is a checkpoint, and no words; to learn them anew would change its texts.
    """
    checkpoint = run / "checkpoints" / "last"
    if not learns_words(tower_name) or not checkpoint.is_dir():
        return None
    if not (run / TEXT_FOLDER).is_dir():
        raise UsageError(
            f"{checkpoint}: the words of this run were not kept; delete it to start anew"
        )
    return Words.load(run / TEXT_FOLDER)


def learns_words(tower_name: str) -> bool:
    """Whether there is no text tower of that name, so that a small one is trained from nothing."""
    return tower_name in TRUNKS or tower_name == TINY_CLIP


def load_clip(run: Path, tower_name: str, projected: bool = False) -> tuple[Clip, Words]:
    """The towers of a run, with weights yet to be loaded (run_folder.load_weights)."""
    from transformers import CLIPTextConfig

    config = CLIPTextConfig.from_pretrained(str(run / TEXT_FOLDER))
    tower = make_tower(tower_name, "none")
    clip = Clip(tower, _new_text(config), config.projection_dim, projected=projected)
    return clip, Words.load(run / TEXT_FOLDER)


@torch.no_grad()
def embed_texts(clip: Clip, words: Words, texts: Sequence[str]) -> NDArray[np.float32]:
    """[n, D]; each different text goes through the tower once."""
    clip.eval()
    device = clip.log_scale.device
    distinct = list(dict.fromkeys(texts))
    parts = []
    for start in range(0, len(distinct), 256):
        tokens, mask = words.tokens(distinct[start : start + 256])
        parts.append(clip.texts(tokens.to(device), mask.to(device)).float().cpu().numpy())
    row = {text: number for number, text in enumerate(distinct)}
    return np.concatenate(parts)[[row[text] for text in texts]]
