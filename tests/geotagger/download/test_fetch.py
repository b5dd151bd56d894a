"""Only the tensors that are needed are fetched; an interrupted download goes on."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from geotagger.download import fetch
from geotagger.download.fetch import fetch_tensors, source_tensors
from geotagger.download.hub import open_repository
from geotagger.download.origin import FileChangedError
from geotagger.download.safetensors import TensorFile
from geotagger.errors import DownloadError
from tests.fixtures.tensor_files import tensor_file, with_header

FILE = "model.safetensors"
RANDOM = np.random.default_rng(0)
TENSORS = {
    f"part{number}.weight": RANDOM.normal(size=(50, 40 + number)).astype(np.float32)
    for number in range(6)
}
NEEDED = ("part1.weight", "part2.weight", "part4.weight")


@pytest.fixture
def origin(hub):
    hub.files |= {f"a/b/{FILE}": tensor_file(TENSORS)}
    return open_repository("a/b", "main", [FILE])[0]


def fetched(origin, folder, names=NEEDED, on_bytes=lambda _: None):
    stored, version = source_tensors(origin, FILE)
    needed = [tensor for tensor in stored if tensor.name in names]
    return fetch_tensors(origin, FILE, needed, version, folder / FILE, on_bytes)


def check(tensors, names=NEEDED):
    assert set(tensors) == set(names)
    for name in names:
        np.testing.assert_array_equal(tensors.read(name), TENSORS[name])


def test_only_the_needed_tensors_are_fetched(origin, hub, tmp_path):
    counted = []
    check(fetched(origin, tmp_path, on_bytes=counted.append))
    wanted = sum(TENSORS[name].nbytes for name in NEEDED)
    header = hub.files[f"a/b/{FILE}"].index(TENSORS["part0.weight"].tobytes())
    assert sum(counted) == wanted
    ranges = [
        tuple(map(int, headers["Range"].removeprefix("bytes=").split("-")))
        for server, _, headers in hub.requests
        if server == "store"
    ]
    sizes_asked = ranges.count((0, 0))
    assert len(ranges) == sizes_asked + 1 + 2  # the header, then two runs of neighbours
    assert sum(stop - start + 1 for start, stop in ranges[-2:]) == wanted
    assert ranges[-2][0] == header + TENSORS["part0.weight"].nbytes
    before = hub.sent_bytes
    check(fetched(origin, tmp_path))  # nothing is left to fetch but the header
    assert hub.sent_bytes - before < 60_000


def test_the_local_file_is_one_of_the_format(origin, tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    fetched(origin, tmp_path)
    for name, values in safetensors.load_file(tmp_path / FILE).items():
        np.testing.assert_array_equal(values, TENSORS[name])


def test_a_download_goes_on_after_a_failure(origin, hub, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "SYNC_BYTES", 1000)
    stored, version = source_tensors(origin, FILE)
    needed = [tensor for tensor in stored if tensor.name in NEEDED]
    hub.break_after, hub.errors = 12_000, []

    def fail_later(count):
        seen.append(count)
        hub.errors = [404] * 9 * (count > 0)

    seen = []
    with pytest.raises(DownloadError, match="HTTP 404"):
        fetch_tensors(origin, FILE, needed, version, tmp_path / FILE, fail_later)
    hub.break_after, hub.errors = 0, []
    before = hub.sent_bytes
    again = []
    check(fetch_tensors(origin, FILE, needed, version, tmp_path / FILE, again.append))
    assert again[0] == sum(seen) > 0
    assert hub.sent_bytes - before == sum(TENSORS[name].nbytes for name in NEEDED) - sum(seen)


CHILD = """
import os, signal, sys
from itertools import count
from pathlib import Path
from geotagger.download import fetch, web
from geotagger.download.hub import open_repository
fetch.SYNC_BYTES, web.CHUNK_BYTES = 4000, 1000
origin, _ = open_repository("a/b", "main", ["model.safetensors"])
stored, version = fetch.source_tensors(origin, "model.safetensors")
pieces = count(1)
def show(_):
    if next(pieces) == 8:
        os.kill(os.getpid(), signal.SIGKILL)
