"""The parsers of published models: checkpoints, their weights read by ranges, and web servers."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.request import HTTPHandler, HTTPSHandler, build_opener

import msgspec
import numpy as np

from geotagger.calibration.stored import (
    CalibratedModel,
    HeldOutScores,
    UserCalibration,
    calibrated,
    calibration_file,
)
from geotagger.download import web
from geotagger.download.checkpoint_files import FORMS, CheckpointFiles
from geotagger.download.fetch import fetch_tensors
from geotagger.download.known import known_models
from geotagger.download.origin import LocalFolder
from geotagger.download.pins import Pin, check_and_record, pinned_commit
from geotagger.download.safetensors import TensorFile
from geotagger.download.torch_archive import ALIGNMENT_BYTES, read_tensors
from geotagger.download.torch_weights import archived_tensors, check_values
from geotagger.vision.bundle.bundle import (
    ModelBundle,
    embedded_bundles,
    find_bundle,
    load_bundle,
)
from geotagger.vision.bundle.card import CARD_FILE
from geotagger.vision.published.graph_template import PIXEL_DEVIATION, PIXEL_MEAN, tower_template
from geotagger.vision.published.licences import licence_in_page
from geotagger.vision.search_space import read_points
from tests.fixtures.tensor_files import with_header
from tests.fuzz.target import Target

VALUES = np.arange(6, dtype="<f4").tobytes()
COMMIT = "0123456789abcdef0123456789abcdef01234567"
BODY = b"hello world"
ADDRESS = "http://models.example/a"


def program() -> bytes:
    """As torch.save describes a dictionary with one tensor."""
    return (
        b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02"
        b"((X\x07\x00\x00\x00storageq\x03ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05"
        b"X\x03\x00\x00\x00cpuq\x06K\x06tq\x07QK\x00K\x02K\x03\x86q\x08K\x03K\x01\x86q\t\x89"
        b"ccollections\nOrderedDict\nq\n)Rq\x0btq\x0cRq\rs."
    )


def archive(description: bytes) -> bytes:
    """An archive of torch.save: its values begin at a multiple of 64 bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        members.writestr("w/data.pkl", description)
        values = zipfile.ZipInfo("w/data/0")
        values.extra = b"FB" + bytes(2)
        room = -(file.tell() + 30 + len(values.filename) + 4) % ALIGNMENT_BYTES
        values.extra = b"FB" + room.to_bytes(2, "little") + bytes(room)
        members.writestr(values, VALUES)
    return file.getvalue()


def read_program(file: Path) -> None:
    """The description is what is damaged; the archive around it is sound."""
    file.write_bytes(archive(file.read_bytes()))
    read_archive(file)


def read_archive(file: Path) -> None:
    """As a whole, and by ranges, as `models pull` reads it."""
    origin = LocalFolder(file.parent)
    archived, version = archived_tensors(origin, file.name)
    target = file.with_suffix(".safetensors")
    fetched = fetch_tensors(origin, file.name, archived.tensors, version, target)
    check_values(fetched, archived.tensors, archived.values, file.name)
    for name in fetched:
        fetched.read(name)
    with file.open("rb") as stream:
        read_tensors(stream, str(file))


@cache
def sound_checkpoint() -> dict[str, bytes]:
    """The files of a checkpoint whose tensors are empty, but for its scale."""
    model = known_models()["clip-b32"]
    names = {"logit_scale"}
    for tower in model.towers:
        names |= tower_template(tower, "fp32").tensors - {PIXEL_MEAN, PIXEL_DEVIATION}
    header = {name: {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for name in names}
    header["logit_scale"] |= {"shape": [], "data_offsets": [0, 4]}
    processor = {
        "size": 224, "crop_size": {"height": 224, "width": 224}, "do_center_crop": True,
        "resample": 3, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
    }  # fmt: skip
    open_clip = {
        "model_cfg": {
            "embed_dim": 512,
            "quick_gelu": True,
            "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32},
            "text_cfg": {
                "context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 12,
            },
        },
        "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "size": [3, 224, 224]},
    }  # fmt: skip
    vocabulary = {"a": 0, "[other]": 1, "<|endoftext|>": 2}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [],
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[other]"},
    }
    texts = {
        "config.json": model.config,
        "open_clip_config.json": open_clip,
        "preprocessor_config.json": processor,
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": {"pad_token": {"content": "<|endoftext|>"}},
    }
    page = b"---\nlicense: mit\ntags: [x]\n---\n# A model\n"
    return {
        **{name: json.dumps(document).encode() for name, document in texts.items()},
        "header.json": json.dumps(header).encode(),
        "README.md": page,
    }


def read_checkpoint(file: Path) -> None:
    """One file of a checkpoint is damaged; the others are sound."""
    folder = file.with_suffix("")
    folder.mkdir()
    own = file.name.partition(".")[2]
    contents = {**sound_checkpoint(), own: file.read_bytes()}
    weights = with_header(contents.pop("header.json"), np.float32(4.6).tobytes())
    unused = FORMS[0] if own == FORMS[1][0] else FORMS[1]
    contents[FORMS[1][1] if own == FORMS[1][0] else FORMS[0][1]] = weights
    contents.pop(unused[0])
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    files = CheckpointFiles(LocalFolder(folder), with_text=True)
    licence = licence_in_page(files.page())
    checkpoint = files.checkpoint(files.fetch(folder, lambda _: None), licence, {})
    assert checkpoint.towers
    assert checkpoint.input_spec
    checkpoint.logit_scale  # noqa: B018
    checkpoint.write_tokenizer(folder / "made.json")


