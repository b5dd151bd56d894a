"""Trains GeoCLIP or GeoMapCLIP: python -m training.train_geoclip SOURCE RUN

Photos and positions are embedded in one space by contrastive learning. SOURCE is any source of
training/data/dataset.py whose photos have positions. RUN gets run.json, model.safetensors, the
gallery, val.npz and test.npz (training/engine/run_folder.py). A recipe (recipes/geoclip_*.json)
sets the options; --set changes one of them: --set loop.epochs=3. Start a stopped run again to
resume it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import click
import numpy as np
import torch

from geotagger.errors import UsageError
from geotagger.geography.sphere import haversine_km
from geotagger.images.decode import InputSpec
from training.data.example import positions
from training.data.pixels import FIT_MODES, Augmentation
from training.engine.experiment import (
    Experiment,
    Report,
    experiment_options,
    parse_experiment,
    run_experiment,
    usage_errors,
)
from training.engine.loop_options import LoopOptions
from training.engine.recipe import check_choices
from training.eval import metrics
from training.eval.retrieval import EMBEDDING, load_gallery, score_retrieval, top_points
from training.models.geoclip import GeoClip, hard_negatives, jitter, position_contrast
from training.models.location_encoder import (
    PUBLISHED_ORIGIN,
    RandomFourierLocationEncoder,
    published_weights,
)
from training.models.towers import make_tower
from training.targets.galleries import GALLERY_KINDS, make_gallery, write_gallery

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.example import Example
    from training.data.split_dataset import SplitDataset
    from training.engine.loop import LossFunction
    from training.engine.origins import Origin
    from training.engine.run_folder import HeldOut
    from training.eval.comparison import ReferenceFeatures
    from training.models.feature_extractor import FeatureExtractor
    from training.targets.galleries import Points

TRAINED_PRECISIONS = ("point", "city")


@dataclass(frozen=True, slots=True)
class GeoClipOptions:
    """The options of train_geoclip."""

    trainer: ClassVar[str] = "geoclip"

    tower: str = "openai/clip-vit-large-patch14"
    """See training/models/towers.py."""
    trained_blocks: int = 0
    """Trained blocks of the tower; 0 for none, -1 for all."""
    published: bool = False
    """Starts the location encoder from GeoCLIP's weights (package geoclip), and with a tower of
    the same width also the layers above the tower and the scale."""
    train_location: bool = True
    hidden: int = 1024
    """Units of the location encoder."""
    dimensions: int = 512
    dropout: float = 0.0
    """Dropout of the tower's vector, for small data sets."""
    queue: int = 4096
    """Positions of earlier photos that are further negatives."""
    hard: int = 0
    """Points of the gallery near each photo that are hard negatives."""
    hard_min_km: float = 100.0
    """Hard negatives are at least this far away."""
    noise_km: float = 0.15
    """Noise on the positions of a batch."""
    queue_noise_km: float = 1.0
    """Noise on the positions of the queue."""
    same_km: float = 0.5
    """Positions within this distance are not negatives."""
    gallery: str = "both"
    """Of the bundle: photos (the places of the training photos), land (a Fibonacci lattice), both,
    or published (100,000 points of MP-16)."""
    land_points: int = 20000
    size_px: int = 0
    """Side of the input; 0 for that of the tower's pretraining."""
    fit: str = "crop"
    views: int = 0
    """Above 0, the frozen outputs for this number of views of each photo are cached."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    loop: LoopOptions = field(default_factory=LoopOptions)


@click.command(help=__doc__)
@experiment_options
def main(**arguments: Any) -> None:
    with usage_errors():
        train(*parse_experiment(GeoClipOptions, **arguments))


def train(experiment: Experiment, options: GeoClipOptions) -> None:
    """Trains GeoCLIP and writes its run. Raises UsageError if photos or options cannot be used."""
    check_options(options)
    data = experiment.read_data(options.loop.seed, "lat")
    run_experiment(GeoClipSystem(data, options), data, experiment.run)


def check_options(options: GeoClipOptions) -> None:
    """Raises UsageError if the options contradict each other."""
    check_choices(options, gallery=GALLERY_KINDS, fit=FIT_MODES)
    if options.views and options.trained_blocks < 0:
        raise UsageError("views cache frozen blocks, but all blocks are trained; set views to 0")


class GeoClipSystem:
    """GeoCLIP in training; see engine/experiment.py."""

    family: ClassVar[str] = "geoclip"

    def __init__(self, data: SplitDataset, options: GeoClipOptions) -> None:
        self.options, self.loop, self.examples = options, options.loop, data.examples
        precise = np.array([e.precision in TRAINED_PRECISIONS for e in data.examples])
        self.reference_rows = data.splits["train"]
        self.train_rows, self.val_rows = (
            data.splits[split][precise[data.splits[split]]] for split in ("train", "val")
        )
        if not len(self.train_rows):
            raise UsageError("no training photo has a position as precise as a city; add some")
        click.echo(
            f"{len(data.examples)} photos; trained on the {len(self.train_rows)} of "
            f"{len(self.reference_rows)} whose position is precise to the city or the point"
        )
        self.network = make_model(options)
        self.frozen_part = self.network.tower
        self.spec = InputSpec(options.size_px or self.network.tower.size_px, options.fit, "bicubic")
        self.points = make_gallery(
            options.gallery, [data.examples[row] for row in self.train_rows], options.land_points
        )

    @property
    def origins(self) -> tuple[Origin, ...]:
        published = (PUBLISHED_ORIGIN,) if self.options.published else ()
        return (*self.network.tower.origins, *published)

    def cache_key(self) -> str:
        return ""

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """Maps inputs [B, ...] to features [B, width]."""
        return self.network.tower(inputs)

    def loss_function(self) -> LossFunction:
        return make_loss(self.examples, self.train_rows, self.points[:2], self.options)

    def validate(self, network: GeoClip, extractor: FeatureExtractor) -> dict[str, float]:
        """Measures how far the best point of the gallery is from validation photos."""
        (vectors,) = extractor.run(network, network.images, self.val_rows)
        best = (vectors @ embed_points(network, self.points).T).argmax(axis=1)
        lat, lon = positions([self.examples[row] for row in self.val_rows])
        km = haversine_km(self.points[0][best], self.points[1][best], lat, lon)
        return {"median_km": float(np.median(km)), "within_750_km": float((km <= 750).mean())}

    def predict(
        self, network: GeoClip, extractor: FeatureExtractor, rows: NDArray[np.intp]
    ) -> dict[str, NDArray[np.float32]]:
        (vectors,) = extractor.run(network, network.images, rows)
        return {EMBEDDING: vectors}

    def targets(self, _rows: NDArray[np.intp]) -> dict[str, NDArray[np.intp]]:
        return {}

    def save_tables(self, network: GeoClip, run: Path) -> None:
        write_gallery(run, embed_points(network, self.points), self.points)

    def score(
        self,
        network: GeoClip,
        _extractor: FeatureExtractor,
        run: Path,
        val: HeldOut,
        test: HeldOut,
        reference: ReferenceFeatures,
    ) -> Report:
        scale, table = score_retrieval(run, val, test, network.scale, reference)
        table["best gallery point"] = score_best_point(test, run)
        return Report(
            {"places": table},
            {
                "trained_scale": network.scale,
                "logit_scale": scale,
                "gallery_points": len(self.points[0]),
                "temperature": {},
                "labels": {},
            },
        )


def make_model(options: GeoClipOptions, weights: str = "auto") -> GeoClip:
    """Makes the network.

    Args:
        options: The options of the run.
        weights: auto, or none to start at random, for loading the weights of a run.
    """
    tower = make_tower(options.tower, weights)
    tower.freeze(options.trained_blocks)
    published = options.published and weights != "none"
    location = RandomFourierLocationEncoder(
        hidden=options.hidden, dimensions=options.dimensions, published=published
    )
    location.requires_grad_(options.train_location)
    model = GeoClip(tower, location, options.dimensions, options.queue, options.dropout)
    if published and tower.width == model.mlp[0].out_features:
        model.mlp.load_state_dict(published_weights("image_encoder_mlp"))
        scale = published_weights("logit_scale")["logit_scale"]
        model.log_scale.data.fill_(float(scale))
    return model


def make_loss(
    examples: list[Example],
    train_rows: NDArray[np.intp],
    gallery: tuple[NDArray[np.float64], NDArray[np.float64]],
    options: GeoClipOptions,
) -> LossFunction:
    """Returns the loss of each photo's position against its batch, the queue and hard negatives."""
    lat, lon = positions(examples)
    degrees = torch.from_numpy(np.stack([lat, lon], axis=1)).float()
    hard = torch.zeros(len(examples), options.hard, 2)
    if options.hard:
        negatives = hard_negatives(
            lat[train_rows], lon[train_rows], gallery, options.hard, options.hard_min_km
        )
        hard[train_rows] = torch.from_numpy(negatives)

    def loss_function(
        network: torch.nn.Module, inputs: torch.Tensor, rows: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        unwrapped = getattr(network, "module", network)
        true = degrees[rows.cpu()].to(inputs.device)
        queued = unwrapped.queued()
        hard_of_batch = hard[rows.cpu()].reshape(-1, 2).to(inputs.device)
        candidates = [
            jitter(true, options.noise_km),
            jitter(queued, options.queue_noise_km),
            hard_of_batch,
        ]
        logits = network(inputs, torch.cat(candidates))
        others = torch.cat([queued, hard_of_batch])
        loss = position_contrast(logits, true, others, options.same_km)
        unwrapped.enqueue(true)
        return {"loss": loss}

    return loss_function


@torch.no_grad()
def embed_points(network: GeoClip, points: Points) -> NDArray[np.float32]:
    """Returns the vectors [G, D] of the points of a gallery."""
    network.eval()
    device = network.log_scale.device
    degrees = torch.from_numpy(np.stack(points[:2], axis=1)).float()
    parts = [network.positions(part.to(device)).cpu().numpy() for part in degrees.split(4096)]
    return np.concatenate(parts)


def score_best_point(test: HeldOut, run: Path) -> dict[str, float | None]:
    """Scores the best point of the gallery, which is GeoCLIP's own answer."""
    gallery = load_gallery(run)
    best = top_points(test.outputs[EMBEDDING], gallery, 1)[:, 0]
    predicted = metrics.PredictedLocations.at(
        gallery.lat[best].astype(float).tolist(), gallery.lon[best].astype(float).tolist()
    )
    return metrics.geographic(predicted, test)


if __name__ == "__main__":
    main()
