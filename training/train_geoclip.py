"""Trains photos against positions: python -m training.train_geoclip SOURCE RUN

The systems GeoCLIP and GeoMapCLIP.

SOURCE is any source of training/data/dataset.py whose photos have positions. RUN gets run.json,
model.safetensors, the gallery, val.npz and test.npz (training/engine/run_folder.py). A recipe
(recipes/geoclip_*.json) sets the options, --set changes one: --set loop.epochs=3. A run that was
stopped goes on when started again. The steps stand in `train`, in order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch

from geotagger.errors import UsageError
from geotagger.geography.sphere import haversine_km
from geotagger.images.decode import InputSpec
from training.data.dataset import positions
from training.data.pixels import FITS, Augmentation
from training.engine import run_folder
from training.engine.experiment import begin, run_options, tell_trained, usage_errors
from training.engine.loop import LoopOptions, fit, is_first_process
from training.engine.recipe import check_choices
from training.eval import metrics
from training.eval.comparison import sample
from training.eval.retrieval import EMBEDDING, best_points, gallery_of, places_of, save_held_out
from training.models.feature_extractor import FeatureExtractor
from training.models.geoclip import GeoClip, contrast, hard_points, jitter
from training.models.location_encoder import PUBLISHED, LocationEncoder, published_weights
from training.models.towers import make_tower
from training.targets.galleries import KINDS, make_gallery, write_gallery

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from training.data.dataset import Example
    from training.engine.experiment import Setting


@dataclass(frozen=True, slots=True)
class Options:
    tower: str = "openai/clip-vit-large-patch14"
    """See training/models/towers.py."""
    trained_blocks: int = 0
    """Of the tower; 0 keeps it as pretrained, -1 trains all of it."""
    published: bool = False
    """Starts the location encoder from GeoCLIP's weights (package geoclip), and with a tower of
    the same width the layers above the tower and the scale as well."""
    train_location: bool = True
    hidden: int = 1024
    """Units of the location encoder."""
    dimensions: int = 512
    dropout: float = 0.0
    """Of the tower's vector, where photos are few."""
    queue: int = 4096
    """Positions of earlier photos that serve as further counter-examples."""
    hard: int = 0
    """Points of the gallery near each photo, as the hardest counter-examples."""
    hard_least_km: float = 100.0
    noise_km: float = 0.15
    """Spread of the positions of a batch; the queue's is `queue_noise_km`."""
    queue_noise_km: float = 1.0
    same_km: float = 0.5
    """Nearer positions are no counter-examples."""
    gallery: str = "both"
    """Of the bundle: photos (where the training photos are), land (a Fibonacci lattice), both, or
    published (100,000 points of MP-16)."""
    land_points: int = 20000
    size_px: int = 0
    """0: what the tower was made for."""
    fit: str = "crop"
    views: int = 0
    """Above 0, what the frozen tower makes of so many views of each photo is kept."""
    alter: Augmentation = field(default_factory=Augmentation)
    loop: LoopOptions = field(default_factory=LoopOptions)


@click.command(help=__doc__)
@run_options
def main(**asked: Any) -> None:
    with usage_errors():
        train(*begin(Options, **asked))


def train(setting: Setting, options: Options) -> None:
    """The whole run. Raises UsageError: the photos or the options cannot be used."""
    check_options(options)
    data = setting.start(options.loop.seed, "lat")
    run, examples, splits = setting.run, data.examples, data.splits
    sharp = np.array([example.precision in ("point", "city") for example in examples])
    rows = splits["train"][sharp[splits["train"]]]
    if not len(rows):
        raise UsageError("no training photo has a position as precise as a city; add some")
    click.echo(
        f"{len(examples)} photos; trained on the {len(rows)} of {len(splits['train'])} whose "
        "position is precise to the city or the point"
    )

    model = make_model(options)
    spec = InputSpec(options.size_px or model.tower.size_px, options.fit, "bicubic")
    trained = tell_trained(model)
    sight = FeatureExtractor(data, spec, options.alter, options.loop)
    if options.views:
        sight.keep(model.tower, options.views, run / "views.npy")
    known = sample(splits["train"])
    features = tuple(sight.run(model, model.tower, own)[0] for own in (known, splits["test"]))
    points = make_gallery(options.gallery, [examples[row] for row in rows], options.land_points)

    model = fit(
        model,
        make_loss(examples, rows, points[:2], options),
        sight.dataset(rows, altered=True),
        run,
        options.loop,
        lambda m: near_misses(m, sight, examples, splits["val"][sharp[splits["val"]]], points),
    )
    if not is_first_process():
        return

    run_folder.save_weights(run, model)
    write_gallery(run, embed(model, points), points)
    val, test = save_held_out(run, model, sight, data)
    own = [examples[row] for row in known]
    scale, table = places_of(run, val, test, model.scale, own, features)
    tables = {"places": table}
    tables["places"]["best gallery point"] = best_point(test, run)
    click.echo(metrics.as_text(tables))
    run_folder.write(
        run,
        "geoclip",
        options,
        spec,
        data.card(),
        tables,
        (*model.tower.origins, *([PUBLISHED] if options.published else [])),
        trained=trained,
        trained_scale=model.scale,
        logit_scale=scale,
        gallery_points=len(points[0]),
        temperature={},
        labels={},
    )


