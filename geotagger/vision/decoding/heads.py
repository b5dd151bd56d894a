"""Reads the outputs of a model as log-likelihoods over the places table, and says why in words.

What depends on the bundle and the table alone is worked out once, at construction. Values must be
finite: the caller leaves out photos whose outputs are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from geotagger.geography.sphere import EARTH_RADIUS_KM, unit_vectors64
from geotagger.vision.decoding.label_cover import label_of_place, nearest
from geotagger.vision.decoding.label_prior import label_prior
from geotagger.vision.runtime.gallery_match import Matcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.fusion.prior import Constants
    from geotagger.geography.places import Places
    from geotagger.vision.bundle.label_tables import Gallery, Label

MAX_NAMED = 3
MIN_NAMED = 0.05
"""A reason names up to this many countries, and after the first none of a smaller share."""

MIN_LOG_SHARE = -1e4
"""Nothing a network says is less likely than this, so that sums stay finite in float32."""

FAR_MISS = 1e-3
"""A regressor is now and then wrong by half the world, so no place is less likely than this share
of the best one; other evidence can still overrule it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one head says of one photo."""

    reason: str
    """A short sentence that a person can check."""
    log_likelihood: NDArray[np.float32] | None = None
    """[len(places)]; None where the head does not speak of places."""
    attributes: tuple[tuple[str, str], ...] = ()


class Reader(Protocol):
    """Reads one head."""

    def read(self, values: NDArray[np.float32]) -> list[Reading]:
        """One reading for each photo, from the head's output [B, width]."""
        ...


