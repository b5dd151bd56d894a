"""geotagger from Python: photos in, places out.

This file only translates: `pipeline` predicts, `output` writes and takes back, `metadata` reads.
docs/reference/python.md describes everything here with examples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageOps

from geotagger.cache.store import journal_file
from geotagger.config import DEFAULT_TRACK_GAP, Device, RunOptions, TrackGap, cores
from geotagger.errors import BundleError
from geotagger.evidence.source import EvidenceSource, LoadedPhoto
from geotagger.fusion.decide import Fusion, predict
from geotagger.geography.places import load_places
from geotagger.images.decode import Picture, decode
from geotagger.images.scan import walk
from geotagger.metadata import read_file as metadata
from geotagger.metadata.beside import with_files_beside
from geotagger.output import untag as undo
from geotagger.pipeline import run
from geotagger.pipeline.executor_local import LocalExecutor, weigh_batch
from geotagger.pipeline.prepare import new_outcome, prepare_loaded
from geotagger.pipeline.setup import EvidenceSetup, with_cache
from geotagger.pipeline.trips.window import TripEvidence
from geotagger.reasons import Reason
from geotagger.reports.formats.geojson import feature
from geotagger.reports.formats.jsonl import json_row
from geotagger.reports.rows import row
from geotagger.reports.run_summary import RunSummary
from geotagger.types import (
    Outcome,
    Photo,
    PhotoEvidence,
    PhotoMetadata,
    Place,
    Prediction,
    Status,
)
from geotagger.vision.bundle.bundle import embedded_bundles, imported_bundles
from geotagger.vision.bundle.head_specs import CaptionHead, RetrieveHead
from geotagger.vision.decoding.top_k import best_points
from geotagger.vision.runtime.encoders import LocationEncoder, TextEncoder

PhotoPath: TypeAlias = str | Path
PhotoInput: TypeAlias = PhotoPath | Image.Image | NDArray[Any]
"""A file, a Pillow image, or pixels: uint8 [H, W, 3], RGB, upright."""

IN_MEMORY = Path("<image>")
"""The path of a photo that is not a file."""

_PATH_OPTIONS = frozenset({"out", "manifest", "gallery", "candidates", "journal"})
"""Options of a run that are one path."""


class TopPoints(NamedTuple):
    """The most probable points of one photo ([k, 2] and [k]) or of n photos ([n, k, 2], [n, k])."""

    points: NDArray[np.float32]
    """Latitude and longitude in degrees, the most probable first."""
    probabilities: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PhotoLocation:
    """Where one photo was taken, with the same content as its row in a report."""

    outcome: Outcome

    @property
    def path(self) -> Path:
        """The file; `<image>` for a photo that was passed as an image or as pixels."""
        return self.outcome.photo.path

    @property
    def status(self) -> Status:
        """`predicted`, `unsure`, `skipped` (camera RAW), or `failed` (cannot be read)."""
        return self.outcome.status

    @property
    def prediction(self) -> Prediction | None:
        """None for a file that was not read, is not a photo, or gives no evidence."""
        return self.outcome.prediction

    @property
    def metadata(self) -> PhotoMetadata:
        """The photo's own GPS, time and camera."""
        return self.outcome.metadata

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why the photo has its status: a code for programs, `str` gives the sentence."""
        return self.outcome.reasons

    def to_dict(self) -> dict[str, Any]:
        """The row of a JSON Lines report, ready for `json.dumps`; docs/guide/reports.md."""
        return json_row(row(self.outcome))

    def to_geojson(self) -> dict[str, Any]:
        """A GeoJSON Feature (RFC 7946); without a prediction its geometry is None."""
        return feature(row(self.outcome))


class Geotagger:
    """A loaded model, and the other sources of evidence.

    >>> points, probabilities = Geotagger.from_pretrained("geoclip").predict("photo.jpg", top_k=5)
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
        read_text: bool = True,
        use_names: bool = False,
        gate: bool = True,
        top_k: int = 5,
        min_confidence: float | None = None,
        tracks: PhotoPath | Iterable[PhotoPath] = (),
        track_max_gap: tuple[float, float] = DEFAULT_TRACK_GAP,
        clock_offset_s: float | None = None,
    ) -> None:
        """Load a model.

        Args:
            model: name or folder of a bundle; `list_models` gives the names.
            device: auto, cpu, cuda, tensorrt, coreml or openvino.
            batch_size: photos per inference; 0 for what suits the device.
            threads: threads that decode and run photos; 0 for one per core.
            within, gallery, candidates, places, crops: as the flags of `geotagger tag`.
            read_text, use_names, gate, top_k, min_confidence: the same; `locate` uses them.
            tracks: track logs and folders of them, for `locate`.
            track_max_gap: seconds and km between two fixes, at most.
            clock_offset_s: seconds to add to what the cameras' clocks showed.

        Raises:
            BundleError: there is no such bundle, or it lacks what an argument needs.
            DeviceError: the model does not run on the device.
            UsageError: an area, gallery, place, track or number of crops is invalid.
        """
        self._options = RunOptions(
            paths=(),
            models=(str(model),),
            device=Device.parse(device),
            batch_size=batch_size,
            workers=threads or cores(),
            within=within,
            gallery=Path(gallery) if gallery else None,
            candidates=Path(candidates) if candidates else None,
            places=places,
            crops=crops,
            read_text=read_text,
            use_names=use_names,
            top_k=top_k,
            min_confidence=min_confidence,
            gate=gate,
            album=True,
            tracks=_paths(tracks),
            track_max_gap=TrackGap(*track_max_gap),
            clock_offset_s=clock_offset_s,
        )
        self._setup = EvidenceSetup(self._options)
        vision = self._setup.vision_sources()
        (self._vision,) = vision
        self._sights = self._setup.sight_sources(vision)
        self._bundle = self._setup.bundles[0]
        self.card = self._bundle.card

    @classmethod
    def from_pretrained(cls, name: str | Path = "starter", **options: Any) -> Geotagger:
        """Load a model by name; `options` are those of the constructor."""
        return cls(name, **options)

    def predict(self, photos: PhotoInput | Iterable[PhotoInput], top_k: int = 5) -> TopPoints:
        """The most probable points by the model alone, as `predict` of GeoCLIP gives them.

        For a gallery, the probability is that of one photo at the point, in a softmax over all
        photos of the gallery (Vivanco Cepeda et al. 2023). Where the model knows fewer points,
        fewer than `top_k` come back.

        Args:
            photos: one photo, or several.
            top_k: points per photo.

        Returns:
            Points and probabilities: [k, 2] and [k] of one photo, [n, k, 2] and [n, k] of several.

        Raises:
            BundleError: the model predicts no places.
            PhotoError: a file holds no picture that can be decoded.
            OSError: a file cannot be read.
            ValueError: top_k is less than 1, or pixels are not uint8 [H, W, 3].
        """
        if top_k < 1:
            raise ValueError(f"top_k is at least 1, not {top_k}")
        source = self._vision
        parts = [
            best_points(source.decoders, source.outputs(batch), source.places, top_k)
            for batch in self._batches(_several(photos))
        ]
        if not parts:
            return TopPoints(np.empty((0, top_k, 2), np.float32), np.empty((0, top_k), np.float32))
        points, probabilities = (np.concatenate(part) for part in zip(*parts, strict=True))
        if _is_one(photos):
            return TopPoints(points[0], probabilities[0])
        return TopPoints(points, probabilities)

    def locate(
        self, photos: PhotoInput | Iterable[PhotoInput]
    ) -> PhotoLocation | list[PhotoLocation]:
        """Where photos were taken, by all the evidence that `geotagger tag` uses.

        Evidence: the picture, the words in it, the clock, the photos that the same camera took
        shortly before and after, and tracks. An image or an array has no file, so no clock, no
        neighbours and no track.

        Args:
            photos: a file, an image or pixels; or a folder, or several of these. Folders are
                searched as `geotagger tag` does. Files and images cannot be mixed in one call.

        Returns:
            The result of one file or image; for a folder or several photos a list in the order of
            the arguments, without duplicates. A photo that cannot be read does not raise: its
            status is `failed`.

        Raises:
            DeviceError: the network that reads text does not run on the device.
            UsageError: a path does not exist.
            ValueError: files and images are mixed, or pixels are not uint8 [H, W, 3].
        """
        wanted = list(_several(photos))
        paths = [Path(photo) for photo in wanted if isinstance(photo, str | Path)]
        if paths and len(paths) < len(wanted):
            raise ValueError("files and images are mixed: call locate once for each kind")
        found = self._locate_files(paths) if paths else list(map(self._locate_image, wanted))
        one = _is_one(photos) and not (paths and paths[0].is_dir())
        return found[0] if one else found

    def encode_image(self, photos: PhotoInput | Iterable[PhotoInput]) -> NDArray[np.float32]:
        """Embeddings of photos, for models that retrieve (GeoCLIP) or match captions (CLIP).

        Returns:
            float32 of length 1: [D] of one photo, [n, D] of several.

        Raises:
            BundleError: the model gives class scores or coordinates, and no embeddings.
            OSError, PhotoError, ValueError: as `predict`.
        """
        index = self._embedding_head()
        parts = [self._vision.outputs(batch)[index] for batch in self._batches(_several(photos))]
        vectors = np.concatenate(parts) if parts else np.empty((0, 0), np.float32)
        return vectors[0] if _is_one(photos) else vectors

    def encode_text(self, captions: str | Iterable[str]) -> NDArray[np.float32]:
        """Embeddings of captions, comparable with `encode_image` by their dot product.

        Returns:
            float32 of length 1: [D] of one caption, [n, D] of several.

        Raises:
            BundleError: the bundle has no text encoder, or `tokenizers` is not installed.
        """
        texts = [captions] if isinstance(captions, str) else list(captions)
        vectors = self._text_encoder(texts)
        return vectors[0] if isinstance(captions, str) else vectors

    def encode_location(self, points: ArrayLike) -> NDArray[np.float32]:
        """Embeddings of positions, comparable with `encode_image` by their dot product.

        Args:
            points: degrees (lat, lon), [2] or [n, 2].

        Returns:
            float32 of length 1: [D] or [n, D]. `LocationEncoder` gives GeoCLIP's own vectors,
            which are not of length 1.

        Raises:
            BundleError: the bundle has no location encoder.
            ValueError: the shape is another one, or a position is out of range.
        """
        degrees = np.asarray(points, np.float32)
        vectors = self._location_encoder(np.atleast_2d(degrees))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors[0] if degrees.ndim == 1 else vectors

    def _locate_files(self, paths: Iterable[Path]) -> list[PhotoLocation]:
        options = replace(
            self._options, batch_size=self._options.batch_size or self._vision.batch_size
        )
        with LocalExecutor(with_cache(self._sources(), None), options) as executor:
            items = TripEvidence(self._fusion).share(executor.run(walk(list(paths))))
            return [
                PhotoLocation(predict(item, self._fusion))
                for item in items
                if isinstance(item, PhotoEvidence)
            ]

    def _locate_image(self, photo: Any) -> PhotoLocation:
        loaded, sources = self._loaded(photo), self._sources()
        outcome = new_outcome(loaded.photo, sources)
        prepared = prepare_loaded(loaded, outcome, sources, gate=self._options.gate)
        (item,) = weigh_batch([prepared], sources)
        return PhotoLocation(predict(item, self._fusion))

    @property
    def _fusion(self) -> Fusion:
        return self._setup.fusion

    def _sources(self) -> list[EvidenceSource[Any]]:
        """All sources: the networks are loaded once, the others see folders as they are now."""
        return [
            self._vision,
            *self._sights,
            *self._text_sources,
            *self._setup.context_sources(),
        ]

    @cached_property
    def _text_sources(self) -> list[EvidenceSource[Any]]:
        return self._setup.text_sources()

    def _embedding_head(self) -> int:
        for index, head in enumerate(self.card.heads):
            if isinstance(head, RetrieveHead | CaptionHead):
                return index
        raise BundleError(
            f"{self.card.name}: has no image encoder; geotagger models pull geoclip makes a bundle "
            "with one"
        )

    @cached_property
    def _text_encoder(self) -> TextEncoder:
        for head in self.card.heads:
            if isinstance(head, CaptionHead) and head.text:
                folder = self._bundle.path
                return TextEncoder(
                    folder / head.text, folder / head.tokenizer, self._options.workers
                )
        raise BundleError(
            f"{self.card.name}: has no text encoder; geotagger models pull clip makes a bundle "
            "with one"
        )

    @cached_property
    def _location_encoder(self) -> LocationEncoder:
        for head in self.card.heads:
            if isinstance(head, RetrieveHead) and head.encoder:
                file = self._bundle.path / head.encoder
                return LocationEncoder(file, threads=self._options.workers)
        raise BundleError(
            f"{self.card.name}: has no location encoder; geotagger models pull geoclip makes a "
            "bundle with one"
        )

    def _batches(self, photos: Iterable[PhotoInput]) -> Iterator[list[NDArray[np.uint8]]]:
        """Pixels for the model. While one batch runs, the next is being decoded."""
        waiting = iter(photos)
        with ThreadPoolExecutor(self._options.workers, thread_name_prefix="decode") as pool:

            def submit() -> list[Any]:
                return [
                    pool.submit(lambda photo: self._vision.prepare(self._loaded(photo)), photo)
                    for photo in islice(waiting, self._vision.batch_size)
                ]

            ahead = submit()
            while ahead:
                current, ahead = ahead, submit()
                yield [item.result() for item in current]

    def _loaded(self, photo: PhotoInput) -> LoadedPhoto:
        """The photo, decoded; of its file nothing but the picture."""
        if isinstance(photo, str | Path):
            picture = decode(Path(photo).read_bytes(), self._vision.min_side_px)
        else:
            image = _image(photo)
            picture = Picture(image, *image.size)
        return LoadedPhoto(Photo(IN_MEMORY, Path()), PhotoMetadata(), lambda _: picture)


