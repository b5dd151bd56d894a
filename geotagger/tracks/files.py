"""Finds track logs, and recognises and reads each by its content."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from geotagger.errors import UsageError
from geotagger.printable import printable_path
from geotagger.tracks.fit import read_fit
from geotagger.tracks.fixes import FixCollector, NotATrackError, TrackError
from geotagger.tracks.geojson_points import read_feature
from geotagger.tracks.google_timeline import READERS
from geotagger.tracks.gpx import read_gpx
from geotagger.tracks.json_stream import read_items
from geotagger.tracks.kml import read_kml
from geotagger.tracks.nmea import read_nmea
from geotagger.tracks.owntracks import read_rec
from geotagger.tracks.xml_stream import WrongEncodingError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SUFFIXES = (".gpx", ".kml", ".kmz", ".fit", ".nmea", ".nma", ".log", ".json", ".geojson", ".rec")
"""What is read in folders, also with `.gz` after it. A file that is named may have any name."""
KINDS = "GPX, KML, KMZ, FIT, NMEA, Google Timeline, GeoJSON with times, or OwnTracks"
MAX_BYTES = 4 << 30
"""Of a file, also after decompression: a year of a fix a second is 3 GB of GPX."""
_HEAD_BYTES = 1 << 16
_JSON_READERS = {**READERS, "features": read_feature}
_ROOT = re.compile(rb"<(?:\w+:)?([A-Za-z]\w*)[\s>/]")
_NMEA = re.compile(rb"\$(?:[A-Z]{2}(?:RMC|GGA|GLL|ZDA)|PMGNTRK),")
_REC = re.compile(rb'\t\s*\{.*"_type"')
_ANY_BYTES = "iso-8859-1"
"""An encoding in which every byte is a character. Coordinates and times are ASCII anyway."""
_MISREAD = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""Raised by the reader of an item of JSON that has another shape."""
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)
_UNREADABLE_ZIP = (NotImplementedError, RuntimeError)
"""Raised for an archive that is encrypted, or packed by an unknown method."""


class TrackLog(NamedTuple):
    """What was read of a file."""

    fixes: FixCollector
    damage: str = ""
    """Why it was not read to its end."""


def track_files(path: Path) -> Iterator[Path]:
    """The file itself; or the files in a folder, and in the folders in it, that may be tracks.

    Raises:
        UsageError: there is nothing at the path.
    """
    if not path.is_dir():
        if not path.exists():
            raise UsageError(f"--track {printable_path(path)}: there is no such file or folder")
        yield path
        return
    for folder, subfolders, names in os.walk(path):
        subfolders.sort()
        for name in sorted(names):
            if name.lower().removesuffix(".gz").endswith(SUFFIXES):
                yield Path(folder, name)


def read_track(path: Path) -> TrackLog:
    """Reads a file.

    A document whose encoding is not the one that it states is read byte by byte.

    Raises:
        TrackError: it is no track log, or is damaged before its first fix.
    """
    fixes, error = _read_as(path, None)
    if isinstance(error, WrongEncodingError):
        in_bytes, other_error = _read_as(path, _ANY_BYTES)
        if len(in_bytes) > len(fixes):
            fixes, error = in_bytes, other_error
    if error is not None and not len(fixes):
        raise error
    return TrackLog(fixes, str(error or ""))


def _read_as(path: Path, encoding: str | None) -> tuple[FixCollector, TrackError | None]:
    """The fixes of the file up to an error, and the error."""
    fixes = FixCollector()
    try:
        with path.open("rb") as file:
            _read(file, fixes, encoding)
    except TrackError as error:
        return fixes, error
    except _DAMAGED as error:
        return fixes, TrackError(f"its compressed data are damaged or cut off ({error})")
    except _UNREADABLE_ZIP as error:
        return fixes, TrackError(f"its archive cannot be read ({error}): unpack it first")
    except OSError as error:
        return fixes, TrackError(f"it cannot be read ({error.strerror or error})")
    return fixes, None


def _read(file: IO[bytes], fixes: FixCollector, encoding: str | None) -> None:
    """Reads an open file, or what is packed in it."""
    head = file.read(4)
    file.seek(0)
    if head[:2] == b"\x1f\x8b":
        _read_plain(gzip.GzipFile(fileobj=file), fixes, encoding)
    elif head == b"PK\3\4":
        with zipfile.ZipFile(file) as archive, archive.open(_document_in(archive)) as document:
            _read_plain(document, fixes, encoding)
    else:
        _read_plain(file, fixes, encoding)


def _read_plain(
    file: io.BufferedIOBase | IO[bytes], fixes: FixCollector, encoding: str | None
) -> None:
    stream = io.BufferedReader(BoundedStream(file), _HEAD_BYTES)
    head = stream.peek(_HEAD_BYTES)
    if head[8:12] == b".FIT":
        read_fit(stream, fixes)
    else:
        _read_text(stream, _as_ascii(head), fixes, encoding)


def _read_text(stream: IO[bytes], head: bytes, fixes: FixCollector, encoding: str | None) -> None:
    if not head:
        raise TrackError("it is empty")
    if head[:1] == b"<":
        root = _ROOT.search(head)
        name = root[1].decode() if root else ""
        if name not in ("gpx", "kml"):
            kind = f"XML of another kind (<{name}>)" if name else "XML of another kind"
            raise NotATrackError(f"it is {kind}: convert it to GPX, for example by GPSBabel")
        (read_gpx if name == "gpx" else read_kml)(stream, fixes, encoding)
    elif head[:1] in (b"{", b"["):
        _read_json(stream, fixes)
    elif _NMEA.search(head):
        read_nmea(stream, fixes)
    elif _REC.search(head):
        read_rec(stream, fixes)
    else:
        raise NotATrackError(f"it is not {KINDS}: convert it to GPX, for example by GPSBabel")


def _read_json(stream: IO[bytes], fixes: FixCollector) -> None:
    is_known, last_key = False, None
    for key, item in read_items(stream):
        reader = _JSON_READERS.get(key)
        if reader is None:
            continue
        is_known = True
        if key != last_key:
            fixes.start_segment()
            last_key = key
        try:
            reader(item, fixes)
        except _MISREAD:
            fixes.skipped += 1
    if not is_known:
        raise NotATrackError(f"it is JSON of another kind, not {KINDS}")


def _document_in(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The document of a KMZ: the first .kml in it (OGC 12-007, annex C)."""
    for item in archive.infolist():
        if item.filename.lower().endswith(".kml"):
            return item
    raise TrackError("it is an archive without a .kml: unpack it, and name the track in it")


def _as_ascii(head: bytes) -> bytes:
    """The beginning of a text without byte order mark and leading space, for comparison."""
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        head = head.decode("utf-16", "ignore").encode("ascii", "ignore")
    return head.removeprefix(codecs.BOM_UTF8).lstrip()


class BoundedStream(io.RawIOBase):
    """A stream that ends with an error when it is longer than a track can be."""

    def __init__(self, stream: io.BufferedIOBase | IO[bytes]) -> None:
        self._stream = stream
        self._left_bytes = MAX_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        data = self._stream.read(len(view))
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            raise TrackError(f"it is longer than {MAX_BYTES >> 30} GiB: split it")
        view[: len(data)] = data
        return len(data)
