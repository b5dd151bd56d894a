"""Evidence from names that people gave: place names in IPTC and XMP, names of folders and files.

Only with `--use-names`: nobody measured them, and a folder called `Paris` may hold a wedding in
Rome, or photos of a child. So each origin has its own outlier probability. Folder and file names
count only if the metadata name no place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geotagger.text.combine import Combiner, named_towns
from geotagger.text.cues import place_names
from geotagger.text.gazetteer.gazetteer import load_gazetteer, normalise
from geotagger.text.types import Cue, TextLine
from geotagger.types import Evidence, Photo, SourceKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from geotagger.evidence.source import LoadedPhoto
    from geotagger.geography.places import Places

OUTLIER_PROBABILITY = {"metadata": 0.1, "name": 0.4}
"""Probability that the name is not of the photo's place; a judgement, not fitted."""
COUNTRY_RATIO = 100.0
"""On signs a country's name says little, because goods bear it; folders seldom are called so."""
MAX_WORDS = 3
"""Of a country's name: United Arab Emirates."""
# fmt: off
NO_PLACES = frozenset({
        "beach", "best", "canon", "cat", "christmas", "export", "garden", "google", "haus",
        "holiday", "lake", "media", "mobile", "mountain", "navidad", "ostern", "sea", "share",
        "shared", "sommer", "spring", "strand", "summer", "sunrise", "sunset", "train", "trip",
        "wedding",
})
# fmt: on
"""Common words in folder names that are also names of towns."""

_SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Names:
    """What a photo or its folders are called."""

    origin: str
    """`metadata` or `name`."""
    texts: tuple[str, ...]


class NamesSource:
    """Looks up place names that people wrote."""

    name: str = SourceKind.NAMES
    min_side_px = 0
    batch_size = 0
    model_id = ""

    def __init__(self, places: Places) -> None:
        self._combiner = Combiner(places)

    def prepare(self, photo: LoadedPhoto) -> Names | None:
        """The names in the metadata, else those in the path; None if there are none."""
        if photo.metadata.place_names:
            return Names("metadata", photo.metadata.place_names)
        in_path = tuple(names_in_path(photo.photo))
        return Names("name", in_path) if in_path else None

    def weigh(self, batch: Sequence[Names]) -> list[Evidence | None]:
        """The evidence in the names of each photo; None if no known place has such a name."""
        return [self.evidence(names) for names in batch]

    def evidence(self, names: Names) -> Evidence | None:
        """The evidence in the names; None if no known place has such a name."""
        lines = [TextLine(text, 1.0, _SQUARE) for text in names.texts]
        cues = [*place_names.find(lines), *_countries(names.texts)]
        weighted = self._combiner.weigh(cues)
        telling = [item.cue for item in weighted if item.is_telling]
        if not telling:
            return None
        return Evidence(
            source=self.name,
            weight=1.0,
            reason=lambda row: f"{names.origin}: {self._combiner.explain(telling, row)}",
            log_likelihood=self._combiner.total(weighted),
            outlier_probability=OUTLIER_PROBABILITY[names.origin],
            named_towns=named_towns(telling),
        )


def names_in_path(photo: Photo) -> Iterator[str]:
    """The words, without numbers, of the scanned folder, the folders below it, and the file."""
    scanned = photo.root.resolve()
    if photo.path == photo.root:
        scanned = scanned.parent
        below = Path(photo.path.name)
    else:
        below = photo.path.relative_to(photo.root)
    for part in (scanned.name, *below.parent.parts, below.stem):
        words = _WORD.findall(place_names.HUMP.sub(" ", part))
        kept = [word for word in words if word.casefold() not in NO_PLACES]
        if kept:
            yield " ".join(word if word.isupper() else word.title() for word in kept)


def _countries(texts: Sequence[str]) -> Iterator[Cue]:
    """Cues for whole words that are a country's name."""
    gazetteer = load_gazetteer()
    for text in texts:
        words = _WORD.findall(text)
        for count in range(1, MAX_WORDS + 1):
            for first in range(len(words) - count + 1):
                name = " ".join(words[first : first + count])
                for place in gazetteer.lookup(normalise(name)):
                    if place.kind == "country":
                        ratios = {place.country: COUNTRY_RATIO}
                        yield Cue(place_names.KIND, name, place.name, ratios)
