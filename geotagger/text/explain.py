"""Explains the text of single photos: each line, each cue, and the prediction from text alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geotagger.config import TextBackend
from geotagger.errors import NoPhotosError, PhotoError
from geotagger.fusion.decide import Fusion
from geotagger.geography.places import load_places
from geotagger.images import decode as images
from geotagger.images.scan import walk
from geotagger.printable import printable, printable_path
from geotagger.text.combine import Combiner, Weighted, named_towns
from geotagger.text.cues.scripts import SCRIPT_NAMES
from geotagger.text.find_cues import find_cues
from geotagger.text.ocr.open_reader import open_text_reader
from geotagger.text.transliterate import transliterate
from geotagger.types import Evidence, Level

if TYPE_CHECKING:
    from geotagger.text.ocr.reader import TextReader
    from geotagger.text.types import Cue, Spot, TextLine
    from geotagger.types import Photo, Prediction

MAX_PLACES = 5
"""Countries, and also spots, to show of each cue: the strongest ones."""


@dataclass(frozen=True, slots=True)
class TextExplanation:
    """The text of one photo and what it is evidence for."""

    path: Path
    lines: Sequence[TextLine] = ()
    cues: Sequence[Weighted] = ()
    notes: tuple[str, ...] = ()
    """Why lines count less or not at all."""
    prediction: Prediction | None = None
    """Prediction from the text alone; None without cues."""
    problem: str = ""
    """Why the photo could not be read."""
    width_px: int = 0
    """Width of the upright original."""
    height_px: int = 0
    """Height of the upright original."""

    def to_json(self) -> str:
        """Return one JSON object on one line."""
        return json.dumps(self._to_dict(), ensure_ascii=False)

    def to_text(self) -> str:
        """Return the explanation as lines for people."""
        if self.problem:
            return f"{printable_path(self.path)}: {self.problem}\n"
        rows = [printable_path(self.path)]
        rows += [text for line in self.lines for text in _line_rows(line)]
        if not self.lines:
            rows.append("  no text found")
        rows += [f"  {text}" for item in self.cues for text in _cue_rows(item.cue)]
        rows += [f"  note: {note}" for note in self.notes]
        if self.cues:
            rows.append(f"  together: {_prediction_text(self.prediction)}")
        return "\n".join(rows) + "\n"

    def _to_dict(self) -> dict[str, Any]:
        prediction = self.prediction
        return {
            "path": printable_path(self.path),
            "problem": self.problem,
            "width_px": self.width_px,
            "height_px": self.height_px,
            "lines": [_line_dict(line) for line in self.lines],
            "cues": [_cue_dict(item) for item in self.cues],
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


def explain_text(
    paths: Iterable[Path], device: str = "auto", backend: TextBackend = TextBackend.AUTO
) -> Iterator[TextExplanation]:
    """Explain the text of every photo under `paths`.

    Args:
        paths: photos and folders.
        device: device of the text reader; see `TextReader`.
        backend: what reads lines in scripts that PP-OCR does not know.

    Raises:
        NoPhotosError: there is no photo.
        DeviceError: the device does not run the text reader.
    """
    places = load_places()
    fusion = Fusion(places)
    combiner = Combiner(places)
    reader = open_text_reader(device, backend=backend)
    photo = None
    for photo in walk(paths):
        yield _explain(photo, reader, combiner, fusion)
    if photo is None:
        raise NoPhotosError(f"no photos in {', '.join(str(path) for path in paths)}")


def _explain(
    photo: Photo, reader: TextReader, combiner: Combiner, fusion: Fusion
) -> TextExplanation:
    if photo.problem:
        return TextExplanation(photo.path, problem=photo.problem)
    try:
        picture = images.decode(photo.path.read_bytes(), reader.min_side_px)
    except PhotoError as error:
        return TextExplanation(photo.path, problem=str(error))
    except OSError as error:
        problem = f"cannot read the file: {error.strerror or error}"
        return TextExplanation(photo.path, problem=problem)
    prepared = reader.prepare(picture.image, picture.width_px, picture.height_px)
    (ocr,) = reader.read([prepared])
    cues, notes = find_cues(ocr)
    weighted = combiner.weigh(cues)
    explanation = TextExplanation(
        photo.path,
        ocr.lines,
        weighted,
        notes,
        width_px=picture.width_px,
        height_px=picture.height_px,
    )
    if not weighted:
        return explanation
    outlier_probability = combiner.strengths.outlier_probability
    evidence = Evidence(
        "text",
        1.0,
        "",
        combiner.total(weighted),
        outlier_probability=outlier_probability,
        named_towns=named_towns([item.cue for item in weighted if item.is_telling]),
    )
    return replace(explanation, prediction=fusion.decide([evidence]))


def _line_rows(line: TextLine) -> list[str]:
    """The line, and below it the same in Latin letters if it has others."""
    script = SCRIPT_NAMES.get(line.script, line.script)
    text = printable(line.text) if line.text else f"({script} letters that cannot be read)"
    latin = transliterate(line.text)
    rows = [f"  {line.confidence:4.2f}  {text}"]
    return [*rows, f"        in Latin letters: {latin}"] if latin else rows


def _line_dict(line: TextLine) -> dict[str, Any]:
    latin = transliterate(line.text)
    return {
        "text": printable(line.text),
        "confidence": round(line.confidence, 3),
        "box": [[round(x, 4), round(y, 4)] for x, y in line.box],
        **({"script": line.script} if line.script else {}),
        **({"transliteration": latin} if latin else {}),
    }


def _cue_rows(cue: Cue) -> list[str]:
    """The cue, and below it the places for which it is strongest."""
    words = f'"{printable(cue.words)}" -> ' if cue.words else ""
    rows = [f"{cue.kind}: {words}{printable(cue.meaning)}"]
    places = [f"{code} x{_ratio_text(ratio)}" for code, ratio in _top_countries(cue)]
    places += [
        f"{spot.lat:.2f},{spot.lon:.2f} (within {spot.radius_km:.0f} km) x{_ratio_text(spot.ratio)}"
        for spot in _top_spots(cue)
    ]
    if places:
        rows.append(f"    {', '.join(places)}")
    return rows


def _ratio_text(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"


def _top_countries(cue: Cue) -> list[tuple[str, float]]:
    return sorted(cue.countries.items(), key=lambda pair: -pair[1])[:MAX_PLACES]


def _top_spots(cue: Cue) -> list[Spot]:
    return sorted(cue.spots, key=lambda spot: -spot.ratio)[:MAX_PLACES]


def _cue_dict(item: Weighted) -> dict[str, Any]:
    cue = item.cue
    return {
        "kind": cue.kind,
        "words": printable(cue.words),
        "meaning": printable(cue.meaning),
        "log_ratio_max": round(float(item.log_ratio.max()), 3),
        "countries": {code: round(ratio, 2) for code, ratio in _top_countries(cue)},
        "spots": [
            {
                "lat": round(spot.lat, 4),
                "lon": round(spot.lon, 4),
                "radius_km": round(spot.radius_km, 1),
                "ratio": round(spot.ratio, 2),
            }
            for spot in _top_spots(cue)
        ],
    }


def _prediction_text(prediction: Prediction | None) -> str:
    if prediction is None:
        return "nothing"
    place = prediction.place
    names = {
        Level.CITY: (place.city, place.region, place.country),
        Level.REGION: (place.region, place.country),
        Level.COUNTRY: (place.country,),
        Level.CONTINENT: (place.continent,),
        Level.NONE: (f"unsure, at best {place.country or 'at sea'}",),
    }[prediction.level]
    where = ", ".join(dict.fromkeys(name for name in names if name))
    share = f"{100 * prediction.confidence:.0f} %"
    return f"{where} ({share}, within {prediction.radius_km:,.0f} km)"
