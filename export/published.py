"""Makes a bundle of a published model: python export/to_onnx.py SOURCE BUNDLE [--tower DIR] ...

SOURCE is geoclip, streetclip, clip, siglip, a hub id or the folder of a CLIP or SigLIP checkpoint,
or location-encoder, for which BUNDLE is a single ONNX file. What must be fetched is fetched now,
and never when the bundle runs. The bundle is compared with the original on real photos, through the
session that ships, and takes its place only when it computes the same.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import onnx
import torch

from export import parity, published_captions, published_geoclip
from export.precision import WAYS, store_half
from export.published_source import KNOWN, Checkpoint, find_checkpoint, is_restricted
from export.published_tower import (
    EMBEDDING,
    FEATURES,
    ImageTower,
    fuse,
    input_of,
    load_model,
    save_graph,
    save_image_tower,
    save_text_tower,
)
from geotagger.errors import BundleError, UsageError
from geotagger.vision.bundle import (
    CARD_FILE,
    MODEL_FILE,
    Calibration,
    ModelCard,
    Probe,
    RetrieveHead,
    hash_files,
    load_bundle,
)
from geotagger.vision.probe import probe_outputs
from geotagger.vision.session import Session
from training.run_folder import RUN_FILE

if TYPE_CHECKING:
    from geotagger.images import InputSpec
    from geotagger.vision.bundle import Head

LOCATION_ENCODER = "location-encoder"
PROBE_SEED = 7
PARITY_PHOTOS = 16
THREADS = os.cpu_count() or 1


@dataclass(frozen=True)
class Options:
    source: str
    bundle: Path
    tower: str = ""
    release: Path | None = None
    gallery: str = "published"
    land_points: int = 100_000
    cities: int = 30
    states: bool | None = None
    precision: str = "fp32"
    photos: Path | None = None
    name: str = ""
    version: str = "1.0.0"
    licence: str = ""
    accept_licence: bool = False
    revision: str = ""
    cache: Path | None = None
    offline: bool = False


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
        UsageError: the files are not to be had, or a licence must be accepted first.
        BundleError: the graphs compute something else than the original.
    """
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
        found = _make_bundle(options, checkpoint, licence, draft, Path(place))
        shutil.rmtree(options.bundle, ignore_errors=True)
        draft.rename(options.bundle)
    return found


def _make_location(options: Options, place: Path) -> dict[str, float]:
    from geotagger.vision.location import LocationEncoder

    encoder, source = published_geoclip.load_location(options.release)
    file = place / "location.onnx"
    published_geoclip.save_location(encoder, file, source)
    random = np.random.default_rng(PROBE_SEED)
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


def _make_bundle(
    options: Options, checkpoint: Checkpoint, licence: str, draft: Path, place: Path
) -> dict[str, float]:
    model, processor, tokenizer = load_model(checkpoint.folder)
    spec = input_of(processor)
    tower = ImageTower(model, processor).eval()
    pixels = _pixels(options.photos, spec)
    half = options.precision != "fp32"
    with torch.inference_mode():
        features, embedding = (
            torch.cat(part)
            for part in zip(*map(tower, torch.from_numpy(pixels).split(4)), strict=True)
        )
    _write_tower(tower, model, spec, options.precision, draft / MODEL_FILE, place)
    heads: tuple[Head, ...]
    if options.source == "geoclip":
        geoclip = published_geoclip.load_published(options.release)
        head = published_geoclip.Head(geoclip.mlp)
        with torch.inference_mode():
            wanted: tuple[Any, ...] = (head(features).numpy(),)
        save_graph(head, features[:2], draft / "gps.onnx", FEATURES, ["vectors"])
        published_geoclip.save_location(geoclip.location, draft / "location.onnx", geoclip.name)
        published_geoclip.write_gallery(
            draft, options.gallery, geoclip.points, options.land_points, half, THREADS
        )
        files = ("gallery.npy", "gallery.csv", geoclip.scale, "gps.onnx", "location.onnx")
        heads = (RetrieveHead("gps", FEATURES, *files),)
        told = {"heads": geoclip.name, "gallery": _plain(options.gallery)}
    else:
        if tokenizer is None:
            raise UsageError(f"{checkpoint.folder}: has no tokenizer; captions need one")
        save_text_tower(model, tokenizer, draft)
        street = options.source == "streetclip"
        states = street if options.states is None else options.states
        heads = published_captions.write_captions(
            draft,
            EMBEDDING,
            float(model.logit_scale.detach().exp()),
            published_captions.STREET if street else published_captions.PLAIN,
            options.cities,
            states,
            half,
            THREADS,
        )
        if options.precision != "fp32":
            store_half(draft / "text.onnx", draft / "text.onnx")
        wanted = (embedding.numpy(),) * len(heads)
        told = {"captions": f"{options.cities} cities a country, US states apart: {states}"}
    for graph in draft.glob("*.onnx"):
        strip(graph)
    (draft / "README.md").write_text(page(options, checkpoint, licence, told), encoding="utf-8")
    return _seal(options, checkpoint, licence, draft, spec, heads, told, pixels, wanted)


