"""Where the files of a model come from: a hub, any other web server, or a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from geotagger.errors import DownloadError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_BYTES = 1 << 20
MAX_SMALL_FILE_BYTES = 64 << 20
"""Configurations and tokenizers; a longer one is an error page or something else."""


@dataclass(frozen=True, slots=True)
class FileVersion:
    """What identifies the content of a file."""

    size_bytes: int
    tag: str = ""
    """The ETag of the server that sends the bytes; of a local file, its time of change."""
    commit: str = ""
    """The revision of the hub that the file belongs to."""
    digest: str = ""
    """The hub's own hash: a SHA-256, or the SHA-1 of a Git blob; empty if it states none."""


class FileMissingError(DownloadError):
    """There is no file of this name."""


class FileChangedError(DownloadError):
    """The file is not the one that a download began with."""


class FileOrigin(Protocol):
    """A folder of files, here or elsewhere."""

    name: str
    """For messages and for the card: hub id and revision, address or `local folder`."""

    def version(self, file: str) -> FileVersion:
        """The current version of a file.

        Raises:
            FileMissingError: there is no such file.
            DownloadError: it cannot be reached.
        """

    def read(
        self, file: str, start: int, stop: int, version: FileVersion | None = None
    ) -> Iterator[bytes]:
        """The bytes from start to stop, in pieces.

        Raises:
            FileChangedError: the file has another version than this one.
            DownloadError: the bytes cannot be had.
        """

    def read_whole(self, file: str) -> bytes:
        """A small file as a whole, compared with the hub's hash of it.

        Raises:
            DownloadError: it cannot be had, is too large, or has another hash.
        """


class LocalFolder:
    """An `FileOrigin` on this computer. It opens no connection."""

    name = "local folder"

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            UsageError: there is no such folder.
        """
        if not folder.is_dir():
            raise UsageError(f"{folder}: there is no such folder")
        self._folder = folder

    def path(self, file: str) -> Path:
        """Where a file is."""
        return self._folder / file

    def version(self, file: str) -> FileVersion:
        path = self.path(file)
        try:
            status = path.stat()
        except FileNotFoundError as error:
            raise FileMissingError(
                f"{path}: is missing; the folder of a checkpoint holds config.json, "
                "preprocessor_config.json, tokenizer.json and model.safetensors"
            ) from error
        except OSError as error:
            raise DownloadError(f"{path}: cannot be read ({error.strerror})") from error
        return FileVersion(status.st_size, str(status.st_mtime_ns))

    def read(
        self, file: str, start: int, stop: int, version: FileVersion | None = None
    ) -> Iterator[bytes]:
        if version and self.version(file) != version:
            raise FileChangedError(f"{self.path(file)}: changed while it was being read")
        try:
            with (self.path(file)).open("rb") as stream:
                stream.seek(start)
                while start < stop:
                    piece = stream.read(min(CHUNK_BYTES, stop - start))
                    if not piece:
                        raise DownloadError(f"{self.path(file)}: ends too early")
                    start += len(piece)
                    yield piece
        except OSError as error:
            raise DownloadError(f"{self.path(file)}: cannot be read ({error.strerror})") from error

    def read_whole(self, file: str) -> bytes:
        size_bytes = self.version(file).size_bytes
        if size_bytes > MAX_SMALL_FILE_BYTES:
            raise DownloadError(f"{self.path(file)}: is larger than such a file can be")
        return b"".join(self.read(file, 0, size_bytes))
