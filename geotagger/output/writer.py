"""Writes predictions into photos, copies or sidecars, as the options and the policy say."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from geotagger.config import Backend, RunOptions, SidecarStyle
from geotagger.errors import CannotEmbedError, PhotoError, UsageError
from geotagger.metadata.exiftool.process import ExifTool, find_program
from geotagger.metadata.safe_write.replace import clear_old_leftovers
from geotagger.metadata.safe_write.write import (
    ALREADY_WRITTEN,
    OverwriteRefusedError,
    WriteContext,
    WriteResult,
    copy_file,
    retire_sidecars,
    tag_copy,
    tag_file,
    tag_sidecar,
)
from geotagger.metadata.sidecar import sidecar_path
from geotagger.metadata.undo.write_journal import WriteJournal
from geotagger.metadata.xmp.tags import GROUPS, TRACK
from geotagger.output import policy
from geotagger.output.copies import CopyTree
from geotagger.output.manifest import open_manifest, sha256_of
from geotagger.printable import printable_path
from geotagger.reasons import Reason, ReasonCode
from geotagger.types import Outcome, Status

if TYPE_CHECKING:
    from geotagger.metadata.file_tags import FileTags


class WrittenFiles(NamedTuple):
    """What was written for one photo."""

    photo: WriteResult | None = None
    """The photo itself, or its copy."""
    sidecar: WriteResult | None = None


NOTHING_WRITTEN = WrittenFiles()
_DONE = frozenset({
    ReasonCode.SIDECAR_WRITTEN, ReasonCode.OLD_SIDECAR_CLEARED, ReasonCode.SIDECAR_UNTAGGED,
})  # fmt: skip
"""What a dry run has not done."""


class Writer:
    """Writes one photo after the other.

    Raises:
        UsageError: options contradict each other.
    """

    def __init__(self, options: RunOptions, stack: ExitStack) -> None:
        self.options = options
        self.copies = CopyTree(options.out, options.paths) if options.out else None
        self.is_writing = options.write_exif or options.sidecar or self.copies is not None
        _check(options)
        self.context: WriteContext | None = None
        if self.is_writing:
            exiftool = None
            if options.backend == Backend.EXIFTOOL and not options.sidecar:
                exiftool = stack.enter_context(ExifTool())
            journal = stack.enter_context(WriteJournal.open(dry_run=options.dry_run))
            if not options.dry_run:
                clear_old_leftovers(journal)
            self.context = WriteContext(journal, options.overwrite, exiftool, touch=options.touch)
        self.manifest = None
        if options.manifest:
            self.manifest = stack.enter_context(open_manifest(options.manifest))

    def write(self, outcome: Outcome) -> Outcome:
        """Writes what the options ask for; returns the outcome, with its new status and reasons."""
        written, files = self._write(outcome)
        return self._record(written, files) if self.manifest else written

    def _record(self, outcome: Outcome, files: WrittenFiles) -> Outcome:
        """Adds a row to the manifest. The outcome fails if the source has changed."""
        assert self.manifest
        source = outcome.photo.path
        sha256_after = sha256_of(source) if outcome.sha256 else ""
        photo = files.photo
        in_place = photo is not None and photo.path == Path(os.path.realpath(source))
        if sha256_after != (photo.sha256 if photo and in_place else outcome.sha256):
            outcome = _with(outcome, Reason(ReasonCode.SOURCE_CHANGED), status=Status.FAILED)
        self.manifest.add(outcome, sha256_after, photo, files.sidecar)
        return outcome

    def _write(self, outcome: Outcome) -> tuple[Outcome, WrittenFiles]:
        if self.context is None or outcome.status is not Status.PREDICTED:
            return outcome, NOTHING_WRITTEN
        assert outcome.prediction is not None
        tags = policy.file_tags(
            outcome.prediction,
            outcome.model,
            groups=self.options.tags,
            max_radius_km=self.options.max_radius_km,
            compat=self.options.compat_tags,
        )
        if tags is None:
            level, radius_km = outcome.prediction.level, outcome.prediction.radius_km
            detail = f"at level {level}, with a 90 % radius of {radius_km:.0f} km"
            return _with(outcome, Reason(ReasonCode.POSITION_NOT_TRUSTED, detail)), NOTHING_WRITTEN
        written, files = self._write_tags(outcome, tags, self.context)
        metadata = outcome.metadata
        if written.status is Status.TAGGED and metadata.gps_sidecar and metadata.has_own_gps:
            stays = f"{metadata.gps_file_kind} {printable_path(Path(metadata.gps_sidecar))}"
            written = _with(written, Reason(ReasonCode.SIDECAR_GPS_STAYS, stays))
        if self.options.dry_run:
            return _rehearsed(written, files, tags), NOTHING_WRITTEN
        return written, files

    def _write_tags(
        self, outcome: Outcome, tags: FileTags, context: WriteContext
    ) -> tuple[Outcome, WrittenFiles]:
        """Embeds the tags if that is wanted and possible, else writes a sidecar."""
        photo: WriteResult | None = None
        try:
            if not self.options.sidecar:
                try:
                    photo = self._embed(outcome, tags, context)
                except CannotEmbedError as error:
                    outcome = _with(outcome, Reason(ReasonCode.NOT_EMBEDDED, str(error)))
                else:
                    outcome = _with(outcome, *photo.reasons, status=Status.TAGGED)
                    if not photo.lacks_xmp:
                        path = photo.path if self.copies else outcome.photo.path
                        retired = retire_sidecars(path, photo.original_sha256, tags, context)
                        return _with(outcome, *retired), WrittenFiles(photo)
            path = sidecar_path(outcome.photo.path, SidecarStyle(self.options.sidecar_style))
            if self.copies and not photo:  # where no sidecar can be, a copy would be in vain
                target, metadata = self.copies.target(outcome.photo), outcome.metadata
                photo = copy_file(
                    outcome.photo.path, target, outcome.sha256, metadata, tags.kind, context
                )
            sidecar = self._write_sidecar(path.name, photo, outcome, tags, context)
        except OverwriteRefusedError as error:
            return _with(outcome, Reason(error.code, str(error))), WrittenFiles(photo)
        except CannotEmbedError as error:
            return _with(outcome, Reason(ReasonCode.NO_SIDECAR, str(error))), WrittenFiles(photo)
        except PhotoError as error:
            failed = Reason(ReasonCode.WRITE_FAILED, str(error))
            return _with(outcome, failed, status=Status.FAILED), WrittenFiles(photo)
        unchanged = ALREADY_WRITTEN in sidecar.reasons
        code = ReasonCode.SIDECAR_UNCHANGED if unchanged else ReasonCode.SIDECAR_WRITTEN
        named = Reason(code, printable_path(Path(sidecar.path.name)))
        outcome = _with(outcome, named, *sidecar.reasons, status=Status.TAGGED)
        return outcome, WrittenFiles(photo, sidecar)

    def _embed(self, outcome: Outcome, tags: FileTags, context: WriteContext) -> WriteResult:
        path, sha256 = outcome.photo.path, outcome.sha256
        if self.copies:
            return tag_copy(path, self.copies.target(outcome.photo), sha256, tags, context)
        return tag_file(path, sha256, tags, context)

    def _write_sidecar(
        self,
        name: str,
        photo: WriteResult | None,
        outcome: Outcome,
        tags: FileTags,
        context: WriteContext,
    ) -> WriteResult:
        """Writes the sidecar next to the scanned path, or next to the copy."""
        path = photo.path if photo and self.copies else outcome.photo.path
        source = (photo and photo.original_sha256) or outcome.sha256
        xmp = tags.for_original(source, None).xmp
        assert xmp is not None
        # Other programs find the position in a photo; of one that cannot hold it, in the sidecar.
        # So they do that of a track, which is no guess that they should not show.
        not_embedded = ReasonCode.NOT_EMBEDDED in {reason.code for reason in outcome.reasons}
        xmp = replace(xmp, exif_gps=not_embedded or tags.kind == TRACK)
        return tag_sidecar(path.with_name(name), outcome.photo.path, xmp, outcome.metadata, context)


def _rehearsed(outcome: Outcome, files: WrittenFiles, tags: FileTags) -> Outcome:
    """The outcome of a dry run: what would be written instead of what was.

    Everything else stays as in the real run, and so does the whole outcome where that would write
    nothing.
    """
    names = policy.tag_names(tags)
    photo, sidecar = files
    writes = []
    if photo and photo.is_written:
        in_photo = "EXIF" if photo.lacks_xmp else names
        writes.append(in_photo if photo.original_sha256 else "a plain copy")
    if sidecar and sidecar.is_written:
        writes.append(f"{names} to the sidecar {printable_path(Path(sidecar.path.name))}")
    if any(reason.code is ReasonCode.OLD_SIDECAR_CLEARED for reason in outcome.reasons):
        writes.append("its earlier sidecar without the prediction")
    if not writes:
        return outcome
    kept = tuple(reason for reason in outcome.reasons if reason.code not in _DONE)
    failed = outcome.status is Status.FAILED
    would = Reason(ReasonCode.DRY_RUN, ", and ".join(writes))
    status = Status.FAILED if failed else Status.PREDICTED
    return replace(outcome, status=status, reasons=(*kept, would))


def _with(outcome: Outcome, *reasons: Reason, status: Status | None = None) -> Outcome:
    status = status or outcome.status
    return replace(outcome, status=status, reasons=(*outcome.reasons, *reasons))


def _check(options: RunOptions) -> None:
    unknown = set(options.tags) - GROUPS
    if unknown or not options.tags:
        known = ",".join(sorted(GROUPS))
        raise UsageError(f"--tags {','.join(options.tags)}: name some of {known}")
    if options.sidecar and options.write_exif:
        raise UsageError(
            "--sidecar leaves the photos untouched, and --write-exif writes into them: choose one "
            "(--write-exif writes a sidecar by itself where a photo cannot be embedded)"
        )
    if options.backend == Backend.EXIFTOOL:
        find_program()
