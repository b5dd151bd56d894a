"""Creates the decoder for a head of a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geotagger.config import Device
from geotagger.fusion.prior import Constants
from geotagger.vision.bundle.head_specs import CaptionHead, RegressHead, RetrieveHead
from geotagger.vision.decoding.captions import CaptionDecoder, LocalCaptionDecoder
from geotagger.vision.decoding.heads import (
    AttributeDecoder,
    ClassifyDecoder,
    HeadDecoder,
    RegressDecoder,
    RetrieveDecoder,
)
from geotagger.vision.runtime.gallery_match import GalleryMatcher
from geotagger.vision.search_space import CandidateSpace, captions_for, gallery_for

if TYPE_CHECKING:
    from geotagger.geography.places import Places
    from geotagger.vision.bundle.bundle import ModelBundle
    from geotagger.vision.bundle.head_specs import PlaceHead


def make_decoder(
    bundle: ModelBundle,
    head: PlaceHead,
    places: Places,
    space: CandidateSpace | None = None,
    device: str = Device.CPU,
    threads: int = 1,
) -> HeadDecoder:
    """The decoder for a head.

    Args:
        bundle: the bundle that has the head, with its tables.
        head: what to decode.
        places: the places table.
        space: the candidates; None for those of the bundle.
        device: the device of the session; galleries are loaded there.
        threads: CPU threads that share one run.

    Raises:
        BundleError: a table cannot be read, or does not fit the places table.
        UsageError: the candidate space leaves no point of the gallery.
    """
    space = space or CandidateSpace()
    if isinstance(head, RetrieveHead):
        gallery = gallery_for(space, bundle, head, threads)
        return RetrieveDecoder(gallery, head.logit_scale, places, device, threads)
    if isinstance(head, CaptionHead):
        return _make_caption_decoder(bundle, head, places, space, device, threads)
    if isinstance(head, RegressHead):
        return RegressDecoder(head.sigma_km, places)
    labels = bundle.labels(head)
    if not head.places:
        return AttributeDecoder(head.name, labels, head.temperature)
    source = str(bundle.path / head.labels)
    return ClassifyDecoder(labels, head.temperature, places, source, Constants.load())


def _make_caption_decoder(
    bundle: ModelBundle,
    head: CaptionHead,
    places: Places,
    space: CandidateSpace,
    device: str = Device.CPU,
    threads: int = 1,
) -> CaptionDecoder | LocalCaptionDecoder:
    """The decoder for a caption head; arguments and errors as in `make_decoder`."""
    labels, vectors = captions_for(space, bundle, head, places, threads)
    matcher = GalleryMatcher(vectors, head.logit_scale, device=device, threads=threads)
    if not labels or labels[0].parent:
        return LocalCaptionDecoder(labels, matcher, places)
    return CaptionDecoder(labels, matcher, places, str(bundle.path / head.labels))
