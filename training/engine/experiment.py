"""The runner of all training scripts: from labelled photos to a finished run folder.

A script parses its options, reads its photos and builds a `System`: the network with its losses
and scores. `run_experiment` does the rest, in this order: cache the outputs of the frozen part,
fit, predict the held-out photos, score, write the run folder.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import click
import torch

from geotagger.errors import UsageError
from training.data.left_out import describe_left_out
from training.data.split_dataset import read_split_dataset
from training.data.splits import describe_leakage
from training.engine import run_folder
from training.engine.loop import fit, is_first_process
from training.engine.recipe import read_recipe
from training.eval.comparison import ReferenceFeatures, sample_rows
from training.eval.metrics import as_text
from training.models.feature_extractor import FeatureExtractor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from geotagger.images.decode import InputSpec
    from training.data.left_out import LeftOut
    from training.data.pixels import Augmentation
    from training.data.split_dataset import SplitDataset
    from training.engine.loop import LossFunction
    from training.engine.loop_options import LoopOptions
    from training.engine.origins import Origin
    from training.engine.run_folder import HeldOut
    from training.eval.comparison import Table
    from training.models.feature_extractor import FrozenPart

T = TypeVar("T")


def recipe_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --recipe, --set and --threads to a command."""
    for option in (
        click.option("--threads", default=0, help="CPU threads; 0 for all."),
        click.option(
            "--set", "changes", multiple=True, metavar="OPTION=VALUE", help="Change one option."
        ),
        click.option(
            "--recipe",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="Options of the run as JSON: see training/recipes.",
        ),
    ):
        command = option(command)
    return command


def experiment_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds SOURCE, RUN and the options of every script: the arguments of `parse_experiment`."""
    for option in (
        click.option("--exclude-rights", multiple=True, help="Leave out rows with these rights."),
        recipe_options,
        click.option(
            "--images",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            help="Folder of the images.  [default: that of the table]",
        ),
        click.argument("run", type=click.Path(path_type=Path)),
        click.argument("source"),
    ):
        command = option(command)
    return command


@contextmanager
def usage_errors() -> Iterator[None]:
    """Reports a UsageError as one line, without a traceback."""
    try:
        yield
    except UsageError as error:
        raise click.ClickException(str(error)) from error


@dataclass(frozen=True, slots=True)
class Experiment:
    """The photos of a training, and the folder of its run."""

    sources: Mapping[str, str | None]
    """Split -> source (training/data/dataset.py). A source for `train` alone is split."""
    run: Path
    """The folder that the run writes."""
    images: Path | None = None
    """The folder of the images; None for that of each table."""
    exclude_rights: Sequence[str] = ()

    def read_data(self, seed: int, *required_fields: str) -> SplitDataset:
        """Seeds torch, makes the run folder and reads the photos.

        Photos that are left out and leakage between the splits are reported.

        Args:
            seed: The seed of torch.
            required_fields: Photos without these fields ("lat", say) are left out.

        Raises:
            UsageError: The photos cannot be used.
        """
        torch.manual_seed(seed)
        self.run.mkdir(parents=True, exist_ok=True)
        data, problems = read_split_dataset(
            self.sources, self.images, self.exclude_rights, required_fields
        )
        report_left_out(problems)
        for line in describe_leakage(data.examples, data.splits):
            click.echo(f"leakage: {line}", err=True)
        return data


def parse_experiment(
    kind: type[T],
    source: str,
    run: Path,
    images: Path | None = None,
    recipe: Path | None = None,
    changes: Sequence[str] = (),
    exclude_rights: Sequence[str] = (),
    threads: int = 0,
) -> tuple[Experiment, T]:
    """Turns the command line of a script into its experiment and its options.

    Args:
        kind: The dataclass of the options.
        source: The photos; see training/data/dataset.py.
        run: The folder of the run.
        images: The folder of the images of a table.
        recipe: The recipe; None for the defaults.
        changes: Changes to the recipe.
        exclude_rights: Rows with these rights are skipped.
        threads: CPU threads; 0 for all.

    Raises:
        UsageError: The recipe or a change cannot be used.
    """
    options = read_recipe(kind, recipe, changes)
    set_threads(threads)
    return Experiment({"train": source}, run, images, tuple(exclude_rights)), options


def set_threads(threads: int) -> None:
    """Sets the CPU threads of torch; 0 leaves them unchanged."""
    if threads:
        torch.set_num_threads(threads)


def report_left_out(problems: Sequence[LeftOut]) -> None:
    """Prints the photos that are left out, one line for each reason."""
    for line in describe_left_out(problems):
        click.echo(f"left out: {line}", err=True)


class SystemOptions(Protocol):
    """What the runner reads from the options of every system."""

    @property
    def views(self) -> int:
        """Views of each photo whose frozen outputs are cached; 0 for no cache."""

    @property
    def augmentation(self) -> Augmentation:
        """Limits of the training views."""


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a run for run.json."""

    tables: Mapping[str, Table]
    """Title -> table of scores."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Further entries that the exporter of the family needs."""


