"""Evidence from the camera's roll: what the words in the same camera's photos nearby in time say.

A photo whose own words (and clock) name a country with near certainty is an anchor for the photos
around it. How much it tells of them fades with the gap: within hours the camera is near the same
spot or on its way from there, after days it may still be in the same country. What a picture looks
like is no anchor: photos of one hour look alike, and would confirm each other's error.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from geotagger.evidence.camera_gps import (
    MAX_GAP_HOURS,
    AlbumSource,
    Camera,
    camera_of,
    gap_text,
    moment_of,
    reach,
)
from geotagger.fusion.mass import ProbabilityMass, sum_by_group
from geotagger.geography.sphere import km_of_cosine, unit_vectors
from geotagger.types import Anchor, Evidence, Level, PhotoEvidence

if TYPE_CHECKING:
    from geotagger.fusion.decide import Fusion

PHOTOS_AHEAD = 64
"""How far the roll looks ahead of a photo, in the order of the walk; it costs 0.5 MB each."""
ANCHORS_KEPT = 256
"""Of each camera, the latest."""
SAME_COUNTRY_SOON, SAME_COUNTRY_LATER = 0.97, 0.3
"""Chance that the camera is still in that country: at once, and after days."""
FADING_HOURS = 24.0
"""The chance comes halfway down in this time."""
MAX_GAP_DAYS = 7.0

WORDS, CLOCK = "text", "clock"
"""The sources that make an anchor."""


class NeighbourPropagation:
    """Hands each photo what the anchors next to it in time say."""

    def __init__(self, belief: Fusion) -> None:
        self._belief = belief
        self._places = belief.places
        prior = np.exp(belief.log_prior)
        self._prior = prior / prior.sum()
        self._country_prior = self._country_sums(self._prior)
        self._anchors: defaultdict[Camera, deque[Anchor]] = defaultdict(
            lambda: deque(maxlen=ANCHORS_KEPT)
        )

    def share(self, items: Iterable[PhotoEvidence]) -> Iterator[PhotoEvidence]:
        """The same items in the same order, each with the evidence of its neighbours added."""
        waiting: deque[PhotoEvidence] = deque()
        for item in items:
            if not item.finished:
                item = replace(item, anchor=self._anchor(item))
            if item.anchor is not None:
                self._anchors[camera_of(item.outcome.existing)].append(item.anchor)
            waiting.append(item)
            if len(waiting) > PHOTOS_AHEAD:
                yield self._joined(waiting.popleft())
        while waiting:
            yield self._joined(waiting.popleft())

    def _anchor(self, item: PhotoEvidence) -> Anchor | None:
        existing = item.outcome.existing
        own = [e for e in item.evidence if e.source in (WORDS, CLOCK)]
        moment = moment_of(existing)
        words = next((e.reason for e in own if e.source == WORDS), "")
        if moment is None or not words or not existing.camera:
            return None
        prediction = self._belief.decide(own)
        if prediction.level in (Level.NONE, Level.CONTINENT):
            return None
        countries = self._country_sums(self._belief.posterior(own))
        in_town = prediction.confidence if prediction.level is Level.CITY else 0.0
        name = item.outcome.photo.path.name
        return Anchor(name, moment, countries, prediction.point, in_town, words)

    def _joined(self, item: PhotoEvidence) -> PhotoEvidence:
        """Measured positions nearby say all that words nearby could."""
        existing = item.outcome.existing
        moment = moment_of(existing)
        known = self._anchors.get(camera_of(existing))
        measured = any(e.source == AlbumSource.name for e in item.evidence)
        if moment is None or not known or not item.evidence or measured:
            return item
        found = nearest(known, moment, item.outcome.photo.path.name)
        if not found:
            return item
        return replace(item, evidence=(*item.evidence, self.evidence(found, moment)))

    def evidence(self, found: Sequence[Anchor], moment: float) -> Evidence:
        """The log-likelihood of each place, given what was read before and after."""
        total = np.zeros(len(self._places), np.float32)
        for anchor in found:
            total += np.log(self._ratios(anchor, _gap_hours(anchor, moment)))
        total /= np.sqrt(len(found))  # the two ends of one gap are not independent
        closest = min(found, key=lambda anchor: _gap_hours(anchor, moment))
        gap = gap_text(_gap_hours(closest, moment))
        reason = f"album: {closest.name}, {gap} apart, {closest.words}"
        return Evidence(AlbumSource.name, 1.0, reason, total)

    def _ratios(self, anchor: Anchor, gap_hours: float) -> ProbabilityMass:
        """How many times likelier each place is than before, float32 [len(places)]."""
        with np.errstate(invalid="ignore", divide="ignore"):
            by_country = np.nan_to_num(anchor.countries / self._country_prior)
        ratios: ProbabilityMass = by_country[self._places.country].astype(np.float32)
        if anchor.in_town and gap_hours <= MAX_GAP_HOURS:
            towards = unit_vectors(anchor.point.lat, anchor.point.lon)
            near = reach(km_of_cosine(self._places.unit @ towards), gap_hours)
            near /= self._prior @ near
            ratios = (anchor.in_town * near + (1 - anchor.in_town) * ratios).astype(np.float32)
        stays = same_country(gap_hours)
        mixed: ProbabilityMass = stays * ratios + np.float32(1 - stays)
        return mixed

    def _country_sums(self, mass: ProbabilityMass) -> ProbabilityMass:
        return sum_by_group(mass, self._places.country, len(self._places.country_codes))


def nearest(anchors: Iterable[Anchor], moment: float, own_name: str) -> list[Anchor]:
    """The nearest anchor before and the nearest after `moment`, within the largest gap."""
    others = [anchor for anchor in anchors if anchor.name != own_name]
    near = [anchor for anchor in others if _gap_hours(anchor, moment) <= 24 * MAX_GAP_DAYS]
    before = max((a for a in near if a.at <= moment), key=lambda a: a.at, default=None)
    after = min((a for a in near if a.at > moment), key=lambda a: a.at, default=None)
    return [anchor for anchor in (before, after) if anchor is not None]


def same_country(gap_hours: float) -> float:
    """Chance that the camera is in the same country after this time."""
    fading = math.exp2(-gap_hours / FADING_HOURS)
    return SAME_COUNTRY_LATER + (SAME_COUNTRY_SOON - SAME_COUNTRY_LATER) * fading


def _gap_hours(anchor: Anchor, moment: float) -> float:
    return abs(anchor.at - moment) / 3600
