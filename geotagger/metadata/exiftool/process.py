"""A resident ExifTool, for HEIC, AVIF, JPEG XL and camera RAW.

One process stays open (`-stay_open`: 13 ms a photo instead of 200). It never touches a photo of the
user: it reads a copy in a folder of its own and writes another file there (`-o`). So the new bytes
are verified, journaled and written like all others. If a file makes it die or hang, it is restarted
and the file is tried once more before it is refused.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from piexif import GPSIFD

from geotagger.errors import CannotEmbedError, UsageError
from geotagger.metadata.exif.gps_tags import encode_tags

if TYPE_CHECKING:
    from types import TracebackType

    from geotagger.metadata.exif.gps_tags import GpsTags

SUFFIXES = frozenset({
    ".heic", ".heif", ".hif", ".avif", ".jxl", ".3fr", ".arw", ".cr2", ".cr3", ".dng", ".erf",
    ".iiq", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".srw",
})  # fmt: skip
"""Suffixes of files that ExifTool writes. It cannot write EXIF into other kinds of RAW."""

TIMEOUT_S = 30.0
_MAX_REASON_CHARACTERS = 200


_EXIT_WITH_PARENT = """\
use Cwd;
my ($parent, $folder) = (getppid(), cwd());
$SIG{ALRM} = sub {
    if (getppid() == $parent) { alarm 2; return }
    unlink glob('*');
    chdir '/';
    rmdir $folder;
    exit 1;
};
alarm 2;
1;
"""
"""Its configuration, in Perl: otherwise a resident ExifTool outlives a program that is killed."""


class ExifToolDiedError(Exception):
    """ExifTool exited, or was killed because it did not answer in time."""


def find_program(program: str = "exiftool") -> str:
    """The path of the program. Raises UsageError, with the remedy, if it is not installed."""
    path = shutil.which(program)
    if path is None:
        raise UsageError(
            "--backend exiftool needs ExifTool, which is not installed: get it from exiftool.org "
            "or your system's packages (libimage-exiftool-perl), or leave the option away: photos "
            "that cannot be embedded get a sidecar"
        )
    return path


class ExifTool:
    """A resident ExifTool. Starts with the first file; close it, or use it as a context manager.

    Raises:
        UsageError: The program is not installed.
    """

    def __init__(self, program: str = "exiftool", timeout_s: float = TIMEOUT_S) -> None:
        self.program = find_program(program)
        self.timeout_s = timeout_s
        self._folder = tempfile.TemporaryDirectory(prefix="geotagger-")
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 closed by close()
        self._process: subprocess.Popen[bytes] | None = None
        self._command_number = 0

    def __enter__(self) -> ExifTool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kills the process and removes its folder."""
        self._stop()
        self._stderr.close()
        self._folder.cleanup()

    def xmp_packet(self, data: bytes, suffix: str) -> bytes | None:
        """The XMP packet of the file. Raises CannotEmbedError if ExifTool cannot read it."""
        return self._run(data, suffix, ["-b", "-XMP"])[0] or None

    def position(self, data: bytes, suffix: str) -> tuple[float, float] | None:
        """(latitude, longitude) in the file's EXIF, in degrees; None if there is no position."""
        names = ["-GPS:GPSLatitude", "-GPS:GPSLongitude"]
        refs = ["-GPS:GPSLatitudeRef", "-GPS:GPSLongitudeRef"]
        output, _ = self._run(data, suffix, ["-n", "-j", *names, *refs])
        try:
            (tags,) = json.loads(output)
            lat, lon = float(tags["GPSLatitude"]), float(tags["GPSLongitude"])
        except (ValueError, KeyError, TypeError):
            return None
        south, west = tags.get("GPSLatitudeRef") == "S", tags.get("GPSLongitudeRef") == "W"
        return -lat if south else lat, -lon if west else lon

    def rewrite(self, data: bytes, suffix: str, changes: list[str], packet: bytes | None) -> bytes:
        """The file with changed tags.

        Args:
            data: The file.
            suffix: Of its name.
            changes: Arguments for ExifTool; numbers as with -n.
            packet: Its new XMP packet; None leaves XMP as it is.

        Raises:
            CannotEmbedError: ExifTool refuses; the text gives its reason.
        """
        arguments = ["-n", *changes]
        if packet is not None:
            self._path("packet.xmp").write_bytes(packet)
            arguments.append(f"-XMP<={self._path('packet.xmp')}")
        new = self._path(f"new{suffix}")
        with suppress(FileNotFoundError):
            new.unlink()
        _, messages = self._run(data, suffix, [*arguments, "-o", str(new)])
        if not new.exists() or (embedded := new.read_bytes()) == data:
            reason = messages.split(" - ")[0].removeprefix("Error: ").removeprefix("Warning: ")
            raise CannotEmbedError(
                f"ExifTool refuses it: {reason.strip()[:_MAX_REASON_CHARACTERS] or 'no reason'}"
            )
        return embedded

    def _path(self, name: str) -> Path:
        return Path(self._folder.name, name)

    def _run(self, data: bytes, suffix: str, arguments: list[str]) -> tuple[bytes, str]:
        """(output, messages) of ExifTool for a copy of the file. Tries twice if it dies."""
        copy = self._path(f"photo{suffix.lower()}")
        copy.write_bytes(data)
        try:
            with suppress(ExifToolDiedError):
                return self._execute([*arguments, str(copy)])
            try:  # in a new process: an earlier file may have broken the old one
                return self._execute([*arguments, str(copy)])
            except ExifToolDiedError as error:
                raise CannotEmbedError(f"ExifTool {error} on it, twice") from error
        finally:
            copy.unlink()

    def _execute(self, arguments: list[str]) -> tuple[bytes, str]:
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        self._command_number += 1
        ready = f"{{ready{self._command_number}}}".encode()
        lines = [*arguments, f"-execute{self._command_number}", ""]
        timed_out = threading.Event()

        def kill() -> None:
            timed_out.set()
            process.kill()

        watchdog = threading.Timer(self.timeout_s, kill)
        watchdog.start()
        output = bytearray()
        try:
            process.stdin.write("\n".join(lines).encode())
            process.stdin.flush()
            while not output.rstrip(b"\r\n").endswith(ready):
                part = process.stdout.read1(1 << 16)  # type: ignore[attr-defined]
                if not part:
                    raise BrokenPipeError
                output += part
        except OSError as error:
            self._stop()
            raise ExifToolDiedError("hangs" if timed_out.is_set() else "dies") from error
        finally:
            watchdog.cancel()
        return bytes(output.rstrip(b"\r\n").removesuffix(ready)), self._messages()

    def _start(self) -> subprocess.Popen[bytes]:
        configuration = self._path("configuration.pl")
        configuration.write_text(_EXIT_WITH_PARENT if os.name == "posix" else "1;")
        command = [self.program, "-config", str(configuration), "-stay_open", "True", "-@", "-"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            cwd=self._folder.name,
            env={**os.environ, "LC_ALL": "C"},
        )
        return self._process

    def _stop(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()  # it has nothing to lose
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._messages()

    def _messages(self) -> str:
        """What it wrote to its error stream since the last call."""
        self._stderr.seek(0)
        messages = self._stderr.read().decode("utf-8", "replace")
        self._stderr.seek(0)
        self._stderr.truncate()
        return messages


def gps_arguments(tags: GpsTags) -> list[str]:
    """The tags of `gps_tags.encode_tags` as arguments for ExifTool (with -n)."""
    values = {
        "VersionID": "2 3 0 0",
        "ProcessingMethod": tags.processing_method,
        "AreaInformation": encode_tags(tags, "<")[GPSIFD.GPSAreaInformation][1][8:].decode(),
    }
    if tags.point is not None:
        values |= {
            "LatitudeRef": "S" if tags.point.lat < 0 else "N",
            "Latitude": f"{abs(tags.point.lat):.8f}",
            "LongitudeRef": "W" if tags.point.lon < 0 else "E",
            "Longitude": f"{abs(tags.point.lon):.8f}",
            "Status": tags.status,
            "MapDatum": "WGS-84",
        }
    if tags.point is not None and tags.radius_km is not None:
        values["HPositioningError"] = str(max(1, round(tags.radius_km * 1000)))
    return [f"-GPS:GPS{name}={value}" for name, value in values.items()]
