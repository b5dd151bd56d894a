"""Trains photos against positions: python -m training.train_geoclip SOURCE RUN

The systems GeoCLIP and GeoMapCLIP.

SOURCE is any source of training/data.py whose photos have positions. RUN gets run.json,
model.safetensors, the gallery, val.npz and test.npz (training/run_folder.py). A recipe
(recipes/geoclip_*.json) sets the options, --set changes one: --set loop.epochs=3. A run that was
stopped goes on when started again. The steps stand in `train`, in order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import torch

from geotagger.errors import UsageError
from geotagger.geo import haversine_km
from geotagger.images import InputSpec
from geotagger.places import load_places
from training import metrics, run_folder
from training.comparison import places_table, sample
from training.data import Example, named, need, positions, read_photos
from training.galleries import KINDS, make_gallery, write_gallery
from training.geoclip import GeoClip, contrast, hard_points, jitter
from training.location_encoder import LocationEncoder, published_weights
from training.loop import LoopOptions, fit
from training.pixels import Alterations, data_hash
from training.recipe import read_recipe
from training.retrieval import EMBEDDING, best_points, fit_scale, gallery_of, reader_of
from training.sight import Sight
from training.splits import leakage, split_rows
from training.towers import make_tower
from training.train_cnn import is_first_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True, slots=True)
class Options:
    tower: str = "openai/clip-vit-large-patch14"
    """See training/towers.py."""
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
    alter: Alterations = field(default_factory=Alterations)
    loop: LoopOptions = field(default_factory=LoopOptions)


@click.command(help=__doc__)
@click.argument("source")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--images", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--recipe", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--set", "changes", multiple=True, metavar="OPTION=VALUE", help="Change one option.")
@click.option("--exclude-rights", multiple=True, help="Leave out rows with these rights.")
@click.option("--threads", default=0, help="Of the CPU; 0 for all.")
def main(
    source: str,
    run: Path,
    images: Path | None,
    recipe: Path | None,
    changes: tuple[str, ...],
    exclude_rights: tuple[str, ...],
    threads: int,
) -> None:
    try:
        options = read_recipe(Options, recipe, changes)
        if threads:
            torch.set_num_threads(threads)
        train(source, run, images, options, exclude_rights)
    except UsageError as error:
        raise click.ClickException(str(error)) from error


def train(
    source: str, run: Path, images: Path | None, options: Options, exclude_rights: tuple[str, ...]
) -> None:
    """The whole run. Raises UsageError: the photos or the options cannot be used."""
    check_options(options)
    torch.manual_seed(options.loop.seed)
    run.mkdir(parents=True, exist_ok=True)

    examples, problems = read_photos(source, images, exclude_rights)
    examples, lacking = need(named(examples), "lat")
    for problem in [*problems, *lacking]:
        click.echo(f"left out: {problem}", err=True)
    splits = split_rows(examples)
    for line in leakage(examples, splits):
        click.echo(f"leakage: {line}", err=True)
    sharp = np.array([example.precision in ("point", "city") for example in examples])
    rows = splits["train"][sharp[splits["train"]]]
    if not len(rows):
        raise UsageError("no training photo has a position as precise as a city; add some")
    click.echo(
        f"{len(examples)} photos; trained on the {len(rows)} of {len(splits['train'])} whose "
        "position is precise to the city or the point"
    )

    model = make_model(options)
    spec = InputSpec(options.size_px or model.tower.size_px, options.fit)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    click.echo(f"{trained:,} of {sum(p.numel() for p in model.parameters()):,} numbers are trained")
    sight = Sight(source, examples, spec, options.alter, options.loop.seed, options.loop.workers)
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
    for split in ("val", "test"):
        (values,) = sight.run(model, model.images, splits[split])
        own = [examples[row] for row in splits[split]]
        run_folder.save_held_out(run / f"{split}.npz", own, {EMBEDDING: values}, {})
    val, test = (run_folder.read_held_out(run / f"{split}.npz") for split in ("val", "test"))
    scale = fit_scale(val, gallery_of(run), model.scale)
    places = load_places()
    readers = {EMBEDDING: reader_of(run, scale, places)}
    own = [examples[row] for row in known]
    tables = {"places": places_table(run, val, test, readers, places, own, features)}
    tables["places"]["best gallery point"] = best_point(test, run)
    for title, columns in tables.items():
        click.echo(f"\n{title}\n\n{metrics.as_table(columns)}")
    run_folder.write(
        run,
        "geoclip",
        options,
        spec,
        {
            "sha256": data_hash(examples),
            "photos": len(examples),
            "sources": len({example.source for example in examples}),
            "left_out": len(problems) + len(lacking),
            "excluded_rights": list(exclude_rights),
            **{split: len(own) for split, own in splits.items()},
        },
        tables,
        trained=trained,
        trained_scale=model.scale,
        logit_scale=scale,
        gallery_points=len(points[0]),
        temperature={},
        labels={},
    )


def check_options(options: Options) -> None:
    if options.gallery not in KINDS:
        raise UsageError(f"gallery: {options.gallery} is not one of {', '.join(KINDS)}")
    if options.fit not in ("crop", "squash", "pad"):
        raise UsageError(f"fit: {options.fit} is not crop, squash or pad")
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
    sight: Sight,
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
