"""Tensors of torch.save without unpickling: what is read, where it is, and what is refused."""

import io
import os
import pickle
import zipfile
import zlib

import numpy as np
import pytest

from geotagger.download.safetensors import DTYPES
from geotagger.download.torch_archive import locate_tensors, read_tensors
from geotagger.errors import DownloadError

VALUES = np.arange(6, dtype="<f4")


class Name:
    """Pickled as a name that need not exist here."""

    def __init__(self, name):
        self.name = name


class Call:
    def __init__(self, function, *arguments):
        self.parts = function, arguments


class Storage:
    def __init__(self, key, count, kind="torch FloatStorage"):
        self.reference = ("storage", Name(kind), key, "cpu", count)


class Pickler(pickle._Pickler):
    """Writes names and calls as torch.save does, without torch."""

    def persistent_id(self, item):
        return item.reference if isinstance(item, Storage) else None

    def save(self, item, save_persistent_id=True):
        if isinstance(item, Name):
            self.write(b"c" + item.name.replace(" ", "\n").encode() + b"\n")
        elif isinstance(item, Call):
            self.save(item.parts[0])
            self.save(item.parts[1])
            self.write(pickle.REDUCE)
        else:
            super().save(item, save_persistent_id)


def pickled(item):
    file = io.BytesIO()
    Pickler(file, 2).dump(item)
    return file.getvalue()


