"""Reads tensors from a file that `torch.save` wrote, and runs nothing in it.

Such a file is a zip archive: `data.pkl` describes the tensors, `data/0` and so on hold their
values. A pickle is a program, which can call any function. Here its few instructions that describe
a dictionary of tensors are carried out by hand, on tuples and names; every other instruction, and
every other name, is refused.

Values are not compressed, and begin at multiples of 64 bytes. So the directory of the archive tells
which bytes of the file belong to which tensor, and a part of them can be fetched.
"""

from __future__ import annotations

import pickletools
import re
import zipfile
import zlib
from dataclasses import dataclass
from math import prod
from typing import IO, TYPE_CHECKING, Any, TypeVar

import numpy as np

from geotagger.download.safetensors import DTYPES, StoredTensor
from geotagger.errors import DownloadError
from geotagger.vision.published.tensor_names import TRANSPOSED_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

Kind = TypeVar("Kind")

MAX_PROGRAM_BYTES = 1 << 20
MAX_TENSOR_BYTES = 1 << 30
ALIGNMENT_BYTES = 64
"""Of the values in an archive."""
_STORAGES = {
    "torch DoubleStorage": "F64",
    "torch FloatStorage": "F32",
    "torch HalfStorage": "F16",
    "torch LongStorage": "I64",
}
"""-> one of DTYPES."""
_REBUILD = "torch._utils _rebuild_tensor_v2"
_ORDERED = "collections OrderedDict"
_NAMES = frozenset({*_STORAGES, _REBUILD, _ORDERED})


@dataclass(frozen=True, slots=True)
class _Name:
    """The name of a function or class, which stays a name."""

    text: str


@dataclass(frozen=True, slots=True)
class _Storage:
    """A reference to the values of tensors."""

    key: str
    dtype: str
    """One of DTYPES."""
    count: int

    @property
    def size_bytes(self) -> int:
        return self.count * DTYPES[self.dtype].itemsize


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor: where its values lie in its storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    """As the values are stored, in rows."""
    transposed: bool
    """The tensor is the transposed matrix."""

    @property
    def span(self) -> slice:
        """The values in the storage."""
        return slice(self.offset, self.offset + prod(self.shape))


@dataclass(frozen=True, slots=True)
class StoredValues:
    """The bytes of one tensor or of several that share them."""

    start: int
    """Offset of the first one in the file."""
    stop: int
    crc32: int


@dataclass(frozen=True, slots=True)
class ArchivedTensors:
    """What an archive holds, and where in the file."""

    tensors: list[StoredTensor]
    """In the order of their bytes. A transposed one has TRANSPOSED_SUFFIX after its name."""
    values: list[StoredValues]


_DAMAGED = (
    ValueError, TypeError, LookupError, EOFError, StopIteration, NotImplementedError, RuntimeError,
    OSError, zlib.error, zipfile.BadZipFile,
)  # fmt: skip
"""Raised for a damaged archive or an invalid program."""
_REFUSAL = "not a file of tensors that can be read"
_MARK = _Name("mark")


def read_tensors(stream: IO[bytes], file: str) -> dict[str, NDArray[Any]]:
    """The tensors of a file that `torch.save` wrote, a single one under the name "".

    Args:
        stream: the file.
        file: its name for messages.

    Raises:
        DownloadError: it is damaged, or does anything else than describe tensors.
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            folder, views = _described(archive)
            return {name: _tensor(archive, folder, view) for name, view in views.items()}
    except _DAMAGED as error:
        raise DownloadError(f"{file}: {_REFUSAL} ({error})") from error


def locate_tensors(stream: IO[bytes], size_bytes: int, file: str) -> ArchivedTensors:
    """Find out which bytes of a file belong to which tensor, without reading values.

    Args:
        stream: the file; directory and description are read.
        size_bytes: its length.
        file: its name for messages.

    Raises:
        DownloadError: it is damaged, or does anything else than describe tensors.
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            folder, views = _described(archive)
            located = _located_values(archive, folder, views.values(), size_bytes)
    except _DAMAGED as error:
        raise DownloadError(f"{file}: {_REFUSAL} ({error})") from error
    tensors = []
    for name, view in views.items():
        item_bytes = DTYPES[view.storage.dtype].itemsize
        start = located[view.storage.key].start + view.span.start * item_bytes
        stop = located[view.storage.key].start + view.span.stop * item_bytes
        stored_name = name + TRANSPOSED_SUFFIX if view.transposed else name
        tensors.append(StoredTensor(stored_name, view.storage.dtype, view.shape, start, stop))
    tensors.sort(key=lambda tensor: (tensor.start, tensor.stop))
    return ArchivedTensors(tensors, list(located.values()))


def _described(archive: zipfile.ZipFile) -> tuple[str, dict[str, _View]]:
    """The folder in the archive, and the tensors by name."""
    programs = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(programs) != 1:
        raise ValueError("it has no data.pkl")
    (program,) = programs
    result = _Program().run(_member(archive, program, MAX_PROGRAM_BYTES))
    views = result if isinstance(result, dict) else {"": result}
    for view in views.values():
        if not isinstance(view, _View):
            raise ValueError("it holds something else than tensors")
        if view.span.stop > view.storage.count:
            raise ValueError(f"the values {view.storage.key} have another length")
    return program.removesuffix("data.pkl"), views


