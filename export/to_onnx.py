"""Makes a bundle of a trained run: python -m export.to_onnx RUN BUNDLE

RUN is what training/train_starter.py wrote. The bundle is written beside BUNDLE first, compared
with the trained network, and takes its place only when it computes the same.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import onnx
import torch

from export.precision import quantise, store_half
from export.readme import bundle_readme
from geotagger.errors import BundleError, UsageError
from geotagger.images import InputSpec, decode, fit
from geotagger.vision.bundle import (
    CARD_FILE,
    MODEL_FILE,
    Calibration,
    ClassifyHead,
    ModelCard,
    Probe,
    hash_files,
    load_bundle,
)
from geotagger.vision.probe import probe_outputs
from geotagger.vision.session import Session
from geotagger.vision.tables import LABEL_COLUMNS
from training.cells import Cells
from training.metrics import by_continent, posterior
from training.network import SIZE_PX, Starter, save_onnx
from training.train_starter import continents

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEAD = ClassifyHead("cells", "cell_logits", "labels.csv")
PROBE_SEED = 7
PARITY_PHOTOS, CALIBRATION_PHOTOS = 200, 200

LIMITS = {"fp32": (1e-3, 1.0), "fp16": (0.1, 0.98), "int8": (3.0, 0.8)}
"""By precision: the largest difference of a logit, and the least share of equal first choices."""


@click.command(help=__doc__)
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--precision", type=click.Choice(list(LIMITS)), default="fp32", show_default=True)
@click.option("--opset", default=20, show_default=True)
@click.option(
    "--photos",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of photos for parity and int8 ranges. Default: noise, and no int8.",
)
@click.option("--name", default="starter", show_default=True)
@click.option("--version", default="1.0.0", show_default=True)
@click.option("--licence", default="Apache-2.0", show_default=True)
def main(
    run: Path,
    bundle: Path,
    precision: str,
    opset: int,
    photos: Path | None,
    name: str,
    version: str,
    licence: str,
) -> None:
    try:
        parity = export(run, bundle, precision, opset, photos, name, version, licence)
    except (BundleError, UsageError) as error:
        raise click.ClickException(str(error)) from error
    size_mb = sum(file.stat().st_size for file in bundle.iterdir()) / 1e6
    click.echo(f"{bundle}: {precision}, {size_mb:.1f} MB, {json.dumps(parity)}")


def export(
    run: Path,
    bundle: Path,
    precision: str,
    opset: int,
    photos: Path | None,
    name: str,
    version: str,
    licence: str,
) -> dict[str, float]:
    """Writes the bundle and returns how far it is from the trained network.

    Raises:
        UsageError: int8 without photos, or a folder without any.
        BundleError: the graph computes something else than the trained network.
    """
    document = json.loads((run / "run.json").read_text(encoding="utf-8"))
    recipe, cells = document["recipe"], document["cells"]
    document["metrics"] |= {
        "cells": len(cells["lat"]),
        "by_continent": continent_scores(run, document["temperature"]),
    }
    network = load_network(run, recipe, len(cells["lat"]))
    spec = InputSpec(SIZE_PX[recipe["trunk"]])
    pixels = parity_pixels(photos, spec)
    if precision == "int8" and photos is None:
        raise UsageError("int8 takes its ranges from photos; name a folder with --photos")

    bundle.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bundle.parent, prefix=f".{bundle.name}-") as place:
        draft = Path(place) / "bundle"
        draft.mkdir()
        write_graph(network, draft / MODEL_FILE, precision, opset, spec.size_px, pixels)
        write_labels(draft / HEAD.labels, cells)
        card = ModelCard(
            name=name,
            version=version,
            licence=licence,
            description="Guesses where a photo was taken from its looks, among "
            f"{len(cells['lat'])} clusters of places.",
            input=spec,
            heads=(replace(HEAD, temperature=document["temperature"]),),
            calibration=Calibration(**document.get("calibration", {})),
            files=hash_files(draft),
            metrics=document["metrics"],
            provenance=provenance(document, precision),
            probe=Probe(PROBE_SEED, {HEAD.output: (0.0,)}, 0.0),
        )
        (draft / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
        loaded = load_bundle(draft)
        session = Session(loaded, "cpu")
        parity = compare(network, session, pixels)
        check(parity, precision)
        (draft / "README.md").write_text(
            bundle_readme(name, document, precision, parity), encoding="utf-8"
        )
        probe = Probe(
            PROBE_SEED,
            probe_outputs(session, loaded, PROBE_SEED),
            0.5 if precision == "int8" else 0.02,
        )
        card = replace(card, files=hash_files(draft), probe=probe)
        (draft / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
        load_bundle(draft)
        shutil.rmtree(bundle, ignore_errors=True)
        draft.rename(bundle)
    return parity


def load_network(run: Path, recipe: dict[str, Any], cell_count: int) -> Starter:
    network = Starter(recipe["trunk"], recipe["split"], cell_count, pretrained=False)
    network.load_state_dict(torch.load(run / "model.pt", weights_only=True, map_location="cpu"))
    return network.eval()


def continent_scores(run: Path, temperature: float) -> dict[str, dict[str, float]]:
    """By continent: photos, and the share told right by models that had not seen their source."""
    kept = np.load(run / "oof.npz")
    cells = Cells(kept["cell_lat"], kept["cell_lon"], kept["cell_country"])
    probability = posterior(kept["logits"], cells, temperature)
    return by_continent(probability, cells, kept["country"].tolist(), continents())


def parity_pixels(photos: Path | None, spec: InputSpec) -> NDArray[np.uint8]:
    """uint8 [n, S, S, 3]: photos spread evenly over the folder, or noise when there is none."""
    if photos is None:
        size = spec.size_px
        return np.random.default_rng(0).integers(0, 256, (16, size, size, 3), np.uint8)
    files = sorted(
        path for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png")
    )
    if not files:
        raise UsageError(f"{photos}: holds no .jpg or .png; name a folder of photos")
    count = min(len(files), PARITY_PHOTOS + CALIBRATION_PHOTOS)
    chosen = [files[i] for i in np.linspace(0, len(files) - 1, count).astype(int)]
    return np.stack([fit(decode(path.read_bytes(), spec.size_px).image, spec) for path in chosen])


def write_graph(
    network: Starter, file: Path, precision: str, opset: int, size: int, pixels: NDArray[np.uint8]
) -> None:
    full = file.with_suffix(".full.onnx")
    save_onnx(network, size, full, HEAD.output, opset)
    if precision == "fp16":
        store_half(full, file)
    elif precision == "int8":
        quantise(full, file, pixels[1::2][:CALIBRATION_PHOTOS])
    else:
        full.rename(file)
    full.unlink(missing_ok=True)
    model = onnx.load(file)
    del model.metadata_props[:]
    for node in model.graph.node:  # the exporter leaves its stack traces, with paths, in every node
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    onnx.save(model, file)


def write_labels(file: Path, cells: dict[str, list[Any]]) -> None:
    """One row a cell. The training prior is already out of the logits, so all are alike."""
    continent_of = continents()
    log_prior = f"{-np.log(len(cells['lat'])):.6f}"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(LABEL_COLUMNS)
        for lat, lon, code in zip(cells["lat"], cells["lon"], cells["country"], strict=True):
            label = f"{code} {lat:.2f} {lon:.2f}"
            row = (
                label,
                continent_of[code],
                code,
                "",
                f"{lat:.4f}",
                f"{lon:.4f}",
                log_prior,
                "point",
            )
            writer.writerow(row)


def provenance(document: dict[str, Any], precision: str) -> dict[str, str]:
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    ).stdout.strip()
    return {
        "data": f"{document['metrics']['photos']} travel photos with known place; left out by "
        f"rights: {', '.join(document['excluded_rights']) or 'none'}",
        "recipe": json.dumps(document["recipe"], sort_keys=True),
        "code": commit or "unknown",
        "trunk": f"EfficientNet-{document['recipe']['trunk']}, ImageNet, Apache-2.0",
        "precision": precision,
    }


def compare(network: Starter, session: Session, pixels: NDArray[np.uint8]) -> dict[str, float]:
    """The trained network beside the exported graph, on pictures that did not set its ranges."""
    unseen = pixels[::2]
    with torch.inference_mode():
        wanted = torch.cat([network(part) for part in torch.from_numpy(unseen).split(16)]).numpy()
    (found,) = session.run(unseen)
    return {
        "max_difference": float(np.abs(found - wanted).max()),
        "mean_difference": float(np.abs(found - wanted).mean()),
        "same_first": float((found.argmax(axis=1) == wanted.argmax(axis=1)).mean()),
        "pictures": len(unseen),
    }


def check(parity: dict[str, float], precision: str) -> None:
    most, least = LIMITS[precision]
    if not (parity["max_difference"] <= most and parity["same_first"] >= least):
        raise BundleError(
            f"{precision} computes something else than the trained network ({json.dumps(parity)}); "
            f"allowed are {most:g} and {least:.0%}; export another --precision"
        )


if __name__ == "__main__":
    main()
