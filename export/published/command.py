"""Makes a bundle of a published model: python export/to_onnx.py SOURCE BUNDLE [--tower DIR] ...

SOURCE is geoclip, streetclip, clip, siglip, a hub id, or the folder of a CLIP or SigLIP checkpoint;
or location-encoder, for which BUNDLE is a single ONNX file. Files are downloaded now, and never
when the bundle runs. The bundle is compared with the original on real photos through geotagger's
own session. It takes its place only if it computes the same.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from export.published import geoclip as published_geoclip
from export.published.bundle import PublishedOptions, make_bundle
from export.published.source import KNOWN, find_checkpoint
from geotagger.errors import BundleError, UsageError
from geotagger.vision.bundle.placing import check_place, take_place
from geotagger.vision.published.licences import is_restricted
from geotagger.vision.runtime.encoders import LocationEncoder
from training.engine.run_folder import RUN_FILE

LOCATION_ENCODER = "location-encoder"
SEED = 7


@click.command(help=__doc__)
@click.argument("source")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--tower", default="", help="Hub id or folder of other towers.")
@click.option(
    "--release",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="GeoCLIP: release folder.  [default: the installed package geoclip]",
)
@click.option(
    "--gallery",
    default="published",
    show_default=True,
    help="GeoCLIP: published, land (even by area), both, or a CSV with lat and lon.",
)
@click.option(
    "--land-points",
    default=100_000,
    show_default=True,
    help="Points of the galleries land and both.",
)
@click.option("--cities", default=30, show_default=True, help="Captions of cities in each country.")
@click.option(
    "--states/--no-states",
    default=None,
    help="Captions of US states instead of the US.  [default: for streetclip]",
)
@click.option("--precision", type=click.Choice(["fp32", "fp16", "int8"]), default="fp32")
@click.option(
    "--photos",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Photos for the comparison.  [default: noise]",
)
@click.option("--name", default="", help="Name of the model.  [default: the name of BUNDLE]")
@click.option("--version", default="1.0.0", show_default=True)
@click.option("--licence", default="", help="Licence of weights that state none.")
@click.option("--accept-licence", is_flag=True, help="Needed if the licence restricts use.")
@click.option("--revision", default="", help="Commit, tag or branch on the hub.")
@click.option("--cache", type=click.Path(path_type=Path), help="Folder for downloads.")
@click.option("--offline", is_flag=True, help="Download nothing.")
def main(**arguments: Any) -> None:
    arguments["name"] = arguments["name"] or arguments["bundle"].name
    options = PublishedOptions(**arguments)
    try:
        differences = make(options)
    except (BundleError, UsageError) as error:
        raise click.ClickException(str(error)) from error
    paths = options.bundle.iterdir() if options.bundle.is_dir() else [options.bundle]
    size_mb = sum(file.stat().st_size for file in paths) / 1e6
    click.echo(
        f"{options.bundle}: {options.precision}, {size_mb:.1f} MB, {json.dumps(differences)}"
    )


def is_published(source: str) -> bool:
    """Whether the name is a published model, not a run of training/."""
    path = Path(source)
    if source in KNOWN or source == LOCATION_ENCODER:
        return not (Path("runs") / source / RUN_FILE).is_file()
    if path.is_dir():
        return (path / "config.json").is_file() and not (path / RUN_FILE).is_file()
    return re.fullmatch(r"[\w.-]+/[\w.-]+", source) is not None and not path.parent.is_dir()


def make(options: PublishedOptions) -> dict[str, float]:
    """Writes the bundle.

    Returns:
        The differences from the original.

    Raises:
        UsageError: The files cannot be loaded, a licence must be accepted first, or the place of
            the bundle holds something else.
        BundleError: A graph computes something else than the original.
    """
    if options.source != LOCATION_ENCODER:
        check_place(options.bundle)
    options.bundle.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=options.bundle.parent, prefix=f".{options.bundle.name}-"
    ) as work:
        if options.source == LOCATION_ENCODER:
            return _make_location(options, Path(work))
        checkpoint = find_checkpoint(
            options.source, options.tower, options.revision, options.cache, options.offline
        )
        licence = options.licence or checkpoint.licence
        click.echo(f"weights: {checkpoint.name}, SHA-256 {checkpoint.sha256}", err=True)
        click.echo(f"licence of the weights: {licence}", err=True)
        if is_restricted(licence) and not options.accept_licence:
            raise UsageError(
                f"the licence ({licence}) may restrict your use; read it at the source of the "
                "weights, then give --accept-licence"
            )
        draft = Path(work) / "bundle"
        draft.mkdir()
        differences = make_bundle(options, checkpoint, licence, draft, Path(work))
        take_place(draft, options.bundle)
    return differences


def _make_location(options: PublishedOptions, work: Path) -> dict[str, float]:
    encoder, source = published_geoclip.load_location(options.release)
    file = work / "location.onnx"
    published_geoclip.save_location(encoder, file, source)
    random = np.random.default_rng(SEED)
    gps = np.stack([random.uniform(-90, 90, 4096), random.uniform(-180, 180, 4096)], axis=1)
    with torch.inference_mode():
        expected = encoder(torch.tensor(gps, dtype=torch.float32)).numpy()
    ours = LocationEncoder(file)(gps)
    lengths = np.linalg.norm(expected, axis=1) * np.linalg.norm(ours, axis=1)
    min_cosine = float(((expected * ours).sum(axis=1) / lengths).min())
    if not min_cosine >= 0.99999:
        raise BundleError(f"the graph computes something else (cosine {min_cosine:.6f})")
    file.replace(options.bundle)
    return {"positions": len(gps), "least_cosine": min_cosine}


if __name__ == "__main__":
    main()
