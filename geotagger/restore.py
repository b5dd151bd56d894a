"""`untag`: put photos back as they were before geotagger wrote to them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from geotagger.errors import NoPhotosError, PhotoError
from geotagger.metadata.journal import Journal
from geotagger.metadata.replace import clear_old_leftovers
from geotagger.metadata.untag import Untagged, untag_file, untag_sidecar
from geotagger.photos import walk
from geotagger.records import Photo
from geotagger.reports.table import path_text

_FAILED = "failed"
_UNTOUCHED = "untouched"


def run(paths: Sequence[Path], say: Callable[[str], None]) -> Counter[str]:
    """Restore every photo and sidecar under `paths`; returns how many photos of each result.

    Results are those of `Untagged`, and failed; a photo and its sidecars count as one, by the
    worst of them. `say` gets a line for each file in which something was done, or failed. Raises
    NoPhotosError when there is no photo.
    """
    results: Counter[str] = Counter()
    with Journal.open() as journal:
        clear_old_leftovers(journal)
        for photo in walk(paths):
            found = [(path, _untagged(path, photo, journal)) for path in _files_of(photo)]
            for path, done in found:
                if done.result != _UNTOUCHED:
                    note = f" ({done.note})" if done.note else ""
                    say(f"{path_text(path)}: {done.result}{note}")
            names = {done.result for _, done in found}
            order = (_FAILED, "cleaned", "restored", _UNTOUCHED)
            results[next(name for name in order if name in names)] += 1
    if not results:
        raise NoPhotosError(f"no photos in {', '.join(str(path) for path in paths)}")
    return results


def _files_of(photo: Photo) -> list[Path]:
    """The photo, and the sidecars of either style that are there."""
    if photo.problem:
        return [photo.path]
    sidecars = (photo.path.with_name(photo.path.name + ".xmp"), photo.path.with_suffix(".xmp"))
    there = (path for path in sidecars if os.path.isfile(path))  # noqa: PTH113 long names raise
    return [photo.path, *there]


def _untagged(path: Path, photo: Photo, journal: Journal) -> Untagged:
    if photo.problem:
        return Untagged(_FAILED, photo.problem)
    try:
        return (untag_file if path == photo.path else untag_sidecar)(path, journal)
    except PhotoError as error:
        return Untagged(_FAILED, str(error))
