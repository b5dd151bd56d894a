"""Decodes the outputs of a model to log-likelihoods over the places table, with a reason in words.

Whatever depends only on the bundle and the table is computed once, in the constructor. All values
must be finite: the caller leaves out photos with others.

B is the batch size, N the number of rows of the places table, K the number of labels of a head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from geotagger.config import Device
from geotagger.geography.sphere import EARTH_RADIUS_KM, unit_vectors64
from geotagger.vision.decoding.label_cover import label_of_place, nearest_index
from geotagger.vision.decoding.label_prior import label_prior
from geotagger.vision.runtime.gallery_match import GalleryMatcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.fusion.prior import Constants
    from geotagger.geography.places import Places
    from geotagger.vision.bundle.label_tables import Gallery, Label

MAX_NAMED = 3
"""A reason names at most this many countries."""
MIN_NAMED_SHARE = 0.05
"""After the first, a reason names only countries with at least this share."""

MIN_LOG_SHARE = -1e4
"""The lowest log-probability of a label, so that sums stay finite in float32."""

MIN_REGRESS_LIKELIHOOD = 1e-3
"""The lowest likelihood of a place, relative to the best one. A regressor is sometimes wrong by
half the world; other evidence must still be able to overrule it."""


@dataclass(frozen=True, slots=True)
class HeadEvidence:
    """What one head says about one photo."""

    reason: str
    """A short sentence that a person can check."""
    log_likelihood: NDArray[np.float32] | None = None
    """[N]; None if the head is not about places."""
    attributes: tuple[tuple[str, str], ...] = ()
    """Names and values, such as ("climate", "humid")."""
    baseline: NDArray[np.float32] | None = None
    """The part of `log_likelihood` that is the same for every photo; one array for all of them."""


class HeadDecoder(Protocol):
    """Decodes the outputs of one head."""

    def decode(self, values: NDArray[np.float32]) -> list[HeadEvidence]:
        """One result for each photo, from the head's output, float32 [B, width]."""
        ...


