"""Engines turn photos into evidence. Every engine keeps the same contract:

`weigh(photos, sources, ...)` yields one `Weighed` per photo, in the order of the photos,
and never raises for the sake of one photo.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from geotagger import images
from geotagger.errors import PhotoError
from geotagger.evidence import Shot, Source
from geotagger.metadata.read import read
from geotagger.photos import RAW_SUFFIXES
from geotagger.records import Evidence, Outcome, Photo, Status

MAX_FILE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Weighed:
    """A photo, what is known of it so far, and what each source that had something to say said."""

    outcome: Outcome
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A photo that was read and decoded; the pictures are gone but for what the sources kept."""

    outcome: Outcome
    inputs: tuple[Any, ...] = ()
    """One item per source, None where a source has nothing to say."""


def prepare(photo: Photo, sources: Sequence[Source[Any]], *, only_missing: bool) -> Prepared:
    """Read a photo once; hash, read its metadata and decode it from the same bytes.

    Runs in worker threads or processes. Whatever is wrong with the photo becomes its outcome.
    """
    outcome = Outcome(photo)
    try:
        data = _bytes_of(photo)
        outcome = replace(
            outcome,
            sha256=hashlib.sha256(data).hexdigest(),
            existing=read(data),
            note=photo.problem,
        )
        if only_missing and outcome.existing.gps and not outcome.existing.gps_is_prediction:
            return Prepared(replace(outcome, status=Status.SKIPPED, note="has GPS already"))
        picture = images.decode(data, max((source.min_side_px for source in sources), default=1))
        shot = Shot(photo, outcome.existing, picture)
        inputs = tuple(source.prepare(shot) for source in sources)
        return Prepared(replace(outcome, note=picture.note), inputs)
    except PhotoError as error:
        beyond_us = photo.path.suffix.lower() in RAW_SUFFIXES and not photo.problem
        status = Status.SKIPPED if beyond_us else Status.FAILED
        return Prepared(replace(outcome, status=status, note=str(error)))
    except OSError as error:
        return Prepared(replace(outcome, status=Status.FAILED, note=_reason(error)))
    except MemoryError:
        note = "not enough memory to decode this picture: free some or use fewer --workers"
        return Prepared(replace(outcome, status=Status.FAILED, note=note))


def _bytes_of(photo: Photo) -> bytes:
    if photo.problem:
        raise PhotoError(photo.problem)
    if photo.size_bytes > MAX_FILE_BYTES:
        raise PhotoError(f"the file is larger than {MAX_FILE_BYTES >> 20} MiB")
    return Path(photo.path).read_bytes()


def _reason(error: OSError) -> str:
    return f"cannot read the file: {error.strerror or error}"
