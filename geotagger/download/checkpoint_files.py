"""The files of a checkpoint that a bundle is made of, fetched from wherever they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geotagger.download.fetch import fetch_tensors, source_tensors
from geotagger.download.origin import FileMissingError, LocalFolder
from geotagger.download.pins import digest, tensor_hashes
from geotagger.download.safetensors import TensorFile
from geotagger.download.torch_weights import archived_tensors, check_values
from geotagger.errors import DownloadError
from geotagger.vision.published.checkpoint import Checkpoint, needed_tensors

if TYPE_CHECKING:
    from geotagger.download.origin import FileOrigin, FileVersion
    from geotagger.download.safetensors import StoredTensor
    from geotagger.download.torch_archive import StoredValues

FORMS = (
    ("config.json", "model.safetensors"),
    ("open_clip_config.json", "open_clip_model.safetensors"),
    ("config.json", "pytorch_model.bin"),
    ("open_clip_config.json", "open_clip_pytorch_model.bin"),
)
"""Configuration and weights, of transformers and of OpenCLIP. Some repositories have their weights
only in a file of torch.save."""
PROCESSOR, TOKENIZER, TOKENIZER_CONFIG, PAGE = (
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "README.md",
)


@dataclass
class CheckpointFiles:
    """The files of a checkpoint. Small ones are read at once, weights when `fetch` is called."""

    origin: FileOrigin
    with_text: bool
    """Whether the text tower is needed."""
    config_file: str = field(init=False)
    weights_file: str = field(init=False)
    small: dict[str, bytes] = field(init=False)
    """Contents by name."""
    tensors: list[StoredTensor] = field(init=False)
    """Those that are needed, in the order of their bytes."""
    version: FileVersion = field(init=False)
    """Of the file of weights."""
    _values: Sequence[StoredValues] = field(init=False, default=())
    """Checksums in a file of torch.save."""

    def __post_init__(self) -> None:
        """
        Raises:
            DownloadError: a file cannot be had.
            UsageError: there is no graph for such a model.
        """
        self.config_file, self.weights_file = self._form()
        self.small = {self.config_file: self.origin.read_whole(self.config_file)}
        wanted = [PROCESSOR] if self.config_file == FORMS[0][0] else []
        wanted += [TOKENIZER, TOKENIZER_CONFIG] if self.with_text else []
        for name in wanted:
            if (content := self._optional(name)) is not None:
                self.small[name] = content
        if self._is_torch:
            archived, self.version = archived_tensors(self.origin, self.weights_file)
            stored, self._values = archived.tensors, archived.values
        else:
            stored, self.version = source_tensors(self.origin, self.weights_file)
        names = [tensor.name for tensor in stored]
        needed = needed_tensors(self.config, names, self.with_text, self.origin.name)
        self.tensors = [tensor for tensor in stored if tensor.name in needed]

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration of the model."""
        return self._json(self.config_file)

    @property
    def _is_torch(self) -> bool:
        return self.weights_file.endswith(".bin")

    @property
    def size_bytes(self) -> int:
        """The length of the tensors that are needed."""
        return sum(tensor.size_bytes for tensor in self.tensors)

    @property
    def is_local(self) -> bool:
        """Whether the weights are read where they are."""
        return isinstance(self.origin, LocalFolder) and not self._is_torch

    def page(self) -> str:
        """The model's own README; empty if there is none."""
        return (self._optional(PAGE) or b"").decode("utf-8", "replace")

    def fetch(self, folder: Path, on_bytes: Callable[[int], Any]) -> TensorFile:
        """The needed tensors as a local file. What is in the folder already is not fetched again.

        Raises:
            DownloadError: they cannot be had; what was fetched is kept.
            OSError: the disk refuses.
        """
        if isinstance(self.origin, LocalFolder) and not self._is_torch:
            return TensorFile(self.origin.path(self.weights_file))
        target = folder / Path(self.weights_file).with_suffix(".safetensors")
        fetched = fetch_tensors(
            self.origin, self.weights_file, self.tensors, self.version, target, on_bytes
        )
        check_values(fetched, self.tensors, self._values, self.weights_file)
        return fetched

    def hashes(self, tensors: TensorFile) -> dict[str, str]:
        """SHA-256 of all that the bundle is made of; see `Pin.hashes`."""
        small = {name: hashlib.sha256(data).hexdigest() for name, data in self.small.items()}
        needed = [tensor.name for tensor in self.tensors]
        return {**small, **tensor_hashes(tensors, self.weights_file, needed)}

    def checkpoint(
        self, tensors: TensorFile, licence: str, hashes: Mapping[str, str]
    ) -> Checkpoint:
        """The checkpoint, for `make_bundle`."""
        return Checkpoint(
            name=self.origin.name,
            licence=licence,
            sha256=digest(hashes),
            tensors=tensors,
            config=self.config,
            processor=self._json(PROCESSOR),
            tokenizer=self.small.get(TOKENIZER, b""),
            tokenizer_config=self._json(TOKENIZER_CONFIG),
        )

    def _form(self) -> tuple[str, str]:
        """The names of configuration and weights."""
        for form in FORMS:
            try:
                for name in form:
                    self.origin.version(name)
            except FileMissingError:
                continue
            return form
        raise DownloadError(
            f"{self.origin.name}: has no config.json with a model.safetensors or a "
            "pytorch_model.bin; weights in other formats are not read, and several files of "
            "weights are not"
        )

    def _optional(self, name: str) -> bytes | None:
        try:
            return self.origin.read_whole(name)
        except FileMissingError:
            return None

    def _json(self, name: str) -> Mapping[str, Any]:
        try:
            document = json.loads(self.small.get(name, b"{}").decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise DownloadError(f"{self.origin.name}, {name}: not readable ({error})") from error
        if not isinstance(document, dict):
            raise DownloadError(f"{self.origin.name}, {name}: is not an object of JSON")
        return document
