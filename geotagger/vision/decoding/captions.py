"""Reads an embedding that is matched against captions (CLIP's zero-shot; StreetCLIP's hierarchy).

Where captions compete with all others, they are labels like any. Where they compete inside an area
(the cities of a country), the head says how likely each is given the area: the product with what
another head says of the areas is the hierarchy of Haas et al. 2023.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.sphere import unit_vectors64
from geotagger.vision.decoding.heads import ClassifyReader, Reading, log_softmax
from geotagger.vision.decoding.label_cover import nearest
from geotagger.vision.runtime.gallery_match import Matcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.geography.places import Places
    from geotagger.vision.bundle.label_tables import Label


class CaptionReader:
    """Captions that compete with all others: a place gets ln p of the label it is in."""

    def __init__(
        self, labels: Sequence[Label], matcher: Matcher, places: Places, source: str
    ) -> None:
        """`source` names the label table in messages."""
        self.labels = labels
        self._matcher = matcher
        alike = [replace(label, log_prior=-float(np.log(len(labels)))) for label in labels]
        self._reader = ClassifyReader(alike, 1.0, places, source)

    def read(self, values: NDArray[np.float32]) -> list[Reading]:
        return self._reader.read(self._matcher.logits(values))

    def log_shares(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """[B, K]: ln p(label | photo)."""
        return log_softmax(self._matcher.logits(values), 1.0)


class InnerReader:
    """Captions that compete inside their country or region.

    A place gets ln p(label | photo, area) of the nearest label of its area, above what that would
    be if all the area's labels were alike. Areas without labels stay as they were.
    """

    def __init__(self, labels: Sequence[Label], matcher: Matcher, places: Places) -> None:
        self.labels = labels
        self._matcher = matcher
        areas = [area_of(label) for label in labels]
        distinct = {area: number for number, area in enumerate(dict.fromkeys(areas))}
        self._group = np.array([distinct[area] for area in areas], np.intp)
        self._log_size = np.log(np.bincount(self._group))
        self._column = np.full(len(places), len(labels))
        units = unit_vectors64(places.lat, places.lon)
        for area, number in distinct.items():
            rows = np.flatnonzero(_inside(area, places))
            own = np.flatnonzero(self._group == number)
            towns = unit_vectors64(
                *np.array([(labels[i].lat, labels[i].lon) for i in own.tolist()]).T
            )
            self._column[rows] = own[nearest(units[rows], towns)]

    def read(self, values: NDArray[np.float32]) -> list[Reading]:
        if not self.labels:
            return [Reading("") for _ in values]
        logits = self._matcher.logits(values)
        above = self._log_shares(logits) + self._log_size[self._group]
        table = np.concatenate([above, np.zeros((len(above), 1))], axis=1, dtype=np.float32)
        return [
            Reading(f"closest caption: {self.labels[int(best)].label}", row)
            for best, row in zip(logits.argmax(axis=1), table[:, self._column], strict=True)
        ]

    def log_shares(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """[B, K]: ln p(label | photo, area of the label)."""
        return self._log_shares(self._matcher.logits(values))

    def _log_shares(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        shares = np.empty(logits.shape)
        for number in range(len(self._log_size)):
            own = self._group == number
            shares[:, own] = log_softmax(logits[:, own], 1.0)
        return shares


def area_of(label: Label) -> tuple[str, str]:
    """Country and region of the area inside which a label competes, or of a label that is one."""
    whole = "country" in (label.parent, label.scope)
    return label.country_code, "" if whole else label.region


def _inside(area: tuple[str, str], places: Places) -> NDArray[np.bool_]:
    code, region = area
    if code not in places.country_codes:
        return np.zeros(len(places), bool)
    rows = places.country == places.country_codes.index(code)
    if region:
        rows &= np.array([name == region for name in places.region_names])[places.region]
    return np.asarray(rows)
