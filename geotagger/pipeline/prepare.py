"""Engines turn photos into evidence. Every engine keeps the same contract:

`weigh(photos, sources, ...)` yields one `PhotoEvidence` per photo, in the order of the photos,
and never raises for the sake of one photo. A `PhotoEvidence` among the photos was finished by an
earlier
run: it keeps its place in the order, and that is all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from PIL import Image

from geotagger.errors import PhotoError
from geotagger.evidence.source import LoadedPhoto, NetworkSource, Source
from geotagger.images import decode as images
from geotagger.images.photo_detector import non_photo_reason
from geotagger.images.remote import RemotePath
from geotagger.images.scan import RAW_SUFFIXES
from geotagger.metadata.read import read
from geotagger.metadata.safe_write.loading import opened
from geotagger.pipeline.near_duplicates import Likeness, likeness_of
from geotagger.types import Outcome, Photo, Status, joined

MAX_FILE_BYTES = 1 << 30
NOT_DECODED = images.Picture(Image.new("RGB", (1, 1)), 1, 1)
"""What sources get that look at no picture, when none of the others needs it."""


@dataclass(frozen=True, slots=True)
class CachedOutput:
    """What a network said of the same file before; it stands where its input would."""

    answer: Any


@dataclass(frozen=True, slots=True)
class Prepared:
    """A photo that was read and decoded; the pictures are gone but for what the sources kept."""

    outcome: Outcome
    inputs: tuple[Any, ...] = ()
    """One item per source, None where a source has nothing to say."""
    asks: bool = False
    """Whether a network is to be asked."""
    likeness: Likeness | None = None
    """By which near-duplicates are known; None for a photo that shares nothing."""


class InferenceCache(Protocol):
    """Keeps what networks said of files (`resume.journal.Journal`)."""

    def answer(self, sha256: str, key: str) -> tuple[bytes, str] | None:
        """The packed answer, and the note on the picture."""

    def keep(self, key: str, answers: Sequence[tuple[str, str, bytes]]) -> None:
        """(SHA-256, note on the picture, packed answer) of several files."""


def prepare(
    photo: Photo,
    sources: Sequence[Source[Any]],
    *,
    only_missing: bool,
    gate: bool = False,
    memory: InferenceCache | None = None,
) -> Prepared:
    """Read a photo once; hash, read its metadata and decode it from the same bytes.

    With `gate` a picture that is no photo is asked nothing (`subject.non_photo_reason`). What the
    memory
    tells of the file needs no decoding: it went through the gate. Runs in worker threads or
    processes. Whatever is wrong with the photo becomes its outcome.
    """
    outcome = Outcome(photo, model="+".join(s.model_id for s in sources if s.model_id))
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
        recalled, note = _recalled(outcome.sha256, sources, memory)
        min_side_px = max((s.min_side_px for s in sources if s.name not in recalled), default=0)
        picture = NOT_DECODED
        if min_side_px or not recalled:
            picture = images.decode(data, max(min_side_px, 1))
            note = picture.note
            reason = non_photo_reason(picture.image, outcome.existing) if gate else ""
            if reason:
                return Prepared(replace(outcome, note=joined(note, reason)))
        shot = LoadedPhoto(photo, outcome.existing, picture)
        inputs = [recalled.get(source.name) or source.prepare(shot) for source in sources]
        asks = picture is not NOT_DECODED
        likeness = likeness_of(picture.image, outcome.existing) if asks else None
        return Prepared(replace(outcome, note=note), tuple(inputs), asks, likeness)
    except PhotoError as error:
        beyond_us = photo.path.suffix.lower() in RAW_SUFFIXES and not photo.problem
        status = Status.SKIPPED if beyond_us else Status.FAILED
        return Prepared(replace(outcome, status=status, note=str(error)))
    except OSError as error:
        return Prepared(replace(outcome, status=Status.FAILED, note=_reason(error)))
    except MemoryError:
        note = "not enough memory to decode this picture: free some or use fewer --workers"
        return Prepared(replace(outcome, status=Status.FAILED, note=note))


def _recalled(
    sha256: str, sources: Sequence[Source[Any]], memory: InferenceCache | None
) -> tuple[dict[str, CachedOutput], str]:
    """By source, what its network said of the same file before; and the note on the picture."""
    found: dict[str, CachedOutput] = {}
    note = ""
    for source in sources:
        if memory is not None and isinstance(source, NetworkSource):
            packed = memory.answer(sha256, source.output_key)
            if packed is None:
                continue
            try:
                found[source.name] = CachedOutput(source.unpack(packed[0]))
            except (ValueError, TypeError, AttributeError):  # damaged: the network is asked again
                continue
            note = packed[1]
    return found, note


def _bytes_of(photo: Photo) -> bytes:
    if photo.problem:
        raise PhotoError(photo.problem)
    _refuse_large(photo.size_bytes)
    if isinstance(photo.path, RemotePath):
        return photo.path.read_bytes()
    with opened(photo.path) as (file, status):
        _refuse_large(status.st_size)  # since the walk another may have come to stand here
        return file.read()


def _refuse_large(size_bytes: int) -> None:
    if size_bytes > MAX_FILE_BYTES:
        raise PhotoError(f"the file is larger than {MAX_FILE_BYTES >> 20} MiB")


def _reason(error: OSError) -> str:
    return f"cannot read the file: {error.strerror or error}"
