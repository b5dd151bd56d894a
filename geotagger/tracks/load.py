"""Loads the tracks of a run."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from geotagger.config import DEFAULT_TRACK_GAP, TrackGap
from geotagger.errors import UsageError
from geotagger.printable import printable, printable_path
from geotagger.tracks.cleaning import clean
from geotagger.tracks.files import KINDS, read_track, track_files
from geotagger.tracks.fixes import FixTable, NotATrackError, TrackError
from geotagger.tracks.index import TrackIndex

log = logging.getLogger(__name__)


def load_tracks(paths: Sequence[Path], max_gap: TrackGap = DEFAULT_TRACK_GAP) -> TrackIndex:
    """Reads track logs, and all those in folders.

    A file that is named must be a track. In a folder, other files are left out, and damaged ones
    with a warning. So are what follows the damage in a file, and what no receiver can have
    measured.

    Raises:
        UsageError: a file cannot be read, or there is no fix at all. Names the file and the remedy.
    """
    logs: dict[Path, FixTable] = {}
    for path in paths:
        for file in track_files(path):
            try:
                table = _read(file)
            except TrackError as error:
                message = f"--track {printable_path(file)}: {error}"
                if file == path:
                    raise UsageError(message) from error
                if not isinstance(error, NotATrackError):
                    log.warning("%s; it is left out", printable(message))
                continue
            logs.setdefault(file, table)
    if not logs:
        named = ", ".join(map(printable_path, paths))
        raise UsageError(f"--track {named}: no track in it ({KINDS})")
    named_logs = [(printable_path(Path(file.name)), fixes) for file, fixes in logs.items()]
    return TrackIndex(named_logs, max_gap)


def _read(file: Path) -> FixTable:
    """The fixes of a file. Warns of what is left out.

    Raises:
        TrackError: it has none.
    """
    track = read_track(file)
    fixes, left_out = clean(track.fixes.table())
    without = {**left_out, "without a time or position": track.fixes.skipped}
    if not len(fixes):
        total = len(track.fixes) + track.fixes.skipped
        if not total:
            raise TrackError("it holds no position with a time; a planned route has none")
        raise TrackError(f"none of its {total:,} fixes can be used: {_counts(without)}")
    if track.damage:
        log.warning(
            "--track %s: %s; the %s fixes before that are used",
            printable_path(file), printable(track.damage), f"{len(fixes):,}",
        )  # fmt: skip
    if any(without.values()):
        log.warning("--track %s: left out fixes: %s", printable_path(file), _counts(without))
    return fixes


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.items() if count)
