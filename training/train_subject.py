"""Fits the detector of screenshots, pages and drawings:

    python -m training.train_subject PHOTOS... --others FOLDER

PHOTOS are folders of photos. FOLDER holds other pictures, named `kind_*`
(`training/synthetic/non_photos.py` makes some). Scores come from cross-validation with five folds.
The threshold is the score that MAX_LOST_PER_THOUSAND photos in a thousand exceed. The result is
written to geotagger/data/subject.json.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from geotagger.images.decode import decode
from geotagger.images.photo_detector import measures
from geotagger.images.scan import walk
from training.calibrate.package_data import write_package_json

DATA_FILE = "subject.json"
DECODED_PX = 512
"""About the size to which a run decodes."""
MAX_LOST_PER_THOUSAND = 0.5
FOLDS = 5


@click.command(help=__doc__)
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--others", required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--write/--no-write", default=True, show_default=True)
def main(photos: tuple[Path, ...], others: Path, write: bool) -> None:
    kinds, measured = measure_all([*photos, others], others)
    is_photo = np.array([kind == "photo" for kind in kinds])
    centre, deviation = measured.mean(axis=0), measured.std(axis=0) + 1e-9
    standard = (measured - centre) / deviation
    inputs = np.hstack([standard, standard**2])
    model = LogisticRegression(max_iter=5000)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    scores = cross_val_predict(model, inputs, ~is_photo, cv=folds, method="decision_function")
    threshold = float(np.quantile(scores[is_photo], 1 - MAX_LOST_PER_THOUSAND / 1000))
    click.echo(f"threshold {threshold:.2f}, {is_photo.sum()} photos")
    for kind, share in count_detected(kinds, scores > threshold).items():
        click.echo(f"  {kind}: {share} detected as non-photos")
    model.fit(inputs, ~is_photo)
    if write:
        fitted = {
            "centre": centre.round(5).tolist(),
            "spread": deviation.round(5).tolist(),
            "weights": model.coef_[0].round(4).tolist(),
            "bias": round(float(model.intercept_[0]), 4),
            "least_score": round(threshold, 3),
        }
        write_package_json(DATA_FILE, fitted)


def measure_all(folders: Iterable[Path], others: Path) -> tuple[list[str], NDArray[np.float64]]:
    """Measures the pictures that can be read.

    Returns:
        (kind of each picture, measures [n, 9]).
    """
    kinds, rows = [], []
    for photo in walk(folders):
        try:
            image: Image.Image = decode(photo.path.read_bytes(), DECODED_PX).image
        except Exception as error:
            click.echo(f"{photo.path}: left out: {error}", err=True)
            continue
        kinds.append(photo.path.name.split("_")[0] if photo.root == others else "photo")
        rows.append(measures(image))
    return kinds, np.stack(rows)


def count_detected(kinds: list[str], detected: NDArray[np.bool_]) -> dict[str, str]:
    """Returns kind -> `12 of 90`, the number of detected pictures."""
    of_kind = defaultdict(list)
    for kind, is_detected in zip(kinds, detected, strict=True):
        of_kind[kind].append(bool(is_detected))
    return {kind: f"{sum(flags)} of {len(flags)}" for kind, flags in sorted(of_kind.items())}


if __name__ == "__main__":
    main()
