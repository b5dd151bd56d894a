"""One prediction beside its truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from geotagger.geography.sphere import haversine_km
from geotagger.types import Level

if TYPE_CHECKING:
    from geotagger.evaluation.labels import KnownPlace
    from geotagger.types import Place, Prediction

CITY_KM = 25.0
"""An answer that names a city is right within this distance."""


@dataclass(frozen=True, slots=True)
class ScoredPhoto:
    """One prediction beside its truth. What cannot be told is None."""

    prediction: Prediction
    truth: KnownPlace
    named: Place
    """The names of the true place, as far as they are known."""
    city: str = ""
    """Name of the town in which the predicted point lies."""
    country_belief: float | None = None
    """Belief in the country that is named."""
    truth_belief: float | None = None
    """Belief in the true country."""
    radii_km: tuple[float, ...] = ()
    """Circles around the point that hold 50 % and 80 % of the belief."""

    @property
    def distance_km(self) -> float | None:
        if self.truth.point is None:
            return None
        here, there = self.prediction.point, self.truth.point
        return float(haversine_km(here.lat, here.lon, there.lat, there.lon))

    @property
    def continent_right(self) -> bool | None:
        if not self.named.continent:
            return None
        return self.prediction.place.continent == self.named.continent

    @property
    def country_right(self) -> bool | None:
        if not self.truth.country_code:
            return None
        return self.prediction.place.country_code == self.truth.country_code

    @property
    def region_right(self) -> bool | None:
        if not self.named.region:
            return None
        return bool(self.country_right) and self.prediction.place.region == self.named.region

    @property
    def city_right(self) -> bool | None:
        """Both points lie in the town of one name."""
        if not self.named.city:
            return None
        return bool(self.region_right) and self.city == self.named.city

    def country_among(self, count: int) -> bool | None:
        if not self.truth.country_code:
            return None
        named = [c.place.country_code for c in self.prediction.candidates[:count]]
        return self.truth.country_code in named

    @property
    def right(self) -> bool | None:
        """Whether the answer holds at the level at which it was given; a city within 25 km."""
        km = self.distance_km
        return {
            Level.CITY: None if km is None else km <= CITY_KM,
            Level.REGION: self.region_right,
            Level.COUNTRY: self.country_right,
            Level.CONTINENT: self.continent_right,
            Level.NONE: None,
        }[self.prediction.level]