fetch.fetch_tensors(origin, "model.safetensors", stored, version, Path(sys.argv[1]), show)
"""


def test_a_killed_download_goes_on(origin, tmp_path):
    """Killed as often as it has written something; never does it begin anew, nor end wrong."""
    target, safe = tmp_path / FILE, []
    for _ in range(3):
        child = subprocess.run(
            [sys.executable, "-c", CHILD, str(target)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            check=False,
        )
        assert child.returncode == -signal.SIGKILL
        safe.append(json.loads(target.with_name(f"{FILE}.note").read_text())["safe_bytes"])
    assert 0 < safe[0] < safe[1] < safe[2]
    counted = []
    check(fetched(origin, tmp_path, tuple(TENSORS), counted.append), TENSORS)
    assert counted[0] > 0


@pytest.mark.parametrize("damage", ["note", "shorter", "other tensors", "other version"])
def test_what_does_not_belong_together_begins_anew(origin, tmp_path, damage):
    growing, note = tmp_path / FILE, tmp_path / f"{FILE}.note"
    fetched(origin, tmp_path)
    growing.write_bytes(growing.read_bytes()[:-5000] + b"\0" * 4000)
    content = json.loads(note.read_text())
    content["safe_bytes"] = growing.stat().st_size
    if damage == "shorter":
        content["safe_bytes"] += 1
    elif damage != "note":
        content["source"] = "0" * 64
    note.write_text(json.dumps(content) if damage != "note" else "{")
    check(fetched(origin, tmp_path))


def test_a_file_that_changed_on_the_hub_is_not_mixed(origin, hub, tmp_path):
    stored, version = source_tensors(origin, FILE)
    hub.files[f"a/b/{FILE}"] = tensor_file({name: -values for name, values in TENSORS.items()})
    with pytest.raises(FileChangedError):
        fetch_tensors(origin, FILE, stored, version, tmp_path / FILE)
    with pytest.raises(DownloadError):
        TensorFile(tmp_path / FILE)


HEADERS = {
    "empty": b"",
    "short": b"\1\0\0",
    "no JSON": with_header(b"{{{"),
    "a list": with_header(b"[]"),
    "not UTF-8": with_header(b'{"\xff": 1}'),
    "deep": with_header(b"[" * 200_000),
    "too long": (1 << 40).to_bytes(8, "little") + b"{}",
    "longer than the file": (1 << 20).to_bytes(8, "little") + b"{}",
    "a gap": tensor_file(TENSORS, x={"dtype": "U8", "shape": [1], "data_offsets": [99999, 10**5]}),
    "an overlap": tensor_file(TENSORS, more={"dtype": "U8", "shape": [4], "data_offsets": [2, 6]}),
    "outside": tensor_file(TENSORS) + b"x",
    "cut off": tensor_file(TENSORS)[:-1],
    "unknown type": tensor_file(TENSORS, x={"dtype": "F8", "shape": [0], "data_offsets": [0, 0]}),
    "negative": tensor_file(TENSORS, x={"dtype": "U8", "shape": [-1, -4], "data_offsets": [0, 4]}),
    "wrong size": tensor_file(TENSORS, x={"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}),
    "no number": tensor_file(TENSORS, x={"dtype": "U8", "shape": ["4"], "data_offsets": [0, 4]}),
    "huge": tensor_file(TENSORS, x={"dtype": "U8", "shape": [2**70], "data_offsets": [0, 2**70]}),
}  # fmt: skip


@pytest.mark.parametrize("data", HEADERS.values(), ids=HEADERS)
def test_invalid_files_are_refused(hub, tmp_path, data):
    hub.files |= {f"a/b/{FILE}": data, "a/b/config.json": b"{}"}
    origin, _ = open_repository("a/b", "main", ["config.json"])
    with pytest.raises(DownloadError, match="safetensors"):
        source_tensors(origin, FILE)
    (tmp_path / FILE).write_bytes(data)
    with pytest.raises(DownloadError, match="safetensors"):
        TensorFile(tmp_path / FILE)


def test_types(tmp_path):
    tensors = {
        "half": np.array([1.5, -2], np.float16),
        "brain": np.array([0x3FC0, 0xC000], np.uint16),
        "scalar": np.array(7, np.int64),
    }
    (tmp_path / FILE).write_bytes(tensor_file(tensors))
    read = TensorFile(tmp_path / FILE)
    assert read.read("half").tolist() == read.read("brain").tolist() == [1.5, -2]
    assert read.read("brain").dtype == np.float32
    assert read.read("scalar").shape == ()
