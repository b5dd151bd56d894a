"""What a person can do about a photo that failed or was skipped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geotagger.reasons import ReasonCode

_REMEDIES: Mapping[str, str] = {
    ReasonCode.UNREADABLE_FILE: "Check that the file is there and that you may read it.",
    ReasonCode.NOT_A_PICTURE: "It holds no picture. Restore it from a backup, or leave it out.",
    ReasonCode.CAMERA_RAW: "Install the extra raw, or export a JPEG beside it.",
    ReasonCode.FORMAT_NOT_DECODED: "Export it as JPEG, or install the package that the note names.",
    ReasonCode.DAMAGED_IMAGE: "Restore it from a backup, or copy it from the card again.",
    ReasonCode.IMAGE_TOO_LARGE: "Export a smaller copy of it.",
    ReasonCode.OUT_OF_MEMORY: "Close other programs and run again.",
    ReasonCode.HAS_GPS: "Nothing to do. Switch off “only photos without GPS” to predict it too.",
    ReasonCode.WRITE_FAILED: "Check that you may write into its folder and that the disk has room.",
    ReasonCode.SOURCE_CHANGED: "Run again: it is read anew.",
}


def remedy(cells: Mapping[str, Any]) -> str:
    """The remedy for the last reason of a row that has one; empty if nothing is wrong."""
    if cells["status"] not in ("failed", "skipped"):
        return ""
    codes = [item.get("code") for item in cells["reasons"]]
    return next((_REMEDIES[code] for code in reversed(codes) if code in _REMEDIES), "")
