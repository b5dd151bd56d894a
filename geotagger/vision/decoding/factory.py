"""The reader that fits a head of a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geotagger.fusion.prior import Constants
from geotagger.vision.bundle.head_specs import CaptionHead, RegressHead, RetrieveHead
from geotagger.vision.decoding.captions import CaptionReader, InnerReader
from geotagger.vision.decoding.heads import (
    AttributeReader,
    ClassifyReader,
    Reader,
    RegressReader,
    RetrieveReader,
)
from geotagger.vision.runtime.gallery_match import Matcher
from geotagger.vision.search_space import CandidateSpace, captions_for, gallery_for

if TYPE_CHECKING:
    from geotagger.geography.places import Places
    from geotagger.vision.bundle.bundle import ModelBundle
    from geotagger.vision.bundle.head_specs import Head


def make_reader(
    bundle: ModelBundle,
    head: Head,
    places: Places,
    search: CandidateSpace | None = None,
    device: str = "cpu",
    threads: int = 1,
) -> Reader:
    """The reader of a head. Galleries lie on `device`, that of the session.

    Raises:
        BundleError: a table cannot be read, or names what the places table does not know.
        UsageError: the search leaves nothing of the gallery.
    """
    search = search or CandidateSpace()
    if isinstance(head, RetrieveHead):
        gallery = gallery_for(search, bundle, head, threads)
        return RetrieveReader(gallery, head.logit_scale, places, device, threads)
    if isinstance(head, CaptionHead):
        return caption_reader(bundle, head, places, search, device, threads)
    if isinstance(head, RegressHead):
        return RegressReader(head.sigma_km, places)
    labels = bundle.labels(head)
    if not head.places:
        return AttributeReader(head.name, labels, head.temperature)
    source = str(bundle.path / head.labels)
    return ClassifyReader(labels, head.temperature, places, source, Constants.load())


def caption_reader(
    bundle: ModelBundle,
    head: CaptionHead,
    places: Places,
    search: CandidateSpace,
    device: str = "cpu",
    threads: int = 1,
) -> CaptionReader | InnerReader:
    """As `make_reader`."""
    labels, vectors = captions_for(search, bundle, head, places, threads)
    matcher = Matcher(vectors, head.logit_scale, device=device, threads=threads)
    if not labels or labels[0].parent:
        return InnerReader(labels, matcher, places)
    return CaptionReader(labels, matcher, places, str(bundle.path / head.labels))
