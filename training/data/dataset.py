"""Photos whose place is known, from a table, a folder or a stream: python -m training.data SOURCE

SOURCE is
    labels.csv [--images DIR]   a table (columns: training/data/columns.py); images pair by name
    DIR                         with a labels.csv; else one folder a class; else photos with GPS
    shards-{000..099}.tar       webdataset shards
    hf:DIR or hf:NAME           a Hugging Face data set
It prints what is there: kinds of places, a map, counts by class, what is broken, and with --check
also what the splits share that they must not.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from geotagger.errors import UsageError
from geotagger.geography.places import load_places
from geotagger.images.decode import decode
from geotagger.images.scan import IMAGE_SUFFIXES
from geotagger.metadata.read import read as read_metadata
from training.data.columns import match_columns, place_fields
from training.data.fingerprints import look_at
from training.data.image_index import ImageIndex
from training.data.summary import summary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from numpy.typing import NDArray
    from PIL import Image

LABELS_FILE = "labels.csv"
UNKNOWN = "unknown"
"""The source of a photo that names none."""


@dataclass(frozen=True, slots=True)
class Example:
    """One photo and what is known of where it was taken. Empty texts and NaN are not known."""

    file: str
    """The name that the table gives it; unique in a data set."""
    path: Path | None = None
    lat: float = math.nan
    lon: float = math.nan
    country: str = ""
    """ISO alpha-2 where the places table knows it, else the table's own word."""
    region: str = ""
    city: str = ""
    continent: str = ""
    label: str = ""
    """A class of the data set's own: its folder, or the column label."""
    precision: str = "point"
    """What lat and lon are good for: point, city, region or country."""
    source: str = UNKNOWN
    """The collection or photographer that it comes from."""
    split: str = ""
    """train, val or test, where the data set says so."""
    rights: str = ""
    fingerprint: int = 0
    """64-bit difference hash of the picture, by which near-duplicates are found."""
    columns: dict[str, str] = field(default_factory=dict)
    """Every column of the table, under the table's own name."""
    data: bytes | None = None
    """The file itself, where it comes from a stream."""

    @property
    def has_point(self) -> bool:
        return not math.isnan(self.lat)

    def read(self) -> bytes:
        """The bytes of the file. Raises OSError."""
        if self.data is not None:
            return self.data
        assert self.path is not None
        return self.path.read_bytes()

    def picture(self, min_side_px: int) -> Image.Image:
        """Upright RGB. Raises OSError, UnreadableImageError."""
        return decode(self.read(), min_side_px).image


def read_photos(
    source: str | Path,
    images: Path | None = None,
    exclude_rights: Collection[str] = (),
    look: bool = True,
) -> tuple[list[Example], list[str]]:
    """The photos of a source (see above), in its order, and what is wrong with those left out.

    `look` opens every picture: broken ones are left out and named, and fingerprints are made.
    Without it a broken one shows when it is trained on.

    Raises:
        UsageError: there is no such source, or it lacks a column.
    """
    text = str(source)
    if text.startswith("hf:") or text.endswith((".tar", ".tar.gz", ".tgz")):
        from training.data.streams import index

        return index(text, exclude_rights)
    path = Path(source)
    if path.is_file():
        examples, problems = _read_table(path, images or path.parent, exclude_rights)
    elif (path / LABELS_FILE).is_file():
        examples, problems = _read_table(path / LABELS_FILE, images or path, exclude_rights)
    elif path.is_dir():
        examples, problems = _read_folder(path)
    else:
        raise UsageError(f"{path}: is no {LABELS_FILE}, folder or stream; name one")
    if look:
        examples, broken = look_at(examples)
        problems += broken
    return examples, problems


