"""Measures how often non-evidence is detected: python -m training.eval.measure_non_evidence SCENES

SCENES is a folder made by `training.synthetic.scenes`, or any folder of photos with labels.csv
(file, country, optionally kind). Printed for each kind of picture are the pictures with text, those
with detected non-evidence and its kinds, and the mean log probability of the true country from the
text alone: with every line at full weight, and with non-evidence downweighted. On signs nothing
should be detected.

The text is cached in SCENES/readings.json; delete it to read the pictures again.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

from geotagger.fusion.decide import Fusion
from geotagger.fusion.prior import Constants
from geotagger.geography.places import load_places
from geotagger.images.decode import decode
from geotagger.text.combine import Combiner
from geotagger.text.find_cues import CUE_FINDERS, find_cues
from geotagger.text.non_evidence.assess import assess_lines
from geotagger.text.ocr.open_reader import open_text_reader
from geotagger.text.types import Cue, OcrResult
from training.data.readings import reading_from_json


@click.command(help=__doc__)
@click.argument("scenes", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--limit", default=0, help="Most pictures; 0 for all.")
def main(scenes: Path, limit: int) -> None:
    with (scenes / "labels.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))[: limit or None]
    cache = scenes / "readings.json"
    if not cache.exists():
        cache.write_text(json.dumps(read_all(scenes, [row["file"] for row in rows])), "utf-8")
    readings = {
        file: reading_from_json(item) for file, item in json.loads(cache.read_text("utf-8")).items()
    }

    evaluator = TextEvaluator()
    of_kind = defaultdict(list)
    for row in rows:
        if row["file"] in readings:
            of_kind[row.get("kind") or "photo"].append((readings[row["file"]], row["country"]))
    for kind, some in of_kind.items():
        click.echo(f"{kind}: {evaluator.describe(some)}")


class TextEvaluator:
    """Computes the probability of the true country from the text alone."""

    def __init__(self) -> None:
        self._places = load_places()
        self._prior = Fusion(self._places, Constants.load()).log_prior
        self._combiner = Combiner(self._places)

    def describe(self, some: Sequence[tuple[OcrResult, str]]) -> str:
        """Describes the pictures of one kind, given as (text, true country)."""
        with_text = [(reading, country) for reading, country in some if reading.lines]
        notes = [note.split(":")[0] for r, _ in with_text for note in set(assess_lines(r).notes)]
        detected = sum(bool(assess_lines(reading).notes) for reading, _ in with_text)
        plain = [
            self._log_probability(_all_cues(reading), country) for reading, country in with_text
        ]
        downweighted = [
            self._log_probability(find_cues(reading)[0], country) for reading, country in with_text
        ]
        return (
            f"{len(some)} pictures, {len(with_text)} with text, non-evidence in {detected}"
            f" {dict(Counter(notes))};"
            f" log probability {np.mean(plain or [0]):.3f} -> {np.mean(downweighted or [0]):.3f}"
        )

    def _log_probability(self, cues: Sequence[Cue], country: str) -> float:
        """Returns the log probability of the country."""
        weighted = self._combiner.weigh(cues)
        likelihood = self._combiner.total(weighted) if weighted else 0.0
        mass = np.exp(self._prior + likelihood)
        inside = self._places.country == self._places.country_codes.index(country)
        return float(np.log(mass[inside].sum() / mass.sum()))


def _all_cues(reading: OcrResult) -> list[Cue]:
    return [cue for find in CUE_FINDERS for cue in find(reading.lines)]


def read_all(folder: Path, files: Sequence[str]) -> dict[str, object]:
    """Reads the text of pictures. Returns file -> reading as JSON."""
    reader = open_text_reader("cpu")
    readings = {}
    with click.progressbar(files, label="reading") as bar:
        for file in bar:
            picture = decode((folder / file).read_bytes(), reader.min_side_px)
            prepared = reader.prepare(picture.image, picture.width_px, picture.height_px)
            readings[file] = asdict(reader.read([prepared])[0])
    return readings


if __name__ == "__main__":
    main()
