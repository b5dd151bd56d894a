"""A network source whose outputs are cached: the network runs only for files it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from geotagger.evidence.source import LoadedPhoto, NetworkSource, WrappedSource
from geotagger.types import Evidence


class PackedOutput(NamedTuple):
    """A network's output for one file."""

    packed: bytes
    truncation: str
    """What the picture lacks, if the file is truncated."""


class InferenceCache(Protocol):
    """Keeps the outputs of networks by the SHA-256 of the file. May be used from any thread."""

    def find(self, sha256: str, output_key: str) -> PackedOutput | None:
        """The output for a file; None if it is not stored."""

    def keep(self, output_key: str, outputs: Sequence[tuple[str, PackedOutput]]) -> None:
        """Store (SHA-256, output) of several files."""


@dataclass(frozen=True, slots=True)
class CachedOutput:
    """The network's output for this file is known."""

    output: Any


@dataclass(frozen=True, slots=True)
class NetworkInput:
    """The network has to run; its output will be cached."""

    input: Any
    sha256: str
    truncation: str


class CachedSource(WrappedSource):
    """Wraps a network source and owns its cache.

    A photo whose output is cached is not decoded, and keeps what is known of its truncation.
    """

    def __init__(self, source: NetworkSource[Any, Any], cache: InferenceCache) -> None:
        super().__init__(source)
        self._cache = cache

    def prepare(self, photo: LoadedPhoto) -> CachedOutput | NetworkInput | None:
        return self._cached(photo) or self._fresh(photo)

    def weigh(self, batch: Sequence[CachedOutput | NetworkInput]) -> list[Evidence | None]:
        outputs = iter(self.infer([item for item in batch if isinstance(item, NetworkInput)]))
        return self.interpret(
            [item.output if isinstance(item, CachedOutput) else next(outputs) for item in batch]
        )

    def infer(self, batch: Sequence[NetworkInput]) -> list[Any]:
        """Run the network and cache its outputs."""
        if not batch:
            return []
        outputs = self.source.infer([item.input for item in batch])
        packed = [
            (item.sha256, PackedOutput(self.pack(output), item.truncation))
            for item, output in zip(batch, outputs, strict=True)
        ]
        self._cache.keep(self.output_key, packed)
        return outputs

    def _cached(self, photo: LoadedPhoto) -> CachedOutput | None:
        cached = self._cache.find(photo.sha256, self.output_key)
        if cached is None:
            return None
        try:
            output = self.unpack(cached.packed)
        except (ValueError, TypeError, AttributeError):  # damaged: the network runs again
            return None
        if not photo.is_decoded:
            photo.truncation = cached.truncation
        return CachedOutput(output)

    def _fresh(self, photo: LoadedPhoto) -> NetworkInput | None:
        prepared = self.source.prepare(photo)
        return None if prepared is None else NetworkInput(prepared, photo.sha256, photo.truncation)