def list_models() -> list[str]:
    """The names that `Geotagger.from_pretrained` knows: embedded models, then imported ones."""
    return list(dict.fromkeys([*embedded_bundles(), *imported_bundles()]))


def tag(photos: PhotoPath | Iterable[PhotoPath], **options: Any) -> RunSummary:
    """Predict where photos were taken and, if asked for, write it into them: `geotagger tag`.

    Args:
        photos: a file, a folder, or several of these.
        options: fields of `geotagger.config.RunOptions`, for example `write_exif=True`,
            `dry_run=True` or `reports=["places.csv"]`. Defaults are those of the command, except
            that no report is written unless `reports` names one. Paths may be texts.

    Returns:
        How many photos got which status, level and country.

    Raises:
        NoPhotosError: the paths hold no photo.
        GeotaggerError: another reason that stops the run.
    """
    options = {"album": True, "gate": True, "journal": journal_file(), **options}
    for name in ("reports", "tracks"):
        options[name] = _paths(options.get(name, ()))
    for name in _PATH_OPTIONS & options.keys():
        options[name] = None if options[name] is None else Path(options[name])
    return run.run(RunOptions(paths=_paths(photos), **options))


def untag(photos: PhotoPath | Iterable[PhotoPath]) -> dict[str, int]:
    """Put photos and sidecars back as they were before geotagger wrote to them.

    Returns:
        How many photos were `restored`, `cleaned`, `untouched` or `failed`; docs/guide/writing.md.

    Raises:
        NoPhotosError: the paths hold no photo.
    """
    counts: Counter[str] = undo.run(_paths(photos), lambda _: None)
    return dict(counts)


