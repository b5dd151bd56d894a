"""Which photos form a sequence, and where in it a photo is."""

from __future__ import annotations

import re

from geotagger.evidence.album_tree import camera_of, moment_by_clock
from geotagger.times.capture_time import clock_s
from geotagger.types import Moment, Outcome

NAME_STEP_S = 1200.0
"""Time between two photos without a clock whose file names have consecutive numbers. A guess."""
_NUMBERED = re.compile(r"(?P<prefix>.*[^\W\d_](?:.*\D)?)(?P<number>\d{3,8})")


def moment_of(outcome: Outcome) -> Moment | None:
    """Where the photo is in its sequence: that of its camera, or of another camera that was with
    it, or else that of its file names.

    Numbers in file names order the photos of one folder only, and only where letters precede them
    (`IMG_0123`, `DSC01234`): numbers alone, hashes and names of places say nothing about the order.

    Returns:
        None for a photo that has neither camera and time nor such a name.
    """
    if outcome.moment is not None:
        return outcome.moment
    at_s, camera = clock_s(outcome.metadata), camera_of(outcome.metadata)
    if at_s is not None and any(camera):
        return moment_by_clock(camera, at_s)
    path = outcome.photo.path
    numbered = _NUMBERED.fullmatch(path.stem)
    if numbered is None:
        return None
    key = ("names", str(path.parent), numbered["prefix"])
    return Moment(key, NAME_STEP_S * int(numbered["number"]), by_clock=False)
