"""Reads one photo: hash, metadata and picture from the same bytes, then what each source needs.

Position and time may also come from other files beside it, see `metadata.beside`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from geotagger.config import RunOptions
from geotagger.errors import PhotoError
from geotagger.evidence.source import EvidenceSource, LoadedPhoto
from geotagger.images.decode import decode
from geotagger.images.photo_detector import is_photo
from geotagger.images.raw_preview import RawPreview, raw_preview, twins_of
from geotagger.images.remote import RemotePath
from geotagger.images.scan import RAW_SUFFIXES
from geotagger.images.sniff import is_camera_raw, name_for_content
from geotagger.metadata.beside import with_files_beside
from geotagger.metadata.place_names import place_names
from geotagger.metadata.read import read
from geotagger.metadata.read_file import read_any
from geotagger.metadata.safe_write.loading import opened
from geotagger.printable import printable_path
from geotagger.reasons import Reason, ReasonCode
from geotagger.times.capture_time import ORIGIN_NAMES
from geotagger.types import Outcome, Photo, PhotoMetadata, Status, TimeOrigin

MAX_FILE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class PreparedPhoto:
    """A photo that was read. The picture is gone, but for what the sources kept of it."""

    outcome: Outcome
    inputs: tuple[Any, ...] = ()
    """One per source, None where a source has nothing to say; empty if the outcome is final."""
    was_decoded: bool = False
    """A source needed the picture, so that a network is going to run."""


def prepare(
    photo: Photo, sources: Sequence[EvidenceSource[Any]], options: RunOptions
) -> PreparedPhoto:
    """Read a photo once, and prepare the input of each source.

    Runs in worker threads. Whatever is wrong with the photo becomes its outcome. With
    `options.gate`, a picture that is no photo is unsure, and no network runs for it.
    """
    outcome = new_outcome(photo, sources)
    try:
        data = _read_file(photo)
        is_raw = is_camera_raw(data)
        preview = raw_preview(data) if is_raw else None
        metadata = with_files_beside(read_any(data, preview and preview.jpeg), photo.path)
        if options.use_names:
            metadata = replace(metadata, place_names=place_names(data))
        sha256 = hashlib.sha256(data).hexdigest()
        outcome = replace(
            outcome, sha256=sha256, metadata=metadata, reasons=_metadata_notes(metadata)
        )
        if options.only_missing and metadata.has_measured_gps:
            return _final(outcome, Status.SKIPPED, Reason(ReasonCode.HAS_GPS))
        loaded = LoadedPhoto(photo, metadata, partial(decode, data), sha256)
        if is_raw:
            loaded, reason = _judged_by(loaded, preview)
            notes = (reason, *_metadata_notes(loaded.metadata))
            outcome = replace(outcome, metadata=loaded.metadata, reasons=notes)
        elif name := name_for_content(data, photo.path.suffix):
            reason = Reason(ReasonCode.FORMAT_BY_CONTENT, name)
            outcome = replace(outcome, reasons=(reason, *outcome.reasons))
        return prepare_loaded(loaded, outcome, sources, gate=options.gate)
    except PhotoError as error:
        is_unread = photo.path.suffix.lower() in RAW_SUFFIXES and not photo.problem
        status = Status.SKIPPED if is_unread else Status.FAILED
        outcome = replace(outcome, reasons=())
        return _final(outcome, status, Reason(error.code, str(error)))
    except OSError as error:
        text = f"cannot read the file: {error.strerror or error}"
        return _final(outcome, Status.FAILED, Reason(ReasonCode.UNREADABLE_FILE, text))
    except MemoryError:
        return _final(outcome, Status.FAILED, Reason(ReasonCode.OUT_OF_MEMORY))


def _metadata_notes(metadata: PhotoMetadata) -> tuple[Reason, ...]:
    """Where time and position are from, unless it is from where nearly all photos have them."""
    notes = []
    if metadata.taken_at and (origin := ORIGIN_NAMES.get(metadata.time_origin)):
        notes.append(Reason(ReasonCode.TIME_FROM, origin))
    if metadata.gps_is_stated:
        record = printable_path(Path(metadata.gps_sidecar))
        notes.append(Reason(ReasonCode.POSITION_STATED, record))
    if metadata.record_problem:
        notes.append(Reason(ReasonCode.RECORD_NOT_READ, metadata.record_problem))
    return tuple(notes)


def _judged_by(raw: LoadedPhoto, preview: RawPreview | None) -> tuple[LoadedPhoto, Reason]:
    """A camera RAW photo with the picture that it is judged by, and the note on that.

    If the camera wrote a JPEG or HEIC of the same name, that is the picture. Both have the same
    SHA-256 here, so that they share an inference and get the same place.
    """
    if not isinstance(raw.photo.path, RemotePath):
        for path in twins_of(raw.photo.path):
            twin = _read_twin(raw, path)
            if twin is not None:
                named = printable_path(Path(path.name))
                return twin, Reason(ReasonCode.RAW_PREVIEW, f"{named} beside it")
    if preview is None:
        return raw, Reason(ReasonCode.RAW_PREVIEW, "its sensor data, developed by rawpy")
    size = f"{preview.width_px} x {preview.height_px}"
    return raw, Reason(ReasonCode.RAW_PREVIEW, f"the preview inside ({size})")


def _read_twin(raw: LoadedPhoto, path: Path) -> LoadedPhoto | None:
    """The RAW photo with the picture of its twin; None if that is no twin, or no picture."""
    try:
        data = _read_file(Photo(path, path))
        decode(data, 1)
    except (PhotoError, OSError):
        return None
    of_twin, own = read(data), raw.metadata
    own_time = own.taken_at if own.time_origin is TimeOrigin.ORIGINAL else ""
    if own_time and of_twin.taken_at and own_time[:19] != of_twin.taken_at[:19]:
        return None
    if not own_time and not own.camera:  # so that its neighbours in time are found
        own = replace(
            own,
            taken_at=of_twin.taken_at,
            time_origin=of_twin.time_origin,
            camera=of_twin.camera,
            camera_serial=of_twin.camera_serial,
        )
    return LoadedPhoto(raw.photo, own, partial(decode, data), hashlib.sha256(data).hexdigest())


def new_outcome(photo: Photo, sources: Sequence[EvidenceSource[Any]]) -> Outcome:
    """The outcome of a photo of which only the models are known yet."""
    return Outcome(photo, model="+".join(one.model_id for one in sources if one.model_id))


def prepare_loaded(
    loaded: LoadedPhoto, outcome: Outcome, sources: Sequence[EvidenceSource[Any]], *, gate: bool
) -> PreparedPhoto:
    """Prepare the input of each source from a photo that was read.

    Raises:
        UnreadableImageError: a source needs the picture, and it cannot be decoded.
    """
    inputs = _inputs(loaded, sources)
    outcome = with_findings(outcome, loaded)
    if loaded.truncation:
        truncated = Reason(ReasonCode.TRUNCATED, loaded.truncation)
        outcome = replace(outcome, reasons=(*outcome.reasons, truncated))
    if gate and loaded.is_decoded and not is_photo(loaded.picture(1).image, loaded.metadata):
        return _final(outcome, Status.UNSURE, Reason(ReasonCode.NOT_A_PHOTO))
    return PreparedPhoto(outcome, inputs, loaded.is_decoded)


def with_findings(outcome: Outcome, photo: LoadedPhoto) -> Outcome:
    """The outcome with what the sources found out about the photo besides its place."""
    return replace(outcome, reasons=(*outcome.reasons, *photo.remarks), moment=photo.moment)


def _final(outcome: Outcome, status: Status, reason: Reason) -> PreparedPhoto:
    """A photo whose outcome needs no evidence."""
    return PreparedPhoto(replace(outcome, status=status, reasons=(*outcome.reasons, reason)))


def _inputs(photo: LoadedPhoto, sources: Sequence[EvidenceSource[Any]]) -> tuple[Any, ...]:
    """The input of each source. The picture is decoded once, as large as any of them needs it."""
    if not any(source.min_side_px for source in sources):
        photo.picture(1)  # a file without a picture fails whatever the sources are
    inputs: dict[int, Any] = {}
    for index in sorted(range(len(sources)), key=lambda index: -sources[index].min_side_px):
        inputs[index] = sources[index].prepare(photo)
    return tuple(inputs[index] for index in range(len(sources)))


def _read_file(photo: Photo) -> bytes:
    if photo.problem:
        raise PhotoError(photo.problem)
    _refuse_large(photo.size_bytes)
    if isinstance(photo.path, RemotePath):
        return photo.path.read_bytes()
    with opened(photo.path) as (file, status):
        _refuse_large(status.st_size)  # the file may have been replaced since the scan
        return file.read()


def _refuse_large(size_bytes: int) -> None:
    if size_bytes > MAX_FILE_BYTES:
        raise PhotoError(f"the file is larger than {MAX_FILE_BYTES >> 20} MiB")
