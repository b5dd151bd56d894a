"""What the program answers on photos that a starter never saw, from the pictures alone:

    python -m training.experiments.starter_answers SOURCE RUN BUNDLE [--features FILE ...]

RUN is a folder of training/train_starter.py. RUN/oof.npz holds the logits of held-out photos, and
BUNDLE is its export: the classes are scored by a model that did not see them, with the card's
calibration and the program's fusion. --features (as for fit_sights) adds the known sights: each
photo is compared with the gallery without the photos of its own source. Each group of `hold_out`
gets the tables of `geotagger evaluate`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import torch

from geotagger.evaluation.labels import KnownPlace
from geotagger.evaluation.run import Evaluation, PhotoScorer
from geotagger.evaluation.scores import score
from geotagger.evaluation.tables import to_text
from geotagger.evidence.sights import sight_evidence
from geotagger.fusion.decide import Fusion
from geotagger.geography.places import load_places
from geotagger.types import Evidence, Point, Status
from geotagger.vision.bundle.bundle import load_bundle
from geotagger.vision.bundle.head_specs import SightHead
from geotagger.vision.decoding.factory import make_decoder
from geotagger.vision.decoding.sights import SightDecoder
from training.calibrate.calibrate import LOCATED_PRECISIONS
from training.calibrate.fit_sights import PROJECTION_FILE, read_features, with_features
from training.data.dataset import read_photos
from training.engine import run_folder
from training.engine.experiment import usage_errors
from training.models.sight_projection import SightProjection
from training.targets.sight_gallery import precise_photos
from training.train_starter import OUT_OF_FOLD_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from geotagger.evaluation.scored import ScoredPhoto
    from geotagger.vision.bundle.bundle import ModelBundle
    from training.data.example import Example

TOP_K = 10
BATCH_SIZE = 64


@click.command(help=__doc__)
@click.argument("source")
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("bundle_dir", metavar="BUNDLE", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--features",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="Features of the network that ships, one file a backbone.  [default: without sights]",
)
def main(source: str, run: Path, bundle_dir: Path, features: tuple[Path, ...]) -> None:
    with usage_errors():
        bundle = load_bundle(bundle_dir)
        factor = bundle.card.calibration.radius_factor
        fusion = Fusion(load_places(), top_k=TOP_K, radius_factor=factor)
        with np.load(run / OUT_OF_FOLD_FILE, allow_pickle=False) as kept:
            photos = {name: kept[name] for name in kept.files}
        examples = with_features(read_photos(source, check=False)[0], features)
        sights = sights_of_photos(examples, photos["photo"], run, bundle, features, fusion)
        evidence = [
            [item for item in (picture, sight) if item is not None]
            for picture, sight in zip(
                picture_evidence(photos["logits"], bundle, fusion), sights, strict=True
            )
        ]
        scored = [
            PhotoScorer(fusion, truth).score_evidence(items)
            for truth, items in zip(known_places(photos), evidence, strict=True)
        ]
        names = sorted(run_folder.read(run)["options"].get("hold_out") or [])
        for number in np.unique(photos["fold"]).tolist():
            rows = np.flatnonzero(photos["fold"] == number)
            title = names[number] if number < len(names) else f"fold {number}"
            click.echo(describe(title, [scored[row] for row in rows]))
        click.echo(describe("all", scored))


def describe(title: str, scored: Sequence[ScoredPhoto]) -> str:
    """The tables of `geotagger evaluate` on some photos."""
    statuses = [Status.PREDICTED] * len(scored)
    return f"== {title}\n" + to_text(Evaluation(score(scored, TOP_K, statuses, 0), None, scored))


def known_places(photos: Mapping[str, NDArray[np.generic]]) -> Iterator[KnownPlace]:
    """The known place of each held-out photo; a label precise to a country has no point."""
    columns = (photos[name].tolist() for name in ("country", "lat", "lon", "precision"))
    for country, lat, lon, precision in zip(*columns, strict=True):
        yield KnownPlace(country, Point(lat, lon) if precision in LOCATED_PRECISIONS else None)


def picture_evidence(
    logits: NDArray[np.float32], bundle: ModelBundle, fusion: Fusion
) -> Iterator[Evidence]:
    """The evidence of the classes, from logits [n, K]."""
    decoder = make_decoder(bundle, bundle.card.heads[0], fusion.places)
    weight = bundle.card.calibration.weight
    outliers = fusion.constants.vision_outlier_probability
    for start in range(0, len(logits), BATCH_SIZE):
        for reading in decoder.decode(logits[start : start + BATCH_SIZE]):
            assert reading.log_likelihood is not None
            likelihood = reading.log_likelihood
            yield Evidence("vision", weight, "", likelihood, outlier_probability=outliers)


def sights_of_photos(
    examples: Sequence[Example],
    names: NDArray[np.str_],
    run: Path,
    bundle: ModelBundle,
    features: Sequence[Path],
    fusion: Fusion,
) -> list[Evidence | None]:
    """The evidence of known sights on photos by name, without the gallery of their own source."""
    heads = [head for head in bundle.card.heads if isinstance(head, SightHead)]
    if not features or not heads:
        return [None] * len(names)
    gallery = bundle.sights(heads[0])
    source_of_gallery = np.array([examples[row].source for row in precise_photos(examples).rows])
    state = torch.load(run / PROJECTION_FILE, weights_only=True)
    projection = SightProjection(*state["projection"].shape)
    projection.load_state_dict(state)
    with torch.inference_mode():
        vectors = projection(read_features(features, [e.file for e in examples])).numpy()
    row_of = {example.file: row for row, example in enumerate(examples)}
    rows = np.array([row_of[name] for name in names.tolist()])
    sources = np.array([examples[row].source for row in rows])
    found: list[Evidence | None] = [None] * len(names)
    for source in np.unique(sources):
        kept = source_of_gallery != source
        others = replace(
            gallery,
            **{name: getattr(gallery, name)[kept] for name in gallery.__dataclass_fields__},
        )
        decoder = SightDecoder(heads[0], others, fusion.places, fusion.log_prior)
        own = np.flatnonzero(sources == source)
        for number, match in zip(own, decoder.decode(vectors[rows[own]]), strict=True):
            found[number] = sight_evidence(match, fusion.places) if match else None
    return found


if __name__ == "__main__":
    main()
