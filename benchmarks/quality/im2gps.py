"""Accuracy of a model's first guess, without prior and other evidence, as papers report it.

    python -m benchmarks.quality.im2gps FOLDER im2gps3k.csv --model geoclip --expect geoclip

The CSV has the columns IMG_ID, LAT, LON (or file, lat, lon). Distances are great-circle with
R = 6371.0 km; a photo counts at a threshold when its error is at most that distance. Every photo of
the CSV must be in the folder, as a score over a part is not comparable with published ones.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import click
import numpy as np

from geotagger import Geotagger
from geotagger.errors import PhotoError
from geotagger.geography.sphere import haversine_km

WITHIN_KM = (1, 25, 200, 750, 2500)
PUBLISHED = {
    "geoclip": (13.1, 32.2, 48.1, 66.6, 82.3),  # one crop
    "geoclip-ten-crop": (14.11, 34.47, 50.65, 69.67, 83.82),
    "streetclip": (4.2, 22.7, 36.2, 57.7, 77.3),  # with US states
    "clip": (3.3, 17.7, 28.9, 51.6, 68.9),
}
"""Per cent on Im2GPS3k: GeoCLIP from its paper, the others measured again
(docs/internals/accuracy.md)."""
TOLERANCE = 1.0
AT_ONCE = 256


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("labels", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--model", default="geoclip", show_default=True)
@click.option("--crops", type=click.Choice(["1", "5", "10"]), default="1", show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option(
    "--expect",
    type=click.Choice(sorted(PUBLISHED)),
    help="Published scores; exit code 1 if the result differs by more than 1 point.",
)
def main(
    folder: Path, labels: Path, model: str, crops: str, device: str, expect: str | None
) -> None:
    files, lat, lon = read_labels(folder, labels)
    tagger = Geotagger(model, device=device, crops=int(crops))
    shares = 100 * score(first_points(tagger, files), lat, lon)
    click.echo(f"{len(files)} photos, {tagger.card.model_id}, {crops} crop(s)")
    for km, share in zip(WITHIN_KM, shares, strict=True):
        click.echo(f"within {km:5} km {share:6.2f} %")
    if expect:
        apart = shares - PUBLISHED[expect]
        click.echo(f"published ({expect}): {PUBLISHED[expect]}; apart by {apart.round(2).tolist()}")
        sys.exit(bool((np.abs(apart) > TOLERANCE).any()))


def read_labels(folder: Path, labels: Path) -> tuple[list[Path], np.ndarray, np.ndarray]:
    with labels.open(encoding="utf-8-sig", newline="") as stream:
        rows = [{k.lower(): v for k, v in row.items()} for row in csv.DictReader(stream)]
    files = [folder / (row.get("img_id") or row["file"]) for row in rows]
    lost = [str(file) for file in files if not file.is_file()]
    if lost:
        raise click.ClickException(f"{len(lost)} photos are missing, the first is {lost[0]}")
    lat, lon = (np.array([float(row[axis]) for row in rows]) for axis in ("lat", "lon"))
    return files, lat, lon


def first_points(tagger: Geotagger, files: list[Path]) -> np.ndarray:
    """Latitude and longitude of the best guess, float64 [n, 2]; NaN where a photo is unreadable."""
    points = np.full((len(files), 2), np.nan)
    for start in range(0, len(files), AT_ONCE):
        batch = files[start : start + AT_ONCE]
        try:
            points[start : start + AT_ONCE] = tagger.predict(batch, 1).points[:, 0]
        except PhotoError:
            for row, file in enumerate(batch, start=start):
                try:
                    points[row] = tagger.predict(file, 1).points[0]
                except PhotoError as error:
                    click.echo(f"{file}: {error}", err=True)
    return points


def score(points: np.ndarray, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    km = np.nan_to_num(haversine_km(points[:, 0], points[:, 1], lat, lon), nan=np.inf)
    return np.array([(km <= limit).mean() for limit in WITHIN_KM])


if __name__ == "__main__":
    main()
