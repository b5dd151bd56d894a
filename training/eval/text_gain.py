"""What text adds to a model on photos it has not seen:

    python -m training.eval.text_gain RUN BUNDLE READINGS

RUN/oof.npz holds logits of photos whose source the model had not seen; READINGS is what
`geotagger read --json` printed for these photos. Country, continent and answers by level are
printed with and without the text, as the whole program would decide.
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
from training.calibrate.fit_belief import read_unseen
from training.data.readings import read_readings

BATCH = 64


@click.command(help=__doc__)
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("bundle_dir", metavar="BUNDLE", type=click.Path(path_type=Path, exists=True))
@click.argument("readings_file", metavar="READINGS", type=click.Path(path_type=Path, exists=True))
def main(run: Path, bundle_dir: Path, readings_file: Path) -> None:
    places = load_places()
    belief = Fusion(places)
    combiner = Combiner(places)
    readings = read_readings(readings_file)
    unseen = read_unseen(run / "oof.npz", places)
    with np.load(run / "oof.npz", allow_pickle=False) as data:
        names = data["photo"]
    tallies = {"vision": Tally(), "vision and text": Tally()}
    changed: Counter[str] = Counter()
    for index, vision in enumerate(_vision(bundle_dir, unseen.logits, belief)):
        reading = readings.get(Path(str(names[index])).name)
        text = evidence_of(reading, combiner) if reading else None
        both = [vision, text] if text else [vision]
        alone, together = belief.decide([vision]), belief.decide(both)
        truth = places.country_codes[unseen.country[index]]
        tallies["vision"].add(alone, truth)
        tallies["vision and text"].add(together, truth)
        was, now = (p.place.country_code == truth for p in (alone, together))
        changed["telling text"] += text is not None
        changed["mended"] += now and not was
        changed["spoilt"] += was and not now
    for name, tally in tallies.items():
        click.echo(f"{name}: {tally}")
    click.echo(json.dumps(changed))


class Tally:
    """How often the country is right, and the answers by level with those that are right."""

    def __init__(self) -> None:
        self.photos = self.right = 0
        self.levels: Counter[str] = Counter()
        self.right_at: Counter[str] = Counter()

    def add(self, prediction: Prediction, truth: str) -> None:
        right = prediction.place.country_code == truth
        self.photos += 1
        self.right += right
        if prediction.level in (Level.CITY, Level.REGION, Level.COUNTRY):
            self.levels[prediction.level] += 1
            self.right_at[prediction.level] += right

    def __str__(self) -> str:
        answers = ", ".join(
            f"{level} {count} (country right {self.right_at[level]})"
            for level, count in self.levels.most_common()
        )
        return f"country right {self.right} of {self.photos}; answers: {answers or 'none'}"


def _vision(bundle_dir: Path, logits: np.ndarray, belief: Fusion) -> Iterator[Evidence]:
    bundle = load_bundle(bundle_dir)
    decoder = make_decoder(bundle, bundle.card.heads[0], belief.places)
    for start in range(0, len(logits), BATCH):
        for reading in decoder.decode(logits[start : start + BATCH]):
            assert reading.log_likelihood is not None
            yield Evidence(
                "vision",
                bundle.card.calibration.weight,
                "",
                reading.log_likelihood,
                outlier_probability=belief.constants.vision_outlier_probability,
            )


if __name__ == "__main__":
    main()
