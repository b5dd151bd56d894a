"""The scores of the starter: how well probabilities over cells predict the place."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.geography.sphere import haversine_km
from training.data.example import positions
from training.targets.cells import nearest_in_country, place_targets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from training.data.example import Example
    from training.targets.cells import Cells

RADII_KM = (25, 200, 750, 2500)
GROUP_COLUMNS = {
    "continent": "continent %",
    "country": "country %",
    "country_top10": "among ten %",
}
"""The scores that `describe_groups` shows."""


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


def own_cells(cells: Cells, examples: Sequence[Example]) -> NDArray[np.bool_]:
    """Returns [n, C] the cells that are right for each of n photos.

    It is the nearest cell in the photo's country, or all cells of the country if the photo is known
    only to it, or none if the country has none.
    """
    own = cells.country == np.array([example.country for example in examples])[:, None]
    is_located = np.array([example.is_located for example in examples], bool)
    located = [example for example in examples if example.is_located]
    own[is_located] &= np.arange(len(cells)) == nearest_in_country(cells, located)[:, None]
    return own


def score_cells(
    probability: NDArray[np.float64],
    cells: Cells,
    examples: Sequence[Example],
    continent_of: Mapping[str, str],
) -> dict[str, dict[str, float | None]]:
    """Scores probabilities by photo, and with every country weighed equally.

    The predicted point is the cell that is within the most of RADII_KM in expectation. Photos that
    are known only to their country have no distance.

    Args:
        probability: [n, C].
        cells: The C cells.
        examples: The n photos.
        continent_of: Country code -> continent.

    Returns:
        per_photo and per_country -> shares in 0..1, and the median error in km; None where no
        photo has a distance.
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
    names = {
        "continent": continents[continent_mass.argmax(axis=1)] == true_continent,
        "country": ranked[:, 0] == truth,
        "country_top10": (ranked == truth[:, None]).any(axis=1),
    }
    distances = {f"within_{radius}_km": km <= radius for radius in RADII_KM}
    is_located = np.array([example.is_located for example in examples], bool)
    count = Counter(truth.tolist())
    equal = np.array([1 / count[code] for code in truth.tolist()])
    weights = {"per_photo": np.ones(len(truth)), "per_country": equal}
    return {
        name: {
            **{hit: _share(right, w) for hit, right in names.items()},
            **{hit: _share(right, w * is_located) for hit, right in distances.items()},
            "median_km": round(_median(km[is_located], w[is_located])) if any(is_located) else None,
        }
        for name, w in weights.items()
    }


def fit_temperature(
    logits: NDArray[np.float32], examples: Sequence[Example], cells: Cells
) -> float:
    """Fits the temperature by the likelihood of each photo's own place (see `own_cells`).

    The posterior assumes equally likely countries. A photo whose country has no cell does not
    count.

    Args:
        logits: [n, C].
        examples: The n photos.
        cells: The C cells.
    """
    own = own_cells(cells, examples)
    counted = own.any(axis=1)
    candidates = np.exp(np.linspace(np.log(0.3), np.log(10), 72))
    losses = []
    for temperature in candidates:
        probability = (posterior(logits, cells, temperature) * own).sum(axis=1)
        losses.append(-np.log(probability[counted] + 1e-30).mean())
    return round(float(candidates[int(np.argmin(losses))]), 4)


def score_commonest_places(
    examples: Sequence[Example],
    cells: Cells,
    fold: NDArray[np.intp],
    continent_of: Mapping[str, str],
) -> dict[str, dict[str, float | None]]:
    """Scores the most common places of the other folds as the answer for every held-out photo.

    Photos of negative folds are not scored.
    """
    probability = np.zeros((len(examples), len(cells)))
    targets = place_targets(examples, cells, 1.0, 1.0).cells
    held = np.flatnonzero(fold >= 0)
    for held_out in np.unique(fold[held]):
        probability[fold == held_out] = targets[fold != held_out].mean(axis=0)
    return score_cells(probability[held], cells, [examples[row] for row in held], continent_of)


def describe_groups(groups: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns a Markdown table of the scores of each group, with what chance alone would move.

    Args:
        groups: Name -> `photos` and `per_photo` of `score_cells`.
    """
    lines = [f"| | photos | {' | '.join(GROUP_COLUMNS.values())} |", "| --- |" + " ---: |" * 4]
    for name, scores in groups.items():
        count, photo = scores["photos"], scores["per_photo"]
        shares = [_with_error(photo[key], count) for key in GROUP_COLUMNS]
        lines.append(f"| {name} | {count:,} | {' | '.join(shares)} |")
    return "\n".join(lines)


def _with_error(share: float, count: int) -> str:
    """Returns a share in percent with its standard error, of a binomial distribution."""
    return f"{100 * share:.1f} ± {100 * (share * (1 - share) / count) ** 0.5:.1f}"


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


def _share(right: NDArray[np.bool_], weights: NDArray[np.float64]) -> float | None:
    """Returns the weighted share of right answers; None if nothing has a weight."""
    return round(float(np.average(right, weights=weights)), 4) if weights.any() else None


def _median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulative, cumulative[-1] / 2)])
