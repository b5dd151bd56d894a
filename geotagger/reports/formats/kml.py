"""A report for Google Earth: KML 2.2 (OGC 07-147r2), or KMZ with the thumbnails inside.

Nothing in it is fetched from anywhere: the icons are the viewer's own.
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
from geotagger.reports.formats.text_rows import STANDARD, ReportStyle, ReportWriter
from geotagger.reports.formats.thumbnails import read_thumbnail
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
"""A balloon of its own, for the usual one takes the name of a file for HTML."""
SHOWN_IN_BROWSERS = (".jpg", ".jpeg", ".png", ".webp", ".gif")
NO_COUNTRY, NO_POSITION = "No country", "No position"
Range = tuple[int, int]


def opened(folder: str) -> bytes:
    return f"<Folder>\n<name>{xml(folder)}</name>\n".encode()


class KmlReport(ReportWriter):
    """Folders by country; a placemark a photo, and its 90 % circle in a folder that can be hidden.

    The thumbnail in a balloon is the photo itself, by a link relative to the report where it lies
    below it. Placemarks wait in a file without a name until all countries are known.
    """

    mode = "wb"

    def __init__(self, path: Path, look: ReportStyle = STANDARD, flag: str = "--report") -> None:
        super().__init__(path, look, flag)
        with self.guarded():
            self.spool: IO[bytes] = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115
        self.photos: dict[str, list[Range]] = defaultdict(list)
        self.circles: dict[str, list[Range]] = defaultdict(list)

    def write(self, cells: Mapping[str, Cell]) -> None:
        folder = str(cells["country"] or NO_COUNTRY) if position(cells) else NO_POSITION
        picture = self.picture(str(cells["path"])) if self.look.thumbnails else ""
        self.photos[folder].append(self._keep(placemark(cells, picture).encode()))
        if position(cells) and cells["radius_km"]:
            self.circles[folder].append(self._keep(circle_placemark(cells).encode()))

    def picture(self, path: str) -> str:
        """Where a balloon finds the picture of a photo; empty when there is none to show."""
        photo = self.photo(path)
        if photo is None or photo.suffix.lower() not in SHOWN_IN_BROWSERS:
            return ""
        photo, folder = photo.resolve(), self.path.parent.resolve()
        if photo.is_relative_to(folder):
            return quote(os.fsencode(photo.relative_to(folder).as_posix()))
        return photo.as_uri()

    def _keep(self, data: bytes) -> Range:
        start = self.spool.tell()
        self.spool.write(data)
        return start, len(data)

    def finish(self) -> None:
        self.put(self.file)

    def put(self, file: IO[bytes]) -> None:
        """The whole document into `file`."""
        file.write(HEAD.format(name=xml(self.path.name)).encode())
        for status, colour in COLOURS.items():
            style = STYLE.format(status=status, colour=colour, bgr=colour[2:])
            file.write(style.encode())
        last = {NO_COUNTRY: 1, NO_POSITION: 2}
        for folder in sorted(self.photos, key=lambda name: (last.get(name, 0), name)):
            photos, circles = self.photos[folder], self.circles[folder]
            file.write(opened(f"{folder} ({len(photos)})"))
            self._copy(photos, file)
            if circles:
                file.write(opened("90 % circles"))
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


class KmzReport(KmlReport):
    """The same, zipped, with a thumbnail of every photo that can be read: one file to hand on."""

    def __init__(self, path: Path, look: ReportStyle = STANDARD, flag: str = "--report") -> None:
        super().__init__(path, look, flag)
        self.thumbnails: list[Range] = []

    def picture(self, path: str) -> str:
        data = read_thumbnail(self.photo(path), kind="JPEG")
        if not data:
            return ""
        self.thumbnails.append(self._keep(data))
        return f"thumbnails/{len(self.thumbnails)}.jpg"

    def finish(self) -> None:
        with zipfile.ZipFile(self.file, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("doc.kml", "w", force_zip64=True) as file:  # KML 2.2, C: it is first
                self.put(file)
            for number, (start, length) in enumerate(self.thumbnails, 1):
                self.spool.seek(start)
                data = self.spool.read(length)
                archive.writestr(f"thumbnails/{number}.jpg", data, zipfile.ZIP_STORED)
