"""A model bundle on disk: a flat folder with a card, an ONNX graph and its tables."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from geotagger.errors import BundleError
from geotagger.vision.bundle.card import CARD_FILE, MODEL_FILE, ModelCard
from geotagger.vision.bundle.head_specs import (
    CaptionHead,
    ClassifyHead,
    RegressHead,
    RetrieveHead,
    SightHead,
)
from geotagger.vision.bundle.label_tables import (
    Gallery,
    Label,
    SightPhotos,
    read_captions,
    read_gallery,
    read_labels,
    read_sights,
    read_vectors,
    read_width,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from geotagger.vision.bundle.head_specs import Head

EMBEDDED_FOLDER = Path(str(resources.files("geotagger"))) / "bundles"
"""The bundles that are part of the package."""


def models_folder() -> Path:
    """The folder of imported bundles: $GEOTAGGER_MODELS, or the platform's folder for user data."""
    from_environment = os.environ.get("GEOTAGGER_MODELS")
    if from_environment:
        return Path(from_environment)
    return user_data_path("geotagger", appauthor=False) / "models"


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """A bundle: the folder and its card. Tables are read on demand."""

    path: Path
    card: ModelCard

    @property
    def model_file(self) -> Path:
        """The ONNX graph of the network."""
        return self.path / MODEL_FILE

    @property
    def network_key(self) -> tuple[object, ...]:
        """Equal for bundles that run the same network on the same pixels."""
        hashes = [item for item in self.card.files.items() if item[0].startswith(MODEL_FILE)]
        return (self.card.input, *sorted(hashes))

    def labels(self, head: ClassifyHead) -> tuple[Label, ...]:
        """The label table of a classify head, one label for each logit."""
        return read_labels(self.path / head.labels, head.places)

    def gallery(self, head: RetrieveHead) -> Gallery:
        """The vectors and points of a retrieve head."""
        return read_gallery(self.path / head.gallery, self.path / head.points)

    def captions(self, head: CaptionHead) -> tuple[tuple[Label, ...], NDArray[np.float32]]:
        """The K places that the captions name, and the vectors of the captions [K, D]."""
        return read_captions(self.path / head.gallery, self.path / head.labels)

    def sights(self, head: SightHead) -> SightPhotos:
        """The photos of a head of known sights."""
        return read_sights(self.path / head.gallery, self.path / head.sights)

    def width(self, head: Head) -> int:
        """The number of values that the head outputs for one photo."""
        if isinstance(head, SightHead):
            return read_width(self.path / head.gallery)
        if isinstance(head, ClassifyHead):
            return len(self.labels(head))
        return 2 if isinstance(head, RegressHead) else self.vectors(head).shape[1]

    def vectors(
        self, head: RetrieveHead | CaptionHead
    ) -> NDArray[np.float16] | NDArray[np.float32]:
        """The vectors of a head's gallery [G, D], mapped from disk."""
        return read_vectors(self.path / head.gallery)


def embedded_bundles() -> list[str]:
    """Names of the bundles that are part of the package."""
    return _bundle_names(EMBEDDED_FOLDER)


def imported_bundles() -> list[str]:
    """Names of the bundles that `geotagger models pull` and `import` added."""
    return _bundle_names(models_folder())


def _bundle_names(folder: Path) -> list[str]:
    return sorted(card.parent.name for card in folder.glob(f"*/{CARD_FILE}"))


def find_bundle(name_or_folder: str | Path) -> Path:
    """The folder of an embedded or imported bundle (by name), or else the given folder.

    Raises:
        BundleError: it is neither the name of a bundle nor the folder of one.
    """
    name = str(name_or_folder)
    embedded, imported = embedded_bundles(), imported_bundles()
    if name in embedded:
        path = EMBEDDED_FOLDER / name
    else:
        path = models_folder() / name if name in imported else Path(name_or_folder)
    if not (path / CARD_FILE).is_file():
        raise BundleError(
            f"{name}: not a folder with a {CARD_FILE}; give the folder of a bundle, the name of "
            f"an installed one ({', '.join([*embedded, *imported])}), or get one with "
            f"geotagger models pull"
        )
    return path


def load_bundle(path: Path) -> ModelBundle:
    """Read and check a bundle: the card, the hash of every file, the label tables.

    Raises:
        BundleError: anything is missing, changed, unknown or unreadable; the message names the
            file and the remedy.
    """
    bundle = ModelBundle(path, load_card(path))
    _check_hashes(path, bundle.card.files, hash_files(path))
    for head in bundle.card.heads:
        if isinstance(head, ClassifyHead):
            bundle.labels(head)
        elif isinstance(head, CaptionHead):
            bundle.captions(head)
        elif isinstance(head, SightHead):
            bundle.sights(head)
    return bundle


def load_card(path: Path) -> ModelCard:
    """Read the card of a bundle, and nothing else.

    Raises:
        BundleError: the card cannot be read.
    """
    card_file = path / CARD_FILE
    try:
        data = card_file.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{card_file}: cannot be read ({error.strerror}); give the folder of a bundle"
        ) from error
    return ModelCard.from_json(data, str(card_file))


def hash_files(path: Path) -> dict[str, str]:
    """SHA-256 in hexadecimal of every file of the folder, except the card and hidden files.

    Returns:
        The hashes by file name.

    Raises:
        BundleError: the folder cannot be read, or holds a folder or a link that leads out of it.
    """
    hashes = {}
    try:
        root = path.resolve(strict=True)
        for file in sorted(path.iterdir()):
            if file.name == CARD_FILE or file.name.startswith("."):
                continue
            if file.resolve(strict=True).parent != root or not file.is_file():
                raise BundleError(
                    f"{file}: a bundle holds only plain files; put the file itself there"
                )
            with file.open("rb") as stream:
                hashes[file.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(
            f"{error.filename or path}: cannot be read ({error.strerror}); fetch the bundle again"
        ) from error
    return hashes


def _check_hashes(path: Path, listed: Mapping[str, str], actual: Mapping[str, str]) -> None:
    for name in sorted(listed.keys() | actual.keys()):
        if name not in actual:
            raise BundleError(f"{path / name}: is missing; fetch the bundle again")
        if name not in listed:
            raise BundleError(f"{path / name}: is not listed in {CARD_FILE}; remove it")
        if actual[name] != listed[name]:
            raise BundleError(
                f"{path / name}: its SHA-256 is not the one in {CARD_FILE}; fetch the bundle again"
            )
