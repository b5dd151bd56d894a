"""Why a photo has its status: a code for programs, a sentence for people.

A `Reason` stays data through the whole run. `note_text` makes the report's `note` of several.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class ReasonCode(StrEnum):
    """What happened to a photo. The values are part of the report's schema."""

    # The photo was not read.
    UNREADABLE_FILE = "unreadable_file"
    NOT_A_PICTURE = "not_a_picture"
    CAMERA_RAW = "camera_raw"
    FORMAT_NOT_DECODED = "format_not_decoded"
    DAMAGED_IMAGE = "damaged_image"
    IMAGE_TOO_LARGE = "image_too_large"
    OUT_OF_MEMORY = "out_of_memory"
    HAS_GPS = "has_gps"
    # It was read.
    TRUNCATED = "truncated"
    RAW_PREVIEW = "raw_preview"
    FORMAT_BY_CONTENT = "format_by_content"
    TIME_FROM = "time_from"
    POSITION_STATED = "position_stated"
    RECORD_NOT_READ = "record_not_read"
    CLOCK_OFFSET = "clock_offset"
    NOT_A_PHOTO = "not_a_photo"
    NO_EVIDENCE = "no_evidence"
    OFF_TRACK = "off_track"
    INVALID_GPS = "invalid_gps"
    GPS_COMPARED = "gps_compared"
    # Nothing was written.
    DRY_RUN = "dry_run"
    POSITION_NOT_TRUSTED = "position_not_trusted"
    MEASURED_GPS_KEPT = "measured_gps_kept"
    EARLIER_PREDICTION_KEPT = "earlier_prediction_kept"
    NOT_EMBEDDED = "not_embedded"
    NO_SIDECAR = "no_sidecar"
    WRITE_FAILED = "write_failed"
    SOURCE_CHANGED = "source_changed"
    # Something was written.
    SIDECAR_WRITTEN = "sidecar_written"
    SIDECAR_UNCHANGED = "sidecar_unchanged"
    ALREADY_WRITTEN = "already_written"
    WRITTEN_UNDER_OTHER_NAME = "written_under_other_name"
    OTHER_VALUES_KEPT = "other_values_kept"
    XMP_NOT_WRITTEN = "xmp_not_written"
    OLD_SIDECAR_KEPT = "old_sidecar_kept"
    OLD_SIDECAR_NOT_CLEARED = "old_sidecar_not_cleared"
    OLD_SIDECAR_CLEARED = "old_sidecar_cleared"
    SIDECAR_UNTAGGED = "sidecar_untagged"
    SIDECAR_GPS_STAYS = "sidecar_gps_stays"
    # The report was read from a CSV, which holds no codes.
    NOTE = "note"


_SENTENCES: Mapping[ReasonCode, str] = {
    ReasonCode.OUT_OF_MEMORY: (
        "not enough memory to decode this picture: free some or use fewer --workers"
    ),
    ReasonCode.HAS_GPS: "has GPS already",
    ReasonCode.TRUNCATED: "truncated: {detail}",
    ReasonCode.RAW_PREVIEW: "camera RAW, judged by {detail}",
    ReasonCode.FORMAT_BY_CONTENT: "taken for {detail} by its content, not by its name",
    ReasonCode.TIME_FROM: "its time is from {detail}",
    ReasonCode.POSITION_STATED: (
        "its position is from {detail}, set by a person or estimated, not measured by the camera"
    ),
    ReasonCode.RECORD_NOT_READ: "its record {detail}",
    ReasonCode.NOT_A_PHOTO: (
        "no place to predict: it looks like a screenshot, a page or a drawing, not like a photo"
    ),
    ReasonCode.NO_EVIDENCE: "no evidence of place",
    ReasonCode.OFF_TRACK: "not on a track: {detail}",
    ReasonCode.DRY_RUN: "dry run: would write {detail}",
    ReasonCode.POSITION_NOT_TRUSTED: "nothing written: no position is trusted {detail}",
    ReasonCode.MEASURED_GPS_KEPT: "not written: {detail}",
    ReasonCode.EARLIER_PREDICTION_KEPT: "not written: {detail}",
    ReasonCode.NOT_EMBEDDED: "not embedded: {detail}",
    ReasonCode.NO_SIDECAR: "no sidecar: {detail}",
    ReasonCode.WRITE_FAILED: "not written: {detail}",
    ReasonCode.SOURCE_CHANGED: "the source changed during the run",
    ReasonCode.SIDECAR_WRITTEN: "sidecar written: {detail}",
    ReasonCode.SIDECAR_UNCHANGED: "sidecar {detail}",
    ReasonCode.ALREADY_WRITTEN: "holds this prediction already",
    ReasonCode.WRITTEN_UNDER_OTHER_NAME: "tagged a moment ago by another name",
    ReasonCode.OTHER_VALUES_KEPT: "not written, since other values stand there: {detail}",
    ReasonCode.XMP_NOT_WRITTEN: "XMP not written: {detail}",
    ReasonCode.OLD_SIDECAR_KEPT: (
        "its sidecar keeps an earlier prediction (see --overwrite predicted)"
    ),
    ReasonCode.OLD_SIDECAR_NOT_CLEARED: "its sidecar keeps an earlier prediction: {detail}",
    ReasonCode.OLD_SIDECAR_CLEARED: "taken out of its earlier sidecar",
    ReasonCode.SIDECAR_GPS_STAYS: (
        "its {detail} keeps another position, and programs that read it show that"
    ),
}
"""Codes without a sentence carry one as their detail."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that happened to a photo."""

    code: ReasonCode
    detail: str = ""
    """What the code leaves open; for a code without a sentence of its own, the sentence."""

    def __str__(self) -> str:
        return _SENTENCES.get(self.code, "{detail}").replace("{detail}", self.detail)


def note_text(reasons: Iterable[Reason]) -> str:
    """The reasons as one line for a person."""
    return "; ".join(str(reason) for reason in reasons)
