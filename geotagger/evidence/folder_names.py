"""Evidence from names that people gave: place names in IPTC and XMP, folders, the file's own name.

Only with `--use-names`: nobody measured them, and a folder called `Paris` may hold a wedding in
Rome or a child. So each kind has a doubt of its own. Where the photo itself names a place, the
folders are not asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geotagger.text.combine import Combiner
from geotagger.text.cues import place_names as place_words
from geotagger.text.gazetteer.gazetteer import load_gazetteer, normalise
from geotagger.text.types import Cue, TextLine
from geotagger.types import Evidence, Photo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from geotagger.evidence.source import LoadedPhoto
    from geotagger.geography.places import Places

DOUBT = {"metadata": 0.1, "name": 0.4}
"""Chance that the name is of another place than that of the photo; judged, not fitted."""
COUNTRY_RATIO = 100.0
"""On signs a country's name says little, for goods bear it; folders seldom do for that reason."""
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
"""Of the usual words of folders, those that are names of towns too."""

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

    name = "names"
    min_side_px = 0
    batch_size = 0
    model_id = ""

    def __init__(self, places: Places, log_prior: NDArray[np.float32]) -> None:
        """`log_prior`: the belief's, float32 [len(places)]."""
        self._combiner = Combiner(places, log_prior)

    def prepare(self, photo: LoadedPhoto) -> Names | None:
        """The names, from the photo's metadata or else from its path; None where there are none."""
        if photo.metadata.place_names:
            return Names("metadata", photo.metadata.place_names)
        called = tuple(names_in_path(photo.photo))
        return Names("name", called) if called else None

    def weigh(self, batch: Sequence[Names]) -> list[Evidence | None]:
        """One answer for each photo with names; None where none is of a place that is known."""
        return [self.evidence(names) for names in batch]

    def evidence(self, names: Names) -> Evidence | None:
        """What the names say; None where they are of no place."""
        lines = [TextLine(text, 1.0, _SQUARE) for text in names.texts]
        cues = [*place_words.find(lines), *_countries(names.texts)]
        weighted = self._combiner.weigh(cues)
        total = self._combiner.total(weighted)
        reason = self._combiner.explain(weighted, total)
        if not reason:
            return None
        reason = f"{names.origin}: {reason.removeprefix('sign: ')}"
        return Evidence(self.name, 1.0, reason, total, outlier_probability=DOUBT[names.origin])


def names_in_path(photo: Photo) -> Iterator[str]:
    """Words of the walked folder, of those below it, and of the file; numbers are left out."""
    walked = photo.root.resolve()
    if photo.path == photo.root:
        walked = walked.parent
        below = Path(photo.path.name)
    else:
        below = photo.path.relative_to(photo.root)
    for part in (walked.name, *below.parent.parts, below.stem):
        words = _WORD.findall(place_words.HUMP.sub(" ", part))
        named = [word for word in words if word.casefold() not in NO_PLACES]
        if named:
            yield " ".join(word if word.isupper() else word.title() for word in named)


def _countries(texts: Sequence[str]) -> Iterator[Cue]:
    """Whole words that name a country."""
    gazetteer = load_gazetteer()
    for text in texts:
        words = _WORD.findall(text)
        for count in range(1, MAX_WORDS + 1):
            for first in range(len(words) - count + 1):
                said = " ".join(words[first : first + count])
                for bearer in gazetteer.lookup(normalise(said)):
                    if bearer.kind == "country":
                        ratios = {bearer.country: COUNTRY_RATIO}
                        yield Cue(place_words.KIND, said, bearer.name, ratios)
