"""The scores of the starter: how well probabilities over cells predict the place."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.sphere import haversine_km
from training.data.example import positions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from training.data.example import Example
    from training.targets.cells import Cells

RADII_KM = (25, 200, 750, 2500)


def posterior(
    logits: NDArray[np.floating], cells: Cells, temperature: float
) -> NDArray[np.float64]:
    """Turns log-likelihoods of cells into probabilities under equally likely countries.

    Args:
        logits: [n, C].
        cells: The C cells.
        temperature: Divides the logits.

    Returns:
        [n, C].
    """
    in_country = Counter(cells.country.tolist())
    logs = logits / temperature - np.log([in_country[code] for code in cells.country.tolist()])
    mass = np.exp(logs - logs.max(axis=1, keepdims=True))
    return mass / mass.sum(axis=1, keepdims=True)


def score_cells(
    probability: NDArray[np.float64],
    cells: Cells,
    examples: Sequence[Example],
    continent_of: Mapping[str, str],
) -> dict[str, dict[str, float]]:
    """Scores probabilities by photo, and with every country weighed equally.

    The predicted point is the cell that is within the most of RADII_KM in expectation.

    Args:
        probability: [n, C].
        cells: The C cells.
        examples: The n photos.
        continent_of: Country code -> continent.

    Returns:
        per_photo and per_country -> shares in 0..1, and the median error in km.
    """
    truth = np.array([example.country for example in examples])
    true_continent = np.array([continent_of[code] for code in truth.tolist()])
    country_mass, countries = _sums(probability, cells.country)
    continent_of_country = np.array([continent_of[code] for code in countries.tolist()])
    continent_mass, continents = _sums(country_mass, continent_of_country)
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
    equal = np.array([1 / count[code] for code in truth.tolist()])
    weights = {"per_photo": np.ones(len(truth)), "per_country": equal}
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
    """Returns the number of photos of each continent, and the share with the right continent."""
    continent_of_cell = np.array([continent_of[code] for code in cells.country.tolist()])
    mass, names = _sums(probability, continent_of_cell)
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
    """Sums mass [n, C] by name: returns ([n, names], names)."""
    distinct, index = np.unique(names, return_inverse=True)
    belongs = np.zeros((len(names), len(distinct)))
    belongs[np.arange(len(names)), index] = 1
    return mass @ belongs, distinct


def _median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulative, cumulative[-1] / 2)])
