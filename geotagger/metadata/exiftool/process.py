"""ExifTool, for the formats that geotagger does not write itself: HEIC, AVIF, JPEG XL, camera RAW.

One process stays resident (`-stay_open`, 13 ms a photo instead of 200). It never sees a photo of
the user: it gets a copy in a folder of its own, and writes another (`-o`), so that the new bytes go
the same way as all others: verified, journaled, replaced. A file that kills it or on which it hangs
costs a restart; the file is tried once more, alone, before it is given up.
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
"""What is given to ExifTool. It cannot write EXIF into the other kinds of RAW."""

TIMEOUT_S = 30.0
_MAX_REASON = 200  # characters of what ExifTool says


_ENDS_WITH_US = """\
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
"""Its configuration, in Perl. Left alone, a resident ExifTool outlives a program that is killed."""


class ExifToolDiedError(Exception):
    """It ended, or was ended because it did not answer in time."""


def find_program(program: str = "exiftool") -> str:
    """Where it is installed. Raises UsageError, with the remedy, when it is not."""
    found = shutil.which(program)
    if found is None:
        raise UsageError(
            "--backend exiftool needs ExifTool, which is not installed: get it from exiftool.org "
            "or your system's packages (libimage-exiftool-perl), or leave the option away: photos "
            "that cannot be embedded get a sidecar"
        )
    return found


class ExifTool:
    """A resident ExifTool. Starts with the first file; close it, or use it as a context.

    Raises UsageError when the program is not installed.
    """

    def __init__(self, program: str = "exiftool", timeout_s: float = TIMEOUT_S) -> None:
        self.program = find_program(program)
        self.timeout_s = timeout_s
        self._folder = tempfile.TemporaryDirectory(prefix="geotagger-")
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 closed by close()
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = 0

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
        """Ends the process and removes its folder."""
        self._stop()
        self._said.close()
        self._folder.cleanup()

    def xmp_packet(self, data: bytes, suffix: str) -> bytes | None:
        """The XMP packet of the file. Raises CannotEmbedError when ExifTool cannot read it."""
        return self._tried_twice(data, suffix, ["-b", "-XMP"])[0] or None

    def position(self, data: bytes, suffix: str) -> tuple[float, float] | None:
        """The GPS position in the file's EXIF, as ExifTool reads it; None when there is none."""
        names = ["-GPS:GPSLatitude", "-GPS:GPSLongitude"]
        refs = ["-GPS:GPSLatitudeRef", "-GPS:GPSLongitudeRef"]
        output, _ = self._tried_twice(data, suffix, ["-n", "-j", *names, *refs])
        try:
            (found,) = json.loads(output)
            lat, lon = float(found["GPSLatitude"]), float(found["GPSLongitude"])
        except (ValueError, KeyError, TypeError):
            return None
        south, west = found.get("GPSLatitudeRef") == "S", found.get("GPSLongitudeRef") == "W"
        return -lat if south else lat, -lon if west else lon

    def rewrite(self, data: bytes, suffix: str, changes: list[str], packet: bytes | None) -> bytes:
        """The file with `changes` (arguments; numbers as with -n) and `packet` as its XMP.

        None leaves XMP as it is. Raises CannotEmbedError.
        """
        arguments = ["-n", *changes]
        if packet is not None:
            self._path("packet.xmp").write_bytes(packet)
            arguments.append(f"-XMP<={self._path('packet.xmp')}")
        new = self._path(f"new{suffix}")
        with suppress(FileNotFoundError):
            new.unlink()
        _, said = self._tried_twice(data, suffix, [*arguments, "-o", str(new)])
        if not new.exists() or (embedded := new.read_bytes()) == data:
            reason = said.split(" - ")[0].removeprefix("Error: ").removeprefix("Warning: ")
            raise CannotEmbedError(
                f"ExifTool refuses it: {reason.strip()[:_MAX_REASON] or 'no reason'}"
            )
        return embedded

    def _path(self, name: str) -> Path:
        return Path(self._folder.name, name)

    def _tried_twice(self, data: bytes, suffix: str, arguments: list[str]) -> tuple[bytes, str]:
        """(output, messages) of ExifTool for a copy of the file."""
        copy = self._path(f"photo{suffix.lower()}")
        copy.write_bytes(data)
        try:
            with suppress(ExifToolDiedError):
                return self._execute([*arguments, str(copy)])
            try:  # alone in a fresh process: it may have been the one before that broke it
                return self._execute([*arguments, str(copy)])
            except ExifToolDiedError as error:
                raise CannotEmbedError(f"ExifTool {error} on it, twice") from error
        finally:
            copy.unlink()

    def _execute(self, arguments: list[str]) -> tuple[bytes, str]:
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        self._turn += 1
        ready = f"{{ready{self._turn}}}".encode()
        lines = [*arguments, f"-execute{self._turn}", ""]
        overdue = threading.Event()

        def end() -> None:
            overdue.set()
            process.kill()

        watchdog = threading.Timer(self.timeout_s, end)
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
            raise ExifToolDiedError("hangs" if overdue.is_set() else "dies") from error
        finally:
            watchdog.cancel()
        return bytes(output.rstrip(b"\r\n").removesuffix(ready)), self._messages()

    def _start(self) -> subprocess.Popen[bytes]:
        configuration = self._path("configuration.pl")
        configuration.write_text(_ENDS_WITH_US if os.name == "posix" else "1;")
        command = [self.program, "-config", str(configuration), "-stay_open", "True", "-@", "-"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            cwd=self._folder.name,
            env={**os.environ, "LC_ALL": "C"},
        )
        return self._process

    def _stop(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()  # it holds nothing that needs an orderly end
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._messages()

    def _messages(self) -> str:
        """What it has said on its error stream since it was last asked."""
        self._said.seek(0)
        said = self._said.read().decode("utf-8", "replace")
        self._said.seek(0)
        self._said.truncate()
        return said


def gps_arguments(tags: GpsTags) -> list[str]:
    """What `gps_tags.encode_tags` writes, in ExifTool's words (with -n)."""
    found = {
        "VersionID": "2 3 0 0",
        "ProcessingMethod": "MANUAL",
        "AreaInformation": encode_tags(tags, "<")[GPSIFD.GPSAreaInformation][1][8:].decode(),
    }
    if tags.point is not None:
        found |= {
            "LatitudeRef": "S" if tags.point.lat < 0 else "N",
            "Latitude": f"{abs(tags.point.lat):.8f}",
            "LongitudeRef": "W" if tags.point.lon < 0 else "E",
            "Longitude": f"{abs(tags.point.lon):.8f}",
            "Status": "V",
            "MapDatum": "WGS-84",
        }
    if tags.point is not None and tags.radius_km is not None:
        found["HPositioningError"] = str(max(1, round(tags.radius_km * 1000)))
    return [f"-GPS:GPS{name}={value}" for name, value in found.items()]
