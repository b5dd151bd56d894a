"""Collects street-level photos with a key of your own: python -m training.collect_streetview

    ... points candidates.json points.csv --each 1250       places to ask for, around cities
    ... google points.csv DIR                               Street View Static; GOOGLE_MAPS_API_KEY
    ... mapillary points.csv DIR                            Mapillary; MAPILLARY_ACCESS_TOKEN

The key is read from the environment alone; it is never printed nor written. DIR gets images/ and a
labels.csv for training/data.py, in which every photo keeps whom it is owed to (source, rights,
attribution). Stop it at any time: it goes on where it was. What may be kept and trained on is
settled by the terms of each service, and paid for by you; read them first.
"""

from __future__ import annotations

import csv
import hashlib
import math
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from geotagger.errors import UnreadableImageError, UsageError
from geotagger.images import decode
from training.captions import read_candidates
from training.geoclip import KM_A_DEGREE
from training.web import KeyRefusedError, Service, WebError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOOGLE_URL, GOOGLE_KEY = "https://maps.googleapis.com", "GOOGLE_MAPS_API_KEY"
MAPILLARY_URL, MAPILLARY_KEY = "https://graph.mapillary.com", "MAPILLARY_ACCESS_TOKEN"
HEADING_SPREAD = 15.0
"""Views look to the four sides, each turned at random by up to so many degrees (GeoSpottr)."""


@dataclass(frozen=True, slots=True)
class Point:
    lat: float
    lon: float
    label: str = ""

    @property
    def key(self) -> str:
        return f"{self.lat:.6f},{self.lon:.6f}"


@dataclass(frozen=True, slots=True)
class Found:
    """One row of labels.csv, as training/columns.py reads it."""

    file: str
    lat: float
    lon: float
    label: str
    taken_at: str
    """A date, or milliseconds since 1970."""
    heading: str
    image_id: str
    source: str
    """Whose photo it is: photos of one source are split as a whole."""
    rights: str
    attribution: str


COLUMNS = tuple(field.name for field in fields(Found))
ASKED_COLUMNS = ("point", "images", "problem")

Ask = "Callable[[Point], Iterator[tuple[Found, bytes]]]"


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
    """Random points around the cities of a candidates file (training/captions.py)."""
    with usage_errors():
        random = np.random.default_rng(seed)
        with points.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(("lat", "lon", "label"))
            for place in read_candidates(candidates):
                away = radius_km * np.sqrt(random.random(each))
                angle = random.random(each) * 2 * math.pi
                lat = np.clip(place.lat + away * np.cos(angle) / KM_A_DEGREE, -89.9, 89.9)
                shrink = np.cos(np.radians(lat))
                lon = place.lon + away * np.sin(angle) / KM_A_DEGREE / shrink
                label = ", ".join(part for part in (place.city, place.country) if part)
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


def read_points(file: Path) -> list[Point]:
    """Raises UsageError: the table lacks lat or lon, or a row is no position."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file}: cannot be read as a table ({error})") from error
    points = {}
    for number, row in enumerate(rows, start=2):
        try:
            point = Point(float(row["lat"]), float(row["lon"]), row.get("label") or "")
            if not (abs(point.lat) <= 90 and abs(point.lon) <= 180):
                raise ValueError("is no position")
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{file}, row {number}: {error!r}; give lat and lon") from error
        points[point.key] = point
    return list(points.values())


def collect(points: list[Point], folder: Path, ask: Ask, limit: int) -> None:
    """Asks for every point that was not asked for before.

    An image is in place before its row is written, and the rows before the point counts as asked.

    Raises:
        KeyRefusedError, WebError: the service refuses the key, or does not answer any more.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    labels, asked = (
        Ledger(folder / "labels.csv", COLUMNS),
        Ledger(folder / "asked.csv", ASKED_COLUMNS),
    )
    done = {row["point"] for row in asked.rows}
    known = {row["file"] for row in labels.rows}
    todo = [point for point in points if point.key not in done]
    todo = todo[:limit] if limit else todo
    click.echo(f"{len(points)} points, {len(done)} asked before, {len(todo)} to ask")
    images = 0
    for point in todo:
        kept, problem = 0, ""
        for found, data in ask(point):
            try:
                decode(data, 64)
            except UnreadableImageError as error:
                problem = f"{found.image_id}: {error}"
                continue
            if found.file not in known:
                write_whole(folder / found.file, data)
                labels.add([str(getattr(found, name)) for name in COLUMNS])
                known.add(found.file)
            kept += 1
        asked.add([point.key, str(kept), problem])
        images += kept
    click.echo(f"{images} photos of {len(todo)} points; {len(known)} in {folder}")


