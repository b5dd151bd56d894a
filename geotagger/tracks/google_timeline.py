"""Google's timeline: `Records.json` and monthly files of Takeout, and exports of phones.

The phones' own exports are `Timeline.json` of Android (positions as "48.86°, 2.35°") and
`location-history.json` of iOS ("geo:48.86,2.35"). None of these is documented by Google; the shapes
are those of the files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from geotagger.tracks.fixes import UNKNOWN, FixCollector
from geotagger.tracks.values import degrees_of_e7, seconds_of, utc_seconds

STAY_ACCURACY_M = 100.0
"""A guess: the position is that of a place on the map, and a place is a building or a block."""
PATH_ACCURACY_M = 50.0
"""A guess: paths mix GPS, Wi-Fi and cell towers, and do not say which."""


def read_record(record: Mapping[str, Any], fixes: FixCollector) -> None:
    """An item of `locations` in Records.json."""
    time = record.get("timestamp", record.get("timestampMs"))
    lat, lon = _e7(record["latitudeE7"], record["longitudeE7"])
    fixes.add(seconds_of(time), lat, lon, float(record.get("accuracy") or UNKNOWN))


def read_month_object(item: Mapping[str, Any], fixes: FixCollector) -> None:
    """An item of `timelineObjects` in Semantic Location History."""
    if "placeVisit" in item:
        visit = item["placeVisit"]
        start_s, end_s = _duration(visit["duration"])
        lat, lon = _e7(*_of(visit["location"], "latitudeE7", "longitudeE7"))
        fixes.add_stay(start_s, end_s, lat, lon, STAY_ACCURACY_M)
        return
    activity = item["activitySegment"]
    start_s, end_s = _duration(activity["duration"])
    fixes.start_segment()
    fixes.add(
        start_s, *_e7(*_of(activity["startLocation"], "latitudeE7", "longitudeE7")), PATH_ACCURACY_M
    )
    for point in activity.get("simplifiedRawPath", {}).get("points", ()):
        time_s = seconds_of(point.get("timestamp", point.get("timestampMs")))
        accuracy_m = float(point.get("accuracyMeters") or PATH_ACCURACY_M)
        fixes.add(time_s, *_e7(*_of(point, "latE7", "lngE7")), accuracy_m)
    fixes.add(
        end_s, *_e7(*_of(activity["endLocation"], "latitudeE7", "longitudeE7")), PATH_ACCURACY_M
    )


def read_segment(segment: Mapping[str, Any], fixes: FixCollector) -> None:
    """An item of `semanticSegments` (Android), or of the array (iOS)."""
    start_s, end_s = utc_seconds(segment["startTime"]), utc_seconds(segment["endTime"])
    if "visit" in segment:
        place = segment["visit"]["topCandidate"]["placeLocation"]
        fixes.add_stay(start_s, end_s, *_point(place), STAY_ACCURACY_M)
    elif "timelinePath" in segment:
        fixes.start_segment()
        for point in segment["timelinePath"]:
            fixes.add(_path_time(point, start_s), *_point(point["point"]), PATH_ACCURACY_M)
    elif "activity" in segment:
        activity = segment["activity"]
        fixes.start_segment()
        fixes.add(start_s, *_point(activity["start"]), PATH_ACCURACY_M)
        fixes.add(end_s, *_point(activity["end"]), PATH_ACCURACY_M)


def read_signal(signal: Mapping[str, Any], fixes: FixCollector) -> None:
    """An item of `rawSignals` (Android); those without a position are scans of Wi-Fi and such."""
    position = signal.get("position")
    if position is None:
        return
    place = position.get("LatLng", position.get("latLng"))
    accuracy_m = float(position.get("accuracyMeters") or UNKNOWN)
    fixes.add(utc_seconds(position["timestamp"]), *_point(place), accuracy_m)


READERS: Mapping[str, Callable[[Mapping[str, Any], FixCollector], None]] = {
    "locations": read_record,
    "timelineObjects": read_month_object,
    "semanticSegments": read_segment,
    "rawSignals": read_signal,
    "": read_segment,
}
"""The reader of the items of each array; the array of iOS has no name."""


def _path_time(point: Mapping[str, Any], start_s: float) -> float:
    """Android writes the time of a point, iOS the minutes since the segment began."""
    if "time" in point:
        return utc_seconds(point["time"])
    return start_s + 60 * float(point["durationMinutesOffsetFromStartTime"])


def _point(place: str | Mapping[str, str]) -> tuple[float, float]:
    """`48.86°, 2.35°`, `geo:48.86,2.35`, or an object with the former as `latLng`."""
    text = place if isinstance(place, str) else place["latLng"]
    lat, lon = text.removeprefix("geo:").replace("°", "").split(",")
    return float(lat), float(lon)


def _duration(duration: Mapping[str, Any]) -> tuple[float, float]:
    start = duration.get("startTimestamp", duration.get("startTimestampMs"))
    end = duration.get("endTimestamp", duration.get("endTimestampMs"))
    return seconds_of(start), seconds_of(end)


def _of(values: Mapping[str, Any], lat: str, lon: str) -> tuple[float, float]:
    return values[lat], values[lon]


def _e7(lat: float, lon: float) -> tuple[float, float]:
    return degrees_of_e7(lat, 90), degrees_of_e7(lon, 180)
