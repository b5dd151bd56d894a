"""Fits what tells a photo from a screenshot, a page or a drawing:

    python -m training.train_subject PHOTOS... --others FOLDER

PHOTOS are folders of photos, FOLDER holds pictures that are none, named `kind_*`
(`training/synthetic/non_photos.py` makes some). Each fifth is judged by a fit on the others; the
threshold lies just above the photo that MOST_LOST photos in a thousand exceed. Writes
geotagger/data/subject.json.
"""

from __future__ import annotations

import json
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

FITTED_FILE = Path(__file__).parent.parent / "geotagger" / "data" / "subject.json"
DECODED_PX = 512
"""About what a run decodes to."""
MAX_LOST = 0.5
FOLDS = 5


@click.command(help=__doc__)
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--others", required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--write/--no-write", default=True, show_default=True)
def main(photos: tuple[Path, ...], others: Path, write: bool) -> None:
    kinds, measured = measure_all([*photos, others], others)
    is_photo = np.array([kind == "photo" for kind in kinds])
    centre, spread = measured.mean(axis=0), measured.std(axis=0) + 1e-9
    standard = (measured - centre) / spread
    inputs = np.hstack([standard, standard**2])
    model = LogisticRegression(max_iter=5000)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    scores = cross_val_predict(model, inputs, ~is_photo, cv=folds, method="decision_function")
    least = float(np.quantile(scores[is_photo], 1 - MAX_LOST / 1000))
    click.echo(f"threshold {least:.2f}, {is_photo.sum()} photos")
    for kind, share in shares(kinds, scores > least).items():
        click.echo(f"  {kind}: {share} taken for no photo")
    model.fit(inputs, ~is_photo)
    if write:
        fitted = {
            "centre": centre.round(5).tolist(),
            "spread": spread.round(5).tolist(),
            "weights": model.coef_[0].round(4).tolist(),
            "bias": round(float(model.intercept_[0]), 4),
            "least_score": round(least, 3),
        }
        FITTED_FILE.write_text(json.dumps(fitted, indent=1) + "\n")


def measure_all(folders: Iterable[Path], others: Path) -> tuple[list[str], NDArray[np.float64]]:
    """Kinds and measures [n, 9] of the pictures that can be read."""
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


def shares(kinds: list[str], taken: NDArray[np.bool_]) -> dict[str, str]:
    """`12 of 90` by kind."""
    of_kind = defaultdict(list)
    for kind, yes in zip(kinds, taken, strict=True):
        of_kind[kind].append(bool(yes))
    return {kind: f"{sum(found)} of {len(found)}" for kind, found in sorted(of_kind.items())}


if __name__ == "__main__":
    main()
