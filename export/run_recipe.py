"""From labelled photos to a bundle in one command:

    python -m export.run_recipe RECIPE SOURCE RUN BUNDLE [--precision fp16] [--photos DIR]

RECIPE is a file of training/recipes, or its name; its entry `trainer` names the training script.
SOURCE is any source of training/data/dataset.py. The command trains (RUN is resumed if it was
stopped), evaluates, calibrates, writes BUNDLE, and runs the self-test of geotagger on it.

The command belongs to export, because training never imports export.
"""

from __future__ import annotations

import importlib
import json
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

import click

from export.run_bundle import PRECISIONS, ExportOptions, export_run
from geotagger.errors import GeotaggerError, UsageError
from geotagger.vision.bundle.bundle import load_bundle
from geotagger.vision.bundle.placing import check_place
from geotagger.vision.runtime.self_test import run_self_test
from training.calibrate import fit_belief
from training.engine.experiment import parse_experiment
from training.engine.recipe import TRAINER_KEY, read_document

RECIPES = resources.files("training") / "recipes"
TRAINERS = {
    "cnn": ("training.train_cnn", "CnnOptions"),
    "context": ("training.train_context", "ContextOptions"),
    "geoclip": ("training.train_geoclip", "GeoClipOptions"),
    "starter": ("training.train_starter", "StarterOptions"),
    "streetclip": ("training.train_streetclip", "StreetClipOptions"),
}
"""Trainer -> (module with `train`, class of its options)."""
CROSS_VALIDATED = ("starter",)
"""Trainers without validation photos: they are calibrated on out-of-fold predictions."""


@click.command(help=__doc__)
@click.argument("recipe")
@click.argument("source")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--exclude-rights", multiple=True, help="Leave out rows with these rights.")
@click.option(
    "--images",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of the images.  [default: that of the table]",
)
@click.option("--set", "changes", multiple=True, metavar="OPTION=VALUE", help="Change one option.")
@click.option("--threads", default=0, help="CPU threads; 0 for all.")
@click.option("--precision", type=click.Choice(PRECISIONS), default="fp32", show_default=True)
@click.option(
    "--photos",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Photos for the comparison and for int8 ranges.  [default: noise, and no int8]",
)
@click.option("--name", default="", help="Name of the model.  [default: the name of BUNDLE]")
@click.option("--version", default="1.0.0", show_default=True)
@click.option("--licence", default="", help="[default: that of the weights training started from]")
def main(
    recipe: str,
    source: str,
    run: Path,
    bundle: Path,
    precision: str,
    photos: Path | None,
    name: str,
    version: str,
    licence: str,
    **training: Any,
) -> None:
    options = ExportOptions(
        str(run), bundle, precision, photos=photos, name=name, version=version, licence=licence
    )
    try:
        differences = run_recipe(find_recipe(recipe), source, options, **training)
    except GeotaggerError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{bundle}: {precision}, {json.dumps(differences)}")


def find_recipe(name: str) -> Path:
    """Returns the file of that name, or the recipe of that name in training/recipes.

    Raises:
        UsageError: There is neither.
    """
    for file in (Path(name), Path(str(RECIPES / f"{name}.json"))):
        if file.is_file():
            return file
    raise UsageError(f"{name}: is neither a file nor the name of a recipe in training/recipes")


def run_recipe(
    recipe: Path, source: str, options: ExportOptions, **training: Any
) -> dict[str, float]:
    """Trains, calibrates, exports and checks.

    Args:
        recipe: The recipe, which names its trainer.
        source: The photos.
        options: The run, the bundle and how it is exported.
        training: images, changes, exclude_rights and threads of
            training.engine.experiment.parse_experiment.

    Returns:
        The differences between graph and network.

    Raises:
        UsageError: Recipe, photos or options cannot be used.
        BundleError: The graph computes something else than the network, here or at export.
    """
    check_place(options.bundle)
    trainer = read_document(recipe).get(TRAINER_KEY)
    if trainer not in TRAINERS:
        raise UsageError(f"{recipe}: its trainer must be one of {', '.join(TRAINERS)}")
    module_name, options_name = TRAINERS[trainer]
    module = importlib.import_module(module_name)
    experiment, training_options = parse_experiment(
        getattr(module, options_name), source, Path(options.run), recipe=recipe, **training
    )
    module.train(experiment, training_options)
    if trainer in CROSS_VALIDATED:
        calibrate_out_of_fold(Path(options.run))
    differences = export_run(options)
    run_self_test(load_bundle(options.bundle), "cpu")
    return differences


def calibrate_out_of_fold(run: Path) -> None:
    """Calibrates a run on its out-of-fold logits, through a draft of its bundle."""
    with tempfile.TemporaryDirectory(dir=run) as folder:
        draft = Path(folder) / "draft"
        export_run(ExportOptions(str(run), draft))
        fit_belief.store(run, fit_belief.calibrate_run(run, draft))


if __name__ == "__main__":
    main()
