"""One prediction and the known place of its photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from geotagger.geography.sphere import haversine_km
from geotagger.types import Level

if TYPE_CHECKING:
    from geotagger.evaluation.labels import KnownPlace
    from geotagger.types import Place, Prediction

CITY_KM = 25.0
"""A prediction at level city is right within this distance."""


@dataclass(frozen=True, slots=True)
class ScoredPhoto:
    """One prediction and the known place of its photo. A property is None if it is not known."""

    prediction: Prediction
    truth: KnownPlace
    named: Place
    """The names of the known place, as far as they are known."""
    city: str = ""
    """The town at the predicted point."""
    country_belief: float | None = None
    """Probability of the predicted country."""
    truth_belief: float | None = None
    """Probability of the true country."""
    radii_km: tuple[float, ...] = ()
    """Radii around the point that hold 50 % and 80 % of the probability."""

    @property
    def distance_km(self) -> float | None:
        """Great-circle distance between prediction and known point."""
        if self.truth.point is None:
            return None
        here, there = self.prediction.point, self.truth.point
        return float(haversine_km(here.lat, here.lon, there.lat, there.lon))

    @property
    def continent_right(self) -> bool | None:
        """Whether the continent is right."""
        if not self.named.continent:
            return None
        return self.prediction.place.continent == self.named.continent

    @property
    def country_right(self) -> bool | None:
        """Whether the country is right."""
        if not self.truth.country_code:
            return None
        return self.prediction.place.country_code == self.truth.country_code

    @property
    def region_right(self) -> bool | None:
        """Whether country and region are right."""
        if not self.named.region:
            return None
        return bool(self.country_right) and self.prediction.place.region == self.named.region

    @property
    def city_right(self) -> bool | None:
        """Whether both points are in towns of the same name."""
        if not self.named.city:
            return None
        return bool(self.region_right) and self.city == self.named.city

    def country_among(self, count: int) -> bool | None:
        """Whether the country is among the first `count` candidates."""
        if not self.truth.country_code:
            return None
        named = [c.place.country_code for c in self.prediction.candidates[:count]]
        return self.truth.country_code in named

    @property
    def right(self) -> bool | None:
        """Whether the prediction is right at its level; a city within 25 km."""
        km = self.distance_km
        return {
            Level.CITY: None if km is None else km <= CITY_KM,
            Level.REGION: self.region_right,
            Level.COUNTRY: self.country_right,
            Level.CONTINENT: self.continent_right,
            Level.NONE: None,
        }[self.prediction.level]
