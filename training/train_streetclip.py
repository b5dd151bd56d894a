"""Trains photos against captions of their places (StreetCLIP, GeoScope's lite variant).

    python -m training.train_streetclip captions --train-csv t.csv --image-dir DIR --output-dir RUN
    python -m training.train_streetclip train    --train-csv t.csv --image-dir DIR --output-dir RUN
    python -m training.train_streetclip evaluate --test-csv e.csv --image-dir DIR \\
        --checkpoint-path RUN --candidates-file candidates.json --output-dir RUN

A table is any source of training/data/dataset.py. Without --val-csv and --test-csv the training
table is
split by source and place. The steps of each command stand in its function, in order.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch

from geotagger.errors import UsageError
from geotagger.images.decode import InputSpec
from training.data.split_dataset import read_tables, table_options
from training.engine import run_folder
from training.engine.experiment import (
    recipe_options,
    tell_leakage,
    tell_left_out,
    tell_trained,
    usage_errors,
)
from training.engine.loop import fit, is_first_process
from training.eval import metrics
from training.eval.comparison import sample
from training.eval.prompts import prompt_table
from training.eval.retrieval import EMBEDDING, places_of, save_held_out
from training.models.clip import Clip, Words, caption_loss, embed_texts
from training.models.feature_extractor import FeatureExtractor
from training.models.streetclip import (
    Options,
    check_options,
    choose_trained,
    load_run,
    places_to_tell,
    read_options,
    start,
)
from training.targets.captions import candidate_captions, caption_of, country_prompt
from training.targets.galleries import write_gallery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.data.dataset import Example


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
@click.option("--tower", help="Hub id, folder, or trunk: see training/models/towers.py.")
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
    choose_trained(clip, options)
    trained = tell_trained(clip)
    spec = InputSpec(options.size_px or clip.tower.size_px, options.fit, "bicubic")
    sight = FeatureExtractor(data, spec, options.alter, options.loop)
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
        options.loop,
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
        sight = FeatureExtractor(data, spec, options.alter)
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


def held_out(examples: Sequence[Example], values: NDArray[np.float32]) -> run_folder.HeldOut:
    truth = {name: np.array([getattr(e, name) for e in examples]) for name in run_folder.TRUTH}
    return run_folder.HeldOut({EMBEDDING: values}, {}, **truth)


def zero_shot_countries(
    clip: Clip,
    words: Words,
    sight: FeatureExtractor,
    examples: Sequence[Example],
    rows: NDArray[np.intp],
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
