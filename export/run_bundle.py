"""Makes the bundle of a trained run: graph, tables, card and page, compared with the network."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import torch
from msgspec import structs

from export.families.family import load
from export.graph.graphs import strip
from export.graph.precision import WAYS, store_half
from export.graph.torch_outputs import torch_outputs
from export.readme import general_page
from geotagger.errors import BundleError, UsageError
from geotagger.geography.places import load_places
from geotagger.vision import parity
from geotagger.vision.bundle.bundle import hash_files, load_bundle
from geotagger.vision.bundle.card import CARD_FILE, MODEL_FILE, Calibration, ModelCard, Probe
from geotagger.vision.bundle.head_specs import SightHead
from geotagger.vision.bundle.placing import check_place, take_place
from geotagger.vision.decoding.factory import make_decoder
from geotagger.vision.runtime.self_test import probe_outputs
from geotagger.vision.runtime.session import VisionSession
from training.calibrate import calibrate
from training.models.onnx_graph import save_onnx

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from export.families.family import Exportable
    from geotagger.vision.bundle.bundle import ModelBundle

PROBE_SEED = 7
PRECISIONS = ("fp32", "fp16", "int8")


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How a run becomes a bundle."""

    run: str
    """The folder of the run, or its name in runs/."""
    bundle: Path
    precision: str = "fp32"
    opset: int = 20
    photos: Path | None = None
    """Photos for the comparison and for int8 ranges; None for noise."""
    name: str = ""
    """The name of the model; by default that of the folder `bundle`."""
    version: str = "1.0.0"
    licence: str = ""
    """By default that of the weights from which training started."""


def find_run(name: str) -> Path:
    """Returns the folder of that name, or the one in runs/."""
    path = Path(name)
    return path if path.is_dir() or path.parent != Path() else Path("runs") / name


def export_run(options: ExportOptions) -> dict[str, float]:
    """Writes the bundle of a run.

    The bundle is written next to its place first. It takes its place only if its graph computes
    the same as the network.

    Returns:
        The differences between graph and network; see geotagger.vision.parity.compare.

    Raises:
        UsageError: The run does not exist, int8 has no photos, or the place of the bundle holds
            something else than a bundle.
        BundleError: The graph computes something else than the network.
    """
    check_place(options.bundle)
    model, document = load(find_run(options.run))
    if options.precision == "int8" and options.photos is None:
        raise UsageError("int8 needs photos for its ranges; name a folder with --photos")
    if options.precision == "int8" and not model.quantise:
        raise UsageError("this family cannot be int8; use fp32 or fp16")
    licence = options.licence or model.licence
    click.echo(f"licence of the weights: {licence}; started from {model.backbone}", err=True)
    pixels = parity.parity_pixels(options.photos, model.spec)
    parent = options.bundle.parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f".{options.bundle.name}-") as place:
        draft = Path(place) / "bundle"
        draft.mkdir()
        differences = _write_bundle(
            options, model, document, licence, draft, Path(place) / "full.onnx", pixels
        )
        take_place(draft, options.bundle)
    return differences


def _write_bundle(
    options: ExportOptions,
    model: Exportable,
    document: dict[str, Any],
    licence: str,
    draft: Path,
    full: Path,
    pixels: NDArray[np.uint8],
) -> dict[str, float]:
    """Writes every file of the bundle to `draft`; `full` gets the graph in full precision."""
    outputs = [head.output for head in model.heads]
    save_onnx(model.module, model.spec.size_px, full, outputs, options.opset)
    model.write_tables(draft)
    card = ModelCard(
        name=options.name or options.bundle.name,
        version=options.version,
        licence=licence,
        description=model.description,
        input=model.spec,
        heads=model.heads,
        calibration=model.calibration,
        files={},
        metrics=model.metrics,
        provenance={},
        probe=Probe(PROBE_SEED, dict.fromkeys(outputs, (0.0,)), 0.0),
    )
    way, differences = write_model(model, draft, card, full, options.precision, pixels)
    loaded = load_bundle(draft)
    page = make_page(model, document, card.name, licence, way, differences)
    (draft / "README.md").write_text(page, encoding="utf-8")
    probe = Probe(
        PROBE_SEED,
        probe_outputs(VisionSession(loaded, "cpu"), loaded, PROBE_SEED),
        parity.tolerance(options.precision, model.heads),
    )
    card = structs.replace(
        loaded.card,
        calibration=fit_calibration(model, loaded),
        provenance=provenance(model, document, options.precision, way),
        files=hash_files(draft),
        probe=probe,
    )
    (draft / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    load_bundle(draft)
    return differences


def write_model(
    model: Exportable,
    draft: Path,
    card: ModelCard,
    full: Path,
    precision: str,
    pixels: NDArray[np.uint8],
) -> tuple[str, dict[str, float]]:
    """Writes model.onnx and card.json.

    For int8 the ways of export/graph/precision.py are tried in order until one is close enough.

    Args:
        model: The network.
        draft: The folder of the bundle.
        card: The card, without hashes.
        full: The graph in full precision.
        precision: One of PRECISIONS.
        pixels: [n, S, S, 3]; every second photo is for the comparison, the others for int8 ranges.

    Returns:
        (precision and way, differences from the network).

    Raises:
        BundleError: No way is close enough.
    """
    compared, ranges = pixels[::2], pixels[1::2][: parity.CALIBRATION_PHOTOS]
    expected = torch_outputs(model.module, compared)
    is_int8 = precision == "int8"
    ways = [way for way in WAYS if WAYS[way].kind in model.quantise] if is_int8 else [""]
    problem = ""
    for way in ways:
        file = draft / MODEL_FILE
        if is_int8:
            try:
                WAYS[way].quantise(full, file, ranges)
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
        differences = parity.compare(expected, VisionSession(loaded, "cpu").run(compared), loaded)
        name = f"{precision} {way}".strip()
        click.echo(f"{name}: {json.dumps(differences)}", err=True)
        problem = parity.shortfall(differences, precision, model.heads)
        if not problem:
            return name, differences
    raise BundleError(
        f"{precision} computes something else than the trained network ({problem}); "
        "export another --precision"
    )


def fit_calibration(model: Exportable, bundle: ModelBundle) -> Calibration:
    """Fits weight and radius factor on the validation photos, if the run has any."""
    if model.held_out is None or not len(model.held_out):
        return model.calibration
    places = load_places()
    decoders = {
        head.output: make_decoder(bundle, head, places)
        for head in bundle.card.heads
        if not isinstance(head, SightHead)
    }
    return calibrate.fit(model.held_out, decoders, places)


def make_page(
    model: Exportable,
    document: dict[str, Any],
    name: str,
    licence: str,
    way: str,
    differences: dict[str, float],
) -> str:
    """Returns the README of the bundle: that of the family, or a general one."""
    if model.page:
        return model.page(name, way, differences)
    return general_page(name, licence, model, document, way, differences)


def provenance(
    model: Exportable, document: dict[str, Any], precision: str, way: str
) -> dict[str, str]:
    """Returns what the card says about data, options, code and weights."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    ).stdout.strip()
    data = document.get("data") or {
        "photos": document["metrics"].get("trained_on", document["metrics"]["photos"]),
        "excluded_rights": document["excluded_rights"],
    }
    return {
        "data": json.dumps(data, sort_keys=True),
        "recipe": json.dumps(document["options"], sort_keys=True),
        "code": commit or "unknown",
        "backbone": model.backbone,
        "precision": precision,
        "made": way,
        "torch": str(torch.__version__),
    }
