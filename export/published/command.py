"""Makes a bundle of a published model: python export/to_onnx.py SOURCE BUNDLE [--tower DIR] ...

SOURCE is geoclip, streetclip, clip, siglip, a hub id or the folder of a CLIP or SigLIP checkpoint,
or location-encoder, for which BUNDLE is a single ONNX file. What must be fetched is fetched now,
and never when the bundle runs. The bundle is compared with the original on real photos, through the
session that ships, and takes its place only when it computes the same.
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

from export.placing import check_place, take_place
from export.published import geoclip as published_geoclip
from export.published.bundle import Options, make_bundle
from export.published.source import KNOWN, find_checkpoint
from geotagger.errors import BundleError, UsageError
from training.engine.origins import is_restricted
from training.engine.run_folder import RUN_FILE

LOCATION_ENCODER = "location-encoder"
SEED = 7


@click.command(help=__doc__)
@click.argument("source")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--tower", default="", help="Hub id or folder to take the towers from instead.")
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
@click.option("--land-points", default=100_000, show_default=True, help="Of land and both.")
@click.option("--cities", default=30, show_default=True, help="Of each country, in captions.")
@click.option(
    "--states/--no-states",
    default=None,
    help="Captions of US states instead of the US.  [default: for streetclip]",
)
@click.option("--precision", type=click.Choice(["fp32", "fp16", "int8"]), default="fp32")
@click.option(
    "--photos",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Photos to compare on.  [default: noise]",
)
@click.option("--name", default="", help="Of the model.  [default: the name of BUNDLE]")
@click.option("--version", default="1.0.0", show_default=True)
@click.option("--licence", default="", help="Of weights that do not say it themselves.")
@click.option("--accept-licence", is_flag=True, help="Needed where the licence restricts use.")
@click.option("--revision", default="", help="Commit, tag or branch on the hub.")
@click.option("--cache", type=click.Path(path_type=Path), help="Folder for downloads.")
@click.option("--offline", is_flag=True, help="Fetch nothing.")
def main(**flags: Any) -> None:
    options = Options(**flags)
    try:
        found = make(options)
    except (BundleError, UsageError) as error:
        raise click.ClickException(str(error)) from error
    paths = options.bundle.iterdir() if options.bundle.is_dir() else [options.bundle]
    size_mb = sum(file.stat().st_size for file in paths) / 1e6
    click.echo(f"{options.bundle}: {options.precision}, {size_mb:.1f} MB, {json.dumps(found)}")


def is_published(source: str) -> bool:
    """Whether this names a published model, and not a run of training/."""
    path = Path(source)
    if source in KNOWN or source == LOCATION_ENCODER:
        return not (Path("runs") / source / RUN_FILE).is_file()
    if path.is_dir():
        return (path / "config.json").is_file() and not (path / RUN_FILE).is_file()
    return re.fullmatch(r"[\w.-]+/[\w.-]+", source) is not None and not path.parent.is_dir()


def make(options: Options) -> dict[str, float]:
    """Writes the bundle; returns how far it is from the original.

    Raises:
        UsageError: the files are not to be had, a licence must be accepted first, or what stands at
            the bundle's place is none.
        BundleError: the graphs compute something else than the original.
    """
    if options.source != LOCATION_ENCODER:
        check_place(options.bundle)
    options.bundle.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=options.bundle.parent, prefix=f".{options.bundle.name}-"
    ) as place:
        if options.source == LOCATION_ENCODER:
            return _make_location(options, Path(place))
        checkpoint = find_checkpoint(
            options.source, options.tower, options.revision, options.cache, options.offline
        )
        licence = options.licence or checkpoint.licence
        click.echo(f"weights: {checkpoint.name}, SHA-256 {checkpoint.sha256}", err=True)
        click.echo(f"licence of the weights: {licence}", err=True)
        if is_restricted(licence) and not options.accept_licence:
            raise UsageError(
                f"the licence ({licence}) may not allow what you plan; read it where the weights "
                "are from, and give --accept-licence"
            )
        draft = Path(place) / "bundle"
        draft.mkdir()
        found = make_bundle(options, checkpoint, licence, draft, Path(place))
        take_place(draft, options.bundle)
    return found


def _make_location(options: Options, place: Path) -> dict[str, float]:
    from geotagger.vision.runtime.encoders import LocationEncoder

    encoder, source = published_geoclip.load_location(options.release)
    file = place / "location.onnx"
    published_geoclip.save_location(encoder, file, source)
    random = np.random.default_rng(SEED)
    gps = np.stack([random.uniform(-90, 90, 4096), random.uniform(-180, 180, 4096)], axis=1)
    with torch.inference_mode():
        wanted = encoder(torch.tensor(gps, dtype=torch.float32)).numpy()
    ours = LocationEncoder(file)(gps)
    lengths = np.linalg.norm(wanted, axis=1) * np.linalg.norm(ours, axis=1)
    least = float(((wanted * ours).sum(axis=1) / lengths).min())
    if not least >= 0.99999:
        raise BundleError(f"the graph computes something else (cosine {least:.6f})")
    file.replace(options.bundle)
    return {"positions": len(gps), "least_cosine": least}


if __name__ == "__main__":
    main()
