"""What the text rooms pass on: lines of text, and cues.

    pixels -> OcrResult (ocr/) -> Cue... (cues/, one file a kind) -> Evidence (evidence/ocr_text.py)

A finder of cues is a pure function from lines to `Cue`s. It knows nothing of the other cues, the
picture, or the table of places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

Corner = tuple[float, float]
"""x and y as shares of the upright picture's width and height, from its upper left corner."""

MIN_LEGIBLE_CONFIDENCE = 0.5
"""Lowest confidence of the recogniser at which a text may be a cue."""

NO_COUNTRIES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text in the picture."""

    text: str
    """What was recognised; empty if only the script could be recognised."""
    confidence: float
    """Of the recogniser, 0 to 1."""
    box: tuple[Corner, Corner, Corner, Corner]
    """Clockwise from the corner where the text begins, so the box also gives the rotation."""
    script: str = ""
    """ISO 15924 code (`Thai`, `Arab`) if the script was recognised, with the text or without."""

    @property
    def legible(self) -> bool:
        """Whether the confidence suffices for a cue."""
        return self.confidence >= MIN_LEGIBLE_CONFIDENCE


@dataclass(frozen=True, slots=True)
class OcrResult:
    """All text that was recognised in one photo."""

    lines: tuple[TextLine, ...]
    """In reading order."""
    width_px: int
    """Width of the upright original."""
    height_px: int
    """Height of the upright original."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A point on the Earth that a cue is evidence for."""

    lat: float
    """Degrees."""
    lon: float
    """Degrees."""
    ratio: float
    """Likelihood ratio at the point, as in `Cue.countries`; it falls with the distance."""
    radius_km: float
    """Size of the town or region, within which the ratio does not fall."""
    town: str = ""
    """Usual name of the town at the point; empty if the cue does not name a town."""
    name: str = ""
    """Usual name of the place at the point, of any kind; empty if the cue names none."""
    country: str = ""
    """ISO 3166-1 alpha-2 code of the place; empty if the cue names none."""


class NeededSupport(Enum):
    """What a doubtful name needs in the rest of the text."""

    NONE = "none"
    """It counts alone."""
    ANY = "any"
    """Any other evidence of its country, also the language of the other words."""
    SURE = "sure"
    """Evidence other than the language: goods and books have the language of their country."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A piece of text that is evidence of place.

    Strengths are likelihood ratios: how many times likelier the text is in a photo from there than
    in a photo from anywhere in the world. All other places have the ratio 1, so no cue rules a
    place out.
    """

    kind: str
    """Kind of cue, for people: "place name", "language", "phone number"."""
    words: str
    """The text as it is on the sign."""
    meaning: str
    """What the text says: "Bielefeld, DE", "language de", "+49 is DE"."""
    countries: Mapping[str, float] = field(default_factory=lambda: NO_COUNTRIES)
    """Likelihood ratio by ISO 3166-1 alpha-2 code, above 1."""
    spots: Sequence[Spot] = ()
    name: str = ""
    """The words of the name alone, as they are in the text; empty if the cue is no name."""
    needs: NeededSupport = NeededSupport.NONE
    """What else the text must say for the cue to count; see `support.py`."""
