"""Trains StreetCLIP, or GeoScope's lite variant: photos and captions of their places.

    python -m training.train_streetclip captions --train-csv t.csv --image-dir DIR --output-dir RUN
    python -m training.train_streetclip train    --train-csv t.csv --image-dir DIR --output-dir RUN
    python -m training.train_streetclip evaluate --test-csv e.csv --image-dir DIR \\
        --checkpoint-path RUN --candidates-file candidates.json --output-dir RUN

A table is any source of training/data/dataset.py. Without --val-csv and --test-csv the training
table is split by source and place.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click
import numpy as np

from geotagger.errors import UsageError
from geotagger.images.decode import InputSpec
from training.data.split_dataset import read_split_dataset
from training.engine import run_folder
from training.engine.experiment import (
    Experiment,
    Report,
    recipe_options,
    report_left_out,
    run_experiment,
    set_threads,
    usage_errors,
)
from training.engine.recipe import read_recipe
from training.eval import metrics
from training.eval.prompts import prompt_table
from training.eval.retrieval import EMBEDDING, score_retrieval
from training.models.clip import caption_loss, embed_texts
from training.models.feature_extractor import FeatureExtractor
from training.models.streetclip import (
    StreetClipOptions,
    check_options,
    choose_trained,
    load_run,
    read_candidates,
    start_towers,
)
from training.targets.captions import candidate_captions, caption_of, country_prompt
from training.targets.galleries import write_gallery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
    from numpy.typing import NDArray

    from training.data.example import Example
    from training.data.split_dataset import SplitDataset
    from training.engine.loop import LossFunction
    from training.engine.origins import Origin
    from training.engine.run_folder import HeldOut
    from training.eval.comparison import ReferenceFeatures
    from training.models.clip import Clip


def table_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --train-csv, --val-csv, --test-csv, --image-dir and --exclude-rights to a command."""
    path = click.Path(path_type=Path)
    for option in (
        click.option("--exclude-rights", multiple=True, help="Leave out rows with these rights."),
        click.option(
            "--image-dir", type=path, help="Folder of the images.  [default: that of the table]"
        ),
        click.option("--test-csv", metavar="SOURCE"),
        click.option("--val-csv", metavar="SOURCE"),
        click.option("--train-csv", metavar="SOURCE"),
    ):
        command = option(command)
    return command


def parse_tables(
    run: Path,
    train_csv: str | None = None,
    val_csv: str | None = None,
    test_csv: str | None = None,
    image_dir: Path | None = None,
    exclude_rights: Sequence[str] = (),
) -> Experiment:
    """Turns the options of `table_options` into an experiment."""
    sources = {"train": train_csv, "val": val_csv, "test": test_csv}
    return Experiment(sources, run, image_dir, tuple(exclude_rights))


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command("captions")
@table_options
@click.option("--output-dir", required=True, type=click.Path(path_type=Path))
def captions_command(output_dir: Path, **tables: Any) -> None:
    """Write a table image_filename,caption for each split."""
    with usage_errors():
        data = _read_tables(parse_tables(output_dir, **tables))
        output_dir.mkdir(parents=True, exist_ok=True)
        for split, rows in data.splits.items():
            if len(rows):
                write_captions(output_dir / f"{split}_captions.csv", data.of(split))
                click.echo(f"{output_dir / split}_captions.csv: {len(rows)} captions")