class Ledger:
    """A CSV file that grows by whole rows. A row that was cut off by a kill is dropped."""

    def __init__(self, file: Path, columns: tuple[str, ...]) -> None:
        self._file = file
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        lines = list(csv.reader(whole.splitlines()))
        if lines and tuple(lines[0]) != columns:
            raise UsageError(f"{file}: has other columns; name another folder")
        if not lines:
            whole = ",".join(columns) + "\n"
        if whole != text:
            write_whole(file, whole.encode())
        self.rows = [dict(zip(columns, line, strict=True)) for line in lines[1:]]

    def add(self, values: list[str]) -> None:
        flat = [" ".join(value.split()) for value in values]
        with self._file.open("a", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerow(flat)


def write_whole(file: Path, data: bytes) -> None:
    draft = file.with_name(f".{file.name}.part")
    draft.write_bytes(data)
    draft.replace(file)


def google(
    service: Service, point: Point, radius_m: int, view: dict[str, str], seed: int
) -> Iterator[tuple[Found, bytes]]:
    """Four views; none where Google has no outdoor panorama near.

    Asking whether there is one (metadata) costs nothing; each view does.
    """
    where = {"location": point.key, "radius": str(radius_m), "source": "outdoor"}
    there = service.json("/maps/api/streetview/metadata", where)
    status = there.get("status")
    if status in ("ZERO_RESULTS", "NOT_FOUND"):
        return
    if status in ("REQUEST_DENIED", "OVER_QUERY_LIMIT", "OVER_DAILY_LIMIT"):
        raise KeyRefusedError(f"the service answers {status}; check the key, its quota and billing")
    try:
        if status != "OK":
            raise ValueError(f"status {status}")
        pano = str(there["pano_id"])
        lat, lon = float(there["location"]["lat"]), float(there["location"]["lng"])
    except (KeyError, TypeError, ValueError) as error:
        raise WebError(f"the service's answer cannot be used ({error!r})") from error
    owner = str(there.get("copyright") or "Google")
    digest = hashlib.sha256(f"{seed} {pano}".encode()).digest()
    turns = np.random.default_rng(list(digest)).uniform(-HEADING_SPREAD, HEADING_SPREAD, 4)
    for side, turn in enumerate(turns):
        heading = f"{(90 * side + turn) % 360:.1f}"
        data = service.data(
            "/maps/api/streetview",
            {"pano": pano, "heading": heading, "return_error_code": "true", **view},
        )
        name = hashlib.sha256(pano.encode()).hexdigest()[:20]
        found = Found(
            file=f"images/google_{name}_{side}.jpg",
            lat=lat,
            lon=lon,
            label=point.label,
            taken_at=str(there.get("date") or ""),
            heading=heading,
            image_id=pano,
            source=f"google {pano}",
            rights="google",
            attribution=owner,
        )
        yield found, data


def mapillary(
    service: Service, point: Point, radius_m: int, most: int
) -> Iterator[tuple[Found, bytes]]:
    """The nearest flat photos in a square of twice `radius_m` a side."""
    north = radius_m / 1000 / KM_A_DEGREE
    east = north / max(0.01, math.cos(math.radians(point.lat)))
    west_south_east_north = (
        max(-180.0, point.lon - east),
        max(-90.0, point.lat - north),
        min(180.0, point.lon + east),
        min(90.0, point.lat + north),
    )
    answer = service.json(
        "/images",
        {
            "fields": "id,computed_geometry,geometry,captured_at,compass_angle,creator,sequence,"
            "is_pano,thumb_1024_url",
            "bbox": ",".join(f"{value:.6f}" for value in west_south_east_north),
            "limit": str(10 * most),
        },
    )
    photos = []
    for entry in answer.get("data") or ():
        try:
            shape = entry.get("computed_geometry") or entry["geometry"]
            lon, lat = (float(value) for value in shape["coordinates"][:2])
            url = str(entry["thumb_1024_url"])
        except (KeyError, TypeError, ValueError):
            continue  # a photo without place or picture
        if not entry.get("is_pano"):
            photos.append((math.hypot(lat - point.lat, (lon - point.lon)), lat, lon, url, entry))
    for _, lat, lon, url, entry in sorted(photos, key=lambda photo: photo[0])[:most]:
        creator = str((entry.get("creator") or {}).get("username") or "unknown")
        number = "".join(c for c in str(entry["id"]) if c.isalnum())[:40]
        found = Found(
            file=f"images/mapillary_{number}.jpg",
            lat=lat,
            lon=lon,
            label=point.label,
            taken_at=str(entry.get("captured_at") or ""),
            heading=str(entry.get("compass_angle") or ""),
            image_id=str(entry["id"]),
            source=f"mapillary {creator}",
            rights="CC-BY-SA-4.0",
            attribution=f"{creator} on Mapillary, https://www.mapillary.com/app/?pKey={number}",
        )
        yield found, service.elsewhere(url)


if __name__ == "__main__":
    main()