class System(Protocol):
    """A model family in training: what `run_experiment` needs from a script."""

    family: ClassVar[str]
    options: SystemOptions
    loop: LoopOptions
    network: torch.nn.Module
    frozen_part: FrozenPart
    """The module whose `frozen` outputs can be cached."""
    spec: InputSpec
    train_rows: NDArray[np.intp]
    reference_rows: NDArray[np.intp]
    """Training photos among which the baseline looks for the nearest neighbour."""

    @property
    def origins(self) -> Sequence[Origin]:
        """The weights that training starts from."""

    def cache_key(self) -> str:
        """Identifies the weights of the frozen part; "" to hash them."""

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """Maps inputs [B, ...] to the features [B, D] that nearest neighbours compare."""

    def loss_function(self) -> LossFunction:
        """Returns the loss; see training.engine.loop.fit."""

    def validate(self, network: Any, extractor: FeatureExtractor) -> dict[str, float]:
        """Computes scores on the validation photos for the log."""

    def predict(
        self, network: Any, extractor: FeatureExtractor, rows: NDArray[np.intp]
    ) -> dict[str, NDArray[np.float32]]:
        """Returns the ONNX outputs [len(rows), ...] for some photos, by name."""

    def targets(self, rows: NDArray[np.intp]) -> dict[str, NDArray[np.intp]]:
        """Returns the right classes [len(rows)] of the outputs that are logits, by name."""

    def save_tables(self, network: Any, run: Path) -> None:
        """Writes label tables, galleries and whatever else the export needs to the run."""

    def score(
        self,
        network: Any,
        extractor: FeatureExtractor,
        run: Path,
        val: HeldOut,
        test: HeldOut,
        reference: ReferenceFeatures,
    ) -> Report:
        """Computes the tables of the run from the held-out outputs."""


def run_experiment(system: System, data: SplitDataset, run: Path) -> None:
    """Trains a system and writes its run folder.

    Args:
        system: The model family with its network.
        data: The photos.
        run: The folder of the run.

    Raises:
        UsageError: The photos cannot be used, or the folder holds another run.
        FloatingPointError: The loss is not finite.
    """
    trained = report_trainable(system.network)
    extractor = FeatureExtractor(data, system.spec, system.options.augmentation, system.loop)
    if system.options.views:
        extractor.cache_views(
            system.frozen_part, system.options.views, run / "views.npy", system.cache_key()
        )
    reference = _reference_features(system, extractor, data)
    network = fit(
        system.network,
        system.loss_function(),
        extractor.dataset(system.train_rows, augmented=True),
        run,
        system.loop,
        lambda network: system.validate(network, extractor),
    )
    if not is_first_process():
        return
    run_folder.save_weights(run, network)
    system.save_tables(network, run)
    val, test = (_predict_split(system, network, extractor, data, run, s) for s in ("val", "test"))
    report = system.score(network, extractor, run, val, test, reference)
    click.echo(as_text(report.tables))
    run_folder.write(
        run,
        system.family,
        system.options,
        system.spec,
        data.card(),
        report.tables,
        system.origins,
        trained=trained,
        **report.facts,
    )


def report_trainable(network: torch.nn.Module) -> int:
    """Prints and returns the number of parameters that are trained."""
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    total = sum(p.numel() for p in network.parameters())
    click.echo(f"{trained:,} of {total:,} parameters are trained")
    return trained


def _reference_features(
    system: System, extractor: FeatureExtractor, data: SplitDataset
) -> ReferenceFeatures:
    """Computes the features of training and test photos before training."""
    rows = sample_rows(system.reference_rows)
    train, test = (
        extractor.run(system.network, system.features, some)[0]
        for some in (rows, data.splits["test"])
    )
    return ReferenceFeatures(rows, [data.examples[row] for row in rows], train, test)


def _predict_split(
    system: System,
    network: torch.nn.Module,
    extractor: FeatureExtractor,
    data: SplitDataset,
    run: Path,
    split: str,
) -> HeldOut:
    """Predicts the photos of a split and writes them to the run."""
    rows = data.splits[split]
    outputs = system.predict(network, extractor, rows)
    held = run_folder.held_out(data.of(split), outputs, system.targets(rows))
    run_folder.save_held_out(run / f"{split}.npz", held)
    return held
