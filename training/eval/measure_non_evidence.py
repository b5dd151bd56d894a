"""How often traps are recognised, and what that does: python -m training.eval.measure_non_evidence
SCENES

SCENES is a folder made by `training.synthetic.studio`, or any of photos with labels.csv (file,
country;
perhaps kind). Printed for each kind of picture: how many had text, in how many some trap was
recognised, which, and the mean ln of the belief in the true country from the text alone, with every
line counted fully and with the traps weakened. On signs nothing should be recognised.

Readings are kept in SCENES/readings.json; remove it to read the pictures anew.
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
from geotagger.text.ocr.reader import TextReader
from geotagger.text.ocr.script_classifier import ScriptClassifier
from geotagger.text.types import Cue, OcrResult
from training.data.readings import reading_of


@click.command(help=__doc__)
@click.argument("scenes", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--limit", default=0, help="Pictures at most; 0 = all.")
def main(scenes: Path, limit: int) -> None:
    with (scenes / "labels.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))[: limit or None]
    cache = scenes / "readings.json"
    if not cache.exists():
        cache.write_text(json.dumps(read_all(scenes, [row["file"] for row in rows])), "utf-8")
    readings = {
        file: reading_of(item) for file, item in json.loads(cache.read_text("utf-8")).items()
    }

    truth = Truth()
    of_kind = defaultdict(list)
    for row in rows:
        if row["file"] in readings:
            of_kind[row.get("kind") or "photo"].append((readings[row["file"]], row["country"]))
    for kind, some in of_kind.items():
        click.echo(f"{kind}: {truth.line(some)}")


class Truth:
    """What the text alone makes of the true country."""

    def __init__(self) -> None:
        self._places = load_places()
        self._prior = Fusion(self._places, Constants.load()).log_prior
        self._combiner = Combiner(self._places)

    def line(self, some: Sequence[tuple[OcrResult, str]]) -> str:
        with_text = [(reading, country) for reading, country in some if reading.lines]
        notes = [note.split(":")[0] for r, _ in with_text for note in set(assess_lines(r).notes)]
        hit = sum(bool(assess_lines(reading).notes) for reading, _ in with_text)
        plain = [self._belief(_all_cues(reading), country) for reading, country in with_text]
        weakened = [self._belief(find_cues(reading)[0], country) for reading, country in with_text]
        return (
            f"{len(some)} pictures, {len(with_text)} with text, non-evidence in {hit}"
            f" {dict(Counter(notes))};"
            f" ln belief {np.mean(plain or [0]):.3f} -> {np.mean(weakened or [0]):.3f}"
        )

    def _belief(self, cues: Sequence[Cue], country: str) -> float:
        """ln of the belief in the country."""
        weighted = self._combiner.weigh(cues)
        likelihood = self._combiner.total(weighted) if weighted else 0.0
        mass = np.exp(self._prior + likelihood)
        there = self._places.country == self._places.country_codes.index(country)
        return float(np.log(mass[there].sum() / mass.sum()))


def _all_cues(reading: OcrResult) -> list[Cue]:
    return [cue for find in CUE_FINDERS for cue in find(reading.lines)]


def read_all(folder: Path, files: Sequence[str]) -> dict[str, object]:
    reader = TextReader("cpu", script_classifier=ScriptClassifier())
    readings = {}
    with click.progressbar(files, label="reading") as bar:
        for file in bar:
            picture = decode((folder / file).read_bytes(), reader.min_side_px)
            prepared = reader.prepare(picture.image, picture.width_px, picture.height_px)
            readings[file] = asdict(reader.read([prepared])[0])
    return readings


if __name__ == "__main__":
    main()
