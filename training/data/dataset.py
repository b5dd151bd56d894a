"""Reads labelled photos from a table, a folder or a stream.

A source is one of
    labels.csv [--images DIR]   a table (columns: training/data/columns.py); images match by name
    DIR                         a folder with labels.csv; else one folder a class; else photos with
                                GPS
    shards-{000..099}.tar       webdataset shards
    hf:DIR or hf:NAME           a Hugging Face data set
"""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import UsageError
from geotagger.geography.places import load_places
from geotagger.images.scan import IMAGE_SUFFIXES
from geotagger.metadata.read import read as read_metadata
from training.data.columns import example_from_row, match_columns
from training.data.example import UNKNOWN_SOURCE, Example
from training.data.fingerprints import check_images
from training.data.image_index import ImageIndex
from training.data.left_out import LeftOut
from training.data.streams import is_stream, read_stream_index

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

LABELS_FILE = "labels.csv"


def read_photos(
    source: str | Path,
    images: Path | None = None,
    exclude_rights: Collection[str] = (),
    check: bool = True,
) -> tuple[list[Example], list[LeftOut]]:
    """Reads the photos of a source (see the module docstring).

    Args:
        source: The table, folder or stream.
        images: The folder of the images of a table; by default the folder of the table.
        exclude_rights: Rows with these rights are skipped.
        check: Opens every picture: broken ones are left out, and fingerprints are computed.
            Without it a broken picture shows up only in training.

    Returns:
        (the examples in the order of the source, the photos that are left out).

    Raises:
        UsageError: The source does not exist, or lacks a column.
    """
    if is_stream(str(source)):
        return read_stream_index(str(source), exclude_rights)
    path = Path(source)
    if path.is_file():
        examples, problems = _read_table(path, images or path.parent, exclude_rights)
    elif (path / LABELS_FILE).is_file():
        examples, problems = _read_table(path / LABELS_FILE, images or path, exclude_rights)
    elif path.is_dir():
        examples, problems = _read_folder(path)
    else:
        raise UsageError(f"{path}: is not a {LABELS_FILE}, folder or stream; name one")
    if check:
        examples, broken = check_images(examples)
        problems += broken
    return examples, problems


def _read_table(
    table: Path, images: Path, exclude_rights: Collection[str]
) -> tuple[list[Example], list[LeftOut]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, delimiter="\t" if table.suffix == ".tsv" else ",")
            names, rows = tuple(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{table}: cannot be read as a table ({error})") from error
    index = ImageIndex(images)
    matched = match_columns(names, str(table), index.named_by_row)
    examples, problems, seen = [], [], set()
    for number, row in enumerate(rows):
        if row.get(matched.get("rights", "")) in exclude_rights:
            continue
        name = row[matched["file"]] if "file" in matched else str(number)
        try:
            if name in seen:
                raise ValueError("is listed twice")
            seen.add(name)
            path = index.path(name or "", (row.get("split") or "") if "split" in row else "")
            examples.append(example_from_row(row, matched, name, path=path))
        except (ValueError, TypeError) as error:
            problems.append(LeftOut(name, str(error)))
    return examples, problems


def _read_folder(folder: Path) -> tuple[list[Example], list[LeftOut]]:
    """Reads photos with GPS, and photos in folders that are named after their class."""
    examples, problems = [], []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES):
        file = path.relative_to(folder)
        label = "" if len(file.parts) == 1 else file.parent.as_posix()
        metadata = read_metadata(path.read_bytes())
        gps = None if metadata.gps_is_prediction else metadata.gps
        if not gps and not label:
            reason = "has no GPS, and is not in a folder named after its class"
            problems.append(LeftOut(file.as_posix(), reason))
            continue
        position = {"lat": gps.lat, "lon": gps.lon} if gps else {}
        source = f"{label} {metadata.camera}".strip() if gps else UNKNOWN_SOURCE
        columns = {"taken_at": metadata.taken_at} if metadata.taken_at else {}
        examples.append(
            Example(file.as_posix(), path, **position, label=label, source=source, columns=columns)
        )
    return examples, problems


def fill_place_names(examples: Sequence[Example]) -> list[Example]:
    """Adds missing country, region, city and continent from the position.

    Region and city are added only if the position is precise to the point. Names from the table
    stay.
    """
    places = load_places()
    filled = []
    for example in examples:
        fields = ("country", "region", "city", "continent")
        if example.has_point and not all(getattr(example, name) for name in fields):
            place = places.name(example.lat, example.lon)
            names = {"country": place.country_code, "continent": place.continent}
            if example.precision == "point":
                names |= {"region": place.region, "city": place.city}
            missing = {name: text for name, text in names.items() if not getattr(example, name)}
            example = replace(example, **missing)
        filled.append(example)
    return filled


def require_fields(
    examples: Sequence[Example], *fields: str
) -> tuple[list[Example], list[LeftOut]]:
    """Keeps the examples that have all of `fields`, such as "lat" or "city".

    Returns:
        (the complete examples, the others).

    Raises:
        UsageError: No example is complete.
    """
    complete, problems = [], []
    for example in examples:
        missing = [field for field in fields if _is_missing(getattr(example, field))]
        if missing:
            problems.append(LeftOut(example.file, f"lacks {', '.join(missing)}"))
        else:
            complete.append(example)
    if not complete:
        raise UsageError(f"no photo has all of {', '.join(fields)}; add the columns")
    return complete, problems


def require_country(examples: Sequence[Example]) -> tuple[list[Example], list[LeftOut]]:
    """Keeps the examples whose country is known; the position may be missing.

    Returns:
        (the kept examples, of which those without a position have the precision `country`; the
        others).

    Raises:
        UsageError: No example has a country.
    """
    examples, problems = require_fields(examples, "country")
    places = load_places()
    codes = {places.country_codes[number] for number in np.unique(places.country).tolist()}
    kept = []
    for example in examples:
        if example.country not in codes:
            reason = f"country {example.country!r} is not in the places table"
            problems.append(LeftOut(example.file, reason))
        elif example.has_point:
            kept.append(example)
        else:
            kept.append(replace(example, precision="country"))
    if not kept:
        raise UsageError("no photo has a country of the places table; give ISO alpha-2 codes")
    return kept, problems


def _is_missing(value: object) -> bool:
    return value == "" or (isinstance(value, float) and math.isnan(value))
