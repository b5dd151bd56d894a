"""The tables of a bundle: the label of each logit, and the points of a gallery."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Row = dict[str, str]

_COLUMNS_OF_SCOPE = {
    "point": ("lat", "lon"),
    "country": ("country_code",),
    "region": ("country_code", "region"),
    "continent": ("continent",),
}
"""The scopes of a label, and the columns that each of them requires."""

LABEL_COLUMNS = ("label", "continent", "country_code", "region", "lat", "lon", "log_prior", "scope")
CAPTION_COLUMNS = (*LABEL_COLUMNS, "parent")
PARENTS = ("", "country", "region")
POINT_COLUMNS = ("lat", "lon", "count")
SIGHT_COLUMNS = ("lat", "lon", "radius_km", "log_trust")
_SIGHT_TYPES = (np.int8, np.float16, np.float32)


@dataclass(frozen=True, slots=True)
class Label:
    """The place or the attribute that one logit or one caption is about.

    The label of an attribute has only a name.
    """

    label: str
    continent: str = ""
    country_code: str = ""
    region: str = ""
    lat: float = math.nan
    lon: float = math.nan
    log_prior: float = 0.0
    """ln of the label's share of the training photos."""
    scope: str = ""
    """point, country, region or continent: the area that the label covers."""
    parent: str = ""
    """Captions only: the area inside which they compete, `country` or `region`; empty if a caption
    competes with all others."""


@dataclass(frozen=True, slots=True)
class Gallery:
    """Embeddings of length 1, and the points where the embedded photos were taken."""

    vectors: NDArray[np.float16] | NDArray[np.float32]
    """[G, D], mapped from disk."""
    lat: NDArray[np.float32]
    """[G], degrees."""
    lon: NDArray[np.float32]
    """[G], degrees."""
    count: NDArray[np.float32]
    """[G], the number of photos at each point."""


@dataclass(frozen=True, slots=True)
class SightPhotos:
    """Embeddings of photos with known place."""

    vectors: NDArray[np.float32]
    """[G, D], each row of length 1."""
    lat: NDArray[np.float32]
    """[G], degrees."""
    lon: NDArray[np.float32]
    """[G], degrees."""
    radius_km: NDArray[np.float32]
    """[G], how precise the place of each photo is."""
    log_trust: NDArray[np.float32]
    """[G], added to the scaled cosine: how far photos like this one share its place."""


def read_labels(file: Path, places: bool) -> tuple[Label, ...]:
    """The label table of a classify head.

    Args:
        file: the CSV table.
        places: whether the labels are places; the labels of an attribute need only a name.

    Returns:
        One label for each logit, in their order.

    Raises:
        BundleError: the table cannot be read, or a row lacks what its scope requires.
    """
    required = ("label", "log_prior", "scope") if places else ("label",)
    labels = tuple(
        _place_label(row, where) if places else Label(_text(row, "label", where))
        for row, where in _rows(file, LABEL_COLUMNS, required)
    )
    _check_unique(labels, file)
    return labels


def read_captions(
    vector_file: Path, label_file: Path
) -> tuple[tuple[Label, ...], NDArray[np.float32]]:
    """The label table of a caption head, and the vectors of its captions.

    Returns:
        The K labels, and float32 [K, D].

    Raises:
        BundleError: a file cannot be read, or the two do not fit each other.
    """
    rows = _rows(label_file, CAPTION_COLUMNS, ("label", "scope"))
    labels = tuple(
        _place_label({"log_prior": "0", "parent": "", **row}, where) for row, where in rows
    )
    _check_unique(labels, label_file)
    if len({bool(label.parent) for label in labels}) > 1:
        raise BundleError(f"{label_file}: either all rows have a parent or no row; correct it")
    vectors = read_vectors(vector_file)
    _check_shape(vectors, vector_file, len(labels), label_file)
    return labels, vectors.astype(np.float32)


def read_gallery(vector_file: Path, point_file: Path) -> Gallery:
    """The gallery of a retrieve head.

    Raises:
        BundleError: a file cannot be read, or the two do not fit each other.
    """
    points = [
        (
            _number(row, "lat", where, -90, 90),
            _number(row, "lon", where, -180, 180),
            _number(row, "count", where, 1, 1e9),
        )
        for row, where in _rows(point_file, POINT_COLUMNS, POINT_COLUMNS)
    ]
    vectors = read_vectors(vector_file)
    _check_shape(vectors, vector_file, len(points), point_file)
    lat, lon, count = np.array(points, np.float32).T
    return Gallery(vectors, lat, lon, count)


