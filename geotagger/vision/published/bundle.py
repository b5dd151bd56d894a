"""Bundles of published models: their heads, card and page, and the graphs filled with weights."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec import structs

from geotagger.config import Device
from geotagger.errors import BundleError
from geotagger.vision import parity
from geotagger.vision.bundle.bundle import hash_files, load_bundle
from geotagger.vision.bundle.card import CARD_FILE, MODEL_FILE, UNCALIBRATED, ModelCard, Probe
from geotagger.vision.published.captions import (
    PLAIN,
    STREET,
    TEXT_GRAPH,
    TOKENIZER_FILE,
    write_captions,
)
from geotagger.vision.published.gallery import (
    HEAD_GRAPH,
    LOCATION_GRAPH,
    gallery_name,
    write_gallery,
)
from geotagger.vision.published.graph_template import (
    GEOCLIP_HEAD,
    GEOCLIP_LOCATION,
    load_template,
    tower_template,
)
from geotagger.vision.published.page import DESCRIPTIONS, make_page
from geotagger.vision.runtime.devices import open_session
from geotagger.vision.runtime.encoders import LOCATION_FILE
from geotagger.vision.runtime.self_test import probe_outputs
from geotagger.vision.runtime.session import VisionSession

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from geotagger.images.decode import InputSpec
    from geotagger.vision.bundle.head_specs import Head
    from geotagger.vision.published.checkpoint import Checkpoint
    from geotagger.vision.published.graph_template import TensorSource
    from geotagger.vision.published.page import WeightsOrigin

PROBE_SEED = 7
PARITY_PHOTOS = 16
BATCH = 4
THREADS = os.cpu_count() or 1
FEATURES, EMBEDDING = "image_features", "image_vectors"
"""Outputs of an image tower: as the checkpoint computes them, and scaled to length 1."""


@dataclass(frozen=True, kw_only=True)
class BundleOptions:
    """What a bundle of a published model holds."""

    source: str
    """geoclip, streetclip, clip, siglip, or another name."""
    name: str
    """Of the bundle."""
    version: str = "1.0.0"
    precision: str = "fp32"
    """fp32; fp16: weights and vectors stored in half precision; int8: the image tower computes
    with 8-bit weights."""
    gallery: str = "published"
    """GeoCLIP: see `write_gallery`."""
    land_points: int = 100_000
    cities: int = 30
    """Captions of cities in each country."""
    states: bool | None = None
    """Captions of US states instead of the US; None for those models that were trained so."""
    photos: Path | None = None
    """For the comparison of precisions; None for noise."""

    @property
    def is_half(self) -> bool:
        """Whether vectors are stored in half precision."""
        return self.precision != "fp32"

    @property
    def has_states(self) -> bool:
        """Whether US states take the place of the US."""
        return self.source == "streetclip" if self.states is None else self.states


@dataclass(frozen=True, slots=True)
class GeoClipRelease:
    """What GeoCLIP adds to CLIP."""

    tensors: TensorSource
    """`mlp.0.weight`, ...: the layers above CLIP. `location.LocEnc0.capsule.0.b`, ...: the location
    encoder."""
    scale: float
    """The factor of the cosines."""
    points: Path
    """The CSV of the gallery, with the columns LAT and LON."""
    name: str
    """The source and its version."""


class BuiltHeads(NamedTuple):
    """The heads of a bundle, and facts for its card and its page."""

    heads: tuple[Head, ...]
    facts: dict[str, str]


def make_bundle(
    options: BundleOptions,
    checkpoint: Checkpoint,
    release: GeoClipRelease | None,
    draft: Path,
    work: Path,
) -> dict[str, float]:
    """Writes a bundle from weights and our graphs, without PyTorch.

    Args:
        options: what it holds.
        checkpoint: the towers.
        release: GeoCLIP's own layers, for a bundle of GeoCLIP; None for captions.
        draft: gets the files of the bundle.
        work: gets intermediate files.

    Returns:
        The differences of fp16 and int8 from fp32 (see `parity.compare`); nothing for fp32.

    Raises:
        UsageError: there is no graph for such a model, or an option is invalid.
        BundleError: the checkpoint cannot be used, or the precision computes something else.
        OSError: the disk refuses.
    """
    towers, tensors, spec = checkpoint.towers, checkpoint.renamed, checkpoint.input_spec
    tower_template(towers.image, options.precision).fill(tensors, draft / MODEL_FILE)
    if release:
        built = _fill_geoclip(options, release, draft)
    else:
        built = _fill_captions(options, checkpoint, draft, work)
    expected = None
    pixels = parity_pixels(options.photos, spec)
    if options.precision != "fp32":
        full = work / MODEL_FILE
        tower_template(towers.image, "fp32").fill(tensors, full)
        expected = _run(full, draft / HEAD_GRAPH if release else None, built.heads, pixels)
    return seal_bundle(options, checkpoint, draft, spec, built, pixels, expected)


def make_location(release: GeoClipRelease, folder: Path) -> Path:
    """Writes GeoCLIP's location encoder alone, as two files, to the folder of imported models.

    Returns:
        The graph.
    """
    template = load_template(GEOCLIP_LOCATION)
    file = folder / LOCATION_FILE
    template.fill(release.tensors, file)
    return file


def _fill_geoclip(options: BundleOptions, release: GeoClipRelease, draft: Path) -> BuiltHeads:
    load_template(GEOCLIP_HEAD).fill(release.tensors, draft / HEAD_GRAPH)
    load_template(GEOCLIP_LOCATION).fill(release.tensors, draft / LOCATION_GRAPH)
    return geoclip_head(options, release.scale, release.points, release.name, draft)


def _fill_captions(
    options: BundleOptions, checkpoint: Checkpoint, draft: Path, work: Path
) -> BuiltHeads:
    """Captions are embedded in fp32, even if the bundle then gets fp16."""
    text, tensors = checkpoint.towers.text, checkpoint.renamed
    checkpoint.write_tokenizer(draft / TOKENIZER_FILE)
    full = (work if options.is_half else draft) / TEXT_GRAPH
    tower_template(text, "fp32").fill(tensors, full)
    built = caption_heads(options, checkpoint.logit_scale, full, draft)
    if options.is_half:
        tower_template(text, "fp16").fill(tensors, draft / TEXT_GRAPH)
    return built


def geoclip_head(
    options: BundleOptions, scale: float, points: Path, release: str, draft: Path
) -> BuiltHeads:
    """Writes the gallery next to GeoCLIP's graphs.

    Args:
        options: which gallery.
        scale: the factor of the cosines.
        points: the published gallery.
        release: where GeoCLIP's weights are from.
        draft: the folder of the bundle.
    """
    head = write_gallery(
        draft, FEATURES, scale, options.gallery, points, options.land_points, options.is_half,
        THREADS,
    )  # fmt: skip
    return BuiltHeads((head,), {"heads": release, "gallery": gallery_name(options.gallery)})


def caption_heads(options: BundleOptions, scale: float, text: Path, draft: Path) -> BuiltHeads:
    """Writes the captions of countries and cities, and their vectors.

    Args:
        options: which captions.
        scale: the factor of the cosines.
        text: the text tower.
        draft: the folder of the bundle, which has the tokenizer.
    """
    heads = write_captions(
        draft,
        text,
        EMBEDDING,
        scale,
        STREET if options.source == "streetclip" else PLAIN,
        options.cities,
        options.has_states,
        options.is_half,
        THREADS,
    )
    facts = f"{options.cities} cities a country, US states apart: {options.has_states}"
    return BuiltHeads(heads, {"captions": facts})


def parity_pixels(photos: Path | None, spec: InputSpec) -> NDArray[np.uint8]:
    """Pixels uint8 [n, S, S, 3] of at most PARITY_PHOTOS photos, or of noise."""
    pixels = parity.parity_pixels(photos, spec)
    chosen = np.linspace(0, len(pixels) - 1, min(PARITY_PHOTOS, len(pixels))).astype(int)
    return np.asarray(pixels[chosen])


def seal_bundle(
    options: BundleOptions,
    weights: WeightsOrigin,
    draft: Path,
    spec: InputSpec,
    built: BuiltHeads,
    pixels: NDArray[np.uint8],
    expected: parity.Arrays | None,
) -> dict[str, float]:
    """Writes page and card, compares the graphs with what they must compute, and adds the probe.

    Args:
        options: of the bundle.
        weights: where they are from.
        draft: the folder of the bundle.
        spec: how photos enter it.
        built: its heads.
        pixels: [n, S, S, 3].
        expected: the outputs [n, D] of all heads for the pixels; None if nothing is known, for then
            the outputs must only be valid.

    Returns:
        The differences; see `parity.compare`.

    Raises:
        BundleError: the graphs compute something else.
    """
    heads = built.heads
    page = make_page(options.source, options.name, options.precision, weights, built.facts)
    (draft / "README.md").write_text(page, encoding="utf-8")
    card = ModelCard(
        name=options.name,
        version=options.version,
        licence=weights.licence,
        description=DESCRIPTIONS.get(options.source, "Matches photos with captions of places."),
        input=spec,
        heads=heads,
        calibration=UNCALIBRATED,
        files=hash_files(draft),
        metrics={},
        provenance={
            "weights": weights.name,
            "weights_sha256": weights.sha256,
            "precision": options.precision,
            **built.facts,
        },
        probe=Probe(PROBE_SEED, {head.output: (0.0,) for head in heads}, 0.0),
    )
    (draft / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    bundle = load_bundle(draft)
    session = VisionSession(bundle, "cpu", threads=THREADS)
    computed = session.run(pixels)
    _check_valid(computed, heads)
    differences = {} if expected is None else parity.compare(expected, computed, bundle)
    if differences and (problem := parity.shortfall(differences, options.precision, heads)):
        raise BundleError(
            f"{options.precision} computes something else than the original ({problem}); "
            "use another --precision, or --photos to compare on real photos"
        )
    probe = Probe(
        PROBE_SEED,
        probe_outputs(session, bundle, PROBE_SEED),
        parity.tolerance(options.precision, heads),
    )
    metrics: Mapping[str, object] = {"parity": differences} if differences else {}
    card = structs.replace(bundle.card, probe=probe, metrics=metrics)
    (draft / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    load_bundle(draft)
    return differences


def _run(
    model: Path, head_graph: Path | None, heads: tuple[Head, ...], pixels: NDArray[np.uint8]
) -> parity.Arrays:
    """The outputs [n, D] of all heads, from the graph in full precision."""
    session = open_session(model, Device.CPU, THREADS)
    output = heads[0].output
    parts = [
        session.run([output], {"pixels": pixels[start : start + BATCH]})[0]
        for start in range(0, len(pixels), BATCH)
    ]
    values = np.concatenate(parts)
    if head_graph:
        head = open_session(head_graph, Device.CPU, THREADS)
        values = head.run(None, {head.get_inputs()[0].name: values})[0]
    return (values,) * len(heads)


def _check_valid(computed: parity.Arrays, heads: tuple[Head, ...]) -> None:
    """Vectors of retrieve and caption heads have length 1."""
    for head, values in zip(heads, computed, strict=True):
        off = np.abs(np.linalg.norm(values, axis=1) - 1)
        if not (off < 1e-3).all():  # also true for NaN
            raise BundleError(
                f"head {head.name}: the graph gives vectors that are not of length 1; the weights "
                "are damaged or not those of such a model, fetch them again"
            )
