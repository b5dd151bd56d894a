"""What a source of evidence is, and what it gets to see of a photo.

A new source is one new file here, and one line in `pipeline/setup.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar, runtime_checkable

from geotagger.images.decode import Picture
from geotagger.images.difference_hash import difference_hash
from geotagger.reasons import Reason
from geotagger.types import Evidence, Moment, Photo, PhotoMetadata


@dataclass
class LoadedPhoto:
    """A photo whose file was read: all that a source of evidence may look at.

    The picture is decoded when a source first needs it. So sources that need it larger go first.
    """

    photo: Photo
    metadata: PhotoMetadata
    decode: Callable[[int], Picture]
    """Decodes the picture, given the short side that is needed (see `images.decode`)."""
    sha256: str = ""
    truncation: str = ""
    """What a truncated picture lacks, known once it was decoded, now or in an earlier run."""
    remarks: list[Reason] = field(default_factory=list)
    """What a source found out about the photo that is no evidence of its place."""
    moment: Moment | None = None
    """Its place in the sequence of another camera, if a source found that the two were together."""
    shared_inputs: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)
    """Inputs of networks that several sources need: made once, kept as long as the picture."""
    _picture: Picture | None = field(default=None, init=False, repr=False)

    @property
    def is_decoded(self) -> bool:
        """Whether a source has needed the picture."""
        return self._picture is not None

    def picture(self, min_side_px: int) -> Picture:
        """The upright picture, large enough for a model that needs `min_side_px`.

        Raises:
            UnreadableImageError: there is no picture in the file.
        """
        if self._picture is None:
            self._picture = self.decode(max(min_side_px, 1))
            self.truncation = self._picture.truncation
        return self._picture

    @cached_property
    def difference_hash(self) -> int:
        """64-bit perceptual hash of the picture."""
        return difference_hash(self.picture(1).image)


Input = TypeVar("Input")
Output = TypeVar("Output")


class EvidenceSource(Protocol[Input]):
    """What every source of evidence does.

    `prepare` runs in a worker thread, one photo at a time; the picture is dropped afterwards.
    `weigh` runs on batches and returns one result for every prepared photo, in the same order; None
    means that there is no evidence.
    """

    name: str
    """The kind of source (`SourceKind`), or `KIND:MODEL` where several models run."""
    min_side_px: int
    """Short side of the picture that the source needs; 0 if it needs no picture."""
    batch_size: int
    """Batch size that suits the source; 0 = any."""
    model_id: str
    """Names the source's model in reports; empty if it has none."""

    def prepare(self, photo: LoadedPhoto) -> Input | None:
        """What the source needs of a photo; None if it has nothing to say about it."""

    def weigh(self, batch: Sequence[Input]) -> list[Evidence | None]:
        """The evidence on each prepared photo."""


@runtime_checkable
class NetworkSource(EvidenceSource[Input], Protocol[Input, Output]):
    """A source that runs a network, which is slow, and interprets its output, which is quick.

    `weigh` does both. The output depends only on the file and `output_key`, so it can be cached,
    as bytes, and used again for the same file under any name.
    """

    output_key: str
    """Equal for networks that give the same output for the same file."""

    def infer(self, batch: Sequence[Input]) -> list[Output]:
        """Run the network."""

    def interpret(self, outputs: Sequence[Output]) -> list[Evidence | None]:
        """The evidence in each output of the network."""

    def pack(self, output: Output) -> bytes:
        """An output as bytes, for the cache."""

    def unpack(self, packed: bytes) -> Output:
        """The output that `pack` made the bytes of. Damaged bytes raise ValueError or TypeError."""


class WrappedSource:
    """A network source that passes everything on to another one; base of those that add to it."""

    def __init__(self, source: NetworkSource[Any, Any]) -> None:
        self.source = source
        self.name, self.model_id = source.name, source.model_id
        self.min_side_px, self.batch_size = source.min_side_px, source.batch_size
        self.output_key = source.output_key

    def prepare(self, photo: LoadedPhoto) -> Any:
        return self.source.prepare(photo)

    def infer(self, batch: Sequence[Any]) -> list[Any]:
        return self.source.infer(batch)

    def interpret(self, outputs: Sequence[Any]) -> list[Evidence | None]:
        return self.source.interpret(outputs)

    def weigh(self, batch: Sequence[Any]) -> list[Evidence | None]:
        return self.interpret(self.infer(batch))

    def pack(self, output: Any) -> bytes:
        return self.source.pack(output)

    def unpack(self, packed: bytes) -> Any:
        return self.source.unpack(packed)
