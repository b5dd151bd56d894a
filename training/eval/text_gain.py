"""Measures what text adds to a model on photos that the model has not seen:

    python -m training.eval.text_gain RUN BUNDLE READINGS

RUN/oof.npz holds the logits of photos whose source the model had not seen. READINGS is the output
of `geotagger read --json` for these photos. Country, continent and predictions by level are printed
with and without the text, as the whole program would decide.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from geotagger.evidence.ocr_text import evidence_of
from geotagger.fusion.decide import Fusion
from geotagger.geography.places import load_places
from geotagger.text.combine import Combiner
from geotagger.types import Evidence, Level, Prediction
from geotagger.vision.bundle.bundle import load_bundle
from geotagger.vision.decoding.factory import make_decoder
from training.calibrate.fit_belief import read_out_of_fold
from training.data.readings import read_readings

BATCH = 64


@click.command(help=__doc__)
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("bundle_dir", metavar="BUNDLE", type=click.Path(path_type=Path, exists=True))
@click.argument("readings_file", metavar="READINGS", type=click.Path(path_type=Path, exists=True))
def main(run: Path, bundle_dir: Path, readings_file: Path) -> None:
    places = load_places()
    fusion = Fusion(places)
    combiner = Combiner(places)
    readings = read_readings(readings_file)
    out_of_fold = read_out_of_fold(run / "oof.npz", places)
    with np.load(run / "oof.npz", allow_pickle=False) as data:
        names = data["photo"]
    scores = {"vision": LevelCounts(), "vision and text": LevelCounts()}
    changed: Counter[str] = Counter()
    for index, vision in enumerate(_vision(bundle_dir, out_of_fold.logits, fusion)):
        reading = readings.get(Path(str(names[index])).name)
        text = evidence_of(reading, combiner) if reading else None
        both = [vision, text] if text else [vision]
        alone, together = fusion.decide([vision]), fusion.decide(both)
        truth = places.country_codes[out_of_fold.country[index]]
        scores["vision"].add(alone, truth)
        scores["vision and text"].add(together, truth)
        before, after = (p.place.country_code == truth for p in (alone, together))
        changed["text with evidence"] += text is not None
        changed["corrected"] += after and not before
        changed["made wrong"] += before and not after
    for name, tally in scores.items():
        click.echo(f"{name}: {tally}")
    click.echo(json.dumps(changed))


class LevelCounts:
    """Counts right countries, and predictions by level."""

    def __init__(self) -> None:
        self.photos = self.right = 0
        self.levels: Counter[str] = Counter()
        self.right_at: Counter[str] = Counter()

    def add(self, prediction: Prediction, truth: str) -> None:
        """Counts a prediction for a photo in the country `truth`."""
        right = prediction.place.country_code == truth
        self.photos += 1
        self.right += right
        if prediction.level in (Level.CITY, Level.REGION, Level.COUNTRY):
            self.levels[prediction.level] += 1
            self.right_at[prediction.level] += right

    def __str__(self) -> str:
        by_level = ", ".join(
            f"{level} {count} (country right {self.right_at[level]})"
            for level, count in self.levels.most_common()
        )
        return f"country right {self.right} of {self.photos}; predictions: {by_level or 'none'}"


def _vision(bundle_dir: Path, logits: np.ndarray, fusion: Fusion) -> Iterator[Evidence]:
    bundle = load_bundle(bundle_dir)
    decoder = make_decoder(bundle, bundle.card.heads[0], fusion.places)
    for start in range(0, len(logits), BATCH):
        for reading in decoder.decode(logits[start : start + BATCH]):
            assert reading.log_likelihood is not None
            yield Evidence(
                "vision",
                bundle.card.calibration.weight,
                "",
                reading.log_likelihood,
                outlier_probability=fusion.constants.vision_outlier_probability,
            )


if __name__ == "__main__":
    main()
