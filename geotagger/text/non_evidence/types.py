"""What a non-evidence rule reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NonEvidence:
    """Lines that a rule recognised as no evidence of place, or as weaker evidence than a sign."""

    note: str
    """What the lines are, for people: "date stamp: 2012/05/03"."""
    weight: float
    """Probability that the lines belong to the place after all."""
    lines: frozenset[int]
    """Indices into the lines of the photo."""
