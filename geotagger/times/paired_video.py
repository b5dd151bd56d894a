"""The time of the video beside a photo, which a phone takes at the same moment (Live Photos)."""

from __future__ import annotations

import os
from pathlib import Path

from geotagger.images.remote import RemotePath
from geotagger.metadata.containers.quicktime import time_of_video

_SUFFIXES = (".MOV", ".mov", ".MP4", ".mp4")


def time_of_paired_video(photo: Path) -> str:
    """The time of the video with the photo's name, ISO 8601; empty without a video or a time."""
    if isinstance(photo, RemotePath):
        return ""
    for path in map(photo.with_suffix, _SUFFIXES):
        try:
            if os.path.isfile(path):  # noqa: PTH113 long names raise
                with path.open("rb") as file:
                    return time_of_video(file)
        except OSError:
            continue
    return ""
