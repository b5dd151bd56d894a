"""Writes approved decisions with the same writer as `geotagger tag`: journaled and undoable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geotagger.errors import PhotoError
from geotagger.geography.places import load_places
from geotagger.metadata.beside import with_files_beside
from geotagger.metadata.read_file import read_any
from geotagger.output.writer import Writer
from geotagger.reasons import Reason, ReasonCode
from geotagger.review.decisions import Decision, PhotoKey
from geotagger.review.pictures import load_photo
from geotagger.types import Candidate, Level, Outcome, Photo, Place, Point, Prediction, Status

if TYPE_CHECKING:
    from geotagger.config import RunOptions
    from geotagger.review.decisions import Decisions


def apply(
    report: Path,
    rows: Iterable[Mapping[str, Any]],
    decisions: Decisions,
    options: RunOptions,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> None:
    """Writes the approved rows that are not written yet.

    Args:
        on_outcome: called with the outcome of each photo.

    Raises:
        GeotaggerError: a reason to stop. Photos written until then are recorded as written.
    """
    with ExitStack() as stack:
        writer = Writer(options, stack)
        for key, cells in to_write(rows, decisions):
            decision = decisions.of(key)
            outcome = writer.write(outcome_of(report, key, cells, decision))
            if outcome.status is Status.TAGGED and not options.dry_run:
                decisions.wrote(key, decision)
            on_outcome(outcome)


def to_write(
    rows: Iterable[Mapping[str, Any]], decisions: Decisions
) -> Iterator[tuple[PhotoKey, Mapping[str, Any]]]:
    """Yields each photo whose decision is not written yet, once."""
    seen: set[PhotoKey] = set()
    for cells in rows:
        key = PhotoKey(cells["path"], cells["sha256"])
        if decisions.of(key).to_write and not decisions.is_written(key) and key not in seen:
            seen.add(key)
            yield key, cells


def outcome_of(
    report: Path, key: PhotoKey, cells: Mapping[str, Any], decision: Decision
) -> Outcome:
    """The outcome to write; failed if the file is not the one in the report."""
    photo = Photo(Path(key.path), report.parent)
    try:
        file = load_photo(key, report)
    except PhotoError as error:
        reason = Reason(ReasonCode.WRITE_FAILED, str(error))
        return Outcome(photo, Status.FAILED, sha256=key.sha256, reasons=(reason,))
    return Outcome(
        Photo(file.path, file.path.parent),
        Status.PREDICTED,
        with_files_beside(read_any(file.data), file.path),
        prediction_of(cells, decision),
        file.sha256,
        cells["model"],
    )


def prediction_of(cells: Mapping[str, Any], decision: Decision) -> Prediction:
    """The prediction of the row if it was approved, or the place that a person chose."""
    candidates = tuple(_candidate(item) for item in cells["alternatives"])
    if decision.point is not None and decision.radius_km is not None:
        place = load_places().name(decision.point.lat, decision.point.lon)
        return Prediction(
            decision.point,
            place,
            _level(place),
            0.0,
            decision.radius_km,
            candidates,
            review="corrected",
        )
    return Prediction(
        Point(cells["lat"], cells["lon"]),
        _place(cells),
        Level(cells["level"] or Level.NONE),
        cells["confidence"] or 0.0,
        cells["radius_km"] or 0.0,
        candidates,
        review="confirmed",
        measured_by=cells["measured_by"],
    )


def _level(place: Place) -> Level:
    """The finest level that has a name; continent at sea, so that the point is written."""
    names = {Level.CITY: place.city, Level.REGION: place.region, Level.COUNTRY: place.country}
    return next((level for level, name in names.items() if name), Level.CONTINENT)


def _candidate(item: Mapping[str, Any]) -> Candidate:
    place = _place(item)
    return Candidate(place, place.point, item["probability"])


def _place(cells: Mapping[str, Any]) -> Place:
    names = ("country_code", "country", "region", "city", "continent")
    return Place(Point(cells["lat"], cells["lon"]), *(str(cells.get(n) or "") for n in names))
