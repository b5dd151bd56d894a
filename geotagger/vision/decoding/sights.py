"""Decodes an embedding to the known sights that a photo looks like, or to none.

Chance likeness has a class of its own. The logit of a gallery photo is its scaled cosine plus its
trust; that of "no known sight" is a constant; the softmax over all of them gives probabilities. So
several photos of one place support each other, photos of other places compete, and a likeness that
chance explains leaves the probability with "none". All constants are fitted on photos of sources
that are not in the gallery (training/calibrate/fit_sights.py).

B is the batch size, N the number of rows of the places table, G the number of gallery photos.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.sphere import cosine_of_km, km_of_cosine, unit_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.geography.places import Places
    from geotagger.vision.bundle.head_specs import SightHead
    from geotagger.vision.bundle.label_tables import SightPhotos

MAX_MATCHES = 64
"""Gallery photos that count for one photo; the others have hardly any probability."""
MIN_NONE = 0.1
"""The least probability of "none". Of 43 towns that were named on held-out photos 5 were in the
wrong country, however sure the match: chance, or the place of a gallery photo is wrong."""
REACH = 3.0
"""A gallery photo counts for places within this many of its radii."""


@dataclass(frozen=True, slots=True)
class SightMatch:
    """The known sights that a photo looks like."""

    probability: float
    """That it shows one of them, whichever."""
    likeness: float
    """Cosine of the most similar photo of the most likely place."""
    row: int
    """The most likely place: a row of the places table."""
    log_likelihood: NDArray[np.float32]
    """[N], under the condition that it shows one of them."""


class SightDecoder:
    """Compares embeddings with the gallery."""

    def __init__(
        self,
        head: SightHead,
        photos: SightPhotos,
        places: Places,
        log_prior: NDArray[np.float32],
    ) -> None:
        """Load the gallery.

        Args:
            head: the constants.
            photos: the gallery.
            places: the places table.
            log_prior: the prior, float32 [N]. It is divided out: that many people live near one of
                two sights does not make it the likelier one.
        """
        self._head = head
        self._photos = photos
        self._unit = places.unit
        self._prior = np.exp(log_prior)
        self._photo_unit = unit_vectors(photos.lat, photos.lon)

    def decode(self, values: NDArray[np.float32]) -> list[SightMatch | None]:
        """The match of each embedding [B, D] of length 1; None if no place is likely enough."""
        cosines = values @ self._photos.vectors.T
        return [self._match(row) for row in cosines]

    def _match(self, cosine: NDArray[np.float32]) -> SightMatch | None:
        logits = self._head.scale * cosine + self._photos.log_trust
        best = np.argsort(-logits, kind="stable")[:MAX_MATCHES]
        top = max(float(logits[best[0]]), self._head.none_logit)
        weights = np.exp(logits[best].astype(np.float64) - top)
        none = float(np.exp(self._head.none_logit - top))
        shares = weights / (weights.sum() + none)
        likelihood, of_photo = self._likelihood(best, shares)
        row = int((likelihood * self._prior).argmax())
        near = self._photo_unit[best] @ self._unit[row] >= cosine_of_km(
            REACH * self._photos.radius_km[best]
        )
        if not of_photo[near].sum() >= max(self._head.min_probability, MIN_NONE):
            return None
        return SightMatch(
            probability=min(float(of_photo.sum()), 1 - MIN_NONE),
            likeness=float(cosine[best[near]].max()),
            row=row,
            log_likelihood=np.log(np.maximum(likelihood, np.finfo(np.float32).tiny)),
        )

    def _likelihood(
        self, photos: NDArray[np.intp], shares: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """A Gaussian around each photo, whose posterior mass is the share of the photo.

        Returns:
            The likelihood [N], and the shares with 0 for photos around which no place is possible.
        """
        likelihood = np.zeros(len(self._unit), np.float32)
        kept = shares.copy()
        for number, photo in enumerate(photos.tolist()):
            radius_km = float(self._photos.radius_km[photo])
            cosine = self._unit @ self._photo_unit[photo]
            rows = np.flatnonzero(cosine >= cosine_of_km(REACH * radius_km))
            rows = rows if len(rows) else cosine.argmax(keepdims=True)
            kernel = np.exp(-0.5 * (km_of_cosine(cosine[rows]) / radius_km) ** 2)
            mass = float(self._prior[rows] @ kernel)
            if mass > 0:
                likelihood[rows] += (shares[number] / mass * kernel).astype(np.float32)
            else:
                kept[number] = 0
        return likelihood, kept
