"""Looks at the text of single photos: each line, each cue, and what they come to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geotagger.errors import NoPhotosError, PhotoError
from geotagger.fusion.decide import Fusion
from geotagger.geography.places import load_places
from geotagger.images import decode as images
from geotagger.images.scan import walk
from geotagger.printable import printable, printable_path
from geotagger.text.combine import Combiner, Weighted
from geotagger.text.find_cues import find_cues
from geotagger.text.ocr.reader import TextReader
from geotagger.text.ocr.script_classifier import ScriptClassifier
from geotagger.types import Evidence, Level

if TYPE_CHECKING:
    from geotagger.text.types import Cue, TextLine
    from geotagger.types import Photo, Prediction

STRONGEST = 5
"""Countries and towns to name of each cue."""


@dataclass(frozen=True, slots=True)
class TextExplanation:
    """What was found in the text of one photo."""

    path: Path
    lines: Sequence[TextLine] = ()
    cues: Sequence[Weighted] = ()
    notes: tuple[str, ...] = ()
    prediction: Prediction | None = None
    """What the text alone leads to."""
    problem: str = ""
    """Why the photo could not be read."""
    width_px: int = 0
    """Of the upright original."""
    height_px: int = 0

    def to_json(self) -> str:
        """One JSON object on one line."""
        return json.dumps(self._plain(), ensure_ascii=False)

    def to_text(self) -> str:
        """The same for people."""
        if self.problem:
            return f"{printable_path(self.path)}: {self.problem}\n"
        rows = [printable_path(self.path)]
        rows += [f"  {line.confidence:4.2f}  {_read(line)}" for line in self.lines]
        if not self.lines:
            rows.append("  no text found")
        rows += [f"  {text}" for item in self.cues for text in _cue_rows(item)]
        rows += [f"  note: {note}" for note in self.notes]
        if self.cues:
            rows.append(f"  together: {_together(self.prediction)}")
        return "\n".join(rows) + "\n"

    def _plain(self) -> dict[str, Any]:
        prediction = self.prediction
        return {
            "path": printable_path(self.path),
            "problem": self.problem,
            "width_px": self.width_px,
            "height_px": self.height_px,
            "lines": [
                {
                    "text": printable(line.text),
                    "confidence": round(line.confidence, 3),
                    "box": [[round(x, 4), round(y, 4)] for x, y in line.box],
                    **({"script": line.script} if line.script else {}),
                }
                for line in self.lines
            ],
            "cues": [_plain_cue(item) for item in self.cues],
            "notes": list(self.notes),
            "prediction": prediction
            and {
                "level": prediction.level.value,
                "confidence": round(prediction.confidence, 4),
                "country_code": prediction.place.country_code,
                "city": prediction.place.city,
                "lat": round(prediction.point.lat, 5),
                "lon": round(prediction.point.lon, 5),
                "radius_km": round(prediction.radius_km, 1),
            },
        }


def explain_text(paths: Iterable[Path], device: str = "auto") -> Iterator[TextExplanation]:
    """A finding for every photo under `paths`.

    Raises NoPhotosError when there is none, DeviceError when the device does not run the reader.
    """
    places = load_places()
    belief = Fusion(places)
    combiner = Combiner(places, belief.log_prior)
    reader = TextReader(device, script_classifier=ScriptClassifier())
    photo = None
    for photo in walk(paths):
        yield _examined(photo, reader, combiner, belief)
    if photo is None:
        raise NoPhotosError(f"no photos in {', '.join(str(path) for path in paths)}")


def _examined(
    photo: Photo, reader: TextReader, combiner: Combiner, belief: Fusion
) -> TextExplanation:
    if photo.problem:
        return TextExplanation(photo.path, problem=photo.problem)
    try:
        picture = images.decode(photo.path.read_bytes(), reader.min_side_px)
    except PhotoError as error:
        return TextExplanation(photo.path, problem=str(error))
    except OSError as error:
        return TextExplanation(
            photo.path, problem=f"cannot read the file: {error.strerror or error}"
        )
    prepared = reader.prepare(picture.image, picture.width_px, picture.height_px)
    (reading,) = reader.read([prepared])
    cues, notes = find_cues(reading)
    weighted = combiner.weigh(cues)
    found = TextExplanation(
        photo.path,
        reading.lines,
        weighted,
        notes,
        width_px=picture.width_px,
        height_px=picture.height_px,
    )
    if not weighted:
        return found
    outlier_probability = combiner.strengths.outlier_probability
    evidence = Evidence(
        "text", 1.0, "", combiner.total(weighted), outlier_probability=outlier_probability
    )
    return replace(found, prediction=belief.decide([evidence]))


def _read(line: TextLine) -> str:
    return printable(line.text) if line.text else f"({line.script} letters that cannot be read)"


def _cue_rows(item: Weighted) -> list[str]:
    """The cue, and below it the places for which it is strongest."""
    cue = item.cue
    rows = [f'{cue.kind}: "{printable(cue.words)}" -> {printable(cue.meaning)}']
    places = [f"{code} x{_times(ratio)}" for code, ratio in _countries(cue)]
    places += [
        f"{spot.lat:.2f},{spot.lon:.2f} (within {spot.radius_km:.0f} km) x{_times(spot.ratio)}"
        for spot in _spots(cue)
    ]
    if places:
        rows.append(f"    {', '.join(places)}")
    return rows


def _times(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"


def _countries(cue: Cue) -> list[tuple[str, float]]:
    return sorted(cue.countries.items(), key=lambda pair: -pair[1])[:STRONGEST]


def _spots(cue: Cue) -> Sequence[Any]:
    return sorted(cue.spots, key=lambda spot: -spot.ratio)[:STRONGEST]


def _plain_cue(item: Weighted) -> dict[str, Any]:
    cue = item.cue
    return {
        "kind": cue.kind,
        "words": printable(cue.words),
        "meaning": printable(cue.meaning),
        "log_ratio_max": round(float(item.log_ratio.max()), 3),
        "countries": {code: round(ratio, 2) for code, ratio in _countries(cue)},
        "spots": [
            {
                "lat": round(spot.lat, 4),
                "lon": round(spot.lon, 4),
                "radius_km": round(spot.radius_km, 1),
                "ratio": round(spot.ratio, 2),
            }
            for spot in _spots(cue)
        ],
    }


def _together(prediction: Prediction | None) -> str:
    if prediction is None:
        return "nothing"
    place = prediction.place
    names = {
        Level.CITY: (place.city, place.region, place.country),
        Level.REGION: (place.region, place.country),
        Level.COUNTRY: (place.country,),
        Level.CONTINENT: (place.continent,),
        Level.NONE: ("unsure, at best", place.country),
    }[prediction.level]
    where = ", ".join(name for name in names if name)
    return f"{where} ({prediction.confidence:.0%}, within {prediction.radius_km:.0f} km)"
