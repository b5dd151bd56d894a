"""Fetches the tensors that a model needs into a local file, and goes on where it was stopped.

The local file has the format safetensors, whatever the source has, and holds only these tensors, in
the order of the source. A note beside it tells what it is a part of, and how many of its bytes are
safely on the disk. A download that was killed, or cut off with the power, goes on there.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from geotagger.download.safetensors import (
    LENGTH_BYTES,
    StoredTensor,
    TensorFile,
    header_length,
    make_header,
    parse_header,
)
from geotagger.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from geotagger.download.origin import FileOrigin, FileVersion

FIRST_BYTES = 128 << 10
"""Fetched at once; most headers are shorter."""
SYNC_BYTES = 64 << 20
"""So often the growing file is synced to the disk; at most so much is fetched twice."""


def source_tensors(origin: FileOrigin, file: str) -> tuple[list[StoredTensor], FileVersion]:
    """What a file of weights holds, from its header alone.

    Raises:
        DownloadError: it cannot be had, or is invalid.
    """
    version = origin.version(file)
    shown = f"{origin.name}, {file}"
    data = b"".join(origin.read(file, 0, min(FIRST_BYTES, version.size_bytes), version))
    length = min(header_length(data[:LENGTH_BYTES], shown), version.size_bytes)
    data += b"".join(origin.read(file, len(data), length, version))
    return parse_header(data[:length], version.size_bytes, shown), version


def fetch_tensors(
    origin: FileOrigin,
    file: str,
    tensors: Sequence[StoredTensor],
    version: FileVersion,
    target: Path,
    on_bytes: Callable[[int], Any] = lambda _: None,
) -> TensorFile:
    """Fetch some tensors of a file into a local one, or go on with that.

    Args:
        origin: where the file is.
        file: its name there.
        tensors: those that are needed, in the order of their bytes.
        version: of the file that the tensors were read from; see `source_tensors`.
        target: the local file.
        on_bytes: called with the number of bytes that are there already, then with those of each
            piece.

    Raises:
        FileChangedError: the file has another version by now.
        DownloadError: the bytes cannot be had; what was fetched is kept.
        OSError: the disk refuses.
    """
    header = make_header(tensors)
    size_bytes = len(header) + sum(tensor.size_bytes for tensor in tensors)
    growing = _GrowingFile(target, header, f"{version.size_bytes} {version.tag} {version.commit}")
    with growing:
        on_bytes(growing.at - len(header))
        for piece in _pieces(origin, file, tensors, version, growing.at - len(header)):
            growing.write(piece)
            on_bytes(len(piece))
        if growing.at != size_bytes:
            raise DownloadError(f"{origin.name}, {file}: sent {growing.at:,} of {size_bytes:,} B")
    return TensorFile(target)


def _pieces(
    origin: FileOrigin, file: str, tensors: Sequence[StoredTensor], version: FileVersion, skip: int
) -> Iterator[bytes]:
    """The bytes of all tensors without the first `skip`. Neighbours share a request."""
    spans: list[list[int]] = []
    for tensor in tensors:
        if spans and spans[-1][1] == tensor.start:
            spans[-1][1] = tensor.stop
        else:
            spans.append([tensor.start, tensor.stop])
    for start, stop in spans:
        skipped = min(skip, stop - start)
        skip -= skipped
        yield from origin.read(file, start + skipped, stop, version)


class _Note(msgspec.Struct, frozen=True):
    """The note beside a growing file."""

    source: str
    """SHA-256 over the version of the source and the header of the local file."""
    safe_bytes: int


class _GrowingFile:
    """A file that is appended to over several runs."""

    def __init__(self, target: Path, header: bytes, version: str) -> None:
        """
        Args:
            target: the file.
            header: its first bytes.
            version: what it is a part of; another version starts anew.
        """
        self.path = target
        self._note = target.with_name(f"{target.name}.note")
        self._header = header
        self._source = hashlib.sha256(version.encode() + b"\0" + header).hexdigest()

    def __enter__(self) -> _GrowingFile:
        safe_bytes = self._safe_bytes()
        self._stream: IO[bytes] = self.path.open("r+b" if safe_bytes else "wb")
        self._stream.truncate(safe_bytes)
        self._stream.seek(safe_bytes)
        self.at = self._synced_at = safe_bytes
        if not safe_bytes:
            self.write(self._header)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._sync()
        finally:
            self._stream.close()

    def write(self, piece: bytes) -> None:
        """Append to the file."""
        self._stream.write(piece)
        self.at += len(piece)
        if self.at - self._synced_at >= SYNC_BYTES:
            self._sync()

    def _sync(self) -> None:
        """The bytes first, then the note that they are there."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        draft = self._note.with_name(f"{self._note.name}.new")
        draft.write_bytes(msgspec.json.encode(_Note(self._source, self.at)))
        draft.replace(self._note)
        self._synced_at = self.at

    def _safe_bytes(self) -> int:
        """How much an earlier run has left of the same file."""
        try:
            note = msgspec.json.decode(self._note.read_bytes(), type=_Note)
            length = self.path.stat().st_size
        except (OSError, ValueError, RecursionError):
            return 0
        same = note.source == self._source and len(self._header) <= note.safe_bytes <= length
        return note.safe_bytes if same else 0
