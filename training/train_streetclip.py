"""Trains photos against captions of their places (StreetCLIP, GeoScope's lite variant).

    python -m training.train_streetclip captions --train-csv t.csv --image-dir DIR --output-dir RUN
    python -m training.train_streetclip train    --train-csv t.csv --image-dir DIR --output-dir RUN
    python -m training.train_streetclip evaluate --test-csv e.csv --image-dir DIR \\
        --checkpoint-path RUN --candidates-file candidates.json --output-dir RUN

A table is any source of training/data.py. Without --val-csv and --test-csv the training table is
split by source and place. The steps of each command stand in its function, in order.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch

from geotagger.candidates import LARGEST
from geotagger.errors import UsageError
from geotagger.images import InputSpec
from training import metrics, run_folder
from training.captions import (
    candidate_captions,
    caption_of,
    country_prompt,
    largest_places,
    read_places,
)
from training.clip import (
    Clip,
    Words,
    caption_loss,
    embed_texts,
    kept_words,
    load_clip,
    make_clip,
    save_clip,
)
from training.comparison import sample
from training.galleries import write_gallery
from training.loop import LoopOptions, fit, is_first_process
from training.pixels import FITS, Alterations
from training.prompts import prompt_table
from training.recipe import build, check_choices, read_recipe
from training.retrieval import EMBEDDING, places_of, save_held_out
from training.setting import recipe_options, tell_leakage, tell_left_out, usage_errors
from training.sight import Sight
from training.split_tables import read_tables, table_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.candidates import Candidate
    from training.data import Example

SOFTMAX_SCALE = 100.0
"""Of the cosines of a pretrained CLIP."""


@dataclass(frozen=True, slots=True)
class Options:
    tower: str = "openai/clip-vit-large-patch14-336"
    """See training/towers.py."""
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
    alter: Alterations = field(default_factory=Alterations)
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


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command("captions")
@table_options
@click.option("--output-dir", required=True, type=click.Path(path_type=Path))
def captions_command(output_dir: Path, **tables: Any) -> None:
    """Write a table image_filename,caption for each split."""
    with usage_errors():
        data, problems = read_tables(**tables)
        tell_left_out(problems)
        output_dir.mkdir(parents=True, exist_ok=True)
        for split, rows in data.splits.items():
            if len(rows):
                write_captions(output_dir / f"{split}_captions.csv", data.of(split))
                click.echo(f"{output_dir / split}_captions.csv: {len(rows)} captions")


@main.command("train")
@table_options
@click.option("--output-dir", required=True, type=click.Path(path_type=Path), help="The run.")
@recipe_options
@click.option("--tower", help="Hub id, folder, or trunk: see training/towers.py.")
@click.option("--variant", type=click.Choice(["full", "lite"]))
@click.option("--batch-size", type=int)
@click.option("--num-epochs", type=int)
@click.option("--learning-rate", type=float)
@click.option("--weight-decay", type=float)
@click.option(
    "--checkpoint-path",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Start from the weights of this finished run. (A stopped run goes on by itself.)",
)
@click.option(
    "--candidates-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Places that the bundle tells apart. Default: the largest cities of every country.",
)
def train_command(
    output_dir: Path,
    recipe: Path | None,
    changes: tuple[str, ...],
    checkpoint_path: Path | None,
    candidates_file: Path | None,
    threads: int,
    **given: Any,
) -> None:
    """Train the towers; leave a run that the export takes."""
    flags = {
        "tower": given.pop("tower"),
        "variant": given.pop("variant"),
        "loop.batch_size": given.pop("batch_size"),
        "loop.epochs": given.pop("num_epochs"),
        "loop.learning_rate": given.pop("learning_rate"),
        "loop.weight_decay": given.pop("weight_decay"),
    }
    with usage_errors():
        set_by_flag = [f"{name}={value}" for name, value in flags.items() if value is not None]
        options = read_options(recipe, [*changes, *set_by_flag])
        if threads:
            torch.set_num_threads(threads)
        train(output_dir, options, given, checkpoint_path, candidates_file)


def train(
    run: Path,
    options: Options,
    tables: dict[str, Any],
    checkpoint: Path | None = None,
    candidates_file: Path | None = None,
) -> None:
    """The whole run. Raises UsageError: the photos or the options cannot be used."""
    check_options(options)
    torch.manual_seed(options.loop.seed)
    run.mkdir(parents=True, exist_ok=True)

    data, problems = read_tables(**tables)
    examples, splits = data.examples, data.splits
    tell_left_out(problems)
    tell_leakage(examples, splits)
    captions = [caption_of(example) for example in examples]
    candidates = places_to_tell(candidates_file, options)
    places = candidate_captions(candidates)

    texts = [captions[row] for row in splits["train"]] + places
    clip, words = start(run, options, texts, checkpoint)
    trained = choose_trained(clip, options)
    click.echo(f"{trained:,} of {sum(p.numel() for p in clip.parameters()):,} numbers are trained")
    spec = InputSpec(options.size_px or clip.tower.size_px, options.fit)
    loop = options.loop
    sight = Sight(data.source, examples, spec, options.alter, loop.seed, loop.workers)
    if options.views:
        sight.keep(clip.tower, options.views, run / "views.npy")
    placed = np.array([example.has_point for example in examples])
    known = sample(splits["train"][placed[splits["train"]]])
    features = tuple(sight.run(clip, clip.tower, rows)[0] for rows in (known, splits["test"]))

    clip = fit(
        clip,
        caption_loss(captions, words),
        sight.dataset(splits["train"], altered=True),
        run,
        loop,
        lambda model: zero_shot_countries(model, words, sight, examples, splits["val"]),
    )
    if not is_first_process():
        return

    run_folder.save_weights(run, clip)
    points = tuple(np.array([getattr(c, axis) for c in candidates]) for axis in ("lat", "lon"))
    write_gallery(
        run, embed_texts(clip, words, places), (*points, np.ones(len(candidates), np.intp))
    )
    val, test = save_held_out(run, clip, sight, data)
    own = [examples[row] for row in known]
    scale, table = places_of(run, val, test, clip.scale, own, features)
    (shots,) = sight.run(clip, clip.images, known)
    prompts = prompt_table(clip, words, test, candidates, shots, own)
    scores = {"places": table, "prompts": prompts}
    click.echo(metrics.as_text(scores))
    run_folder.write(
        run,
        "streetclip",
        options,
        spec,
        data.card(),
        scores,
        clip.tower.origins,
        trained=trained,
        trained_scale=clip.scale,
        logit_scale=scale,
        gallery_points=len(candidates),
        candidates=[asdict(candidate) for candidate in candidates],
        temperature={},
        labels={},
    )


@main.command("evaluate")
@table_options
@click.option("--checkpoint-path", required=True, type=click.Path(path_type=Path),
              help="A finished run, or a folder or hub id of a CLIP.")  # fmt: skip
@click.option("--candidates-file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--output-dir", type=click.Path(path_type=Path), help="Gets evaluation.json.")
@click.option("--batch-size", default=0, hidden=True)
@click.option("--threads", default=0, help="Of the CPU; 0 for all.")
def evaluate_command(
    checkpoint_path: Path,
    candidates_file: Path | None,
    output_dir: Path | None,
    threads: int,
    batch_size: int,
    **tables: Any,
) -> None:
    """Zero-shot, few-shot (shots from --train-csv) and hierarchical accuracy on the test photos."""
    del batch_size  # accepted, as training takes it; scores do not depend on it
    with usage_errors():
        if threads:
            torch.set_num_threads(threads)
        data, problems = read_tables(**tables)
        tell_left_out(problems)
        if not len(data.splits["test"]):
            raise UsageError("there are no photos to test on; name them with --test-csv")
        clip, words, spec, options = load_run(checkpoint_path)
        candidates = places_to_tell(candidates_file, options)
        sight = Sight(data.source, data.examples, spec, options.alter)
        known = data.splits["train"]
        (values,) = sight.run(clip, clip.images, data.splits["test"])
        shots = sight.run(clip, clip.images, known)[0] if len(known) else values[:0]
        held = held_out(data.of("test"), values)
        table = prompt_table(clip, words, held, candidates, shots, data.of("train"))
        click.echo(metrics.as_table(table))
        if output_dir:
            output_dir.mkdir(parents=True, exist_ok=True)
            text = json.dumps(table, indent=1)
            (output_dir / "evaluation.json").write_text(text + "\n", encoding="utf-8")


def write_captions(file: Path, examples: Sequence[Example]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("image_filename", "caption"))
        writer.writerows((example.file, caption_of(example)) for example in examples)


def read_options(recipe: Path | None, changes: Sequence[str]) -> Options:
    options = read_recipe(Options, recipe, changes)
    check_options(options)
    return options


def check_options(options: Options) -> None:
    check_choices(options, variant=("full", "lite"), fit=FITS)
    if options.views and options.variant == "full":
        raise UsageError("views are kept of frozen blocks, and full trains all; set views to 0")


def places_to_tell(file: Path | None, options: Options) -> list[Candidate]:
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
    return clip.eval(), words, InputSpec(clip.tower.size_px, "crop"), options


def held_out(examples: Sequence[Example], values: NDArray[np.float32]) -> run_folder.HeldOut:
    truth = {name: np.array([getattr(e, name) for e in examples]) for name in run_folder.TRUTH}
    return run_folder.HeldOut({EMBEDDING: values}, {}, **truth)


def zero_shot_countries(
    clip: Clip, words: Words, sight: Sight, examples: Sequence[Example], rows: NDArray[np.intp]
) -> dict[str, float]:
    """For the log: the share of photos whose country is told by its prompt."""
    own = [examples[row].country for row in rows]
    countries = sorted(set(own) - {""})
    if not countries:
        return {}
    (values,) = sight.run(clip, clip.images, rows)
    prompts = embed_texts(clip, words, [country_prompt(country) for country in countries])
    best = (values @ prompts.T).argmax(axis=1)
    return {"country": float(np.mean([countries[i] == c for i, c in zip(best, own, strict=True)]))}


if __name__ == "__main__":
    main()
