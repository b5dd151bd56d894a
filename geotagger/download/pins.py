"""Which revision of a published model is used, and the hashes of its files.

The hub cannot be asked when a release of geotagger is made, so no revision is written into the
program: the one that is pulled first is recorded in the folder of models, with the hashes of what
was fetched. Later pulls take the same revision, and refuse other bytes (trust on first use, as of
the keys of SSH). `data/model_pins.json` has the same form, for pins that come with the program.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from geotagger.data import read_text
from geotagger.errors import DownloadError
from geotagger.vision.bundle.bundle import models_folder

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.download.safetensors import TensorFile

PINS_FILE = "pins.json"


class Pin(Struct, frozen=True, forbid_unknown_fields=True):
    """A revision of a repository."""

    repository: str
    commit: str
    hashes: Mapping[str, str]
    """SHA-256 by name: of small files, and of single tensors as `model.safetensors/NAME`."""


def pinned_commit(repository: str) -> str:
    """The revision of a repository that was recorded first; empty if none was."""
    return next((pin.commit for pin in (*_shipped(), *_own()) if pin.repository == repository), "")


def check_and_record(repository: str, commit: str, hashes: Mapping[str, str]) -> None:
    """Compare hashes with those that are recorded for this revision, and record the others.

    Raises:
        DownloadError: a hash is another one, or the file of pins cannot be read.
        OSError: the disk refuses.
    """
    own = _own()
    for pin in (*_shipped(), *own):
        if (pin.repository, pin.commit) != (repository, commit):
            continue
        changed = sorted(
            name for name in hashes.keys() & pin.hashes if hashes[name] != pin.hashes[name]
        )
        if changed:
            raise DownloadError(
                f"{repository}@{commit}: {changed[0]} is not the one that was pulled first "
                f"(SHA-256 {hashes[changed[0]]} instead of {pin.hashes[changed[0]]}); do not use "
                f"this source. If you trust it, delete the entry in {_file()}"
            )
    for number, pin in enumerate(own):
        if (pin.repository, pin.commit) == (repository, commit):
            own[number] = Pin(repository, commit, {**pin.hashes, **hashes})
            break
    else:
        own.append(Pin(repository, commit, hashes))
    _write(own)


def tensor_hashes(tensors: TensorFile, file: str, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of some tensors, by FILE/NAME."""
    return {f"{file}/{name}": tensors.sha256(name) for name in names}


def digest(hashes: Mapping[str, str]) -> str:
    """One SHA-256 over all hashes and their names."""
    lines = "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))
    return hashlib.sha256(lines.encode()).hexdigest()


def _shipped() -> list[Pin]:
    return msgspec.json.decode(read_text("model_pins.json"), type=list[Pin])


def _own() -> list[Pin]:
    try:
        return msgspec.json.decode(_file().read_bytes(), type=list[Pin])
    except FileNotFoundError:
        return []
    except (ValueError, RecursionError) as error:
        raise DownloadError(
            f"{_file()}: cannot be read ({error}); put it right, or delete it to trust the next "
            "pull anew"
        ) from error


def _write(pins: list[Pin]) -> None:
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.new")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(pins), indent=1) + b"\n")
    draft.replace(file)


def _file() -> Path:
    return models_folder() / PINS_FILE
