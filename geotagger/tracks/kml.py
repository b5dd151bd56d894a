"""KML 2.2 and 2.3 (OGC 12-007): gx:Track, and placemarks with a point and a time.

A placemark with a TimeSpan is a stay: exports of Google's timeline wrote visits so.
"""

from __future__ import annotations

from array import array
from typing import IO

from geotagger.tracks.fixes import UNKNOWN, FixCollector
from geotagger.tracks.values import degrees, utc_seconds
from geotagger.tracks.xml_stream import read_xml

STAY_ACCURACY_M = 100.0
"""A guess: a named place is a building or a block, and people are in it or around it."""


def read_kml(stream: IO[bytes], fixes: FixCollector, encoding: str | None = None) -> None:
    """Reads all tracks, and all points that have a time.

    Raises:
        TrackError: the document is damaged. What was read until then is in `fixes`.
    """
    reader = _KmlReader(fixes)
    texts = {
        "when": reader.end_when,
        "begin": reader.end_begin,
        "end": reader.end_end,
        "coord": reader.end_coord,
        "coordinates": reader.end_coordinates,
        "value": reader.end_value,
    }
    read_xml(
        stream,
        {
            "Placemark": reader.start_placemark,
            "Point": reader.start_point,
            "Track": reader.start_track,
            "SimpleArrayData": reader.start_array,
        },
        {
            **texts,
            "Placemark": reader.end_placemark,
            "Point": reader.end_point,
            "Track": reader.end_track,
        },
        with_text=texts,
        encoding=encoding,
    )


class _KmlReader:
    """What has been read of the present placemark and track. NaN is what cannot be read."""

    def __init__(self, fixes: FixCollector) -> None:
        self._fixes = fixes
        self._in_track = self._in_point = self._in_accuracies = False
        self._times_s, self._lats, self._lons = array("d"), array("d"), array("d")
        self._accuracies_m = array("d")
        self.start_placemark({})

    def start_placemark(self, _: dict[str, str]) -> None:
        self._when_s = self._begin_s = self._end_s = UNKNOWN
        self._point: tuple[float, float] | None = None

    def start_point(self, _: dict[str, str]) -> None:
        self._in_point = True

    def end_point(self, _: str) -> None:
        self._in_point = False

    def start_track(self, _: dict[str, str]) -> None:
        self._in_track = True
        self._times_s, self._lats, self._lons = array("d"), array("d"), array("d")
        self._accuracies_m = array("d")

    def start_array(self, attributes: dict[str, str]) -> None:
        self._in_accuracies = attributes.get("name", "").casefold() == "accuracy"

    def end_when(self, text: str) -> None:
        if self._in_track:
            self._times_s.append(_seconds(text))
        else:
            self._when_s = _seconds(text)

    def end_begin(self, text: str) -> None:
        self._begin_s = _seconds(text)

    def end_end(self, text: str) -> None:
        self._end_s = _seconds(text)

    def end_coord(self, text: str) -> None:
        lon, lat, *_ = (*text.split(), "", "")
        self._lons.append(_degrees(lon))
        self._lats.append(_degrees(lat))

    def end_coordinates(self, text: str) -> None:
        if self._in_point:
            lon, _, rest = text.partition(",")
            self._point = _degrees(rest.partition(",")[0]), _degrees(lon)

    def end_value(self, text: str) -> None:
        if self._in_accuracies:
            self._accuracies_m.append(_degrees(text))

    def end_track(self, _: str) -> None:
        self._in_track = False
        self._fixes.start_segment()
        count = len(self._times_s)
        if len(self._lats) != count:  # which time belongs to which position is not known
            self._fixes.skipped += max(count, len(self._lats))
            return
        accuracies_m = self._accuracies_m
        if len(accuracies_m) != count:
            accuracies_m = array("d", [UNKNOWN]) * count
        columns = (self._times_s, self._lats, self._lons, accuracies_m)
        for time_s, lat, lon, accuracy_m in zip(*columns, strict=True):
            self._fixes.add(time_s, lat, lon, accuracy_m)
        self._times_s, self._lats, self._lons = array("d"), array("d"), array("d")

    def end_placemark(self, _: str) -> None:
        if self._point is None:
            return
        lat, lon = self._point
        if self._begin_s <= self._end_s:
            self._fixes.add_stay(self._begin_s, self._end_s, lat, lon, STAY_ACCURACY_M)
        elif self._when_s == self._when_s:
            self._fixes.add(self._when_s, lat, lon)


def _seconds(text: str) -> float:
    try:
        return utc_seconds(text)
    except ValueError:
        return UNKNOWN


def _degrees(text: str) -> float:
    try:
        return degrees(text)
    except ValueError:
        return UNKNOWN