def _located_values(
    archive: zipfile.ZipFile, folder: str, views: Iterable[_View], size_bytes: int
) -> dict[str, StoredValues]:
    """Where the values of each key are.

    The header before them has a length that only it states. But they begin at a multiple of
    ALIGNMENT_BYTES, and less than that is between them and the next header.
    """
    members = sorted(archive.infolist(), key=lambda member: member.header_offset)
    ends = [member.header_offset for member in members[1:]] + [archive.start_dir]
    found = {}
    ends_by_name = {member.filename: end for member, end in zip(members, ends, strict=True)}
    for view in views:
        storage = view.storage
        member = archive.getinfo(f"{folder}data/{storage.key}")
        room = ends_by_name[member.filename] - member.file_size
        start = room // ALIGNMENT_BYTES * ALIGNMENT_BYTES
        if member.file_size != storage.size_bytes:
            raise ValueError(f"the values {storage.key} have another length")
        if member.compress_type != zipfile.ZIP_STORED:
            raise ValueError("its values are compressed")
        if not 0 <= member.header_offset < start or start + member.file_size > size_bytes:
            raise ValueError("its directory is damaged")
        found[storage.key] = StoredValues(start, start + member.file_size, member.CRC)
    return found


def _tensor(archive: zipfile.ZipFile, folder: str, view: _View) -> NDArray[Any]:
    storage = view.storage
    size_bytes = storage.size_bytes
    data = _member(archive, f"{folder}data/{storage.key}", min(size_bytes, MAX_TENSOR_BYTES))
    if len(data) != size_bytes:
        raise ValueError(f"the values {storage.key} have another length")
    values = np.frombuffer(data, DTYPES[storage.dtype])[view.span].reshape(view.shape)
    return values.T if view.transposed else values


def _member(archive: zipfile.ZipFile, name: str, max_bytes: int) -> bytes:
    """A file of the archive; never more than it may hold is unpacked."""
    with archive.open(name) as stream:
        data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ValueError(f"{name} is too large")
    return data


class _Program:
    """Carries out the instructions of a pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, program: bytes) -> Any:
        """Returns what the program describes."""
        for opcode, argument, _ in pickletools.genops(program):
            if opcode.name == "STOP":
                return self.stack.pop()
            self._step(opcode.name, argument)
        raise ValueError("its description has no end")

    def _step(self, instruction: str, argument: Any) -> None:
        stack = self.stack
        match instruction:
            case "PROTO":
                pass
            case "BININT" | "BININT1" | "BININT2" | "BINUNICODE":
                stack.append(argument)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(instruction == "NEWTRUE")
            case "NONE":
                stack.append(None)
            case "EMPTY_DICT":
                stack.append({})
            case "MARK":
                stack.append(_MARK)
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(self._popped(int(instruction[-1])))
            case "TUPLE":
                stack.append(self._to_mark())
            case "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "GLOBAL":
                stack.append(_allowed(argument))
            case "BINPERSID":
                stack.append(_storage(stack.pop()))
            case "REDUCE":
                stack.append(_called(*self._popped(2)))
            case "SETITEM":
                self._set(self._popped(2))
            case "SETITEMS":
                self._set(self._to_mark())
            case "BUILD":  # versions of the layers, as an attribute of the dictionary
                _checked(self._popped(1)[0], dict)
                _checked(stack[-1], dict)
            case _:
                raise ValueError(f"the instruction {instruction} is not allowed")

    def _popped(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise ValueError("its description is damaged")
        items = tuple(self.stack[-count:])
        del self.stack[-count:]
        return items

    def _to_mark(self) -> tuple[Any, ...]:
        """What lies on the stack above the last mark."""
        below = next(i for i in range(len(self.stack), 0, -1) if self.stack[i - 1] is _MARK)
        items = tuple(self.stack[below:])
        del self.stack[below - 1 :]
        return items

    def _set(self, items: tuple[Any, ...]) -> None:
        """Put keys and values into the dictionary on top of the stack."""
        if not isinstance(self.stack[-1], dict):
            raise ValueError("its description is damaged")
        keys = (_checked(key, str) for key in items[::2])
        self.stack[-1].update(zip(keys, items[1::2], strict=True))


def _allowed(name: str) -> _Name:
    if name not in _NAMES:
        raise ValueError(f"the name {name[:80]!r} is not allowed")
    return _Name(name)


def _storage(reference: Any) -> _Storage:
    """Of ("storage", type, key, device, count)."""
    kind, storage_type, key, _, count = _checked(reference, tuple)
    name = _checked(storage_type, _Name).text
    if kind != "storage" or name not in _STORAGES:
        raise ValueError("it refers to something else than values")
    if not re.fullmatch(r"\d{1,20}", _checked(key, str)):  # older versions write addresses
        raise ValueError("it refers to values by an invalid name")
    return _Storage(key, _STORAGES[name], _count(count))


def _called(function: Any, arguments: Any) -> Any:
    """What a call of one of the two allowed functions describes."""
    name, values = _checked(function, _Name).text, _checked(arguments, tuple)
    if name == _ORDERED and not values:
        return {}
    if name != _REBUILD:
        raise ValueError("a call is not allowed")
    storage, offset, shape, strides, *_ = values
    sizes = tuple(map(_count, _checked(shape, tuple)))
    dense = tuple(prod(sizes[axis + 1 :]) for axis in range(len(sizes)))
    transposed = strides != dense
    if transposed and strides != (1, *sizes[:1]):
        raise ValueError("a tensor is stored neither in rows nor in columns")
    shape = sizes[::-1] if transposed else sizes
    return _View(_checked(storage, _Storage), _count(offset), shape, transposed)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_TENSOR_BYTES:
        raise ValueError("a size is invalid")
    return value


def _checked(value: Any, kind: type[Kind]) -> Kind:
    if type(value) is not kind:
        raise ValueError("its description is damaged")
    return value
