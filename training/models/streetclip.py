"""StreetCLIP's runs: their options, and the towers at their start and end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from geotagger.errors import UsageError
from geotagger.geography.named_places import LARGEST
from geotagger.images.decode import InputSpec
from training.data.pixels import FIT_MODES, Augmentation
from training.engine import run_folder
from training.engine.loop import is_first_process
from training.engine.loop_options import LoopOptions
from training.engine.recipe import build_options, check_choices
from training.models.clip import (
    CaptionTokenizer,
    Clip,
    load_clip,
    make_clip,
    save_clip,
    saved_tokenizer,
)
from training.targets.captions import largest_places, read_places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geotagger.geography.named_places import NamedPlace

PRETRAINED_SCALE = 100.0
"""The factor of the cosines of a pretrained CLIP."""


@dataclass(frozen=True, slots=True)
class StreetClipOptions:
    """The options of train_streetclip."""

    trainer: ClassVar[str] = "streetclip"

    tower: str = "openai/clip-vit-large-patch14-336"
    """See training/models/towers.py."""
    variant: str = "full"
    """full: both towers are trained. lite (GeoScope): the last two blocks of the image tower, its
    last norm, and a new linear layer above it are trained."""
    trained_blocks: int = 2
    """Trained blocks of the image tower, for lite."""
    train_text: bool = False
    """For lite: also trains the text tower. Needed if it is random."""
    temperature: float = 0.07
    """Of the loss at the start, if the towers have none of their own."""
    size_px: int = 0
    """Side of the input; 0 for that of the tower's pretraining."""
    fit: str = "crop"
    views: int = 0
    """Above 0, the frozen outputs for this number of views of each photo are cached."""
    cities: int = LARGEST
    """Candidates of the bundle from each country."""
    states: bool = False
    """The states of the United States count as countries among the candidates."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    loop: LoopOptions = field(
        default_factory=lambda: LoopOptions(
            epochs=3,
            batch_size=32,
            accumulation=12,
            learning_rate=1e-6,
            weight_decay=1e-4,
            betas=(0.9, 0.98),
            schedule="cosine",
            warmup=0.2,
            clip=1.0,
        )
    )


def check_options(options: StreetClipOptions) -> None:
    """Raises UsageError if the options contradict each other."""
    check_choices(options, variant=("full", "lite"), fit=FIT_MODES)
    if options.views and options.variant == "full":
        raise UsageError("views cache frozen blocks, but full trains all blocks; set views to 0")


def read_candidates(file: Path | None, options: StreetClipOptions) -> list[NamedPlace]:
    """Returns the candidate places of a file, or by default the largest cities."""
    return read_places(file) if file else largest_places(options.cities, options.states)


def start_towers(
    run: Path, options: StreetClipOptions, texts: Sequence[str], checkpoint: Path | None
) -> tuple[Clip, CaptionTokenizer]:
    """Makes new towers, or loads those of a finished run.

    The tokenizer is saved at once, because a resumed run must encode its captions as before.

    Args:
        run: The folder of the run.
        options: The options of the run.
        texts: The training captions, on which a new tokenizer is trained.
        checkpoint: The finished run to start from, if any.

    Raises:
        UsageError: The finished run has another tower or variant.
    """
    if checkpoint:
        clip, tokenizer, _, before = load_run(checkpoint)
        if (before.tower, before.variant) != (options.tower, options.variant):
            raise UsageError(
                f"{checkpoint}: its tower is {before.tower}, {before.variant}; use the same"
            )
    else:
        saved = saved_tokenizer(run, options.tower)
        projected = options.variant == "lite"
        clip, tokenizer = make_clip(
            options.tower, "auto", texts, options.temperature, projected, saved
        )
    if is_first_process():
        save_clip(run, clip, tokenizer)
    return clip, tokenizer


def choose_trained(clip: Clip, options: StreetClipOptions) -> int:
    """Freezes what the variant does not train. Returns the number of trained parameters."""
    clip.requires_grad_(True)
    if options.variant == "lite":
        clip.tower.freeze(options.trained_blocks)
        clip.text.requires_grad_(options.train_text)
    return sum(p.numel() for p in clip.parameters() if p.requires_grad)


def load_run(run: Path) -> tuple[Clip, CaptionTokenizer, InputSpec, StreetClipOptions]:
    """Loads the towers of a finished run, or of a pretrained CLIP (hub id or folder)."""
    if (run / run_folder.RUN_FILE).is_file():
        document = run_folder.read(run)
        file = str(run / run_folder.RUN_FILE)
        options = build_options(StreetClipOptions, document["options"], file)
        clip, tokenizer = load_clip(run, options.tower, options.variant == "lite")
        run_folder.load_weights(run, clip)
        clip.tower.origins = run_folder.origins_of(document)
        return clip.eval(), tokenizer, InputSpec(**document["input"]), options
    options = StreetClipOptions(tower=str(run))
    clip, tokenizer = make_clip(str(run), "auto", [])
    clip.log_scale.data.fill_(float(np.log(PRETRAINED_SCALE)))
    return clip.eval(), tokenizer, InputSpec(clip.tower.size_px, "crop", "bicubic"), options
