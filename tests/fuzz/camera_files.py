"""The parsers of what lies beside photos, and of photos that are no plain pictures."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from geotagger.errors import UnreadableImageError
from geotagger.images.decode import decode
from geotagger.images.raw_preview import raw_orientation, raw_preview
from geotagger.metadata.beside import with_files_beside
from geotagger.metadata.read_file import read_any, read_head
from geotagger.times.paired_video import time_of_paired_video
from geotagger.types import PhotoMetadata
from tests.fixtures import jpegs, raws, videos, xmps
from tests.fixtures.drawer import encode, texture
from tests.fuzz.target import Target

POSITION = {"latitude": 48.85, "longitude": 2.35, "altitude": 40.0}
MOMENT = {"timestamp": "1561975200", "formatted": "1 July 2019, 10:00:00 UTC"}
TAKEOUT = {
    "title": "case.jpg",
    "description": "",
    "creationTime": MOMENT,
    "photoTakenTime": MOMENT,
    "geoData": POSITION,
    "geoDataExif": {**POSITION, "latitudeSpan": 0.0},
    "url": "https://photos.example/x",
}
ENTE = {"title": "case.jpg", "creationTime": MOMENT, "geoData": POSITION}


def read_record(file: Path) -> None:
    """As the record of a photo, of each album."""
    data = file.read_bytes()
    photo = file.parent / "case.jpg"
    for name in ("case.jpg.json", "case.jpg.supplemental-metadata.json", "metadata/case.jpg.json"):
        record = file.parent / name
        record.parent.mkdir(exist_ok=True)
        record.write_bytes(data)
        check(with_files_beside(PhotoMetadata(), photo))
        record.unlink()


def read_sidecar(file: Path) -> None:
    data = file.read_bytes()
    for name in ("case.jpg.xmp", "case.xmp"):
        sidecar = file.parent / name
        sidecar.write_bytes(data)
        check(with_files_beside(PhotoMetadata(), file.parent / "case.jpg"))
        sidecar.unlink()


def read_video(file: Path) -> None:
    time_of_paired_video(file.with_suffix(".jpg"))


def read_camera_raw(file: Path) -> None:
    """Metadata, preview and picture of a camera RAW file."""
    data = file.read_bytes()
    preview = raw_preview(data)
    check(read_any(data, preview.jpeg if preview else None))
    check(read_head(file))
    assert 0 <= raw_orientation(data) < 1 << 16
    try:
        decode(data, 32)
    except UnreadableImageError:
        return


def check(metadata: PhotoMetadata) -> None:
    """A position is one, and times are text."""
    if metadata.gps:
        assert abs(metadata.gps.lat) <= 90
        assert abs(metadata.gps.lon) <= 180
    assert metadata.taken_at.isascii()


@cache
def valid_raws() -> dict[str, bytes]:
    picture = encode(texture().crop((0, 0, 160, 120)), "JPEG", quality=40)
    preview = jpegs.photo(jpegs.exif(raws.tiff_block()), body=picture[20:])
    return {
        ".dng": raws.tiff_like(preview, gps=True),
        ".nef": raws.tiff_like(preview, order=">", gps=True),
        ".rw2": raws.tiff_like(preview, b"IIU\0"),
        ".raf": raws.fuji(preview),
        ".cr3": raws.cr3(preview, 6, gps=True),
        ".none.dng": raws.sensor_dng(64, 48),
    }


def camera_targets() -> dict[str, Target]:
    records = {".takeout.json": json.dumps(TAKEOUT, indent=2), ".ente.json": json.dumps(ENTE)}
    return {
        "record": Target({name: text.encode() for name, text in records.items()}, read_record),
        "sidecar": Target({".xmp": xmps.located("48,51N", "2,21E")}, read_sidecar),
        "video": Target({".mov": videos.movie(creation_date="x")}, read_video),
        "raw": Target(valid_raws(), read_camera_raw),
    }
