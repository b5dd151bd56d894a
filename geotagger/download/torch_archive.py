"""Reads tensors from a file that `torch.save` wrote, and runs nothing in it.

Such a file is a zip archive: `data.pkl` describes the tensors, `data/0` and so on hold their
values. A pickle is a program, which can call any function. Here its few instructions that describe
a dictionary of tensors are carried out by hand, on tuples and names; every other instruction, and
every other name, is refused.
"""

from __future__ import annotations

import pickletools
import re
import zipfile
import zlib
from dataclasses import dataclass
from math import prod
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from geotagger.errors import DownloadError

Kind = TypeVar("Kind")

MAX_PROGRAM_BYTES = 1 << 20
MAX_TENSOR_BYTES = 1 << 30
_STORAGES: dict[str, np.dtype[Any]] = {
    "torch DoubleStorage": np.dtype("<f8"),
    "torch FloatStorage": np.dtype("<f4"),
    "torch HalfStorage": np.dtype("<f2"),
    "torch LongStorage": np.dtype("<i8"),
}
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
    dtype: np.dtype[Any]
    count: int


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor: where its values lie in its storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]


_DAMAGED = (
    ValueError, TypeError, LookupError, EOFError, StopIteration, NotImplementedError, RuntimeError,
    OSError, zlib.error, zipfile.BadZipFile,
)  # fmt: skip
"""Raised for a damaged archive or an invalid program."""
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
            programs = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            if len(programs) != 1:
                raise ValueError("it has no data.pkl")
            (program,) = programs
            result = _Program().run(_member(archive, program, MAX_PROGRAM_BYTES))
            views = result if isinstance(result, dict) else {"": result}
            folder = program.removesuffix("data.pkl")
            return {name: _tensor(archive, folder, view) for name, view in views.items()}
    except _DAMAGED as error:
        raise DownloadError(f"{file}: not a file of tensors that can be read ({error})") from error


def _tensor(archive: zipfile.ZipFile, folder: str, view: Any) -> NDArray[Any]:
    if not isinstance(view, _View):
        raise ValueError("it holds something else than tensors")
    storage = view.storage
    size_bytes = storage.count * storage.dtype.itemsize
    data = _member(archive, f"{folder}data/{storage.key}", min(size_bytes, MAX_TENSOR_BYTES))
    if len(data) != size_bytes or view.offset + prod(view.shape) > storage.count:
        raise ValueError(f"the values {storage.key} have another length")
    values = np.frombuffer(data, storage.dtype)[view.offset : view.offset + prod(view.shape)]
    return values.reshape(view.shape)


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
    if not re.fullmatch(r"\d{1,9}", _checked(key, str)):
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
    if strides != dense:
        raise ValueError("a tensor is not stored in rows")
    return _View(_checked(storage, _Storage), _count(offset), sizes)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_TENSOR_BYTES:
        raise ValueError("a size is invalid")
    return value


def _checked(value: Any, kind: type[Kind]) -> Kind:
    if type(value) is not kind:
        raise ValueError("its description is damaged")
    return value
