"""Weights in a file of torch.save at an origin: which of its bytes are which tensor."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Any

from geotagger.download.torch_archive import locate_tensors
from geotagger.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from geotagger.download.origin import FileOrigin, FileVersion
    from geotagger.download.safetensors import StoredTensor, TensorFile
    from geotagger.download.torch_archive import ArchivedTensors, StoredValues

TAIL_BYTES = 128 << 10
"""Fetched at once: the directory of an archive is at its end."""
BUFFER_BYTES = 64 << 10
MAX_READ_BYTES = 16 << 20
"""No directory and no description is longer."""


def archived_tensors(origin: FileOrigin, file: str) -> tuple[ArchivedTensors, FileVersion]:
    """What a file of weights holds, from its directory and its description.

    Raises:
        DownloadError: it cannot be had, or does anything else than describe tensors.
    """
    version = origin.version(file)
    stream = io.BufferedReader(_OriginStream(origin, file, version), BUFFER_BYTES)
    return locate_tensors(stream, version.size_bytes, f"{origin.name}, {file}"), version


def check_values(
    fetched: TensorFile,
    tensors: Sequence[StoredTensor],
    values: Iterable[StoredValues],
    file: str,
) -> None:
    """Compare fetched tensors with the checksums of the archive.

    Values of which only a part was fetched cannot be compared.

    Args:
        fetched: the local file.
        tensors: those in it, in the order of their bytes in the archive.
        values: the checksums.
        file: the archive, for messages.

    Raises:
        DownloadError: a checksum is another one.
    """
    for stored in values:
        at, found = stored.start, 0
        for tensor in tensors:
            if tensor.start == at and tensor.stop <= stored.stop:
                for block in fetched.blocks(tensor.name):
                    found = zlib.crc32(block, found)
                at = tensor.stop
        if at == stored.stop and found != stored.crc32:
            raise DownloadError(f"{file}: its values do not have its checksums; take another file")


class _OriginStream(io.RawIOBase):
    """A file at an origin, as `zipfile` reads it: its end, which is fetched at once, and parts."""

    def __init__(self, origin: FileOrigin, file: str, version: FileVersion) -> None:
        self._origin, self._file, self._version = origin, file, version
        self._tail_start = max(0, version.size_bytes - TAIL_BYTES)
        self._tail = self._fetched(self._tail_start, version.size_bytes)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = (0, self._at, self._version.size_bytes)[whence]
        if origin + offset < 0:
            raise OSError("the file is shorter")
        self._at = origin + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        stop = max(self._at, min(self._at + len(buffer), self._version.size_bytes))
        if stop - self._at > MAX_READ_BYTES:
            raise ValueError("a part of it is too large")
        if self._at >= self._tail_start:
            data = self._tail[self._at - self._tail_start : stop - self._tail_start]
        else:
            data = self._fetched(self._at, stop)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _fetched(self, start: int, stop: int) -> bytes:
        return b"".join(self._origin.read(self._file, start, stop, self._version))
