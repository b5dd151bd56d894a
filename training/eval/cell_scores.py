"""How well probabilities over cells tell where photos were taken: the scores of the starter."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.sphere import haversine_km
from training.data.dataset import positions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from training.data.dataset import Example
    from training.targets.cells import Cells

RADII_KM = (25, 200, 750, 2500)


def posterior(
    logits: NDArray[np.floating], cells: Cells, temperature: float
) -> NDArray[np.float64]:
    """[n, cells] for log-likelihoods of cells, where every country is as likely as any other."""
    in_country = Counter(cells.country.tolist())
    logs = logits / temperature - np.log([in_country[code] for code in cells.country.tolist()])
    mass = np.exp(logs - logs.max(axis=1, keepdims=True))
    return mass / mass.sum(axis=1, keepdims=True)


def score(
    probability: NDArray[np.float64],
    cells: Cells,
    examples: Sequence[Example],
    continent_of: Mapping[str, str],
) -> dict[str, dict[str, float]]:
    """Shares (0 to 1) and the median error in km, by photo and with every country weighed alike.

    The point is the cell that meets the most of RADII_KM in expectation.
    """
    truth = np.array([example.country for example in examples])
    true_continent = np.array([continent_of[code] for code in truth.tolist()])
    country_mass, countries = _sums(probability, cells.country)
    home = np.array([continent_of[code] for code in countries.tolist()])
    continent_mass, continents = _sums(country_mass, home)
    ranked = countries[np.argsort(-country_mass, axis=1)[:, :10]]
    between = cells.distance_km(cells.lat, cells.lon)
    gain = sum((between <= radius).astype(float) for radius in RADII_KM)
    best = (probability @ gain).argmax(axis=1)
    km = np.asarray(haversine_km(cells.lat[best], cells.lon[best], *positions(examples)))
    hits = {
        "continent": continents[continent_mass.argmax(axis=1)] == true_continent,
        "country": ranked[:, 0] == truth,
        "country_top10": (ranked == truth[:, None]).any(axis=1),
        **{f"within_{radius}_km": km <= radius for radius in RADII_KM},
    }
    count = Counter(truth.tolist())
    alike = np.array([1 / count[code] for code in truth.tolist()])
    weights = {"per_photo": np.ones(len(truth)), "per_country": alike}
    return {
        name: {
            **{hit: round(float(np.average(right, weights=w)), 4) for hit, right in hits.items()},
            "median_km": round(_median(km, w)),
        }
        for name, w in weights.items()
    }


def by_continent(
    probability: NDArray[np.float64],
    cells: Cells,
    countries: Sequence[str],
    continent_of: Mapping[str, str],
) -> dict[str, dict[str, float]]:
    """The photos of each continent, and the share of them whose continent is right."""
    home = np.array([continent_of[code] for code in cells.country.tolist()])
    mass, names = _sums(probability, home)
    truth = np.array([continent_of[code] for code in countries])
    right = names[mass.argmax(axis=1)] == truth
    return {
        name: {
            "photos": int((truth == name).sum()),
            "right": round(float(right[truth == name].mean()), 4),
        }
        for name in sorted(set(truth.tolist()))
    }


def _sums(
    mass: NDArray[np.float64], names: NDArray[np.str_]
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Mass [n, cells] summed by name: ([n, names], names)."""
    distinct, index = np.unique(names, return_inverse=True)
    belongs = np.zeros((len(names), len(distinct)))
    belongs[np.arange(len(names)), index] = 1
    return mass @ belongs, distinct


def _median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    held = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(held, held[-1] / 2)])
