"""Text in the picture: what is read, and what each reading is a cue for.

    pixels -> Line... (reader) -> Cue... (cues, one file a kind) -> Evidence (evidence/text.py)

This file holds the nouns. A cue is a small pure function from lines to `Cue`s; it knows nothing of
the other cues, of the picture, or of the places table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

Corner = tuple[float, float]
"""x, y as shares of the picture's width and height, from the upper left of the upright picture."""

MIN_LEGIBLE_CONFIDENCE = 0.5
"""Confidence of the recogniser from which on what it read is taken for a cue."""

NO_COUNTRIES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text in the picture."""

    text: str
    """As it was read; empty where the letters cannot be read but their script can be told."""
    confidence: float
    """Of the recogniser, 0 to 1."""
    box: tuple[Corner, Corner, Corner, Corner]
    """Clockwise from the corner where the text begins, so that it also tells the rotation."""
    script: str = ""
    """ISO 15924 code (`Thai`, `Arab`) where the letters themselves cannot be read."""

    @property
    def legible(self) -> bool:
        """Whether it was read so surely that its words may be cues."""
        return self.confidence >= MIN_LEGIBLE_CONFIDENCE


@dataclass(frozen=True, slots=True)
class OcrResult:
    """All text that was found in one photo, in reading order."""

    lines: tuple[TextLine, ...]
    width_px: int
    """Of the upright original."""
    height_px: int


@dataclass(frozen=True, slots=True)
class Spot:
    """A point on the Earth that a cue speaks for, and how strongly."""

    lat: float
    lon: float
    ratio: float
    """As in `Cue.countries`, at the spot itself; it fades with the distance."""
    radius_km: float
    """Distance within which the cue is as strong as at the spot (a town's or region's size)."""


@dataclass(frozen=True, slots=True)
class Cue:
    """One thing read that is evidence of place.

    Strengths are likelihood ratios: how many times likelier it is to meet these words there than
    in a photo from anywhere in the world. Places that are not named keep the ratio 1, so no cue
    ever rules a place out.
    """

    kind: str
    """What sort of cue, in plain words: "place name", "language", "phone code"."""
    words: str
    """The words read, as they stand on the sign."""
    meaning: str
    """What they say: "Bielefeld, DE", "language de", "+49 is DE"."""
    countries: Mapping[str, float] = field(default_factory=lambda: NO_COUNTRIES)
    """Likelihood ratio by ISO 3166-1 alpha-2 code; above 1."""
    spots: Sequence[Spot] = ()
