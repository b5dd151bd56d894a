"""Files of the format safetensors: a header in JSON, then the bytes of the tensors.

The header tells which bytes belong to which tensor, so that a part of a file can be fetched. The
format is described at https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

LENGTH_BYTES = 8
"""The file begins with the length of its header, as a little-endian integer."""
BLOCK_BYTES = 1 << 20
MAX_HEADER_BYTES = 100_000_000
"""The limit of the format."""
DTYPES: Mapping[str, np.dtype[Any]] = {
    name: np.dtype(dtype)
    for name, dtype in {
        "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4",
        "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?",
    }.items()
}  # fmt: skip
"""Of the format -> of NumPy, which has no bfloat16: `TensorFile.read` widens it."""


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor in a file."""

    name: str
    dtype: str
    """One of DTYPES."""
    shape: tuple[int, ...]
    start: int
    """Offset of its first byte in the file."""
    stop: int

    @property
    def size_bytes(self) -> int:
        """Its length in the file."""
        return self.stop - self.start


def header_length(prefix: bytes, file: str) -> int:
    """The length of header and prefix in bytes, from the first LENGTH_BYTES of a file.

    Raises:
        DownloadError: it is no file of this format.
    """
    length = int.from_bytes(prefix[:LENGTH_BYTES], "little")
    if len(prefix) < LENGTH_BYTES or not 2 <= length <= MAX_HEADER_BYTES:
        raise DownloadError(f"{file}: not a file of the format safetensors")
    return LENGTH_BYTES + length


def parse_header(data: bytes, size_bytes: int, file: str) -> list[StoredTensor]:
    """The tensors of a file, in the order of their bytes.

    Args:
        data: the first `header_length` bytes of the file.
        size_bytes: the length of the file.
        file: for messages.

    Raises:
        DownloadError: the header is invalid: unknown types, tensors that overlap, leave gaps or
            lie outside the file.
    """
    if header_length(data[:LENGTH_BYTES], file) != len(data):
        raise DownloadError(f"{file}: ends before its header does")
    try:
        entries = json.loads(data[LENGTH_BYTES:].decode("utf-8"))
        entries.pop("__metadata__", None)
        tensors = [_tensor(name, entry, len(data)) for name, entry in entries.items()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DownloadError(f"{file}: its header is invalid ({error!r})") from error
    tensors.sort(key=lambda tensor: (tensor.start, tensor.stop))
    at = len(data)
    for tensor in tensors:
        if tensor.start != at:
            raise DownloadError(f"{file}: its header is invalid (at the tensor {tensor.name})")
        at = tensor.stop
    if at != size_bytes:
        raise DownloadError(f"{file}: has {size_bytes:,} bytes, its header describes {at:,}")
    return tensors


def _tensor(name: str, entry: Mapping[str, Any], offset: int) -> StoredTensor:
    dtype, shape = entry["dtype"], tuple(entry["shape"])
    start, stop = entry["data_offsets"]
    counts = (*shape, start, stop)
    if dtype not in DTYPES or any(type(count) is not int or count < 0 for count in counts):
        raise ValueError(name)
    if stop - start != prod(shape) * DTYPES[dtype].itemsize:
        raise ValueError(name)
    return StoredTensor(name, dtype, shape, offset + start, offset + stop)


def make_header(tensors: Iterable[StoredTensor]) -> bytes:
    """The beginning of a file that holds only these tensors, in this order."""
    entries, at = {}, 0
    for tensor in tensors:
        entries[tensor.name] = {
            "dtype": tensor.dtype,
            "shape": tensor.shape,
            "data_offsets": (at, at + tensor.size_bytes),
        }
        at += tensor.size_bytes
    text = json.dumps(entries, ensure_ascii=False).encode()
    text += b" " * (-len(text) % LENGTH_BYTES)  # so that the tensors are aligned
    return len(text).to_bytes(LENGTH_BYTES, "little") + text


class TensorFile:
    """The tensors of a local file; each is read when it is asked for."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            DownloadError: the file is invalid.
            OSError: it cannot be read.
        """
        self._path = path
        with path.open("rb") as stream:
            prefix = stream.read(LENGTH_BYTES)
            header = prefix + stream.read(header_length(prefix, str(path)) - LENGTH_BYTES)
        tensors = parse_header(header, path.stat().st_size, str(path))
        self.tensors = {tensor.name: tensor for tensor in tensors}

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes of a tensor, in pieces."""
        tensor = self.tensors[name]
        with self._path.open("rb") as stream:
            stream.seek(tensor.start)
            for start in range(tensor.start, tensor.stop, BLOCK_BYTES):
                yield stream.read(min(BLOCK_BYTES, tensor.stop - start))

    def sha256(self, name: str) -> str:
        """The hash of the bytes of a tensor, in hexadecimal."""
        digest = hashlib.sha256()
        for block in self.blocks(name):
            digest.update(block)
        return digest.hexdigest()

    def read(self, name: str) -> NDArray[Any]:
        """A tensor; bfloat16 as float32."""
        tensor = self.tensors[name]
        dtype = DTYPES[tensor.dtype]
        count = prod(tensor.shape)
        values = np.fromfile(self._path, dtype, count, offset=tensor.start)
        if tensor.dtype == "BF16":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        return values.reshape(tensor.shape)