def check_options(options: Options) -> None:
    check_choices(options, gallery=KINDS, fit=FITS)
    if options.views and options.trained_blocks < 0:
        raise UsageError("views are kept of frozen blocks, and all are trained; set views to 0")


def make_model(options: Options, weights: str = "auto") -> GeoClip:
    """`weights` none: at random, for loading a run into it."""
    tower = make_tower(options.tower, weights)
    tower.freeze(options.trained_blocks)
    location = LocationEncoder(
        hidden=options.hidden,
        dimensions=options.dimensions,
        published=options.published and weights != "none",
    )
    location.requires_grad_(options.train_location)
    model = GeoClip(tower, location, options.dimensions, options.queue, options.dropout)
    if options.published and weights != "none" and tower.width == model.mlp[0].out_features:
        model.mlp.load_state_dict(published_weights("image_encoder_mlp"))
        scale = published_weights("logit_scale")["logit_scale"]
        model.log_scale.data.fill_(float(scale))
    return model


def make_loss(
    examples: list[Example],
    rows: NDArray[np.intp],
    gallery: tuple[NDArray[np.float64], NDArray[np.float64]],
    options: Options,
) -> Callable[..., dict[str, torch.Tensor]]:
    """Each photo's own position among those of its batch, the queue, and hard points."""
    lat, lon = positions(examples)
    degrees = torch.from_numpy(np.stack([lat, lon], axis=1)).float()
    hard = torch.zeros(len(examples), options.hard, 2)
    if options.hard:
        hard[rows] = torch.from_numpy(
            hard_points(lat[rows], lon[rows], gallery, options.hard, options.hard_least_km)
        )

    def loss_of(
        model: torch.nn.Module, inputs: torch.Tensor, batch: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        bare = getattr(model, "module", model)
        true = degrees[batch.cpu()].to(inputs.device)
        waiting = bare.waiting()
        extra = hard[batch.cpu()].reshape(-1, 2).to(inputs.device)
        asked = torch.cat(
            [jitter(true, options.noise_km), jitter(waiting, options.queue_noise_km), extra]
        )
        logits = model(inputs, asked)
        losses = {"loss": contrast(logits, true, torch.cat([waiting, extra]), options.same_km)}
        bare.enqueue(true)
        return losses

    return loss_of


@torch.no_grad()
def embed(
    model: GeoClip, points: tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.intp]]
) -> NDArray[np.float32]:
    """[G, D] of gallery points; once, not for each photo."""
    model.eval()
    device = model.log_scale.device
    degrees = torch.from_numpy(np.stack(points[:2], axis=1)).float()
    parts = [model.positions(part.to(device)).cpu().numpy() for part in degrees.split(4096)]
    return np.concatenate(parts)


def near_misses(
    model: GeoClip,
    sight: FeatureExtractor,
    examples: list[Example],
    rows: NDArray[np.intp],
    points: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]],
) -> dict[str, float]:
    """How far the best point of the gallery is from validation photos."""
    (values,) = sight.run(model, model.images, rows)
    best = (values @ embed(model, points).T).argmax(axis=1)
    km = haversine_km(points[0][best], points[1][best], *positions([examples[row] for row in rows]))
    return {"median_km": float(np.median(km)), "within_750_km": float((km <= 750).mean())}


def best_point(test: run_folder.HeldOut, run: Path) -> dict[str, float | None]:
    """The scores of the gallery's best point alone, as GeoCLIP answers."""
    gallery = gallery_of(run)
    best = best_points(test.outputs[EMBEDDING], gallery, 1)[:, 0]
    guesses = metrics.Guesses.at(
        gallery.lat[best].astype(float).tolist(), gallery.lon[best].astype(float).tolist()
    )
    return metrics.geographic(guesses, test)


if __name__ == "__main__":
    main()
