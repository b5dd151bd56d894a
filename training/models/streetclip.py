"""StreetCLIP's runs: their options, and the towers that they start with and end with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import UsageError
from geotagger.geography.named_places import LARGEST
from geotagger.images.decode import InputSpec
from training.data.pixels import FITS, Augmentation
from training.engine import run_folder
from training.engine.loop import LoopOptions, is_first_process
from training.engine.recipe import build, check_choices, read_recipe
from training.models.clip import Clip, Words, kept_words, load_clip, make_clip, save_clip
from training.targets.captions import largest_places, read_places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geotagger.geography.named_places import NamedPlace

SOFTMAX_SCALE = 100.0
"""Of the cosines of a pretrained CLIP."""


@dataclass(frozen=True, slots=True)
class Options:
    tower: str = "openai/clip-vit-large-patch14-336"
    """See training/models/towers.py."""
    variant: str = "full"
    """full: all of both towers is trained. lite (GeoScope): the last two blocks of the image tower,
    its last norm, and a new linear layer above it."""
    trained_blocks: int = 2
    """Of the image tower, with lite."""
    train_text: bool = False
    """With lite: the text tower too. Needed where it starts from nothing."""
    temperature: float = 0.07
    """Of the loss at the start, where the towers do not bring their own."""
    size_px: int = 0
    """0: what the tower was made for."""
    fit: str = "crop"
    views: int = 0
    """Above 0, what the frozen blocks make of so many views of each photo is kept."""
    cities: int = LARGEST
    """Of each country, the candidates that the bundle is made of."""
    states: bool = False
    """The states of the United States count as countries among the candidates."""
    alter: Augmentation = field(default_factory=Augmentation)
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


def read_options(recipe: Path | None, changes: Sequence[str]) -> Options:
    options = read_recipe(Options, recipe, changes)
    check_options(options)
    return options


def check_options(options: Options) -> None:
    check_choices(options, variant=("full", "lite"), fit=FITS)
    if options.views and options.variant == "full":
        raise UsageError("views are kept of frozen blocks, and full trains all; set views to 0")


def places_to_tell(file: Path | None, options: Options) -> list[NamedPlace]:
    return read_places(file) if file else largest_places(options.cities, options.states)


def start(
    run: Path, options: Options, texts: Sequence[str], checkpoint: Path | None
) -> tuple[Clip, Words]:
    """New towers, or those of a finished run.

    A text tower of its own learns its words from `texts`, which is what training may know. They are
    kept at once: a run that goes on must read as it did before.
    """
    if checkpoint:
        clip, words, _, before = load_run(checkpoint)
        if (before.tower, before.variant) != (options.tower, options.variant):
            raise UsageError(
                f"{checkpoint}: its tower is {before.tower}, {before.variant}; ask for the same"
            )
    else:
        kept = kept_words(run, options.tower)
        projected = options.variant == "lite"
        clip, words = make_clip(options.tower, "auto", texts, options.temperature, projected, kept)
    if is_first_process():
        save_clip(run, clip, words)
    return clip, words


def choose_trained(clip: Clip, options: Options) -> int:
    """Freezes what the variant does not train; how many numbers are trained."""
    clip.requires_grad_(True)
    if options.variant == "lite":
        clip.tower.freeze(options.trained_blocks)
        clip.text.requires_grad_(options.train_text)
    return sum(p.numel() for p in clip.parameters() if p.requires_grad)


def load_run(run: Path) -> tuple[Clip, Words, InputSpec, Options]:
    """A finished run, or a CLIP as it was pretrained."""
    if (run / run_folder.RUN_FILE).is_file():
        document = run_folder.read(run)
        options = build(Options, document["options"], str(run / run_folder.RUN_FILE))
        clip, words = load_clip(run, options.tower, options.variant == "lite")
        run_folder.load_weights(run, clip)
        clip.tower.origins = run_folder.origins_of(document)
        return clip.eval(), words, InputSpec(**document["input"]), options
    options = Options(tower=str(run))
    clip, words = make_clip(str(run), "auto", [])
    clip.log_scale.data.fill_(float(np.log(SOFTMAX_SCALE)))
    return clip.eval(), words, InputSpec(clip.tower.size_px, "crop", "bicubic"), options