def archive(program, members=None, name="weights"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(f"{name}/data.pkl", program)
        for key, data in (members or {"0": VALUES.tobytes()}).items():
            made.writestr(f"{name}/data/{key}", data)
    file.seek(0)
    return file


def tensor(storage=None, offset=0, shape=(2, 3), strides=(3, 1)):
    return Call(
        Name("torch._utils _rebuild_tensor_v2"),
        storage or Storage("0", 6), offset, shape, strides, False,
        Call(Name("collections OrderedDict")),
    )  # fmt: skip


def test_a_dictionary_of_tensors():
    state = {"a": tensor(), "b": tensor(offset=2, shape=(2,), strides=(1,))}
    found = read_tensors(archive(pickled(state)), "x.pth")
    assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["b"].tolist() == [2, 3]


def test_keys_of_older_versions_are_addresses():
    key = "94437352906432"
    file = archive(pickled({"a": tensor(Storage(key, 6))}), {key: VALUES.tobytes()})
    assert read_tensors(file, "x.bin")["a"].tolist() == [[0, 1, 2], [3, 4, 5]]


def saved_state():
    """As a module's own state, with versions of layers, shared values and a transposed matrix."""
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    state = network.state_dict()
    joined = torch.arange(12.0).reshape(6, 2)
    state |= {
        "q": joined[:2], "k": joined[2:4], "v": joined[4:],
        "turned": torch.arange(15.0).reshape(3, 5).T,
        "ids": torch.arange(7).reshape(1, 7),
        "one": torch.tensor(4.5),
    }  # fmt: skip
    assert state._metadata
    file = io.BytesIO()
    torch.save(state, file)
    return state, file


def test_the_state_of_a_module_is_read():
    state, file = saved_state()
    found = read_tensors(file, "x.pth")
    assert found.keys() == state.keys()
    for name, values in state.items():
        np.testing.assert_array_equal(found[name], values.numpy())


def test_the_bytes_of_each_tensor_are_located():
    state, file = saved_state()
    data = file.getvalue()
    located = locate_tensors(file, len(data), "x.bin")
    starts = [tensor.start for tensor in located.tensors]
    assert starts == sorted(starts)
    for tensor in located.tensors:
        values = np.frombuffer(data[tensor.start : tensor.stop], DTYPES[tensor.dtype])
        values = values.reshape(tensor.shape)
        if tensor.name.endswith(".T"):
            assert tensor.name == "turned.T"
            values = values.T
        np.testing.assert_array_equal(values, state[tensor.name.removesuffix(".T")].numpy())
    assert len(located.tensors) == len(state)
    for stored in located.values:
        assert zlib.crc32(data[stored.start : stored.stop]) == stored.crc32
    assert len(located.values) == len(state) - 2  # q, k and v are one


def test_what_torch_writes():
    torch = pytest.importorskip("torch")
    state = {
        "a": torch.arange(6.0).reshape(2, 3),
        "b": torch.tensor(3.5),
        "c": torch.ones(2).half(),
    }
    file = io.BytesIO()
    torch.save(state, file)
    found = read_tensors(file, "x.pth")
    for name, values in state.items():
        np.testing.assert_array_equal(found[name], values.numpy())
    file = io.BytesIO()
    torch.save(torch.tensor(2.0), file)
    assert read_tensors(file, "x.pth")[""] == 2


class Evil:
    def __reduce__(self):
        return os.system, ("touch pwned",)


MALICIOUS = {
    "system": pickle.dumps(Evil(), 2),
    "system, protocol 4": pickle.dumps(Evil(), 4),
    "system, protocol 0": pickle.dumps(Evil(), 0),
    "a later protocol": pickle.dumps({}, 4),
    "a name": pickled({"a": Name("os system")}),
    "builtins": pickled({"a": Call(Name("builtins eval"), "1")}),
    "another function of torch": pickled({"a": Call(Name("torch.hub load"), "x")}),
    "a call of an argument": pickled({"a": Call(Name("torch FloatStorage"), 1)}),
    "a dictionary with arguments": pickled(Call(Name("collections OrderedDict"), [("a", 1)])),
    "an object with state": pickle.dumps(Storage("0", 6), 2),
    "no tensor": pickled({"a": 1}),
    "a name alone": pickled(Name("torch FloatStorage")),
    "keys that are no names": pickled({1: tensor()}),
    "a path as key": pickled({"a": tensor(Storage("../../etc/passwd", 6))}),
    "a storage of another kind": pickled({"a": tensor(Storage("0", 6, "os system"))}),
    "a missing storage": pickled({"a": tensor(Storage("7", 6))}),
    "a storage that is too long": pickled({"a": tensor(Storage("0", 10**6))}),
    "a storage without end": pickled({"a": tensor(Storage("0", 10**15))}),
    "a negative storage": pickled({"a": tensor(Storage("0", -1))}),
    "behind the storage": pickled({"a": tensor(offset=4)}),
    "a negative offset": pickled({"a": tensor(offset=-1)}),
    "a huge shape": pickled({"a": tensor(shape=(10**9, 10**9), strides=(10**9, 1))}),
    "a negative shape": pickled({"a": tensor(shape=(-2, -3), strides=(-3, 1))}),
    "strides that overlap": pickled({"a": tensor(strides=(0, 0))}),
    "not a tuple": pickled({"a": Call(Name("torch._utils _rebuild_tensor_v2"), 1)}),
    "cut off": pickled({"a": tensor()})[:-20],
    "no end": pickled({"a": tensor()})[:-1],
    "empty": b"",
    "noise": bytes(range(256)),
    "a stack that is empty": b"\x80\x02R.",
    "a mark that is missing": b"\x80\x02}u.",
    "an unknown place in the memo": b"\x80\x02h\x07.",
    "setting items of a tuple": b"\x80\x02)X\x01\x00\x00\x00aK\x01s.",
    "a program that is too long": b"\x80\x02" + b"N0" * 600_000 + b".",
    "an extension": b"\x80\x02\x82\x01.",
    "state that is no dictionary": b"\x80\x02}K\x01b.",
    "state without an object": b"\x80\x02}b.",
    "state of a tensor": pickled(tensor())[:-1] + b"}b.",
    "itself": b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.",
}  # fmt: skip


@pytest.mark.parametrize("program", MALICIOUS.values(), ids=MALICIOUS)
def test_everything_else_is_refused(program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = archive(program)
    with pytest.raises(DownloadError, match=r"^x\.pth: not a file of tensors that can be read"):
        read_tensors(file, "x.pth")
    with pytest.raises(DownloadError, match=r"^x\.pth: not a file of tensors that can be read"):
        locate_tensors(file, len(file.getvalue()), "x.pth")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("data", [b"", b"PK\3\4", pickle.dumps({"a": 1}), b"\0" * 100])
def test_what_is_no_archive(data):
    with pytest.raises(DownloadError, match="not a file of tensors"):
        read_tensors(io.BytesIO(data), "x.pth")


def test_an_archive_without_or_with_two_descriptions():
    file = archive(pickled({"a": tensor()}))
    with zipfile.ZipFile(file, "a") as made:
        made.writestr("other/data.pkl", b"")
    with pytest.raises(DownloadError, match=r"data\.pkl"):
        read_tensors(file, "x.pth")


def test_a_zip_bomb_is_not_unpacked(monkeypatch):
    from geotagger.download import torch_archive

    monkeypatch.setattr(torch_archive, "MAX_PROGRAM_BYTES", 1000)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a/data.pkl", b"\0" * 10_000_000)
    with pytest.raises(DownloadError, match="too large"):
        read_tensors(file, "x.pth")


DIRECTORIES = {
    "compressed values": {"compress_type": zipfile.ZIP_DEFLATED},
    "values behind the file": {"header_offset": 10**9},
    "values before the file": {"header_offset": -(10**6)},
    "values of another length": {"file_size": 20},
}


@pytest.mark.parametrize("changes", DIRECTORIES.values(), ids=DIRECTORIES)
def test_a_directory_that_lies(changes, monkeypatch):
    read = zipfile.ZipFile._RealGetContents

    def changed(self):
        read(self)
        for name, value in changes.items():
            setattr(self.getinfo("weights/data/0"), name, value)

    file = archive(pickled({"a": tensor()}))
    monkeypatch.setattr(zipfile.ZipFile, "_RealGetContents", changed)
    with pytest.raises(DownloadError, match="not a file of tensors"):
        locate_tensors(file, len(file.getvalue()), "x.pth")
