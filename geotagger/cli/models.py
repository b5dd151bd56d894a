"""`geotagger models`: pull, recommend, list, show, calibrate, check and import models."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from geotagger.cli.flags import DEVICES, complete_model
from geotagger.config import Device


@click.group()
def models() -> None:
    """Pull, recommend, list, show, calibrate, check and import models."""


@models.command("list")
def list_models() -> None:
    """Print the models that --model knows by name.

    \b
    geotagger models list
    """
    from geotagger.vision.bundle.bundle import (
        embedded_bundles,
        find_bundle,
        imported_bundles,
        load_card,
    )

    for name in dict.fromkeys([*embedded_bundles(), *imported_bundles()]):
        card = load_card(find_bundle(name))
        kinds = ", ".join(head.kind for head in card.heads)
        click.echo(f"{name:20} {card.licence:14} {kinds:20} {card.description}")


@models.command()
@click.argument("model", shell_complete=complete_model)
def info(model: str) -> None:
    """Print the card of a model: heads, licence, origin, calibration, files.

    "user_calibrations" are those that `models calibrate` fitted for it, with their files.

    \b
    geotagger models info starter
    geotagger models info bundles/mine
    """
    from geotagger.calibration.stored import calibrations_of
    from geotagger.vision.bundle.bundle import find_bundle, load_bundle

    bundle = load_bundle(find_bundle(model))
    document = json.loads(bundle.card.to_json())
    if found := calibrations_of(bundle):
        document["user_calibrations"] = found
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


@models.command()
@click.argument("names", nargs=-1, required=True, metavar="MODEL...", shell_complete=complete_model)
@click.option("--device", type=DEVICES, default="auto", show_default=True)
def check(names: tuple[str, ...], device: str) -> None:
    """Check that models compute the same outputs here as where they were exported.

    \b
    geotagger models check starter
    geotagger models check geoclip --device cuda
    """
    from geotagger.vision.bundle.bundle import find_bundle, load_bundle
    from geotagger.vision.runtime import self_test

    for name in names:
        differences = self_test.run_self_test(load_bundle(find_bundle(name)), device)
        text = ", ".join(f"{output} within {most:.2g}" for output, most in differences.items())
        click.echo(f"{name}: {text}")


@models.command()
@click.argument("names", nargs=-1, required=True, metavar="MODEL...", shell_complete=complete_model)
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--device", type=DEVICES, default="auto", show_default=True)
def calibrate(names: tuple[str, ...], folder: Path, device: Device) -> None:
    """Fit models to your own photos with measured GPS: temperature, weight and radius.

    It needs 200 photos of 12 days. Two days in three are fitted; the others tell what that is
    worth, and a result that is worse there is not kept. Several models are fitted together, for
    runs with the same --model flags. The photos are only read.

    \b
    geotagger models calibrate geoclip ~/Photos
    geotagger models calibrate geoclip streetclip starter ~/Photos
    """
    from tqdm import tqdm

    from geotagger.cache.store import journal_file
    from geotagger.calibration.stored import store
    from geotagger.calibration.user import calibrate as fit
    from geotagger.config import RunOptions
    from geotagger.pipeline.run import open_journal
    from geotagger.vision.bundle.bundle import find_bundle

    options = RunOptions(
        paths=(folder,), models=names, device=device, gate=True, journal=journal_file()
    )
    hidden = not sys.stderr.isatty()
    with (
        open_journal(options) as journal,
        tqdm(desc="looking for GPS", unit="photo", file=sys.stderr, disable=hidden) as scanned,
        tqdm(desc="running", unit="photo", file=sys.stderr, disable=hidden) as inferred,
    ):
        found = fit(options, journal, scanned.update, inferred.update)
    file = store(found, [find_bundle(name) for name in names])
    for model in found.models:
        remark = "" if model.weight else " (adds nothing to the others: run without it)"
        click.echo(
            f"{model.name}: temperature {model.temperature:g}, weight {model.weight:g}{remark}"
        )
    click.echo(
        f"90 % radius: times {found.radius_factor:g}\n"
        f"fitted on {found.photos} photos of {found.days} days in {found.countries} countries; "
        f"on {found.after.photos} photos of other days:\n"
        f"  inside their 90 % radius    {100 * found.before.radius_coverage:.0f} % before, "
        f"{100 * found.after.radius_coverage:.0f} % now\n"
        f"  loss of the true country    {found.before.country_loss:.2f} before, "
        f"{found.after.country_loss:.2f} now (nats; lower is better)\n"
        f"kept in {file}"
    )


@models.command()
@click.argument("model")
@click.option("--name", default="", help="Name of the bundle.  [default: the last part of MODEL]")
@click.option(
    "--from",
    "source",
    default="",
    metavar="FOLDER|URL",
    help="Folder or web address of the files.  [default: the hub]",
)
@click.option(
    "--revision",
    default="",
    help="Commit, tag or branch on the hub.  [default: the one that was pulled first]",
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8"]),
    default="fp32",
    show_default=True,
    help="fp16: half the size. int8: a quarter, and the fastest on a CPU.",
)
@click.option(
    "--photos",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Photos on which fp16 and int8 are compared with fp32.  [default: noise]",
)
@click.option(
    "--gallery",
    default="published",
    show_default=True,
    help="GeoCLIP: published, land (even by area), both, or a CSV with lat and lon.",
)
@click.option("--cities", default=30, show_default=True, help="Captions of cities in each country.")
@click.option("--accept-licence", is_flag=True, help="Needed if the licence restricts use.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def pull(model: str, quiet: bool, **flags: Any) -> None:
    """Download a published model and make it ready for --model. No PyTorch is needed.

    MODEL is a name that models recommend lists, or location-encoder, or the id of another CLIP or
    SigLIP on the hub. Only the weights that are needed are fetched. An interrupted pull goes on
    where it stopped. HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and the proxy variables are obeyed.

    \b
    geotagger models pull clip-b32
    geotagger models pull clip-b32 --precision int8 --photos ~/Photos
    geotagger models pull clip-b32 --from ~/clip-vit-base-patch32
    geotagger models pull location-encoder
    """
    from tqdm import tqdm

    from geotagger.download.pull import PullOptions
    from geotagger.download.pull import pull as pull_model
    from geotagger.printable import printable

    def say(line: str) -> None:
        if not quiet:
            bar.write(printable(line), file=sys.stderr)

    hidden = quiet or not sys.stderr.isatty()
    with tqdm(unit="B", unit_scale=True, file=sys.stderr, disable=hidden) as bar:
        path = pull_model(PullOptions(model=model, **flags), say, bar)
    click.echo(f"{path.stem if path.is_file() else path.name}: ready, in {path}")


@models.command()
@click.option(
    "--max-seconds",
    "max_s",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Longest time that a photo may take.",
)
def recommend(max_s: float) -> None:
    """Measure this machine, and name the published model that suits it.

    The times are estimates for fp32, from the speed of a matrix product here and the operations of
    each model. --precision int8 is faster on a CPU. No network is used.

    \b
    geotagger models recommend
    geotagger models recommend --max-seconds 1
    """
    from geotagger.cli.hint import seconds_text
    from geotagger.config import cores
    from geotagger.doctor.recommend import costs, recommended
    from geotagger.doctor.speed import measure_speed
    from geotagger.vision.bundle.bundle import imported_bundles

    speed = measure_speed()
    click.echo(f"{cores()} cores; {speed.flops / 1e9:,.0f} GFLOP/s on {speed.device}")
    click.echo(f"{'':12} {'download':>9} {'a photo':>9} {'within 750 km':>14}  licence")
    found, installed = costs(speed.flops), imported_bundles()
    for cost in found:
        name, share = cost.model.name, cost.model.within_750_km
        click.echo(
            f"{name:12} {cost.download_bytes / 1e9:6.2f} GB {seconds_text(cost.photo_s):>9} "
            f"{f'{100 * share:.0f} %' if share else '':>14}  {cost.licence}"
            f"{', installed' if name in installed else ''}"
        )
    best = recommended(found, max_s)
    if best is None:
        click.echo(f"none takes at most {max_s:g} s a photo here: keep the starter")
    elif best.model.name in installed:
        click.echo(f"recommended: geotagger tag --model {best.model.name}")
    else:
        click.echo(f"recommended: geotagger models pull {best.model.name}")


@models.command("import", context_settings={"ignore_unknown_options": True})
@click.argument("source")
@click.option("--name", default="", help="Name of the model.  [default: the last part of SOURCE]")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS OF THE EXPORT]...")
def import_model(source: str, name: str, options: tuple[str, ...]) -> None:
    """Import a model, so that --model finds it by name.

    SOURCE is the folder of a bundle, which is checked and copied. Published models are better
    pulled (geotagger models pull). If pull has no graph for an architecture, SOURCE may be a hub id
    or the folder of a checkpoint: it is downloaded and converted, which needs a checkout of the
    project with its export packages. Further options are passed to export/to_onnx.py.

    \b
    geotagger models import bundles/mine --name mine
    geotagger models import someone/some-clip --precision int8
    geotagger models import ~/clip-vit-huge --name huge
    """
    from geotagger.errors import BundleError, GeotaggerError, UsageError
    from geotagger.vision.bundle.bundle import embedded_bundles, models_folder
    from geotagger.vision.bundle.card import CARD_FILE
    from geotagger.vision.bundle.head_specs import is_name
    from geotagger.vision.runtime.encoders import LOCATION_FILE

    name = name or Path(source.rstrip("/")).resolve().name
    if not is_name(name) or name in embedded_bundles():
        raise BundleError(f"{name}: invalid or reserved name of a model; give another with --name")
    folder = models_folder()
    folder.mkdir(parents=True, exist_ok=True)
    if (Path(source) / CARD_FILE).is_file():
        _copy(Path(source), folder / name)
        click.echo(f"{name}: imported")
        return
    if Path(source).parent.is_dir() and len(Path(source).parts) > 1 and not Path(source).exists():
        raise UsageError(f"{source}: there is no such folder")  # a mistyped path is no hub id
    target = folder / (LOCATION_FILE if source == "location-encoder" else name)
    if _convert(source, target, options):
        raise GeotaggerError(f"{source} was not imported; see the message above")
    click.echo(f"{target.stem if target.is_file() else name}: imported")


def _copy(source: Path, target: Path) -> None:
    """Replaces an older bundle by a checked copy, as a whole."""
    from geotagger.vision.bundle.bundle import load_bundle
    from geotagger.vision.bundle.placing import take_place

    load_bundle(source)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as place:
        draft = Path(place) / target.name
        shutil.copytree(source, draft)
        load_bundle(draft)
        take_place(draft, target)


def _convert(source: str, target: Path, options: tuple[str, ...]) -> int:
    """Runs the export in another process, because geotagger never imports torch."""
    from geotagger.errors import UsageError

    root = Path(__file__).resolve().parent.parent.parent
    if not (root / "export" / "to_onnx.py").is_file():
        raise UsageError(
            f"{source}: converting a model needs a checkout of the project; in one, "
            "run pip install -e '.[export]' and this command again"
        )
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "export.to_onnx", source, str(target), *options]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False).returncode
