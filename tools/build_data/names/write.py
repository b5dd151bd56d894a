"""Write names.npz."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from geotagger.text.gazetteer.gazetteer import (
    KINDS,
    LOG_LEAST,
    LOG_STEP,
    PEOPLE_STEP,
    name_hash,
)
from geotagger.text.gazetteer.ocr_repair import MIN_LETTERS
from tools.build_data.names.entry import GazetteerEntry
from tools.build_data.names.strength import strength
from tools.build_data.names.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

MIN_STRENGTH = 0.2
"""Weaker names are dropped. Context raises a strength by about ten at most."""
MAX_BEARERS = 50
BIG, BIG_SHARE = 50_000, 0.3
"""Minimum population of towns, and share of their names, for repair of misread letters."""


def write(bearers: Sequence[GazetteerEntry], words: Words, path: Path) -> None:
    links: dict[int, list[tuple[float, int, float, float]]] = defaultdict(list)
    for i, bearer in enumerate(bearers):
        for name, share in bearer.names.items():
            own, abroad = strength(bearer, name, share, words)
            if own >= MIN_STRENGTH:
                likely = own * (bearer.known_people + 2000) ** 0.6
                links[name_hash(name)].append((own, i, abroad, likely))
    for key, found in links.items():
        links[key] = sorted(found, key=lambda link: (-link[3], link[1]))[:MAX_BEARERS]
    kept = sorted({i for found in links.values() for _, i, _, _ in found})
    order = {i: row for row, i in enumerate(kept)}
    hashes = np.array(sorted(links), dtype=np.uint64)
    flat = [link for key in sorted(links) for link in links[key]]
    codes = sorted({bearer.country for bearer in bearers})
    rows = [bearers[i] for i in kept]
    np.savez_compressed(
        path,
        bucket_sizes=np.bincount(
            (hashes >> np.uint64(32)).astype(np.int64), minlength=1 << 16
        ).astype(np.uint16),
        hashes=(hashes & np.uint64(0xFFFFFFFF)).astype(np.uint32),
        bearer_counts=np.array([len(links[key]) for key in sorted(links)], dtype=np.uint8),
        bearers=np.array([order[i] for _, i, _, _ in flat], dtype=np.uint32),
        strengths=to_bytes([own for own, _, _, _ in flat]),
        abroad=to_bytes([abroad for _, _, abroad, _ in flat]),
        lat=np.array([round((row.lat + 90) / 180 * 65535) for row in rows], dtype=np.uint16),
        lon=np.array([round((row.lon + 180) / 360 * 65535) for row in rows], dtype=np.uint16),
        radius_km=np.array([row.radius_km for row in rows], dtype=np.float16),
        country=np.array([codes.index(row.country) for row in rows], dtype=np.uint8),
        kind=np.array([KINDS.index(row.kind) for row in rows], dtype=np.uint8),
        people=np.array([people_step(row.known_people) for row in rows], dtype=np.uint8),
        codes=as_bytes("\n".join(codes)),
        names=as_bytes("".join(row.name + "\n" for row in rows)),
        big_names=as_bytes("\n".join(big_names(bearers))),
    )
    print(f"{len(hashes)} names, {len(flat)} bearers of them, {len(rows)} places")
    print(f"{path.stat().st_size / 1e6:.1f} MB")


def big_names(bearers: Sequence[GazetteerEntry]) -> list[str]:
    """Frequent names of large towns that are one word and longer than MIN_LETTERS."""
    return sorted(
        {
            name
            for bearer in bearers
            if bearer.kind == "town" and bearer.people >= BIG
            for name, share in bearer.names.items()
            if share >= BIG_SHARE and name.isalpha() and len(name) > MIN_LETTERS
        }
    )


def people_step(people: float) -> int:
    """The natural logarithm of a number of people in steps of PEOPLE_STEP."""
    return round(math.log(max(people, 1.0)) / PEOPLE_STEP)


def to_bytes(ratios: Iterable[float]) -> NDArray[np.uint8]:
    codes = (np.log(np.array(list(ratios))) - LOG_LEAST) / LOG_STEP
    return np.clip(np.rint(codes), 0, 255).astype(np.uint8)


def as_bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("utf-8"), dtype=np.uint8)
