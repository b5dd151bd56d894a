"""Collects street-level photos with a key of your own: python -m training.collect.streetview

    ... points candidates.json points.csv --each 1250       places to ask for, around cities
    ... google points.csv DIR                               Street View Static; GOOGLE_MAPS_API_KEY
    ... mapillary points.csv DIR                            Mapillary; MAPILLARY_ACCESS_TOKEN

The key is read from the environment alone; it is never printed nor written. DIR gets images/ and a
labels.csv for training/data/dataset.py, in which every photo keeps whom it is owed to (source,
rights,
attribution). Stop it at any time: it goes on where it was. What may be kept and trained on is
settled by the terms of each service, and paid for by you; read them first.
"""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from geotagger.errors import UsageError
from training.collect.street_collection import collect, read_points
from training.collect.street_services import google, mapillary
from training.collect.web import Service, WebError
from training.models.geoclip import KM_A_DEGREE
from training.targets.captions import area_name, read_places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from training.collect.street_collection import Found, Point

GOOGLE_URL, GOOGLE_KEY = "https://maps.googleapis.com", "GOOGLE_MAPS_API_KEY"
MAPILLARY_URL, MAPILLARY_KEY = "https://graph.mapillary.com", "MAPILLARY_ACCESS_TOKEN"


@click.group(help=__doc__)
def main() -> None:
    pass


def collecting(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.argument("folder", metavar="DIR", type=click.Path(path_type=Path)),
        click.argument("points", type=click.Path(path_type=Path, exists=True, dir_okay=False)),
        click.option("--per-second", default=5.0, show_default=True, help="Requests at most."),
        click.option("--limit", default=0, help="Stop after so many points; 0 for all."),
        click.option("--radius-m", default=100, show_default=True, help="Around each point."),
    ):
        command = option(command)
    return command


@main.command("google")
@collecting
@click.option("--base-url", default=GOOGLE_URL, help="Another server, for tests.")
@click.option("--size", default=640, show_default=True, help="Of the pictures, in px.")
@click.option("--fov", default=90, show_default=True, help="Width of the view, in degrees.")
@click.option("--pitch", default=20, show_default=True, help="How far up, in degrees.")
@click.option("--seed", default=0)
def google_command(
    points: Path,
    folder: Path,
    per_second: float,
    limit: int,
    radius_m: int,
    base_url: str,
    size: int,
    fov: int,
    pitch: int,
    seed: int,
) -> None:
    """Four views of the nearest panorama of Google Street View, by its Static API."""
    with usage_errors():
        service = Service(base_url, key_of(GOOGLE_KEY), per_second, key_parameter="key")
        view = {"size": f"{size}x{size}", "fov": str(fov), "pitch": str(pitch)}

        def ask(point: Point) -> Iterator[tuple[Found, bytes]]:
            return google(service, point, radius_m, view, seed)

        collect(read_points(points), folder, ask, limit)


@main.command("mapillary")
@collecting
@click.option("--base-url", default=MAPILLARY_URL, help="Another server, for tests.")
@click.option("--most", default=1, show_default=True, help="Photos for each point.")
def mapillary_command(
    points: Path,
    folder: Path,
    per_second: float,
    limit: int,
    radius_m: int,
    base_url: str,
    most: int,
) -> None:
    """The photos nearest to each point on Mapillary (CC BY-SA)."""
    with usage_errors():
        service = Service(base_url, key_of(MAPILLARY_KEY), per_second, key_header="Authorization")

        def ask(point: Point) -> Iterator[tuple[Found, bytes]]:
            return mapillary(service, point, radius_m, most)

        collect(read_points(points), folder, ask, limit)


@main.command("points")
@click.argument("candidates", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("points", type=click.Path(path_type=Path))
@click.option("--each", default=100, show_default=True, help="Points for each city.")
@click.option("--radius-km", default=10.0, show_default=True)
@click.option("--seed", default=0)
def points_command(candidates: Path, points: Path, each: int, radius_km: float, seed: int) -> None:
    """Random points around the cities of a candidates file
    (geotagger/geography/named_places.py)."""
    with usage_errors():
        random = np.random.default_rng(seed)
        with points.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(("lat", "lon", "label"))
            for place in read_places(candidates):
                away = radius_km * np.sqrt(random.random(each))
                angle = random.random(each) * 2 * math.pi
                lat = np.clip(place.lat + away * np.cos(angle) / KM_A_DEGREE, -89.9, 89.9)
                shrink = np.cos(np.radians(lat))
                lon = place.lon + away * np.sin(angle) / KM_A_DEGREE / shrink
                label = ", ".join(part for part in (place.city, area_name(place)) if part)
                for row in zip(lat, (lon + 180) % 360 - 180, strict=True):
                    writer.writerow((f"{row[0]:.6f}", f"{row[1]:.6f}", label))


class usage_errors:  # noqa: N801  a context manager that reads like a word
    """Our errors as click's: a line and exit code 1, and never a trace with a key in it."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UsageError | WebError):
            raise click.ClickException(str(error)) from None


def key_of(variable: str) -> str:
    """Raises UsageError: the environment has no such key."""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise UsageError(f"the key of the service is read from {variable}; set it and export it")
    return key


if __name__ == "__main__":
    main()
