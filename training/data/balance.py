"""How evenly photos are spread over sources and countries, and weights that even it out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from training.data.example import Example

MAX_WEIGHT = 6.0
"""No photo counts more than this many times the mean."""


def balance_weights(
    examples: Sequence[Example], source_exponent: float, country_exponent: float
) -> NDArray[np.float32]:
    """Weighs photos so that large sources and countries do not dominate.

    The weight of a photo is (photos of its source)^-source_exponent times (photos of its
    country)^-country_exponent. An exponent of 0 changes nothing; with 1 each source, or each
    country, weighs the same. Capped at MAX_WEIGHT times the mean, because a photo that is alone
    in its country would otherwise be learned by heart.

    Returns:
        [n] with mean 1.
    """
    sources = Counter(example.source for example in examples)
    countries = Counter(example.country for example in examples)
    weight = np.array(
        [
            sources[example.source] ** -source_exponent
            * countries[example.country] ** -country_exponent
            for example in examples
        ]
    )
    weight = np.minimum(weight / weight.mean(), MAX_WEIGHT)
    return (weight / weight.mean()).astype(np.float32)


def effective_number(counts: Iterable[int]) -> float:
    """Returns how many equally large groups are as diverse as these (Hill 1973, order 2).

    It is one over the probability that two photos, drawn at random, are of one group.
    """
    sizes = np.array(list(counts), np.float64)
    return float(sizes.sum() ** 2 / np.square(sizes).sum()) if len(sizes) else 0.0


def describe_balance(examples: Sequence[Example], max_shown: int = 12) -> str:
    """Describes the imbalance of sources and countries, as a whole and by precision.

    Args:
        examples: The photos; those without a country count for the sources only.
        max_shown: Countries that are listed of each kind.
    """
    sources = Counter(example.source for example in examples)
    of_country: dict[str, Counter[str]] = {}
    for example in examples:
        if example.country:
            of_country.setdefault(example.country, Counter())[example.source] += 1
    countries = {code: counts.total() for code, counts in of_country.items()}
    lines = [
        f"balance: {_spread('sources', sources)}; {_spread('countries', countries)}",
        *_by_precision(examples),
    ]
    if not of_country:
        return "\n".join(lines)
    share = {code: max(counts.values()) / countries[code] for code, counts in of_country.items()}
    single = [code for code, counts in of_country.items() if len(counts) == 1]
    led = [code for code in of_country if code not in single and share[code] > 0.5]
    single_photos = sum(countries[code] for code in single)
    lines.append(
        f"countries with one source only: {len(single)} with {single_photos:,} photos; "
        + _listed(single, countries, max_shown)
    )
    lines.append(
        f"countries with most photos from one of their sources: {len(led)}; "
        + _listed(led, countries, max_shown)
    )
    lines.append("the largest countries: photos, sources, share of the largest source")
    for code in sorted(countries, key=lambda code: -countries[code])[:max_shown]:
        largest = of_country[code].most_common(1)[0][0]
        lines.append(
            f"  {code} {countries[code]:>6,} {len(of_country[code]):>4} "
            f"{100 * share[code]:>4.0f} % {largest}"
        )
    return "\n".join(lines)


def _spread(name: str, counts: Counter[str] | dict[str, int]) -> str:
    if not counts:
        return f"no {name}"
    largest = max(counts, key=lambda group: counts[group])
    share = counts[largest] / sum(counts.values())
    return (
        f"{len(counts)} {name}, as diverse as {effective_number(counts.values()):.1f} equal ones "
        f"(largest {largest} with {100 * share:.1f} %)"
    )


def _by_precision(examples: Sequence[Example]) -> list[str]:
    """Describes the photos of each precision, one line each."""
    lines = []
    for precision, count in Counter(e.precision for e in examples).most_common():
        own = [example for example in examples if example.precision == precision]
        placed = sum(example.has_point for example in own)
        sources = Counter(example.source for example in own)
        countries = Counter(example.country for example in own if example.country)
        lines.append(
            f"  {precision}: {count:,} photos, {placed:,} with a position; "
            f"{_spread('sources', sources)}; {_spread('countries', countries)}"
        )
    return lines


def _listed(codes: Sequence[str], countries: dict[str, int], max_shown: int) -> str:
    largest = sorted(codes, key=lambda code: -countries[code])
    shown = ", ".join(f"{code} {countries[code]:,}" for code in largest[:max_shown])
    return shown + (", ..." if len(codes) > max_shown else "")