class _Socket:
    """A connection that answers every request with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def sendall(self, data: bytes) -> None:
        pass

    def close(self) -> None:
        pass

    def setsockopt(self, *_: int) -> None:
        pass

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._answer)


def read_answers(file: Path) -> None:
    """What a web server may answer."""
    answer = file.read_bytes()

    class Connection(http.client.HTTPConnection):
        def connect(self) -> None:
            self.sock = _Socket(answer)  # type: ignore[assignment]

    class Plain(HTTPHandler):
        def http_open(self, request: Any) -> Any:
            return self.do_open(Connection, request)

    class Secure(HTTPSHandler):
        def https_open(self, request: Any) -> Any:
            return self.do_open(Connection, request)

    with patch.object(web.time, "sleep"):
        folder = web.WebFolder(ADDRESS, token="secret")
        redirects = web._Redirects(web._server(ADDRESS), "secret")
        folder._opener = build_opener(redirects, Plain, Secure)
        version = folder.version("f")
        sent = sum(map(len, folder.read("f", 0, len(BODY), version)))
        assert sent == len(BODY)
        folder.read_whole("f")


def valid_answers() -> dict[str, bytes]:
    digest = hashlib.sha1(b"blob %d\0%b" % (len(BODY), BODY), usedforsecurity=False).hexdigest()
    stated = f'X-Repo-Commit: {COMMIT}\r\nETag: "{digest}"\r\n'
    length = len(BODY)
    parts = f"Content-Range: bytes 0-{length - 1}/{length}\r\nContent-Length: {length}\r\n\r\n"
    return {
        ".part": f"HTTP/1.1 206 Partial Content\r\n{stated}{parts}".encode() + BODY,
        ".chunked": f"HTTP/1.1 200 OK\r\n{stated}Content-Range: bytes 0-10/11\r\nTransfer-Encoding:"
        f" chunked\r\n\r\nb\r\n{BODY.decode()}\r\n0\r\n\r\n".encode(),
    }


@contextmanager
def models_in(folder: Path) -> Iterator[None]:
    with patch.dict(os.environ, {"GEOTAGGER_MODELS": str(folder)}):
        yield


def read_pins(file: Path) -> None:
    with models_in(file.parent):
        file.replace(file.parent / "pins.json")
        pinned_commit("a/b")
        check_and_record("a/b", COMMIT, {"config.json": "ab" * 32})


def valid_pins() -> bytes:
    pin = Pin("a/b", COMMIT, {"config.json": "ab" * 32})
    return json.dumps(
        [{"repository": pin.repository, "commit": pin.commit, "hashes": pin.hashes}]
    ).encode()


def read_calibration(file: Path) -> None:
    """A calibration that is damaged is not applied."""
    bundle = _bundle()
    with models_in(file.parent):
        file.replace(calibration_file([bundle.path]))
        (changed,) = calibrated([bundle])
        assert changed.card.to_json()


@cache
def _bundle() -> ModelBundle:
    return load_bundle(find_bundle(embedded_bundles()[0]))


def valid_calibration() -> bytes:
    bundle = find_bundle(embedded_bundles()[0])
    card = hashlib.sha256((bundle / CARD_FILE).read_bytes()).hexdigest()
    scores = HeldOutScores(1.0, 0.9, 40)
    model = CalibratedModel(bundle.name, card, 1.1, 0.8)
    return msgspec.json.encode(UserCalibration((model,), 1.2, 50, 9, 3, scores, scores))


def read_every_tensor(file: Path) -> None:
    tensors = TensorFile(file)
    for name in tensors:
        tensors.read(name)
        tensors.sha256(name)


def read_header(file: Path) -> None:
    """The header is what is damaged; its length is right."""
    file.write_bytes(with_header(file.read_bytes(), VALUES))
    read_every_tensor(file)


def download_targets() -> dict[str, Target]:
    checkpoint = {f".{name}": data for name, data in sound_checkpoint().items()}
    header = {
        "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
        "b": {"dtype": "BF16", "shape": [4], "data_offsets": [16, 24]},
    }
    points = b"lat,lon,count\n1,2,3\n4.5,5,6\n-7,8.25,9\n"
    return {
        "torch": Target({".pth": archive(program())}, read_archive),
        "torch program": Target({".pth": program()}, read_program),
        "safetensors header": Target({".json": json.dumps(header).encode()}, read_header),
        "checkpoint": Target(checkpoint, read_checkpoint, nameless=True),
        "web": Target(valid_answers(), read_answers, nameless=True),
        "pins": Target({".json": valid_pins()}, read_pins, nameless=True),
        "calibration": Target({".json": valid_calibration()}, read_calibration, nameless=True),
        "points": Target({".csv": points}, read_points),
    }