@main.command("train")
@table_options
@click.option("--output-dir", required=True, type=click.Path(path_type=Path), help="The run.")
@recipe_options
@click.option("--tower", help="Hub id, folder, or backbone: see training/models/towers.py.")
@click.option("--variant", type=click.Choice(["full", "lite"]))
@click.option("--batch-size", type=int)
@click.option("--num-epochs", type=int)
@click.option("--learning-rate", type=float)
@click.option("--weight-decay", type=float)
@click.option(
    "--checkpoint-path",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Start from the weights of this finished run. (A stopped run resumes by itself.)",
)
@click.option(
    "--candidates-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Places of the bundle.  [default: the largest cities of every country]",
)
def train_command(
    output_dir: Path,
    recipe: Path | None,
    changes: tuple[str, ...],
    checkpoint_path: Path | None,
    candidates_file: Path | None,
    threads: int,
    **arguments: Any,
) -> None:
    """Train the towers and write a run for the export."""
    flags = {
        "tower": arguments.pop("tower"),
        "variant": arguments.pop("variant"),
        "loop.batch_size": arguments.pop("batch_size"),
        "loop.epochs": arguments.pop("num_epochs"),
        "loop.learning_rate": arguments.pop("learning_rate"),
        "loop.weight_decay": arguments.pop("weight_decay"),
    }
    with usage_errors():
        set_by_flag = [f"{name}={value}" for name, value in flags.items() if value is not None]
        options = read_recipe(StreetClipOptions, recipe, [*changes, *set_by_flag])
        set_threads(threads)
        experiment = parse_tables(output_dir, **arguments)
        train(experiment, options, checkpoint_path, candidates_file)


def train(
    experiment: Experiment,
    options: StreetClipOptions,
    checkpoint: Path | None = None,
    candidates_file: Path | None = None,
) -> None:
    """Trains the towers and writes the run.

    Args:
        experiment: The photos and the folder of the run.
        options: The options of the run.
        checkpoint: A finished run whose weights training starts from.
        candidates_file: The places of the bundle; by default the largest cities.

    Raises:
        UsageError: The photos or the options cannot be used.
    """
    check_options(options)
    data = experiment.read_data(options.loop.seed)
    candidates = read_candidates(candidates_file, options)
    system = StreetClipSystem(data, options, experiment.run, candidates, checkpoint)
    run_experiment(system, data, experiment.run)


class StreetClipSystem:
    """StreetCLIP in training; see engine/experiment.py."""

    family: ClassVar[str] = "streetclip"

    def __init__(
        self,
        data: SplitDataset,
        options: StreetClipOptions,
        run: Path,
        candidates: Sequence[Any],
        checkpoint: Path | None,
    ) -> None:
        self.options, self.loop, self.examples = options, options.loop, data.examples
        self.train_rows, self.val_rows = data.splits["train"], data.splits["val"]
        located = np.array([example.has_point for example in data.examples])
        self.reference_rows = self.train_rows[located[self.train_rows]]
        self.captions = [caption_of(example) for example in data.examples]
        self.candidates = candidates
        self.candidate_captions = candidate_captions(candidates)
        texts = [self.captions[row] for row in self.train_rows] + self.candidate_captions
        self.network, self.tokenizer = start_towers(run, options, texts, checkpoint)
        choose_trained(self.network, options)
        self.frozen_part = self.network.tower
        self.spec = InputSpec(options.size_px or self.network.tower.size_px, options.fit, "bicubic")

    @property
    def origins(self) -> tuple[Origin, ...]:
        return self.network.tower.origins

    def cache_key(self) -> str:
        return ""

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """Maps inputs [B, ...] to features [B, width]."""
        return self.network.tower(inputs)

    def loss_function(self) -> LossFunction:
        return caption_loss(self.captions, self.tokenizer)

    def validate(self, network: Clip, extractor: FeatureExtractor) -> dict[str, float]:
        """Measures the zero-shot accuracy of the country."""
        own = [self.examples[row].country for row in self.val_rows]
        countries = sorted(set(own) - {""})
        if not countries:
            return {}
        (vectors,) = extractor.run(network, network.images, self.val_rows)
        texts = [country_prompt(country) for country in countries]
        best = (vectors @ embed_texts(network, self.tokenizer, texts).T).argmax(axis=1)
        right = [countries[i] == country for i, country in zip(best, own, strict=True)]
        return {"country": float(np.mean(right))}

    def predict(
        self, network: Clip, extractor: FeatureExtractor, rows: NDArray[np.intp]
    ) -> dict[str, NDArray[np.float32]]:
        (vectors,) = extractor.run(network, network.images, rows)
        return {EMBEDDING: vectors}

    def targets(self, _rows: NDArray[np.intp]) -> dict[str, NDArray[np.intp]]:
        return {}

    def save_tables(self, network: Clip, run: Path) -> None:
        lat, lon = (
            np.array([getattr(c, axis) for c in self.candidates]) for axis in ("lat", "lon")
        )
        vectors = embed_texts(network, self.tokenizer, self.candidate_captions)
        write_gallery(run, vectors, (lat, lon, np.ones(len(self.candidates), np.intp)))

    def score(
        self,
        network: Clip,
        extractor: FeatureExtractor,
        run: Path,
        val: HeldOut,
        test: HeldOut,
        reference: ReferenceFeatures,
    ) -> Report:
        scale, table = score_retrieval(run, val, test, network.scale, reference)
        (shots,) = extractor.run(network, network.images, reference.rows)
        prompts = prompt_table(
            network, self.tokenizer, test, self.candidates, shots, reference.examples
        )
        return Report(
            {"places": table, "prompts": prompts},
            {
                "trained_scale": network.scale,
                "logit_scale": scale,
                "gallery_points": len(self.candidates),
                "candidates": [asdict(candidate) for candidate in self.candidates],
                "temperature": {},
                "labels": {},
            },
        )