class ClassifyDecoder:
    """Logits over labels: a place gets ln p(label | photo) - ln p(label) of the label it is in.

    That is Bayes' rule: the label's share of the training photos is divided out, and `label_prior`
    puts another prior in its place.
    """

    def __init__(
        self,
        labels: Sequence[Label],
        temperature: float,
        places: Places,
        source: str,
        constants: Constants | None = None,
    ) -> None:
        """Assign the places to the labels.

        Args:
            labels: one for each logit.
            temperature: divides the logits.
            places: the places table.
            source: the name of the label table in messages.
            constants: for `label_prior`; None for the training prior.

        Raises:
            BundleError: the labels do not fit the places table.
        """
        self.labels = labels
        self._temperature = temperature
        self._log_train_prior = np.array([label.log_prior for label in labels])
        covering = label_of_place(labels, places, source)
        self._covering_labels = np.unique(covering[covering >= 0])
        self._column_of_place = np.where(covering >= 0, covering, len(labels))
        self._correction: NDArray[np.float32] | None = None
        self._log_label_prior = self._log_train_prior
        if constants:
            self._correction, self._log_label_prior = label_prior(
                labels, covering, places, constants
            )
        self._names = places.country_names + places.continent_names
        self._name_of_label = _name_of_label(labels, places)

    def decode(self, values: NDArray[np.float32]) -> list[HeadEvidence]:
        """As `HeadDecoder.decode`; `values` are logits [B, K].

        A place without a label gets the lowest log-likelihood of all labels.
        """
        scores = self.log_probabilities(values) - self._log_train_prior
        lowest = scores[:, self._covering_labels].min(axis=1, keepdims=True)
        columns = np.concatenate([scores, lowest], axis=1, dtype=np.float32)
        log_likelihoods = np.take(columns, self._column_of_place, axis=1)
        if self._correction is not None:
            log_likelihoods += self._correction
        posteriors = np.exp(log_softmax(scores + self._log_label_prior, 1.0))
        return [
            HeadEvidence(
                _looks_like(shares, self._name_of_label, self._names),
                log_likelihood,
                baseline=self._correction,
            )
            for shares, log_likelihood in zip(posteriors, log_likelihoods, strict=True)
        ]

    def log_probabilities(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """ln p(label | photo), float64 [B, K], of logits [B, K]."""
        return log_softmax(values, self._temperature)


class AttributeDecoder:
    """Logits over labels that are not places, such as climates: the most likely is an attribute."""

    def __init__(self, name: str, labels: Sequence[Label], temperature: float) -> None:
        self._name = name
        self._labels = [label.label for label in labels]
        self._temperature = temperature

    def decode(self, values: NDArray[np.float32]) -> list[HeadEvidence]:
        """As `HeadDecoder.decode`; `values` are logits [B, K]."""
        probabilities = np.exp(log_softmax(values, self._temperature))
        return [self._evidence(int(row.argmax()), float(row.max())) for row in probabilities]

    def _evidence(self, best: int, probability: float) -> HeadEvidence:
        label = self._labels[best]
        reason = f"{self._name}: {label} {100 * probability:.0f} %"
        return HeadEvidence(reason, attributes=((self._name, label),))


class RetrieveDecoder:
    """An embedding against a gallery: a place gets the mean likelihood of its gallery points.

    The scaled cosine of a model with a contrastive loss is ln p(photo | point), up to a constant of
    the photo (van den Oord et al. 2018, "Representation learning with contrastive predictive
    coding", https://arxiv.org/abs/1807.03748). So the density of the gallery does not matter, and
    the mean over the points of a place, weighted by their counts, is p(photo | place). A place
    without gallery points takes the value of the nearest place that has some.
    """

    def __init__(
        self,
        gallery: Gallery,
        logit_scale: float,
        places: Places,
        device: str = Device.CPU,
        threads: int = 1,
    ) -> None:
        """Assign the gallery points to the places, and load the gallery.

        Args:
            gallery: vectors and points.
            logit_scale: multiplies the cosines.
            places: the places table.
            device: the device of the session that gives the embeddings.
            threads: CPU threads that share one run.

        Raises:
            DeviceError: the device cannot run the match.
        """
        place_vectors = unit_vectors64(places.lat, places.lon)
        row_of_point = nearest_index(unit_vectors64(gallery.lat, gallery.lon), place_vectors)
        order = np.argsort(row_of_point, kind="stable")  # points of one place follow each other
        rows, self._starts = np.unique(row_of_point[order], return_index=True)
        self._count = gallery.count[order]
        self._points = np.stack([gallery.lat[order], gallery.lon[order]], axis=1)
        self._matcher = GalleryMatcher(
            gallery.vectors[order], logit_scale, count=self._count, device=device, threads=threads
        )
        self._log_count = np.log(np.add.reduceat(self._count, self._starts))
        self._column_of_place = nearest_index(place_vectors, place_vectors[rows])
        self._country = places.country[rows]
        self._names = places.country_names

    def decode(self, values: NDArray[np.float32]) -> list[HeadEvidence]:
        """As `HeadDecoder.decode`; `values` are embeddings [B, D] of length 1."""
        logits = self._matcher.logits(values)
        logits -= logits.max(axis=1, keepdims=True)
        likelihood = np.exp(logits, out=logits)
        likelihood *= self._count
        mass = np.add.reduceat(likelihood, self._starts, axis=1)
        mass = np.maximum(mass, np.finfo(np.float32).tiny)  # keeps the logarithm finite
        shares = mass / mass.sum(axis=1, keepdims=True)
        columns = np.log(mass) - self._log_count
        log_likelihoods = np.take(columns, self._column_of_place, axis=1)
        return [
            HeadEvidence(_looks_like(row, self._country, self._names), log_likelihood)
            for row, log_likelihood in zip(shares, log_likelihoods, strict=True)
        ]

    def best(
        self, values: NDArray[np.float32], count: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The most likely gallery points of embeddings [B, D]; see `GalleryMatcher.best`.

        Returns:
            Degrees float32 [B, k, 2] and probabilities float32 [B, k], best first.
        """
        rows, probabilities = self._matcher.best(values, count)
        return self._points[rows], probabilities


class RegressDecoder:
    """Coordinates: a von Mises-Fisher kernel around them, with concentration (R / sigma)^2."""

    def __init__(self, sigma_km: float, places: Places) -> None:
        self._places = places
        self._place_vectors = unit_vectors64(places.lat, places.lon)
        self._concentration = (EARTH_RADIUS_KM / sigma_km) ** 2

    def decode(self, values: NDArray[np.float32]) -> list[HeadEvidence]:
        """As `HeadDecoder.decode`; `values` are degrees [B, 2]."""
        centres = unit_vectors64(np.clip(values[:, 0], -90, 90), values[:, 1])
        cosines = centres @ self._place_vectors.T
        exponents = self._concentration * (cosines - 1)
        log_likelihoods = np.maximum(exponents, np.log(MIN_REGRESS_LIKELIHOOD)).astype(np.float32)
        nearest_rows = cosines.argmax(axis=1).tolist()
        return [
            HeadEvidence(self._reason(value, row), log_likelihood)
            for value, row, log_likelihood in zip(
                values, nearest_rows, log_likelihoods, strict=True
            )
        ]

    def _reason(self, value: NDArray[np.float32], row: int) -> str:
        place = self._places.place(row)
        near = ", ".join(name for name in (place.city or place.region, place.country) if name)
        return f"picture points to {value[0]:.1f}, {value[1]:.1f} near {near}"


def log_softmax(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """ln softmax(logits / temperature) over the last axis; finite for all finite logits.

    Returns:
        float64, in the shape of `logits`.
    """
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    shifted /= temperature
    np.maximum(shifted, MIN_LOG_SHARE, out=shifted)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def _name_of_label(labels: Sequence[Label], places: Places) -> NDArray[np.intp]:
    """The country of each label, or else its continent, as an index into
    country_names + continent_names: intp [K]."""
    number_of = {name: i for i, name in enumerate(places.country_codes + places.continent_names)}
    numbers = np.empty(len(labels), np.intp)
    unnamed = []
    for i, label in enumerate(labels):
        name = label.continent if label.scope == "continent" else label.country_code
        if name in number_of:
            numbers[i] = number_of[name]
        else:  # a point: `label_of_place` has checked the areas
            unnamed.append(i)
    lat, lon = [labels[i].lat for i in unnamed], [labels[i].lon for i in unnamed]
    rows = nearest_index(unit_vectors64(lat, lon), unit_vectors64(places.lat, places.lon))
    numbers[unnamed] = places.country[rows]
    return numbers


def _looks_like(
    shares: NDArray[np.floating], name_of: NDArray[np.integer], names: Sequence[str]
) -> str:
    """For example 'picture looks like Japan 41 %, South Korea 12 %'."""
    total = np.bincount(name_of, weights=shares, minlength=len(names))
    best = np.argsort(-total, kind="stable")[:MAX_NAMED]
    named = [i for rank, i in enumerate(best) if rank == 0 or total[i] >= MIN_NAMED_SHARE]
    return "picture looks like " + ", ".join(f"{names[i]} {100 * total[i]:.0f} %" for i in named)
