"""GeoJSON (RFC 7946) with times: exports of OwnTracks, Dawarich, Overland, and of converters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geotagger.tracks.fixes import UNKNOWN, FixCollector
from geotagger.tracks.values import seconds_of

_TIMES = ("tst", "timestamp", "time", "datetime", "recorded_at", "isotst")
_ACCURACIES = ("acc", "accuracy", "horizontal_accuracy")


def read_feature(feature: Mapping[str, Any], fixes: FixCollector) -> None:
    """A point with a time in its properties, or a line with a time for each of its points.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: it has no time, or is damaged.
    """
    geometry, properties = feature["geometry"], feature.get("properties") or {}
    if geometry["type"] == "Point":
        time = next((properties[n] for n in _TIMES if properties.get(n) is not None), None)
        accuracy = next((properties[n] for n in _ACCURACIES if properties.get(n)), UNKNOWN)
        lon, lat, *_ = geometry["coordinates"]
        fixes.add(seconds_of(time), float(lat), float(lon), float(accuracy))
        return
    if geometry["type"] != "LineString":
        raise ValueError("neither a point nor a line")
    times = properties.get("coordTimes") or properties["coordinateProperties"]["times"]
    fixes.start_segment()
    for time, (lon, lat, *_) in zip(times, geometry["coordinates"], strict=True):
        fixes.add(seconds_of(time), float(lat), float(lon))
    fixes.start_segment()