@main.command("evaluate")
@table_options
@click.option("--checkpoint-path", required=True, type=click.Path(path_type=Path),
              help="A finished run, or a folder or hub id of a CLIP.")  # fmt: skip
@click.option("--candidates-file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--output-dir", type=click.Path(path_type=Path), help="Gets evaluation.json.")
@click.option("--batch-size", default=0, hidden=True)
@click.option("--threads", default=0, help="CPU threads; 0 for all.")
def evaluate_command(
    checkpoint_path: Path,
    candidates_file: Path | None,
    output_dir: Path | None,
    threads: int,
    batch_size: int,
    **tables: Any,
) -> None:
    """Zero-shot, few-shot (shots from --train-csv) and hierarchical accuracy on the test photos."""
    del batch_size  # accepted because training has it; the scores do not depend on it
    with usage_errors():
        set_threads(threads)
        data = _read_tables(parse_tables(checkpoint_path, **tables))
        if not len(data.splits["test"]):
            raise UsageError("there are no test photos; name them with --test-csv")
        table = evaluate(checkpoint_path, data, candidates_file)
        click.echo(metrics.as_table(table))
        if output_dir:
            output_dir.mkdir(parents=True, exist_ok=True)
            text = json.dumps(table, indent=1)
            (output_dir / "evaluation.json").write_text(text + "\n", encoding="utf-8")


def evaluate(
    checkpoint: Path, data: SplitDataset, candidates_file: Path | None
) -> dict[str, dict[str, float | None]]:
    """Scores a finished run, or a pretrained CLIP, by prompts.

    Args:
        checkpoint: The run, or the folder or hub id of a CLIP.
        data: The photos; those of train are the shots.
        candidates_file: The candidate places; by default the largest cities.

    Returns:
        Column -> score -> value; see training.eval.prompts.prompt_table.
    """
    clip, tokenizer, spec, options = load_run(checkpoint)
    candidates = read_candidates(candidates_file, options)
    extractor = FeatureExtractor(data, spec, options.augmentation)
    train_rows = data.splits["train"]
    (vectors,) = extractor.run(clip, clip.images, data.splits["test"])
    shots = vectors[:0]
    if len(train_rows):
        (shots,) = extractor.run(clip, clip.images, train_rows)
    held = run_folder.held_out(data.of("test"), {EMBEDDING: vectors}, {})
    return prompt_table(clip, tokenizer, held, candidates, shots, data.of("train"))


def write_captions(file: Path, examples: Sequence[Example]) -> None:
    """Writes a table with the columns image_filename and caption."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("image_filename", "caption"))
        writer.writerows((example.file, caption_of(example)) for example in examples)


def _read_tables(experiment: Experiment) -> SplitDataset:
    data, problems = read_split_dataset(
        experiment.sources, experiment.images, experiment.exclude_rights
    )
    report_left_out(problems)
    return data


if __name__ == "__main__":
    main()