def read_metadata(photo: PhotoPath) -> PhotoMetadata:
    """A photo's GPS position, time and camera, from the file and those beside it.

    Raises:
        OSError: the file cannot be read.
    """
    return with_files_beside(metadata.read_any(Path(photo).read_bytes()), Path(photo))


def reverse_geocode(lat: float, lon: float) -> Place:
    """The names of a point in degrees, from the embedded table: country, region and city.

    At sea, farther than 12 nautical miles from land, the names are empty.

    Raises:
        ValueError: a coordinate is out of range or not finite.
    """
    return load_places().name(lat, lon)


def _paths(photos: PhotoPath | Iterable[PhotoPath]) -> tuple[Path, ...]:
    return tuple(Path(path) for path in _several(photos))


def _image(photo: Image.Image | NDArray[Any]) -> Image.Image:
    if isinstance(photo, Image.Image):
        return ImageOps.exif_transpose(photo).convert("RGB")
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        raise ValueError(f"pixels are uint8 [H, W, 3], not {photo.dtype} {list(photo.shape)}")
    return Image.fromarray(photo)


def _is_one(photos: Any) -> bool:
    if isinstance(photos, np.ndarray):
        return photos.ndim < 4
    return isinstance(photos, str | Path | Image.Image)


def _several(photos: Any) -> Iterable[Any]:
    return [photos] if _is_one(photos) else photos