def read_sights(vector_file: Path, table: Path) -> SightPhotos:
    """The photos of a head of known sights.

    Raises:
        BundleError: a file cannot be read, the two do not fit each other, or a row of the vectors
            is zero or not finite.
    """
    rows = [
        (
            _number(row, "lat", where, -90, 90),
            _number(row, "lon", where, -180, 180),
            _number(row, "radius_km", where, 0.1, 100),
            _number(row, "log_trust", where, -100, 100),
        )
        for row, where in _rows(table, SIGHT_COLUMNS, SIGHT_COLUMNS)
    ]
    stored = _read_array(vector_file, *_SIGHT_TYPES)
    _check_shape(stored, vector_file, len(rows), table)
    vectors = stored.astype(np.float32)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(length) & (length > 0)).all():
        raise BundleError(f"{vector_file}: a row is zero or not finite; export the bundle again")
    return SightPhotos(vectors / length, *np.array(rows, np.float32).T)


def read_width(vector_file: Path) -> int:
    """The length D of the vectors of a head of known sights.

    Raises:
        BundleError: the file is not an array of vectors.
    """
    stored = _read_array(vector_file, *_SIGHT_TYPES)
    if stored.ndim != 2:
        raise BundleError(f"{vector_file}: its shape is {stored.shape}; export the bundle again")
    return int(stored.shape[1])


def read_vectors(file: Path) -> NDArray[np.float16] | NDArray[np.float32]:
    """The vectors of a gallery [G, D], mapped from disk.

    Raises:
        BundleError: the file is not an array of floats.
    """
    return _read_array(file, np.float16, np.float32)


def _read_array(file: Path, *types: type[np.generic]) -> NDArray[Any]:
    """An array of one of these types, mapped from disk. Pickles and archives are never opened."""
    try:
        array: NDArray[Any] = np.lib.format.open_memmap(file, mode="r")
    except Exception as error:  # NumPy's header parser raises many types
        raise BundleError(
            f"{file}: not a readable .npy array ({error}); fetch the bundle again"
        ) from error
    if array.dtype not in types:
        names = " or ".join(kind.__name__ for kind in types)
        raise BundleError(f"{file}: must hold {names}; export it again")
    return array


def _check_shape(vectors: NDArray[Any], vector_file: Path, rows: int, table: Path) -> None:
    if vectors.ndim != 2 or len(vectors) != rows:
        raise BundleError(
            f"{vector_file}: its shape {vectors.shape} does not fit the {rows} rows of "
            f"{table.name}; export both again"
        )


def _check_unique(labels: Sequence[Label], file: Path) -> None:
    if len({label.label for label in labels}) < len(labels):
        raise BundleError(f"{file}: a label occurs twice; rename one")


def _rows(
    file: Path, known: tuple[str, ...], required: tuple[str, ...]
) -> Iterator[tuple[Row, str]]:
    """Every row of a CSV file, with the words that name the row in messages."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            lines = [cells for cells in csv.reader(stream, strict=True) if cells]
    except (OSError, ValueError, csv.Error) as error:
        raise BundleError(
            f"{file}: not a readable CSV table ({error}); fetch the bundle again"
        ) from error
    if len(lines) < 2:
        raise BundleError(f"{file}: holds no rows; fetch the bundle again")
    header = lines[0]
    for column in required:
        if column not in header:
            raise BundleError(f"{file}: lacks the column {column!r}; add it")
    for column in header:
        if column not in known or header.count(column) > 1:
            raise BundleError(f"{file}: column {column!r} is unknown or a duplicate; remove it")
    for number, cells in enumerate(lines[1:], start=2):
        where = f"{file}, row {number}"
        if len(cells) != len(header):
            raise BundleError(f"{where}: has {len(cells)} cells and not {len(header)}; correct it")
        yield dict(zip(header, cells, strict=True)), where


def _place_label(row: Row, where: str) -> Label:
    scope = row["scope"]
    if scope not in _COLUMNS_OF_SCOPE:
        scopes = ", ".join(_COLUMNS_OF_SCOPE)
        raise BundleError(f"{where}: scope must be one of {scopes}, not {scope[:40]!r}")
    for column in _COLUMNS_OF_SCOPE[scope]:
        _text(row, column, where)
    point = scope == "point"
    return Label(
        label=_text(row, "label", where),
        continent=row.get("continent", ""),
        country_code=row.get("country_code", ""),
        region=row.get("region", ""),
        lat=_number(row, "lat", where, -90, 90) if point else math.nan,
        lon=_number(row, "lon", where, -180, 180) if point else math.nan,
        log_prior=_number(row, "log_prior", where, -100, 0),
        scope=scope,
        parent=_parent(row, where),
    )


def _parent(row: Row, where: str) -> str:
    parent = row.get("parent", "")
    if parent not in PARENTS:
        raise BundleError(f"{where}: parent must be country, region or empty, not {parent[:40]!r}")
    for column in ("country_code", "region")[: PARENTS.index(parent)]:
        _text(row, column, where)
    return parent


def _text(row: Row, column: str, where: str) -> str:
    text = row.get(column, "")
    if not text.strip():
        raise BundleError(f"{where}: the cell {column!r} is empty; fill it")
    return text


def _number(row: Row, column: str, where: str, low: float, high: float) -> float:
    text = row.get(column, "")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise BundleError(
            f"{where}: {column} must be a number from {low:g} to {high:g}, not {text[:40]!r}"
        )
    return value
