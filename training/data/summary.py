"""A data set as text: its places, a map, its broken photos."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from training.data.left_out import describe_left_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from training.data.example import Example
    from training.data.left_out import LeftOut


def world_map(examples: Iterable[Example], width: int = 72, height: int = 24) -> str:
    """Draws where the photos are: . few, o more, # most."""
    counts = np.zeros((height, width), int)
    for example in examples:
        if example.has_point:
            row = min(height - 1, int((90 - example.lat) / 180 * height))
            counts[row, min(width - 1, int((example.lon + 180) / 360 * width))] += 1
    steps = [0, 1, max(2, counts.max() // 20), max(3, counts.max() // 4)]
    return "\n".join(
        "".join(" .o#"[int(np.searchsorted(steps, count, "right")) - 1] for count in line).rstrip()
        for line in counts
    )


def summary(examples: Sequence[Example], problems: Sequence[LeftOut], max_shown: int = 12) -> str:
    """Describes a data set.

    Args:
        examples: The photos that can be used.
        problems: The photos that are left out.
        max_shown: Names of each kind that are listed.
    """
    lines = [f"{len(examples)} photos, {len(problems)} left out"]
    lines += [f"  {line}" for line in describe_left_out(problems)]
    for part in ("continent", "country", "region", "city", "label", "precision", "source", "split"):
        count = Counter(getattr(example, part) for example in examples)
        known = {name: n for name, n in count.most_common() if name}
        if known:
            shown = ", ".join(f"{name} {n:,}" for name, n in list(known.items())[:max_shown])
            once = sum(n == 1 for n in known.values())
            lines.append(f"{part}: {len(known)} kinds, {once} with one photo; {shown}")
    placed = sum(example.has_point for example in examples)
    lines.append(f"with a position: {placed:,}")
    return "\n".join([*lines, world_map(examples)] if placed else lines)
