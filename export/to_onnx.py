"""Makes a bundle of a trained run: python -m export.to_onnx RUN BUNDLE [--precision int8] ...

RUN is what a script of training/ wrote: a folder, or the name of one in runs/. It may also be a
published model; see export/published/command.py. The bundle is
written beside BUNDLE first, compared with the trained network on real photos through the session
that ships, calibrated on the run's validation photos, and takes its place only when it computes
the same.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch
from msgspec import structs

from export.families.family import load
from export.graph import parity
from export.graph.graphs import strip
from export.graph.parity import CALIBRATION_PHOTOS, parity_pixels
from export.graph.precision import WAYS, store_half
from export.placing import check_place, take_place
from export.readme import general_page
from geotagger.errors import BundleError, UsageError
from geotagger.geography.places import load_places
from geotagger.vision.bundle.bundle import hash_files, load_bundle
from geotagger.vision.bundle.card import CARD_FILE, MODEL_FILE, Calibration, ModelCard, Probe
from geotagger.vision.decoding.factory import make_decoder
from geotagger.vision.runtime.self_test import probe_outputs
from geotagger.vision.runtime.session import VisionSession
from training.calibrate import calibrate
from training.models.starter_network import save_onnx

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from export.families.family import Exportable
    from geotagger.vision.bundle.bundle import ModelBundle

PROBE_SEED = 7
PRECISIONS = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class Options:
    run: str
    bundle: Path
    precision: str = "fp32"
    opset: int = 20
    photos: Path | None = None
    name: str = ""
    version: str = "1.0.0"
    licence: str = ""


@click.command(help=__doc__)
@click.argument("run")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--precision", type=click.Choice(PRECISIONS), default="fp32", show_default=True)
@click.option("--opset", default=20, show_default=True)
@click.option(
    "--photos",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of photos for parity and int8 ranges. Default: noise, and no int8.",
)
@click.option("--name", default="", help="Of the model. Default: the name of BUNDLE.")
@click.option("--version", default="1.0.0", show_default=True)
@click.option("--licence", default="", help="Default: that of the weights it was trained from.")
def main(**flags: Any) -> None:
    options = Options(**flags)
    try:
        found = export(options)
    except (BundleError, UsageError) as error:
        raise click.ClickException(str(error)) from error
    size_mb = sum(file.stat().st_size for file in options.bundle.iterdir()) / 1e6
    click.echo(f"{options.bundle}: {options.precision}, {size_mb:.1f} MB, {json.dumps(found)}")


def find_run(name: str) -> Path:
    """The folder itself, or the one of that name in runs/."""
    path = Path(name)
    return path if path.is_dir() or path.parent != Path() else Path("runs") / name


def export(options: Options) -> dict[str, float]:
    """Writes the bundle and returns how far it is from the trained network.

    Raises:
        UsageError: there is no such run, int8 without photos, or a folder without any; or what
            stands at the bundle's place is none.
        BundleError: the graph computes something else than the trained network.
    """
    check_place(options.bundle)
    model, document = load(find_run(options.run))
    bundle, precision, name = options.bundle, options.precision, options.name or options.bundle.name
    if precision == "int8" and options.photos is None:
        raise UsageError("int8 takes its ranges from photos; name a folder with --photos")
    if precision == "int8" and not model.quantise:
        raise UsageError("this family is not for int8; take fp32 or fp16")
    pixels = parity_pixels(options.photos, model.spec)
    licence = options.licence or model.licence
    click.echo(f"licence of the weights: {licence}; started from {model.trunk}", err=True)

    bundle.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bundle.parent, prefix=f".{bundle.name}-") as place:
        draft = Path(place) / "bundle"
        draft.mkdir()
        full = Path(place) / "full.onnx"
        outputs = [head.output for head in model.heads]
        save_onnx(model.module, model.spec.size_px, full, outputs, options.opset)
        model.write_tables(draft)
        card = ModelCard(
            name=name,
            version=options.version,
            licence=licence,
            description=model.description,
            input=model.spec,
            heads=model.heads,
            calibration=model.calibration,
            files={},
            metrics=model.metrics,
            provenance={},
            probe=Probe(PROBE_SEED, {head.output: (0.0,) for head in model.heads}, 0.0),
        )
        wanted = parity.torch_outputs(model.module, pixels[::2])
        way, found = write_model(model, draft, card, full, precision, pixels, wanted)
        loaded = load_bundle(draft)
        calibration = calibrated(model, loaded)
        (draft / "README.md").write_text(
            page(model, document, name, licence, way, found), encoding="utf-8"
        )
        session = VisionSession(loaded, "cpu")
        probe = Probe(
            PROBE_SEED,
            probe_outputs(session, loaded, PROBE_SEED),
            parity.tolerance(precision, model.heads),
        )
        card = structs.replace(
            loaded.card,
            calibration=calibration,
            provenance=provenance(model, document, precision, way),
            files=hash_files(draft),
            probe=probe,
        )
        (draft / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
        load_bundle(draft)
        take_place(draft, bundle)
    return found


def write_model(
    model: Exportable,
    draft: Path,
    card: ModelCard,
    full: Path,
    precision: str,
    pixels: NDArray[np.uint8],
    wanted: tuple[NDArray[np.float32], ...],
) -> tuple[str, dict[str, float]]:
    """Writes model.onnx and card.json, and returns how it was made and how far it is off.

    For int8 the ways of export/graph/precision.py are tried in order, until one is near enough.

    Raises:
        BundleError: none is.
    """
    ways = (
        [way for way in WAYS if WAYS[way].kind in model.quantise] if precision == "int8" else [""]
    )
    for way in ways:
        file = draft / MODEL_FILE
        if precision == "int8":
            try:
                WAYS[way].quantise(full, file, pixels[1::2][:CALIBRATION_PHOTOS])
            except BundleError as error:
                problem = str(error)
                continue
        elif precision == "fp16":
            store_half(full, file)
        else:
            shutil.copyfile(full, file)
        strip(file)
        card = structs.replace(card, files=hash_files(draft))
        (draft / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
        loaded = load_bundle(draft)
        found = parity.compare(wanted, VisionSession(loaded, "cpu").run(pixels[::2]), loaded)
        told = f"{precision} {way}".strip()
        click.echo(f"{told}: {json.dumps(found)}", err=True)
        problem = parity.shortfall(found, precision, model.heads)
        if not problem:
            return told, found
    raise BundleError(
        f"{precision} computes something else than the trained network ({problem}); "
        "export another --precision"
    )


def calibrated(model: Exportable, bundle: ModelBundle) -> Calibration:
    """Weight and radius factor from the validation photos, where the run kept any."""
    if model.held_out is None or not len(model.held_out):
        return model.calibration
    places = load_places()
    decoders = {head.output: make_decoder(bundle, head, places) for head in bundle.card.heads}
    return calibrate.fit(model.held_out, decoders, places)


def page(
    model: Exportable,
    document: dict[str, Any],
    name: str,
    licence: str,
    way: str,
    found: dict[str, float],
) -> str:
    if model.page:
        return model.page(name, way, found)
    return general_page(name, licence, model, document, way, found)


def provenance(
    model: Exportable, document: dict[str, Any], precision: str, way: str
) -> dict[str, str]:
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    ).stdout.strip()
    data = document.get("data") or {
        "photos": document["metrics"]["photos"],
        "excluded_rights": document["excluded_rights"],
    }
    return {
        "data": json.dumps(data, sort_keys=True),
        "recipe": json.dumps(document.get("options") or document["recipe"], sort_keys=True),
        "code": commit or "unknown",
        "trunk": model.trunk,
        "precision": precision,
        "made": way,
        "torch": str(torch.__version__),
    }


if __name__ == "__main__":
    from export.published import command as published

    (published.main if any(map(published.is_published, sys.argv[1:2])) else main)()