def _read_table(
    table: Path, images: Path, exclude_rights: Collection[str]
) -> tuple[list[Example], list[str]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, delimiter="\t" if table.suffix == ".tsv" else ",")
            names, rows = tuple(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{table}: cannot be read as a table ({error})") from error
    found = ImageIndex(images)
    matched = match_columns(names, str(table), found.named_by_row)
    examples, problems, seen = [], [], set()
    for number, row in enumerate(rows):
        if row.get(matched.get("rights", "")) in exclude_rights:
            continue
        name = row[matched["file"]] if "file" in matched else str(number)
        try:
            if name in seen:
                raise ValueError("is listed twice")
            seen.add(name)
            path = found.path(name or "", (row.get("split") or "") if "split" in row else "")
            examples.append(example_of(row, matched, name, path=path))
        except (ValueError, TypeError) as error:
            problems.append(f"{name}: {error}")
    return examples, problems


def example_of(row: dict[str, Any], matched: dict[str, str], file: str, **more: Any) -> Example:
    """One row of a table with the columns `matched`. Raises ValueError: its place is nonsense."""
    texts = {key: "" if value is None else str(value) for key, value in row.items() if key}
    ours = {key: texts.get(name, "").strip() for key, name in matched.items()}
    kept = {key: ours[key] for key in ("precision", "source", "split", "rights") if ours.get(key)}
    place: dict[str, Any] = place_fields(ours)
    return Example(file=file, **place, **kept, columns=texts, **more)


def _read_folder(folder: Path) -> tuple[list[Example], list[str]]:
    """Photos with GPS of their own, and photos in folders that are called by their class."""
    examples, problems = [], []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES):
        file = path.relative_to(folder)
        label = "" if len(file.parts) == 1 else file.parent.as_posix()
        existing = read_metadata(path.read_bytes())
        gps = None if existing.gps_is_prediction else existing.gps
        if not gps and not label:
            problems.append(f"{file}: has no GPS, and no folder that names its class")
            continue
        position = {"lat": gps.lat, "lon": gps.lon} if gps else {}
        source = f"{label} {existing.camera}".strip() if gps else UNKNOWN
        columns = {"taken_at": existing.taken_at} if existing.taken_at else {}
        examples.append(
            Example(file.as_posix(), path, **position, label=label, source=source, columns=columns)
        )
    return examples, problems


def named(examples: Sequence[Example]) -> list[Example]:
    """The examples, with country, region, city and continent of the point where they lack them."""
    places = load_places()
    filled = []
    for example in examples:
        parts = ("country", "region", "city", "continent")
        if example.has_point and not all(getattr(example, part) for part in parts):
            place = places.name(example.lat, example.lon)
            own = {"country": place.country_code, "continent": place.continent}
            if example.precision == "point":
                own |= {"region": place.region, "city": place.city}
            example = replace(
                example, **{part: getattr(example, part) or name for part, name in own.items()}
            )
        filled.append(example)
    return filled


def need(examples: Sequence[Example], *parts: str) -> tuple[list[Example], list[str]]:
    """Those examples that know all of `parts` (such as "lat" or "city"), and what others lack.

    Raises:
        UsageError: none does.
    """
    good, problems = [], []
    for example in examples:
        lacks = [part for part in parts if getattr(example, part) in ("",) or _nan(example, part)]
        if lacks:
            problems.append(f"{example.file}: lacks {', '.join(lacks)}")
        else:
            good.append(example)
    if not good:
        raise UsageError(f"no photo has all of {', '.join(parts)}; add the columns")
    return good, problems


def _nan(example: Example, part: str) -> bool:
    value = getattr(example, part)
    return isinstance(value, float) and math.isnan(value)


def positions(examples: Iterable[Example]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(lat [n], lon [n])."""
    both = np.array([(example.lat, example.lon) for example in examples]).reshape(-1, 2)
    return both[:, 0], both[:, 1]


@click.command(help=__doc__)
@click.argument("source")
@click.option("--images", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--exclude-rights", multiple=True, help="Leave out rows with these rights.")
@click.option("--check", is_flag=True, help="Fail when splits share what they must not.")
def main(source: str, images: Path | None, exclude_rights: tuple[str, ...], check: bool) -> None:
    from training.data.splits import leakage, split_rows

    try:
        examples, problems = read_photos(source, images, exclude_rights)
        examples = named(examples)
        click.echo(summary(examples, problems))
        splits = split_rows(examples)
    except UsageError as error:
        raise click.ClickException(str(error)) from error
    shares = ", ".join(f"{name} {len(rows):,}" for name, rows in splits.items())
    given = any(example.split for example in examples)
    click.echo(f"splits {'of the data set' if given else 'by source and place'}: {shares}")
    found = leakage(examples, splits)
    click.echo("\n".join(found) or "no leakage between splits found")
    if check and found:
        raise SystemExit(1)
