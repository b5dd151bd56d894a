"""`untag`: put photos back as they were before geotagger wrote to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from geotagger.errors import NoPhotosError, PhotoError
from geotagger.metadata.journal import Journal
from geotagger.metadata.write import untag_file
from geotagger.photos import walk
from geotagger.reports.table import path_text


def run(paths: Sequence[Path], say: Callable[[str], None]) -> Counter[str]:
    """Restore every photo under `paths`; returns how many of each result.

    Results are restored, untouched (geotagger wrote nothing into it) and failed. `say` gets a line
    for each photo that was restored or failed. Raises NoPhotosError when there is no photo.
    """
    results: Counter[str] = Counter()
    with Journal.open() as journal:
        for photo in walk(paths):
            result, note = _restored(photo.path, photo.problem, journal)
            results[result] += 1
            if result != "untouched":
                say(f"{path_text(photo.path)}: {result}" + (f" ({note})" if note else ""))
    if not results:
        raise NoPhotosError(f"no photos in {', '.join(str(path) for path in paths)}")
    return results


def _restored(path: Path, problem: str, journal: Journal) -> tuple[str, str]:
    if problem:
        return "failed", problem
    try:
        return ("restored" if untag_file(path, journal) else "untouched"), ""
    except PhotoError as error:
        return "failed", str(error)
