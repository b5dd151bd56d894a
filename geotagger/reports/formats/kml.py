"""A report for Google Earth: KML 2.2 (OGC 07-147r2), or KMZ with the thumbnails inside.

The viewer fetches nothing from a network: the icons are its own.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from urllib.parse import quote

from geotagger.reports.formats.placemark import circle_placemark, placemark, xml
from geotagger.reports.formats.thumbnails import read_thumbnail
from geotagger.reports.formats.writer import DEFAULT_STYLE, ReportStyle, ReportWriter
from geotagger.reports.schema import Cell, position

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2">
<Document>
<name>{name}</name>
<open>1</open>
"""
TAIL = "</Document>\n</kml>\n"
COLOURS = {  # aabbggrr
    "predicted": "ff3cb44b",
    "tagged": "ffc86400",
    "unsure": "ff9a9a9a",
    "skipped": "ff9a9a9a",
    "failed": "ff9a9a9a",
}
STYLE = """<Style id="{status}">
<IconStyle><color>{colour}</color></IconStyle>
<LineStyle><color>{colour}</color><width>1.5</width></LineStyle>
<PolyStyle><color>26{bgr}</color></PolyStyle>
<BalloonStyle><text>$[description]</text></BalloonStyle>
</Style>
"""
"""The balloon has a template: the default one would show the name of a file as HTML."""
SHOWN_IN_BROWSERS = (".jpg", ".jpeg", ".png", ".webp", ".gif")
NO_COUNTRY, NO_POSITION = "No country", "No position"
Range = tuple[int, int]


def _folder_start(folder: str) -> bytes:
    return f"<Folder>\n<name>{xml(folder)}</name>\n".encode()


class KmlReportWriter(ReportWriter):
    """A folder per country, with a placemark per photo; the 90 % circles in a folder that can be
    hidden.

    A balloon shows the photo itself by a link, which is relative where the photo is below the
    folder of the report. Placemarks are kept in a temporary file until all countries are known.
    """

    mode = "wb"

    def __init__(
        self, path: Path, style: ReportStyle = DEFAULT_STYLE, flag: str = "--report"
    ) -> None:
        super().__init__(path, style, flag)
        with self.named_errors():
            self.spool: IO[bytes] = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115
        self.photos: dict[str, list[Range]] = defaultdict(list)
        self.circles: dict[str, list[Range]] = defaultdict(list)

    def write_row(self, cells: Mapping[str, Cell]) -> None:
        folder = str(cells["country"] or NO_COUNTRY) if position(cells) else NO_POSITION
        picture = self.picture(str(cells["path"])) if self.style.thumbnails else ""
        self.photos[folder].append(self._spooled(placemark(cells, picture).encode()))
        if position(cells) and cells["radius_km"]:
            self.circles[folder].append(self._spooled(circle_placemark(cells).encode()))

    def picture(self, path: str) -> str:
        """The address of the picture in a balloon; empty if there is none to show."""
        photo = self.photo(path)
        if photo is None or photo.suffix.lower() not in SHOWN_IN_BROWSERS:
            return ""
        photo, folder = photo.resolve(), self.path.parent.resolve()
        if photo.is_relative_to(folder):
            return quote(os.fsencode(photo.relative_to(folder).as_posix()))
        return photo.as_uri()

    def _spooled(self, data: bytes) -> Range:
        start = self.spool.tell()
        self.spool.write(data)
        return start, len(data)

    def write_end(self) -> None:
        self.write_document(self.file)

    def write_document(self, file: IO[bytes]) -> None:
        """Writes the whole KML document to `file`."""
        file.write(HEAD.format(name=xml(self.path.name)).encode())
        for status, colour in COLOURS.items():
            style = STYLE.format(status=status, colour=colour, bgr=colour[2:])
            file.write(style.encode())
        rank = {NO_COUNTRY: 1, NO_POSITION: 2}
        for folder in sorted(self.photos, key=lambda name: (rank.get(name, 0), name)):
            photos, circles = self.photos[folder], self.circles[folder]
            file.write(_folder_start(f"{folder} ({len(photos)})"))
            self._copy(photos, file)
            if circles:
                file.write(_folder_start("90 % circles"))
                self._copy(circles, file)
                file.write(b"</Folder>\n")
            file.write(b"</Folder>\n")
        file.write(TAIL.encode())

    def _copy(self, ranges: list[Range], file: IO[bytes]) -> None:
        for start, length in ranges:
            self.spool.seek(start)
            file.write(self.spool.read(length))

    def close(self) -> None:
        with self.spool:
            super().close()


class KmzReportWriter(KmlReportWriter):
    """The same as one zip file with a thumbnail of every photo that can be read."""

    def __init__(
        self, path: Path, style: ReportStyle = DEFAULT_STYLE, flag: str = "--report"
    ) -> None:
        super().__init__(path, style, flag)
        self.thumbnails: list[Range] = []

    def picture(self, path: str) -> str:
        data = read_thumbnail(self.photo(path), kind="JPEG")
        if not data:
            return ""
        self.thumbnails.append(self._spooled(data))
        return f"thumbnails/{len(self.thumbnails)}.jpg"

    def write_end(self) -> None:
        with zipfile.ZipFile(self.file, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("doc.kml", "w", force_zip64=True) as file:  # KML 2.2, C: it is first
                self.write_document(file)
            for number, (start, length) in enumerate(self.thumbnails, 1):
                self.spool.seek(start)
                data = self.spool.read(length)
                archive.writestr(f"thumbnails/{number}.jpg", data, zipfile.ZIP_STORED)
