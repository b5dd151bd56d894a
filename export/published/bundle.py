"""The bundle of a published model: graphs, tables and card, compared with the original."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch

from export.graph.graphs import strip
from export.graph.precision import WAYS, store_half
from export.published import geoclip as published_geoclip
from export.published.tower import (
    ImageTowerModule,
    fuse,
    load_model,
    save_graph,
    save_image_tower,
    save_text_tower,
)
from geotagger.errors import UsageError
from geotagger.vision.bundle.card import MODEL_FILE
from geotagger.vision.published.bundle import (
    FEATURES,
    BuiltHeads,
    BundleOptions,
    caption_heads,
    geoclip_head,
    parity_pixels,
    seal_bundle,
)
from geotagger.vision.published.captions import TEXT_GRAPH
from geotagger.vision.published.checkpoint import read_input
from geotagger.vision.published.gallery import HEAD_GRAPH, LOCATION_GRAPH
from geotagger.vision.published.page import WeightsOrigin

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from export.published.source import CheckpointFolder
    from geotagger.images.decode import InputSpec
    from geotagger.vision.parity import Arrays

TOWER_BATCH = 4


@dataclass(frozen=True, kw_only=True)
class PublishedOptions(BundleOptions):
    """The command line of export/published/command.py."""

    bundle: Path
    tower: str = ""
    release: Path | None = None
    licence: str = ""
    accept_licence: bool = False
    revision: str = ""
    cache: Path | None = None
    offline: bool = False


def make_bundle(
    options: PublishedOptions, checkpoint: CheckpointFolder, licence: str, draft: Path, work: Path
) -> dict[str, float]:
    """Writes the files of the bundle.

    Args:
        options: The command line.
        checkpoint: The files of the model.
        licence: Of the weights.
        draft: Gets the files of the bundle.
        work: Gets intermediate files.

    Returns:
        The differences from the original; see geotagger.vision.parity.compare.

    Raises:
        UsageError: The checkpoint or the options cannot be used.
        BundleError: A graph computes something else than the original.
    """
    model, processor, tokenizer = load_model(checkpoint.folder)
    spec = read_input(processor.to_dict(), model.config.model_type, checkpoint.name)
    tower = ImageTowerModule(model, processor).eval()
    pixels = parity_pixels(options.photos, spec)
    features, embedding = _run_tower(tower, pixels)
    _write_tower(tower, model, spec, options.precision, draft / MODEL_FILE, work)
    if options.source == "geoclip":
        built, expected = _build_geoclip(options, features, draft)
    elif tokenizer is None:
        raise UsageError(f"{checkpoint.folder}: has no tokenizer; captions need one")
    else:
        built = _build_captions(options, model, tokenizer, draft)
        expected = (embedding.numpy(),) * len(built.heads)
    for graph in draft.glob("*.onnx"):
        strip(graph, properties=False)
    weights = WeightsOrigin(checkpoint.name, licence, checkpoint.sha256)
    return seal_bundle(options, weights, draft, spec, built, pixels, expected)


def _run_tower(
    tower: ImageTowerModule, pixels: NDArray[np.uint8]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns (features [n, D], vectors of length 1 [n, D]) of pixels [n, S, S, 3]."""
    with torch.inference_mode():
        parts = [tower(batch) for batch in torch.from_numpy(pixels).split(TOWER_BATCH)]
    features, embedding = (torch.cat(values) for values in zip(*parts, strict=True))
    return features, embedding


def _build_geoclip(
    options: PublishedOptions, features: torch.Tensor, draft: Path
) -> tuple[BuiltHeads, Arrays]:
    """Writes GeoCLIP's head, location encoder and gallery. Returns (heads, expected vectors)."""
    geoclip = published_geoclip.load_published(options.release)
    head = published_geoclip.ImageHead(geoclip.mlp)
    with torch.inference_mode():
        expected = head(features).numpy()
    save_graph(head, features[:2], draft / HEAD_GRAPH, FEATURES, ["vectors"])
    published_geoclip.save_location(geoclip.location, draft / LOCATION_GRAPH, geoclip.name)
    built = geoclip_head(options, geoclip.scale, geoclip.points, geoclip.name, draft)
    return built, (expected,)


def _build_captions(
    options: PublishedOptions, model: Any, tokenizer: Any, draft: Path
) -> BuiltHeads:
    """Writes the text tower, and the captions of countries and cities."""
    save_text_tower(model, tokenizer, draft)
    text = draft / TEXT_GRAPH
    built = caption_heads(options, float(model.logit_scale.detach().exp()), text, draft)
    if options.is_half:
        store_half(text, text)
    return built


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
