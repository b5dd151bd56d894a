"""What image and text towers say when asked: zero-shot, few-shot and hierarchical (StreetCLIP)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.sphere import haversine_km
from training.calibrate.calibrate import EXACT
from training.eval import metrics
from training.eval.retrieval import EMBEDDING
from training.models.clip import embed_texts
from training.targets.captions import area_name, city_prompt, country_prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.geography.named_places import NamedPlace
    from training.data.dataset import Example
    from training.engine.run_folder import HeldOut
    from training.models.clip import Clip, Words

SHOTS = (1, 5, 10)
CITY_KM = 25.0


def prompt_table(
    clip: Clip,
    words: Words,
    held: HeldOut,
    candidates: Sequence[NamedPlace],
    shots: NDArray[np.float32],
    known: Sequence[Example],
) -> dict[str, dict[str, float | None]]:
    """Country, city, and city given country, by what the towers are asked.

    `shots` [n, D] are the embeddings of the photos `known`, from which few-shot may learn.
    """
    table = {"zero-shot": zero_shot(clip, words, held, candidates)}
    for count in SHOTS if len(known) else ():
        table[f"{count}-shot"] = few_shot(held, shots, known, count)
    return table


def zero_shot(
    clip: Clip, words: Words, held: HeldOut, candidates: Sequence[NamedPlace]
) -> dict[str, float | None]:
    """The best country, then the best city of that country (hierarchical linear probing, Haas et
    al. 2023), and the best city of all.

    A city is right where the photo lies within 25 km of the candidate, for names of cities repeat.
    A country without cities among the candidates is an answer like any other; its photos have no
    right city.
    """
    values = held.outputs[EMBEDDING]
    countries = sorted({area_name(c) for c in candidates} | (set(held.country.tolist()) - {""}))
    of_country = np.array([countries.index(area_name(c)) for c in candidates])
    prompts = embed_texts(clip, words, [country_prompt(name) for name in countries])
    country = (values @ prompts.T).argmax(axis=1)
    cities = values @ embed_texts(clip, words, [city_prompt(c.city) for c in candidates]).T
    inside = np.where(of_country == country[:, None], cities, -np.inf)
    city = np.where(np.isfinite(inside.max(axis=1)), inside.argmax(axis=1), -1)

    told = held.country != ""
    country_right = _codes(countries, candidates)[country] == held.country
    known = np.isin(held.precision, EXACT[:2]) & ~np.isnan(held.lat)
    city_right, direct = (_near(best, candidates, held) for best in (city, cities.argmax(axis=1)))
    return {
        "photos": len(held),
        "country": _mean(country_right[told]),
        "city": _mean(city_right[known]),
        "city, without country": _mean(direct[known]),
        "hierarchical": metrics.hierarchical(country_right[known], city_right[known]),
    }


def few_shot(
    held: HeldOut, shots: NDArray[np.float32], known: Sequence[Example], count: int
) -> dict[str, float | None]:
    """The country whose photos, `count` of them drawn at random, are most alike on average."""
    random = np.random.default_rng(0)
    own = np.array([example.country for example in known])
    countries = sorted(set(own.tolist()) - {""})
    means = []
    for country in countries:
        rows = random.permutation(np.flatnonzero(own == country))[:count]
        mean = shots[rows].mean(axis=0)
        means.append(mean / max(float(np.linalg.norm(mean)), 1e-6))
    best = np.array(countries)[(held.outputs[EMBEDDING] @ np.array(means).T).argmax(axis=1)]
    told = held.country != ""
    return {"photos": len(held), "country": _mean((best == held.country)[told])}


def _codes(countries: Sequence[str], candidates: Sequence[NamedPlace]) -> NDArray[np.str_]:
    """ISO codes; a state that stands for a country is of the country that it lies in."""
    code = {area_name(candidate): candidate.country_code for candidate in candidates}
    return np.array([code.get(name, name) for name in countries])


def _near(
    city: NDArray[np.intp], candidates: Sequence[NamedPlace], held: HeldOut
) -> NDArray[np.bool_]:
    """Whether each photo lies near its candidate (-1: none)."""
    lat, lon = (np.array([getattr(c, axis) for c in candidates])[city] for axis in ("lat", "lon"))
    return (haversine_km(lat, lon, held.lat, held.lon) <= CITY_KM) & (city >= 0)


def _mean(right: NDArray[np.bool_]) -> float | None:
    return float(right.mean()) if len(right) else None
