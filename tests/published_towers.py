"""CLIP and SigLIP checkpoints with random weights and few numbers, as the hub has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
)

SIZE = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
WORDS = ("a", "photo", "street", "view", "in", "from", "of", "taken", "the", "france", "germany",
         "japan", "paris", "berlin", "tokyo")  # fmt: skip


def save_clip(folder: Path, dimensions: int = 768, licence: str = "") -> Path:
    torch.manual_seed(0)
    tokenizer = _clip_tokenizer()
    words = len(tokenizer)
    marks = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = CLIPConfig(
        projection_dim=dimensions,
        text_config={
            **SIZE, **marks, "vocab_size": words, "num_hidden_layers": 2,
            "projection_dim": dimensions, "max_position_embeddings": 77,
        },
        vision_config={
            **SIZE, "num_hidden_layers": 3, "image_size": 32, "patch_size": 8,
            "projection_dim": dimensions,
        },
    )  # fmt: skip
    _livelier(CLIPModel(config)).save_pretrained(folder)
    square = {"height": 32, "width": 32}
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=square)
    CLIPProcessor(images, tokenizer).save_pretrained(folder)
    if licence:
        (folder / "README.md").write_text(f"---\nlicense: {licence}\ntags: [x]\n---\n# A model\n")
    return folder


def save_siglip(folder: Path) -> Path:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    torch.manual_seed(0)
    vocabulary = {"<pad>": 0, "</s>": 1, "<unk>": 2} | {w: i for i, w in enumerate(WORDS, start=3)}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    config = SiglipConfig(
        text_config={
            **SIZE, "vocab_size": len(vocabulary), "num_hidden_layers": 2,
            "max_position_embeddings": 16, "projection_size": 32,
            "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1,
        },
        vision_config={**SIZE, "num_hidden_layers": 2, "image_size": 32, "patch_size": 8},
    )  # fmt: skip
    _livelier(SiglipModel(config)).save_pretrained(folder)
    SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _livelier(model: Any) -> Any:
    """Random weights say nearly the same of all photos; larger ones less so."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("weight") and weight.dim() > 1:
                weight.mul_(4)
    return model.eval()


def _clip_tokenizer() -> CLIPTokenizer:
    """Letters, letters at the end of a word, and a few words, as CLIP's byte pairs spell them."""
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    tokens = letters + [letter + "</w>" for letter in letters]
    merges = []
    for word in WORDS:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            pair = (parts[0], parts[1])
            parts[:2] = ["".join(pair)]
            if pair not in merges:
                merges.append(pair)
                tokens.append(parts[0])
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges)
