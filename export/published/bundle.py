"""The bundle of a published model: graphs, tables and card, compared with the original."""

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
from export.published.page import DESCRIPTIONS, make_page
from export.published.tower import (
    EMBEDDING,
    FEATURES,
    ImageTowerModule,
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
    from numpy.typing import NDArray

    from export.published.source import Checkpoint
    from geotagger.images.decode import InputSpec
    from geotagger.vision.bundle.head_specs import Head

PROBE_SEED = 7
PARITY_PHOTOS = 16
TOWER_BATCH = 4
THREADS = os.cpu_count() or 1


@dataclass(frozen=True)
class PublishedOptions:
    """The command line of export/published/command.py."""

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

    @property
    def is_half(self) -> bool:
        """Whether vectors are stored in half precision."""
        return self.precision != "fp32"


@dataclass(frozen=True, slots=True)
class BuiltHeads:
    """The heads of a bundle, and what they must compute."""

    heads: tuple[Head, ...]
    expected: tuple[NDArray[np.float32], ...]
    """The output [n, D] of the original for each head."""
    facts: dict[str, str]
    """For the card and the page."""


def make_bundle(
    options: PublishedOptions, checkpoint: Checkpoint, licence: str, draft: Path, work: Path
) -> dict[str, float]:
    """Writes the files of the bundle.

    Args:
        options: The command line.
        checkpoint: The files of the model.
        licence: Of the weights.
        draft: Gets the files of the bundle.
        work: Gets intermediate files.

    Returns:
        The differences from the original; see export.graph.parity.compare.

    Raises:
        UsageError: The checkpoint or the options cannot be used.
        BundleError: A graph computes something else than the original.
    """
    model, processor, tokenizer = load_model(checkpoint.folder)
    spec = input_of(processor)
    tower = ImageTowerModule(model, processor).eval()
    pixels = _pixels(options.photos, spec)
    features, embedding = _run_tower(tower, pixels)
    _write_tower(tower, model, spec, options.precision, draft / MODEL_FILE, work)
    if options.source == "geoclip":
        built = _build_geoclip(options, features, draft)
    elif tokenizer is None:
        raise UsageError(f"{checkpoint.folder}: has no tokenizer; captions need one")
    else:
        built = _build_captions(options, model, tokenizer, embedding, draft)
    for graph in draft.glob("*.onnx"):
        strip(graph, properties=False)
    name = options.name or options.bundle.name
    page = make_page(options.source, name, options.precision, checkpoint, licence, built.facts)
    (draft / "README.md").write_text(page, encoding="utf-8")
    return _write_card(options, checkpoint, licence, draft, spec, built, pixels)


def _run_tower(
    tower: ImageTowerModule, pixels: NDArray[np.uint8]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns (features [n, D], vectors of length 1 [n, D]) of pixels [n, S, S, 3]."""
    with torch.inference_mode():
        parts = [tower(batch) for batch in torch.from_numpy(pixels).split(TOWER_BATCH)]
    features, embedding = (torch.cat(values) for values in zip(*parts, strict=True))
    return features, embedding


def _build_geoclip(options: PublishedOptions, features: torch.Tensor, draft: Path) -> BuiltHeads:
    """Writes GeoCLIP's head, location encoder and gallery."""
    geoclip = published_geoclip.load_published(options.release)
    head = published_geoclip.ImageHead(geoclip.mlp)
    with torch.inference_mode():
        expected = head(features).numpy()
    save_graph(head, features[:2], draft / "gps.onnx", FEATURES, ["vectors"])
    published_geoclip.save_location(geoclip.location, draft / "location.onnx", geoclip.name)
    published_geoclip.write_gallery(
        draft, options.gallery, geoclip.points, options.land_points, options.is_half, THREADS
    )
    files = ("gallery.npy", "gallery.csv", geoclip.scale, "gps.onnx", "location.onnx")
    is_path = options.gallery not in published_geoclip.GALLERIES
    gallery = Path(options.gallery).name if is_path else options.gallery
    facts = {"heads": geoclip.name, "gallery": gallery}
    return BuiltHeads((RetrieveHead("gps", FEATURES, *files),), (expected,), facts)


def _build_captions(
    options: PublishedOptions, model: Any, tokenizer: Any, embedding: torch.Tensor, draft: Path
) -> BuiltHeads:
    """Writes the text tower, and the captions of countries and cities."""
    save_text_tower(model, tokenizer, draft)
    is_street = options.source == "streetclip"
    states = is_street if options.states is None else options.states
    heads = published_captions.write_captions(
        draft,
        EMBEDDING,
        float(model.logit_scale.detach().exp()),
        published_captions.STREET if is_street else published_captions.PLAIN,
        options.cities,
        states,
        options.is_half,
        THREADS,
    )
    if options.is_half:
        store_half(draft / "text.onnx", draft / "text.onnx")
    facts = {"captions": f"{options.cities} cities a country, US states apart: {states}"}
    return BuiltHeads(heads, (embedding.numpy(),) * len(heads), facts)


def _write_tower(
    tower: ImageTowerModule, model: Any, spec: InputSpec, precision: str, file: Path, work: Path
) -> None:
    full = work / "full.onnx"
    save_image_tower(tower, spec.size_px, full)
    if precision == "int8":
        WAYS["dynamic"].quantise(full, file, np.empty(0, np.uint8))
        return
    if Path(f"{full}.data").exists():  # too large for one file, and for fusing in memory
        if precision == "fp16":
            raise UsageError("a tower of this size can only be exported in fp32 or int8")
        onnx.save(onnx.load(full), file, save_as_external_data=True, location=f"{MODEL_FILE}.data")
        return
    fused = work / "fused.onnx"
    fuse(full, fused, model.config)
    if precision == "fp16":
        store_half(fused, file)
    else:
        shutil.copyfile(fused, file)


def _write_card(
    options: PublishedOptions,
    checkpoint: Checkpoint,
    licence: str,
    draft: Path,
    spec: InputSpec,
    built: BuiltHeads,
    pixels: NDArray[np.uint8],
) -> dict[str, float]:
    """Writes the card, compares the graphs with the original, and adds the probe to the card."""
    heads = built.heads
    card = ModelCard(
        name=options.name or options.bundle.name,
        version=options.version,
        licence=licence,
        description=DESCRIPTIONS.get(options.source, "Matches photos with captions of places."),
        input=spec,
        heads=heads,
        calibration=UNCALIBRATED,
        files=hash_files(draft),
        metrics={},
        provenance={
            "weights": checkpoint.name,
            "weights_sha256": checkpoint.sha256,
            "precision": options.precision,
            **built.facts,
        },
        probe=Probe(PROBE_SEED, {head.output: (0.0,) for head in heads}, 0.0),
    )
    (draft / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    bundle = load_bundle(draft)
    session = VisionSession(bundle, "cpu", threads=THREADS)
    differences = parity.compare(built.expected, session.run(pixels), bundle)
    if problem := parity.shortfall(differences, options.precision, heads):
        raise BundleError(
            f"{options.precision} computes something else than the original ({problem}); "
            "use another --precision, or --photos to compare on real photos"
        )
    probe = Probe(
        PROBE_SEED,
        probe_outputs(session, bundle, PROBE_SEED),
        parity.tolerance(options.precision, heads),
    )
    card = structs.replace(bundle.card, probe=probe, metrics={"parity": differences})
    (draft / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    load_bundle(draft)
    return differences


def _pixels(photos: Path | None, spec: InputSpec) -> NDArray[np.uint8]:
    """Returns uint8 [n, S, S, 3] of at most PARITY_PHOTOS photos."""
    pixels = parity.parity_pixels(photos, spec)
    return pixels[np.linspace(0, len(pixels) - 1, min(PARITY_PHOTOS, len(pixels))).astype(int)]