class ClassifyReader:
    """Logits over labels: a place gets ln p(label | photo) - ln p(label) of the label it is in.

    With `constants`, that and what `label_prior` says of it beforehand.
    """

    def __init__(
        self,
        labels: Sequence[Label],
        temperature: float,
        places: Places,
        source: str,
        constants: Constants | None = None,
    ) -> None:
        """`source` names the label table in messages."""
        self.labels = labels
        self._temperature = temperature
        self._log_prior = np.array([label.log_prior for label in labels])
        covering = label_of_place(labels, places, source)
        self._covers = np.unique(covering[covering >= 0])
        self._column = np.where(covering >= 0, covering, len(labels))
        self._raised, self._beforehand = np.zeros(len(places), np.float32), self._log_prior
        if constants:
            self._raised, self._beforehand = label_prior(labels, covering, places, constants)
        self._names = places.country_names + places.continent_names
        self._name_of_label = _name_of_label(labels, places)

    def read(self, values: NDArray[np.float32]) -> list[Reading]:
        scores = self.log_shares(values) - self._log_prior
        floor = scores[:, self._covers].min(axis=1, keepdims=True)
        table = np.concatenate([scores, floor], axis=1, dtype=np.float32)
        over_places = np.take(table, self._column, axis=1) + self._raised
        return [
            Reading(_looks_like(shares, self._name_of_label, self._names), log_likelihood)
            for shares, log_likelihood in zip(
                np.exp(log_softmax(scores + self._beforehand, 1.0)), over_places, strict=True
            )
        ]

    def log_shares(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """[B, K]: ln p(label | photo)."""
        return log_softmax(values, self._temperature)


class AttributeReader:
    """Logits over labels that are no places, such as climates: the likeliest is an attribute."""

    def __init__(self, name: str, labels: Sequence[Label], temperature: float) -> None:
        self._name = name
        self._labels = [label.label for label in labels]
        self._temperature = temperature

    def read(self, values: NDArray[np.float32]) -> list[Reading]:
        shares = np.exp(log_softmax(values, self._temperature))
        return [self._reading(int(row.argmax()), float(row.max())) for row in shares]

    def _reading(self, best: int, share: float) -> Reading:
        label = self._labels[best]
        reason = f"{self._name}: {label} {100 * share:.0f} %"
        return Reading(reason, attributes=((self._name, label),))


class RetrieveReader:
    """An embedding against a gallery: a place gets the mean likelihood of its gallery points.

    A model trained with a contrastive loss gives, in its scaled cosine, the logarithm of
    p(photo | point) up to a constant of the photo (van den Oord et al., "Representation learning
    with contrastive predictive coding", 2018). So the density of the gallery does not matter,
    and the mean over the points of a place, weighted by their counts, is p(photo | place). A place
    without gallery points takes the value of the nearest place that has some.
    """

    def __init__(
        self,
        gallery: Gallery,
        logit_scale: float,
        places: Places,
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        units = unit_vectors64(places.lat, places.lon)
        row_of_point = nearest(unit_vectors64(gallery.lat, gallery.lon), units)
        order = np.argsort(row_of_point, kind="stable")
        rows, self._starts = np.unique(row_of_point[order], return_index=True)
        self._count = gallery.count[order]
        self._points = np.stack([gallery.lat[order], gallery.lon[order]], axis=1)
        self._matcher = Matcher(
            gallery.vectors[order], logit_scale, count=self._count, device=device, threads=threads
        )
        self._log_count = np.log(np.add.reduceat(self._count, self._starts))
        self._column = nearest(units, units[rows])
        self._country = places.country[rows]
        self._names = places.country_names

    def read(self, values: NDArray[np.float32]) -> list[Reading]:
        logits = self._matcher.logits(values)
        logits -= logits.max(axis=1, keepdims=True)
        likelihood = np.exp(logits, out=logits)
        likelihood *= self._count
        mass = np.add.reduceat(likelihood, self._starts, axis=1)
        mass = np.maximum(mass, np.finfo(np.float32).tiny)  # the logarithm stays finite
        shares = mass / mass.sum(axis=1, keepdims=True)
        over_places = np.take(np.log(mass) - self._log_count, self._column, axis=1)
        return [
            Reading(_looks_like(row, self._country, self._names), log_likelihood)
            for row, log_likelihood in zip(shares, over_places, strict=True)
        ]

    def best(
        self, values: NDArray[np.float32], count: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Degrees [B, k, 2] and probabilities [B, k] of the best points; see `Matcher.best`."""
        rows, probabilities = self._matcher.best(values, count)
        return self._points[rows], probabilities


class RegressReader:
    """Coordinates: a von Mises-Fisher kernel around them, concentration (R / sigma)^2."""

    def __init__(self, sigma_km: float, places: Places) -> None:
        self._places = places
        self._unit = unit_vectors64(places.lat, places.lon)
        self._concentration = (EARTH_RADIUS_KM / sigma_km) ** 2

    def read(self, values: NDArray[np.float32]) -> list[Reading]:
        centres = unit_vectors64(np.clip(values[:, 0], -90, 90), values[:, 1])
        cosines = centres @ self._unit.T
        exponent = np.maximum(self._concentration * (cosines - 1), np.log(FAR_MISS))
        over_places = exponent.astype(np.float32)
        return [
            Reading(self._reason(value, int(row)), log_likelihood)
            for value, row, log_likelihood in zip(
                values, cosines.argmax(axis=1), over_places, strict=True
            )
        ]

    def _reason(self, value: NDArray[np.float32], row: int) -> str:
        place = self._places.place(row)
        near = ", ".join(name for name in (place.city or place.region, place.country) if name)
        return f"picture points to {value[0]:.1f}, {value[1]:.1f} near {near}"


def log_softmax(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """ln softmax(logits / temperature) over the last axis; finite for all finite logits."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    shifted /= temperature
    np.maximum(shifted, MIN_LOG_SHARE, out=shifted)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def _name_of_label(labels: Sequence[Label], places: Places) -> NDArray[np.intp]:
    """For each label its country, or else its continent, in country_names + continent_names."""
    number_of = {name: i for i, name in enumerate(places.country_codes + places.continent_names)}
    numbers = np.empty(len(labels), np.intp)
    unnamed = []
    for i, label in enumerate(labels):
        name = label.continent if label.scope == "continent" else label.country_code
        if name in number_of:
            numbers[i] = number_of[name]
        else:  # a point, for areas are known by now
            unnamed.append(i)
    lat, lon = [labels[i].lat for i in unnamed], [labels[i].lon for i in unnamed]
    rows = nearest(unit_vectors64(lat, lon), unit_vectors64(places.lat, places.lon))
    numbers[unnamed] = places.country[rows]
    return numbers


def _looks_like(
    shares: NDArray[np.floating], name_of: NDArray[np.integer], names: Sequence[str]
) -> str:
    """'picture looks like Japan 41 %, South Korea 12 %'."""
    total = np.bincount(name_of, weights=shares, minlength=len(names))
    best = np.argsort(-total, kind="stable")[:MAX_NAMED]
    named = [i for rank, i in enumerate(best) if rank == 0 or total[i] >= MIN_NAMED]
    return "picture looks like " + ", ".join(f"{names[i]} {100 * total[i]:.0f} %" for i in named)
