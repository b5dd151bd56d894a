"""`geotagger untag`: restores photos to the state before geotagger wrote to them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from geotagger.errors import NoPhotosError, PhotoError
from geotagger.images.excludes import Excludes
from geotagger.images.scan import walk
from geotagger.metadata.safe_write.replace import clear_old_leftovers
from geotagger.metadata.sidecar import SUFFIX, existing_sidecars
from geotagger.metadata.undo.untag import UntagResult, UntagStatus, untag_file, untag_sidecar
from geotagger.metadata.undo.write_journal import WriteJournal
from geotagger.printable import printable_path


def run(paths: Sequence[Path], say: Callable[[str], None], *, touch: bool = False) -> Counter[str]:
    """Restores every photo and sidecar under `paths`.

    Args:
        say: called with a line for each file that was changed, or failed.
        touch: the time of change of restored files becomes now; otherwise it is kept.

    Returns:
        How many photos have each `UntagStatus`. A photo counts with its sidecars, by the worst
        status. A sidecar of geotagger without a photo counts too.

    Raises:
        NoPhotosError: there is no photo.
    """
    results: Counter[str] = Counter()
    with WriteJournal.open() as journal:
        clear_old_leftovers(journal)
        for files, problem in _files_under(paths):
            done_by_path = {path: _untagged(path, problem, journal, touch=touch) for path in files}
            for path, done in done_by_path.items():
                if done.result != UntagStatus.UNTOUCHED:
                    note = f" ({done.note})" if done.note else ""
                    say(f"{printable_path(path)}: {done.result}{note}")
            statuses = {done.result for done in done_by_path.values()}
            if statuses != {UntagStatus.UNTOUCHED} or files[0].suffix != SUFFIX:
                worst = next(status for status in UntagStatus if status in statuses)
                results[worst.value] += 1
    if not results:
        raise NoPhotosError(f"no photos in {', '.join(str(path) for path in paths)}")
    return results


def untag_photo(photo: Path, journal: WriteJournal) -> UntagResult:
    """Restores a photo and its sidecars; returns the worst result."""
    done = [_untagged(path, "", journal, touch=False) for path in with_sidecars(photo)]
    return min(done, key=lambda result: list(UntagStatus).index(result.result))


def with_sidecars(photo: Path) -> list[Path]:
    """A photo and the sidecars that lie next to it."""
    return [photo, *existing_sidecars(photo)]


def _files_under(paths: Sequence[Path]) -> Iterator[tuple[list[Path], str]]:
    """Yields (a photo and its sidecars, why it cannot be read), then each sidecar without photo."""
    seen: set[Path] = set()
    for photo in walk(paths, Excludes(())):  # also where an earlier version went
        files = [photo.path] if photo.problem else with_sidecars(photo.path)
        seen.update(path for path in files if path.suffix == SUFFIX)
        yield files, photo.problem
    for root in paths:
        for folder, subfolders, names in os.walk(root):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            sidecars = (name for name in names if name.endswith(SUFFIX) and name[0] != ".")
            for path in (Path(folder, name) for name in sorted(sidecars)):
                if path not in seen:
                    seen.add(path)
                    yield [path], ""


def _untagged(path: Path, problem: str, journal: WriteJournal, *, touch: bool) -> UntagResult:
    if problem:
        return UntagResult(UntagStatus.FAILED, problem)
    try:
        untag = untag_sidecar if path.suffix == SUFFIX else untag_file
        return untag(path, journal, touch=touch)
    except PhotoError as error:
        return UntagResult(UntagStatus.FAILED, str(error))
