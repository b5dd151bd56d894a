"""Decodes an embedding that is matched against captions.

This is CLIP's zero-shot classification (Radford et al. 2021, https://arxiv.org/abs/2103.00020) and
StreetCLIP's hierarchy (Haas et al. 2023, https://arxiv.org/abs/2302.00275). Captions that compete
with all others are labels like those of a classifier. Captions that compete inside an area, such as
the cities of a country, give a probability given the area; its product with the probability of the
area, from another head, is the hierarchy.

B is the batch size, D the width of the embedding, K the number of captions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.sphere import unit_vectors64
from geotagger.vision.decoding.heads import ClassifyDecoder, HeadEvidence, log_softmax
from geotagger.vision.decoding.label_cover import nearest_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.geography.places import Places
    from geotagger.vision.bundle.label_tables import Label
    from geotagger.vision.runtime.gallery_match import GalleryMatcher


class CaptionDecoder:
    """Captions that compete with all others: a place gets ln p of the label it is in."""

    def __init__(
        self, labels: Sequence[Label], matcher: GalleryMatcher, places: Places, source: str
    ) -> None:
        """Assign the places to the labels.

        Args:
            labels: one for each caption.
            matcher: the vectors of the captions.
            places: the places table.
            source: the name of the label table in messages.

        Raises:
            BundleError: the labels do not fit the places table.
        """
        self.labels = labels
        self._matcher = matcher
        uniform = [replace(label, log_prior=-float(np.log(len(labels)))) for label in labels]
        self._classify = ClassifyDecoder(uniform, 1.0, places, source)

    def decode(self, values: NDArray[np.float32]) -> list[HeadEvidence]:
        """As `HeadDecoder.decode`; `values` are embeddings [B, D] of length 1."""
        return self._classify.decode(self._matcher.logits(values))

    def log_probabilities(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """ln p(label | photo), float64 [B, K], of embeddings [B, D]."""
        return log_softmax(self._matcher.logits(values), 1.0)


class LocalCaptionDecoder:
    """Captions that compete only inside their country or region.

    A place gets ln p(label | photo, area) of the nearest label of its area, plus ln n for the n
    labels of the area: 0 is what n equally likely labels would give. Areas without labels get 0.
    """

    def __init__(self, labels: Sequence[Label], matcher: GalleryMatcher, places: Places) -> None:
        """Assign the places of each area to its labels; `matcher` has their vectors."""
        self.labels = labels
        self._matcher = matcher
        areas = [area_of(label) for label in labels]
        number_of = {area: number for number, area in enumerate(dict.fromkeys(areas))}
        self._area_of_label = np.array([number_of[area] for area in areas], np.intp)
        self._log_size = np.log(np.bincount(self._area_of_label))
        self._column_of_place = np.full(len(places), len(labels))
        place_vectors = unit_vectors64(places.lat, places.lon)
        for area, number in number_of.items():
            rows = np.flatnonzero(_inside(area, places))
            own = np.flatnonzero(self._area_of_label == number)
            points = np.array([(labels[i].lat, labels[i].lon) for i in own.tolist()])
            nearest = nearest_index(place_vectors[rows], unit_vectors64(*points.T))
            self._column_of_place[rows] = own[nearest]

    def decode(self, values: NDArray[np.float32]) -> list[HeadEvidence]:
        """As `HeadDecoder.decode`; `values` are embeddings [B, D] of length 1."""
        if not self.labels:
            return [HeadEvidence("") for _ in values]
        logits = self._matcher.logits(values)
        scores = self._log_probabilities(logits) + self._log_size[self._area_of_label]
        columns = np.concatenate([scores, np.zeros((len(scores), 1))], axis=1, dtype=np.float32)
        return [
            HeadEvidence(f"closest caption: {self.labels[int(best)].label}", row)
            for best, row in zip(
                logits.argmax(axis=1), columns[:, self._column_of_place], strict=True
            )
        ]

    def log_probabilities(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """ln p(label | photo, area of the label), float64 [B, K], of embeddings [B, D]."""
        return self._log_probabilities(self._matcher.logits(values))

    def _log_probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """A softmax inside each area."""
        log_probabilities = np.empty(logits.shape)
        for number in range(len(self._log_size)):
            own = self._area_of_label == number
            log_probabilities[:, own] = log_softmax(logits[:, own], 1.0)
        return log_probabilities


def area_of(label: Label) -> tuple[str, str]:
    """Country code and region of the area inside which a label competes, or that it names."""
    is_country = "country" in (label.parent, label.scope)
    return label.country_code, "" if is_country else label.region


def _inside(area: tuple[str, str], places: Places) -> NDArray[np.bool_]:
    """Whether each place is in the area (country code, region or empty), bool [N]."""
    code, region = area
    if code not in places.country_codes:
        return np.zeros(len(places), bool)
    rows = places.country == places.country_codes.index(code)
    if region:
        rows &= np.array([name == region for name in places.region_names])[places.region]
    return np.asarray(rows)