def _write_tower(
    tower: ImageTower, model: Any, spec: InputSpec, precision: str, file: Path, place: Path
) -> None:
    full = place / "full.onnx"
    save_image_tower(tower, spec.size_px, full)
    if precision == "int8":
        WAYS["dynamic"].quantise(full, file, np.empty(0, np.uint8))
        return
    if Path(f"{full}.data").exists():  # too large for one file, and for fusing in memory
        if precision == "fp16":
            raise UsageError("a tower this large is exported in fp32 or int8 alone")
        onnx.save(onnx.load(full), file, save_as_external_data=True, location=f"{MODEL_FILE}.data")
        return
    fused = place / "fused.onnx"
    fuse(full, fused, model.config)
    if precision == "fp16":
        store_half(fused, file)
    else:
        shutil.copyfile(fused, file)


def _seal(
    options: Options,
    checkpoint: Checkpoint,
    licence: str,
    draft: Path,
    spec: InputSpec,
    heads: tuple[Head, ...],
    told: dict[str, str],
    pixels: np.ndarray,
    wanted: tuple[np.ndarray, ...],
) -> dict[str, float]:
    """Writes the card, compares, and adds the probe."""
    card = ModelCard(
        name=options.name or options.bundle.name,
        version=options.version,
        licence=licence,
        description=DESCRIPTIONS.get(options.source, "Matches photos against captions of places."),
        input=spec,
        heads=heads,
        calibration=Calibration(),
        files=hash_files(draft),
        metrics={},
        provenance={
            "weights": checkpoint.name,
            "weights_sha256": checkpoint.sha256,
            "precision": options.precision,
            **told,
        },
        probe=Probe(PROBE_SEED, {head.output: (0.0,) for head in heads}, 0.0),
    )
    (draft / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    bundle = load_bundle(draft)
    session = Session(bundle, "cpu", threads=THREADS)
    found = parity.compare(wanted, session.run(pixels), bundle)
    if problem := parity.shortfall(found, options.precision, heads):
        raise BundleError(
            f"{options.precision} computes something else than the original ({problem}); "
            "take another --precision, or --photos to compare on what it is for"
        )
    probe = Probe(
        PROBE_SEED,
        probe_outputs(session, bundle, PROBE_SEED),
        parity.tolerance(options.precision, heads),
    )
    card = replace(bundle.card, probe=probe, metrics={"parity": found})
    (draft / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    load_bundle(draft)
    return found


def _pixels(photos: Path | None, spec: InputSpec) -> np.ndarray:
    from export.to_onnx import parity_pixels

    pixels = parity_pixels(photos, spec)
    return pixels[np.linspace(0, len(pixels) - 1, min(PARITY_PHOTOS, len(pixels))).astype(int)]


def strip(file: Path) -> None:
    """Takes out what the exporter leaves in every node: stack traces, with paths."""
    model = onnx.load(file, load_external_data=False)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    onnx.save(model, file)


def _plain(gallery: str) -> str:
    return gallery if gallery in published_geoclip.GALLERIES else Path(gallery).name


DESCRIPTIONS = {
    "geoclip": "GeoCLIP: matches photos against a gallery of positions.",
    "streetclip": "StreetCLIP: matches photos against captions of countries and cities.",
}


def page(options: Options, checkpoint: Checkpoint, licence: str, told: dict[str, str]) -> str:
    """The README of the bundle."""
    facts = "\n".join(f"- {key}: {value}" for key, value in told.items())
    limits = (
        "\n**The licence restricts use.** Read it where the weights are from.\n"
        if is_restricted(licence)
        else ""
    )
    return f"""# {options.name or options.bundle.name}

{DESCRIPTIONS.get(options.source, "A published model of image and text, as it is.")}

- weights: {checkpoint.name}
- SHA-256 of the weights: {checkpoint.sha256}
- licence of the weights: {licence}
- precision: {options.precision}
{facts}
{limits}
The weights are those that their authors published; nothing was trained. How likely its answers are
was not calibrated here: read the alternatives, and check every answer that matters by other means.
It must not be used for finding, following or exposing people, nor as evidence in a dispute.
"""


if __name__ == "__main__":
    main()
