"""GPX 1.0 and 1.1 (topografix.com/GPX): tracks, and routes whose points have times.

gpxpy builds an object for each element: a million points take it a minute and gigabytes
(`benchmarks/speed/tracks.py`). Here they are read as a stream.
"""

from __future__ import annotations

from typing import IO

from geotagger.tracks.fixes import UNKNOWN, FixCollector
from geotagger.tracks.values import degrees, dop_metres, utc_seconds
from geotagger.tracks.xml_stream import read_xml

_POINTS = ("trkpt", "rtept")
_SEGMENTS = ("trkseg", "trk", "rte")


def read_gpx(stream: IO[bytes], fixes: FixCollector, encoding: str | None = None) -> None:
    """Reads all track points that have a time.

    Raises:
        TrackError: the document is damaged. What was read until then is in `fixes`.
    """
    point: dict[str, str] = {}
    time = hdop = ""
    extensions = 0

    def start_point(attributes: dict[str, str]) -> None:
        nonlocal point, time, hdop
        point, time, hdop = attributes, "", ""

    def end_point(_: str) -> None:
        try:
            accuracy_m = dop_metres(hdop) if hdop else UNKNOWN
            fixes.add(utc_seconds(time), degrees(point["lat"]), degrees(point["lon"]), accuracy_m)
        except (ValueError, KeyError):
            fixes.skipped += 1

    def end_time(text: str) -> None:
        nonlocal time
        if not extensions:
            time = text

    def end_hdop(text: str) -> None:
        nonlocal hdop
        if not extensions:
            hdop = text

    def start_segment(_: dict[str, str]) -> None:
        fixes.start_segment()

    def start_extensions(_: dict[str, str]) -> None:
        nonlocal extensions
        extensions += 1

    def end_extensions(_: str) -> None:
        nonlocal extensions
        extensions -= 1

    read_xml(
        stream,
        {
            **dict.fromkeys(_SEGMENTS, start_segment),
            **dict.fromkeys(_POINTS, start_point),
            "extensions": start_extensions,
        },
        {
            **dict.fromkeys(_POINTS, end_point),
            "time": end_time,
            "hdop": end_hdop,
            "extensions": end_extensions,
        },
        with_text=("time", "hdop"),
        encoding=encoding,
    )
