"""Collects street-level photos with your own key: python -m training.collect.streetview

    ... points candidates.json points.csv --each 1250       random points around cities
    ... google points.csv DIR                               Street View Static; GOOGLE_MAPS_API_KEY
    ... mapillary points.csv DIR                            Mapillary; MAPILLARY_ACCESS_TOKEN

The key is read from the environment only; it is never printed or written. DIR gets images/ and a
labels.csv for training/data/dataset.py, in which every photo has its owner (source, rights,
attribution). A stopped collection can be resumed. The terms of each service say what may be kept
and used for training, and you pay for the requests; read them first.
"""

from __future__ import annotations

import csv
import math
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from geotagger.errors import UsageError
from training.collect.street_collection import collect, read_points
from training.collect.street_services import google, mapillary
from training.collect.web import WebError, WebService
from training.models.geoclip import KM_PER_DEGREE
from training.targets.captions import area_name, read_places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from training.collect.street_collection import QueryPoint, StreetPhoto

GOOGLE_URL, GOOGLE_KEY = "https://maps.googleapis.com", "GOOGLE_MAPS_API_KEY"
MAPILLARY_URL, MAPILLARY_KEY = "https://graph.mapillary.com", "MAPILLARY_ACCESS_TOKEN"


@click.group(help=__doc__)
def main() -> None:
    pass


def collection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the arguments and options of both services to a command."""
    for option in (
        click.argument("folder", metavar="DIR", type=click.Path(path_type=Path)),
        click.argument("points", type=click.Path(path_type=Path, exists=True, dir_okay=False)),
        click.option(
            "--per-second", default=5.0, show_default=True, help="Largest number of requests."
        ),
        click.option("--limit", default=0, help="Stop after so many points; 0 for all."),
        click.option("--radius-m", default=100, show_default=True, help="Around each point."),
    ):
        command = option(command)
    return command


@main.command("google")
@collection_options
@click.option("--base-url", default=GOOGLE_URL, help="Another server, for tests.")
@click.option("--size", default=640, show_default=True, help="Side of the pictures in px.")
@click.option("--fov", default=90, show_default=True, help="Width of the view in degrees.")
@click.option("--pitch", default=20, show_default=True, help="Upward tilt in degrees.")
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
    view = {"size": f"{size}x{size}", "fov": str(fov), "pitch": str(pitch)}
    with (
        service_errors(),
        WebService(base_url, key_of(GOOGLE_KEY), per_second, key_parameter="key") as service,
    ):

        def query(point: QueryPoint) -> Iterator[tuple[StreetPhoto, bytes]]:
            return google(service, point, radius_m, view, seed)

        collect(read_points(points), folder, query, limit)


@main.command("mapillary")
@collection_options
@click.option("--base-url", default=MAPILLARY_URL, help="Another server, for tests.")
@click.option("--most", "max_photos", default=1, show_default=True, help="Photos for each point.")
def mapillary_command(
    points: Path,
    folder: Path,
    per_second: float,
    limit: int,
    radius_m: int,
    base_url: str,
    max_photos: int,
) -> None:
    """The photos nearest to each point on Mapillary (CC BY-SA)."""
    with (
        service_errors(),
        WebService(
            base_url, key_of(MAPILLARY_KEY), per_second, key_header="Authorization"
        ) as service,
    ):

        def query(point: QueryPoint) -> Iterator[tuple[StreetPhoto, bytes]]:
            return mapillary(service, point, radius_m, max_photos)

        collect(read_points(points), folder, query, limit)


@main.command("points")
@click.argument("candidates", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("points", type=click.Path(path_type=Path))
@click.option("--each", default=100, show_default=True, help="Points for each city.")
@click.option("--radius-km", default=10.0, show_default=True)
@click.option("--seed", default=0)
def points_command(candidates: Path, points: Path, each: int, radius_km: float, seed: int) -> None:
    """Random points around the cities of a candidates file
    (geotagger/geography/named_places.py)."""
    with service_errors():
        random = np.random.default_rng(seed)
        with points.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(("lat", "lon", "label"))
            for place in read_places(candidates):
                away = radius_km * np.sqrt(random.random(each))
                angle = random.random(each) * 2 * math.pi
                lat = np.clip(place.lat + away * np.cos(angle) / KM_PER_DEGREE, -89.9, 89.9)
                shrink = np.cos(np.radians(lat))
                lon = place.lon + away * np.sin(angle) / KM_PER_DEGREE / shrink
                label = ", ".join(part for part in (place.city, area_name(place)) if part)
                for row in zip(lat, (lon + 180) % 360 - 180, strict=True):
                    writer.writerow((f"{row[0]:.6f}", f"{row[1]:.6f}", label))


@contextmanager
def service_errors() -> Iterator[None]:
    """Reports errors as one line, without a traceback that could contain the key."""
    try:
        yield
    except (UsageError, WebError) as error:
        raise click.ClickException(str(error)) from None


def key_of(variable: str) -> str:
    """Returns the key in an environment variable. Raises UsageError if it is not set."""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise UsageError(f"the key of the service is read from {variable}; set it and export it")
    return key


if __name__ == "__main__":
    main()
