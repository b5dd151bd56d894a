"""geotagger from Python: photos in, points and probabilities out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from geotagger.config import cores
from geotagger.errors import BundleError
from geotagger.evidence.source import LoadedPhoto
from geotagger.evidence.vision import VisionSource
from geotagger.fusion.decide import Fusion
from geotagger.geography.area import read_area
from geotagger.geography.named_places import parse_places, read_candidates
from geotagger.geography.places import load_places
from geotagger.images.decode import Picture, decode
from geotagger.types import Photo, PhotoMetadata, Prediction
from geotagger.vision.bundle.bundle import CaptionHead, RetrieveHead, find_bundle, load_bundle
from geotagger.vision.decoding.top_k import best_points
from geotagger.vision.search_space import CandidateSpace

Picturelike = str | Path | Image.Image | NDArray[Any]
"""A file, a picture of Pillow, or uint8 pixels [H, W, 3], upright RGB."""


class Guesses(NamedTuple):
    """Of one photo [k, 2] and [k], of n photos [n, k, 2] and [n, k]."""

    points: NDArray[np.float32]
    """Degrees (lat, lon), best first."""
    probabilities: NDArray[np.float32]


class Geotagger:
    """One loaded model.

    >>> points, probabilities = Geotagger("geoclip").predict("photo.jpg", top_k=5)
    """

    def __init__(
        self,
        model: str | Path = "starter",
        *,
        device: str = "auto",
        batch_size: int = 0,
        threads: int = 0,
        within: str = "",
        gallery: str | Path | None = None,
        candidates: str | Path | None = None,
        places: str = "",
        crops: int = 1,
    ) -> None:
        """
        Args:
            model: name or folder of a bundle (`geotagger models list`).
            device, batch_size: as in `geotagger.vision.runtime.session.Session`.
            threads: photos that are decoded and run side by side; 0 for one a core.
            within, gallery, candidates, places, crops: as the flags of `geotagger tag`.

        Raises:
            BundleError: there is no such bundle, or it cannot do what is asked for.
            DeviceError: the device does not run it.
            UsageError: an area, gallery, place or number of crops is none.
        """
        bundle = load_bundle(find_bundle(model))
        named = read_candidates(Path(candidates)) if candidates else ()
        search = CandidateSpace(
            area=read_area(within) if within else None,
            gallery=Path(gallery) if gallery else None,
            candidates=(*named, *(parse_places(places) if places else ())),
        )
        search.check([bundle])
        self.card = bundle.card
        self._search = search
        self._threads = threads or cores()
        self._source = VisionSource(
            bundle,
            load_places(),
            device=device,
            batch_size=batch_size,
            threads=self._threads,
            search=search,
            crops=crops,
        )
        self._belief: Fusion | None = None

    def predict(self, photos: Picturelike | Iterable[Picturelike], top_k: int = 5) -> Guesses:
        """The best points of the model's gallery (or labels), and how likely it thinks each.

        Of a gallery the probability is that of one photo at the point, in a softmax over all photos
        of the gallery: GeoCLIP's own number. Fewer than `top_k` come back where there are fewer.

        Args:
            photos: one, or several; several come back in their order.

        Raises:
            PhotoError: a file holds no picture.
            OSError: a file cannot be read.
            ValueError: top_k is less than 1, or pixels are no uint8 [H, W, 3].
        """
        if top_k < 1:
            raise ValueError(f"top_k is at least 1, not {top_k}")
        source = self._source
        parts = [
            best_points(source.readers, source.outputs(batch), source.places, top_k)
            for batch in self._batches(_several(photos))
        ]
        if not parts:
            return Guesses(np.empty((0, top_k, 2), np.float32), np.empty((0, top_k), np.float32))
        points, probabilities = (np.concatenate(part) for part in zip(*parts, strict=True))
        one = _is_one(photos)
        return Guesses(points[0], probabilities[0]) if one else Guesses(points, probabilities)

    def embed(self, photos: Picturelike | Iterable[Picturelike]) -> NDArray[np.float32]:
        """Vectors of length 1, [D] of one photo or [n, D], comparable with those of the gallery.

        Raises as `predict`, and BundleError: the model gives scores, not vectors.
        """
        heads = enumerate(self.card.heads)
        found = [i for i, head in heads if isinstance(head, RetrieveHead | CaptionHead)]
        if not found:
            raise BundleError(f"{self.card.name}: gives no vectors; take a model that retrieves")
        parts = [self._source.outputs(batch)[found[0]] for batch in self._batches(_several(photos))]
        vectors = np.concatenate(parts) if parts else np.empty((0, 0), np.float32)
        return vectors[0] if _is_one(photos) else vectors

    def locate(self, photo: Picturelike) -> Prediction | None:
        """Place, radius, level and confidence, as `geotagger tag` would report by this model alone.

        None where the model has no finite numbers for the photo. Raises as `predict`.
        """
        (batch,) = self._batches([photo])
        (evidence,) = self._source.weigh(batch)
        return None if evidence is None else self._believing().decide([evidence])

    def _believing(self) -> Fusion:
        if self._belief is None:
            places = load_places()
            factor = self.card.calibration.radius_factor
            self._belief = Fusion(places, radius_factor=factor, within=self._search.rows(places))
        return self._belief

    def _batches(self, photos: Iterable[Picturelike]) -> Iterator[list[NDArray[np.uint8]]]:
        """Pixels for the model. While one batch runs, the next is being read."""
        waiting = iter(photos)
        with ThreadPoolExecutor(self._threads, thread_name_prefix="decode") as pool:

            def submit() -> list[Any]:
                return [
                    pool.submit(self._pixels, photo)
                    for photo in islice(waiting, self._source.batch_size)
                ]

            ahead = submit()
            while ahead:
                current, ahead = ahead, submit()
                yield [item.result() for item in current]

    def _pixels(self, photo: Picturelike) -> NDArray[np.uint8]:
        if isinstance(photo, str | Path):
            picture = decode(Path(photo).read_bytes(), self._source.min_side_px)
        else:
            image = _image(photo)
            picture = Picture(image, *image.size)
        return self._source.prepare(LoadedPhoto(Photo(Path(), Path()), PhotoMetadata(), picture))


def _image(photo: Image.Image | NDArray[Any]) -> Image.Image:
    if isinstance(photo, Image.Image):
        return ImageOps.exif_transpose(photo).convert("RGB")
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        raise ValueError(f"pixels are uint8 [H, W, 3], not {photo.dtype} {list(photo.shape)}")
    return Image.fromarray(photo)


def _is_one(photos: Picturelike | Iterable[Picturelike]) -> bool:
    if isinstance(photos, np.ndarray):
        return photos.ndim < 4
    return isinstance(photos, str | Path | Image.Image)


def _several(photos: Any) -> Iterable[Picturelike]:
    return [photos] if _is_one(photos) else photos
