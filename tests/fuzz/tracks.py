"""The parsers of track logs."""

from __future__ import annotations

import gzip
import logging
import math
import struct
from pathlib import Path

from geotagger.tracks.load import load_tracks
from tests.fixtures.tracks import FORMATS, START_S, fit, fit_crc, gpx, kml, kmz, nmea, nmea_sentence
from tests.fuzz.target import Target


def valid_tracks() -> dict[str, bytes]:
    """One of every format."""
    return {f".{number}.{name}": data for number, (name, data) in enumerate(FORMATS.items())}


def read_a_track(file: Path) -> None:
    """Reads it, and looks up a time that it may hold."""
    logger = logging.getLogger("geotagger.tracks")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        index = load_tracks([file])
    finally:
        logger.setLevel(level)
    for utc_s in (START_S + 45, *index.span_s, sum(index.span_s) / 2):
        position = index.at(utc_s, 30.0)
        if position is not None:
            assert abs(position.point.lat) <= 90
            assert abs(position.point.lon) <= 180
            assert 0 < position.radius_km < math.inf
        index.nearest(utc_s)


def read_packed(file: Path) -> None:
    """A sound archive around a damaged document."""
    data = file.read_bytes()
    file.write_bytes(kmz(data) if file.suffix == ".kml" else gzip.compress(data, 1))
    read_a_track(file)


def read_with_sums(file: Path) -> None:
    """Damaged NMEA or FIT whose checksums are right, so that the damage is looked at."""
    data = file.read_bytes()
    file.write_bytes(_summed_nmea(data) if file.suffix == ".nmea" else _summed_fit(data))
    read_a_track(file)


def _summed_nmea(data: bytes) -> bytes:
    lines = data.decode("ascii", "ignore").split("\n")
    bodies = (line.strip("$\r").rpartition("*")[0] for line in lines)
    return "".join(map(nmea_sentence, filter(None, bodies))).encode()


def _summed_fit(data: bytes) -> bytes:
    head, body = data[:12], data[14:-2]
    head = head[:4] + struct.pack("<L", len(body)) + head[8:]
    data = head + struct.pack("<H", fit_crc(head)) + body
    return data + struct.pack("<H", fit_crc(data))


def track_targets() -> dict[str, Target]:
    summed = {".nmea": nmea().encode(), ".fit": fit()}
    packed = {".kml": kml().encode(), ".gpx": gpx().encode()}
    return {
        "track": Target(valid_tracks(), read_a_track),
        "track with sums": Target(summed, read_with_sums),
        "packed track": Target(packed, read_packed),
    }
