"""Evidence from neighbours in time: the words in other photos of the same camera.

A photo whose own words (and clock) name a country with near certainty is an anchor for the photos
around it. Its weight falls with the gap: within hours the camera is near the same spot or on its
way from there, after days it may still be in the same country. The look of a picture makes no
anchor: photos of one hour look alike, and would confirm each other's error.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from geotagger.evidence.album_tree import Camera, camera_of
from geotagger.evidence.camera_gps import (
    MAX_GAP_HOURS,
    gap_text,
    reach,
)
from geotagger.fusion.decide import Fusion
from geotagger.fusion.mass import ProbabilityMass, sum_by_group
from geotagger.geography.sphere import km_of_cosine, unit_vectors
from geotagger.pipeline.merge import Item
from geotagger.times.capture_time import clock_s
from geotagger.types import Anchor, Evidence, Level, Outcome, PhotoEvidence, SourceKind

PHOTOS_AHEAD = 64
"""How many photos are read ahead of one, in scan order; each takes 0.5 MB of memory."""
ANCHORS_KEPT = 256
"""The latest of each camera."""
SAME_COUNTRY_SOON, SAME_COUNTRY_LATER = 0.97, 0.3
"""Probability that the camera is still in that country: at once, and after days."""
HALF_LIFE_HOURS = 24.0
"""In this time the probability falls halfway from the first to the second."""
MAX_GAP_DAYS = 7.0


class NeighbourPropagation:
    """Adds the evidence of the nearest anchors before and after each photo."""

    def __init__(self, fusion: Fusion) -> None:
        self._fusion = fusion
        self._places = fusion.places
        prior = np.exp(fusion.log_prior)
        self._prior = prior / prior.sum()
        self._country_prior = self._by_country(self._prior)
        self._anchors: defaultdict[Camera, deque[Anchor]] = defaultdict(
            lambda: deque(maxlen=ANCHORS_KEPT)
        )

    def share(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the same items in the same order, with the evidence of their neighbours added.

        A photo is held back until the next `PHOTOS_AHEAD` were read. Finished rows are anchors too.
        """
        waiting: deque[Item] = deque()
        for item in items:
            if isinstance(item, PhotoEvidence):
                item = replace(item, anchor=self._anchor(item))
            if not isinstance(item, Outcome) and item.anchor is not None:
                self._anchors[item.anchor.camera].append(item.anchor)
            waiting.append(item)
            if len(waiting) > PHOTOS_AHEAD:
                yield self._with_neighbours(waiting.popleft())
        while waiting:
            yield self._with_neighbours(waiting.popleft())

    def _anchor(self, item: PhotoEvidence) -> Anchor | None:
        """The photo as an anchor; None if its words alone do not name a country."""
        metadata = item.outcome.metadata
        moment = clock_s(metadata)
        own = [e for e in item.evidence if e.kind in (SourceKind.TEXT, SourceKind.CLOCK)]
        has_words = any(e.kind == SourceKind.TEXT for e in own)
        if moment is None or not has_words or not metadata.camera:
            return None
        prediction = self._fusion.decide(own)
        if prediction.level in (Level.NONE, Level.CONTINENT):
            return None
        return Anchor(
            name=item.outcome.photo.path.name,
            camera=camera_of(metadata),
            at=moment,
            countries=self._by_country(self._fusion.posterior(own)),
            point=prediction.point,
            in_town=prediction.confidence if prediction.level is Level.CITY else 0.0,
            words=prediction.evidence[0].text,
        )

    def _with_neighbours(self, item: Item) -> Item:
        """The item with evidence from anchors, unless a measured position nearby says it all."""
        if not isinstance(item, PhotoEvidence):
            return item
        metadata = item.outcome.metadata
        moment = clock_s(metadata)
        anchors = self._anchors.get(camera_of(metadata))
        has_gps_nearby = any(e.kind == SourceKind.ALBUM for e in item.evidence)
        if moment is None or not anchors or not item.evidence or has_gps_nearby:
            return item
        around = nearest(anchors, moment, item.outcome.photo.path.name)
        if not around:
            return item
        return replace(item, evidence=(*item.evidence, self.evidence(around, moment)))

    def evidence(self, anchors: Sequence[Anchor], moment: float) -> Evidence:
        """Evidence on a photo taken at `moment`, from the anchors before and after it."""
        total = np.zeros(len(self._places), np.float32)
        for anchor in anchors:
            total += np.log(self._ratios(anchor, _gap_hours(anchor, moment)))
        total /= np.sqrt(len(anchors))  # the two ends of one gap are not independent
        closest = min(anchors, key=lambda anchor: _gap_hours(anchor, moment))
        gap = gap_text(_gap_hours(closest, moment))
        reason = f"album: {closest.name}, {gap} apart, {closest.words}"
        return Evidence(SourceKind.ALBUM, 1.0, reason, total)

    def _ratios(self, anchor: Anchor, gap_hours: float) -> ProbabilityMass:
        """Likelihood ratio of each place against the prior, float32 [len(places)]."""
        with np.errstate(invalid="ignore", divide="ignore"):
            by_country = np.nan_to_num(anchor.countries / self._country_prior)
        ratios: ProbabilityMass = by_country[self._places.country].astype(np.float32)
        if anchor.in_town and gap_hours <= MAX_GAP_HOURS:
            direction = unit_vectors(anchor.point.lat, anchor.point.lon)
            near = reach(km_of_cosine(self._places.unit @ direction), gap_hours)
            near /= self._prior @ near
            ratios = (anchor.in_town * near + (1 - anchor.in_town) * ratios).astype(np.float32)
        stays = same_country(gap_hours)
        mixed: ProbabilityMass = stays * ratios + np.float32(1 - stays)
        return mixed

    def _by_country(self, mass: ProbabilityMass) -> ProbabilityMass:
        return sum_by_group(mass, self._places.country, len(self._places.country_codes))


def nearest(anchors: Iterable[Anchor], moment: float, own_name: str) -> list[Anchor]:
    """The nearest anchor before and the nearest after `moment`, within the largest gap."""
    others = [anchor for anchor in anchors if anchor.name != own_name]
    near = [anchor for anchor in others if _gap_hours(anchor, moment) <= 24 * MAX_GAP_DAYS]
    before = max((a for a in near if a.at <= moment), key=lambda a: a.at, default=None)
    after = min((a for a in near if a.at > moment), key=lambda a: a.at, default=None)
    return [anchor for anchor in (before, after) if anchor is not None]


def same_country(gap_hours: float) -> float:
    """Probability that the camera is in the same country after this time."""
    fading = math.exp2(-gap_hours / HALF_LIFE_HOURS)
    return SAME_COUNTRY_LATER + (SAME_COUNTRY_SOON - SAME_COUNTRY_LATER) * fading


def _gap_hours(anchor: Anchor, moment: float) -> float:
    return abs(anchor.at - moment) / 3600
