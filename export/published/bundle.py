"""A published model as a bundle: its graphs, tables and card, compared with the original."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from msgspec import structs

from export.graph import parity
from export.graph.graphs import strip
from export.graph.precision import WAYS, store_half
from export.published import captions as published_captions
from export.published import geoclip as published_geoclip
from export.published.page import DESCRIPTIONS, page
from export.published.tower import (
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
from geotagger.vision.bundle.bundle import hash_files, load_bundle
from geotagger.vision.bundle.card import CARD_FILE, MODEL_FILE, UNCALIBRATED, ModelCard, Probe
from geotagger.vision.bundle.head_specs import RetrieveHead
from geotagger.vision.runtime.self_test import probe_outputs
from geotagger.vision.runtime.session import VisionSession

if TYPE_CHECKING:
    from export.published.source import Checkpoint
    from geotagger.images.decode import InputSpec
    from geotagger.vision.bundle.head_specs import Head

PROBE_SEED = 7
PARITY_PHOTOS = 16
THREADS = os.cpu_count() or 1


@dataclass(frozen=True)
class Options:
    """What the command line asks for (export/published/command.py)."""

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


def make_bundle(
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
        strip(graph, properties=False)
    (draft / "README.md").write_text(
        page(
            options.source,
            options.name or options.bundle.name,
            options.precision,
            checkpoint,
            licence,
            told,
        ),
        encoding="utf-8",
    )
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
        calibration=UNCALIBRATED,
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
    session = VisionSession(bundle, "cpu", threads=THREADS)
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
    card = structs.replace(bundle.card, probe=probe, metrics={"parity": found})
    (draft / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    load_bundle(draft)
    return found


def _pixels(photos: Path | None, spec: InputSpec) -> np.ndarray:
    pixels = parity.parity_pixels(photos, spec)
    return pixels[np.linspace(0, len(pixels) - 1, min(PARITY_PHOTOS, len(pixels))).astype(int)]


def _plain(gallery: str) -> str:
    return gallery if gallery in published_geoclip.GALLERIES else Path(gallery).name
