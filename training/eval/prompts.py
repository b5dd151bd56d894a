"""The accuracy of image and text towers by prompts: zero-shot, few-shot and hierarchical
(StreetCLIP)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.sphere import haversine_km
from training.calibrate.calibrate import LOCATED_PRECISIONS
from training.eval import metrics
from training.eval.retrieval import EMBEDDING
from training.models.clip import embed_texts
from training.targets.captions import area_name, city_prompt, country_prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.geography.named_places import NamedPlace
    from training.data.example import Example
    from training.engine.run_folder import HeldOut
    from training.models.clip import CaptionTokenizer, Clip

SHOTS = (1, 5, 10)
CITY_KM = 25.0
"""A photo within this distance of a candidate city shows it."""


def prompt_table(
    clip: Clip,
    tokenizer: CaptionTokenizer,
    held: HeldOut,
    candidates: Sequence[NamedPlace],
    shots: NDArray[np.float32],
    known: Sequence[Example],
) -> dict[str, dict[str, float | None]]:
    """Scores country, city, and city given the country.

    Args:
        clip: The towers.
        tokenizer: The tokenizer of the text tower.
        held: The test photos with their embeddings.
        candidates: The candidate cities.
        shots: [n, D] embeddings of the training photos, for few-shot.
        known: The n training photos.

    Returns:
        Column -> score -> value.
    """
    table = {"zero-shot": zero_shot(clip, tokenizer, held, candidates)}
    for count in SHOTS if len(known) else ():
        table[f"{count}-shot"] = few_shot(held, shots, known, count)
    return table


def zero_shot(
    clip: Clip, tokenizer: CaptionTokenizer, held: HeldOut, candidates: Sequence[NamedPlace]
) -> dict[str, float | None]:
    """Predicts the best country, the best city of that country, and the best city of all.

    The second is hierarchical linear probing (Haas et al. 2023). A city is right if the photo is
    within 25 km of the candidate, because names of cities repeat. A country without cities among
    the candidates is a valid prediction; its photos have no right city.
    """
    values = held.outputs[EMBEDDING]
    countries = sorted({area_name(c) for c in candidates} | (set(held.country.tolist()) - {""}))
    of_country = np.array([countries.index(area_name(c)) for c in candidates])
    prompts = embed_texts(clip, tokenizer, [country_prompt(name) for name in countries])
    country = (values @ prompts.T).argmax(axis=1)
    cities = values @ embed_texts(clip, tokenizer, [city_prompt(c.city) for c in candidates]).T
    inside = np.where(of_country == country[:, None], cities, -np.inf)
    city = np.where(np.isfinite(inside.max(axis=1)), inside.argmax(axis=1), -1)

    known_country = held.country != ""
    country_right = _codes(countries, candidates)[country] == held.country
    known_city = np.isin(held.precision, LOCATED_PRECISIONS[:2]) & ~np.isnan(held.lat)
    city_right, direct = (_near(best, candidates, held) for best in (city, cities.argmax(axis=1)))
    return {
        "photos": len(held),
        "country": _mean(country_right[known_country]),
        "city": _mean(city_right[known_city]),
        "city, without country": _mean(direct[known_city]),
        "hierarchical": metrics.hierarchical(country_right[known_city], city_right[known_city]),
    }


def few_shot(
    held: HeldOut, shots: NDArray[np.float32], known: Sequence[Example], count: int
) -> dict[str, float | None]:
    """Predicts the country whose photos, `count` of them drawn at random, are most similar on
    average."""
    random = np.random.default_rng(0)
    own = np.array([example.country for example in known])
    countries = sorted(set(own.tolist()) - {""})
    means = []
    for country in countries:
        rows = random.permutation(np.flatnonzero(own == country))[:count]
        mean = shots[rows].mean(axis=0)
        means.append(mean / max(float(np.linalg.norm(mean)), 1e-6))
    best = np.array(countries)[(held.outputs[EMBEDDING] @ np.array(means).T).argmax(axis=1)]
    known_country = held.country != ""
    return {"photos": len(held), "country": _mean((best == held.country)[known_country])}


def _codes(countries: Sequence[str], candidates: Sequence[NamedPlace]) -> NDArray[np.str_]:
    """Returns ISO codes; a state that counts as a country has the code of its country."""
    code = {area_name(candidate): candidate.country_code for candidate in candidates}
    return np.array([code.get(name, name) for name in countries])


def _near(
    city: NDArray[np.intp], candidates: Sequence[NamedPlace], held: HeldOut
) -> NDArray[np.bool_]:
    """Returns whether each photo is near its candidate (-1 for no candidate)."""
    lat, lon = (np.array([getattr(c, axis) for c in candidates])[city] for axis in ("lat", "lon"))
    return (haversine_km(lat, lon, held.lat, held.lon) <= CITY_KM) & (city >= 0)


def _mean(right: NDArray[np.bool_]) -> float | None:
    return float(right.mean()) if len(right) else None
