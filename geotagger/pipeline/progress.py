"""The progress of a run at a terminal: a bar with photos/s and the time left."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

from tqdm import tqdm

from geotagger.errors import UsageError
from geotagger.geography.distance_text import distance_text
from geotagger.images.excludes import Excludes
from geotagger.images.scan import count
from geotagger.printable import printable
from geotagger.reports.rows import row
from geotagger.reports.schema import Cell, place_text
from geotagger.types import Outcome


class Progress:
    """A bar on stderr if that is a terminal, and with `verbose` a line per photo.

    The photos are counted in the background. So the run starts at once, and the time left appears
    when the count is known.
    """

    def __init__(
        self, paths: Sequence[Path], excludes: Excludes, *, quiet: bool, verbose: bool
    ) -> None:
        self.paths = paths
        self.excludes = excludes
        self.verbose = verbose
        self.stop = Event()
        self.bar = tqdm(
            unit="photo", file=sys.stderr, disable=quiet or not sys.stderr.isatty(), mininterval=0.2
        )
        self.counter = Thread(target=self._count, daemon=True)

    def __enter__(self) -> Progress:
        if not self.bar.disable:
            self.counter.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop.set()
        if self.counter.ident is not None:
            self.counter.join()
        self.bar.close()

    def show(self, done: Mapping[str, Cell] | Outcome) -> None:
        """Count one more photo, given its report row, or the outcome that becomes its row."""
        self.bar.update()
        if self.verbose:
            cells = row(done) if isinstance(done, Outcome) else done
            self.bar.write(_line(cells), file=sys.stderr)

    def _count(self) -> None:
        total = 0
        try:
            for photos in count(self.paths, self.excludes):
                total += photos
                if self.stop.is_set():
                    return
        except UsageError:
            return  # the run itself reports it
        self.bar.total = total


def _line(cells: Mapping[str, Cell]) -> str:
    place = ""
    if cells["level"]:
        place = (
            f" {place_text(cells)} {cells['confidence']:.2f} within {cells['radius_km']:,.0f} km"
        )
    if cells["measured_by"]:
        within = distance_text(float(str(cells["radius_km"])))
        place = f" {place_text(cells)} by {cells['measured_by']}, within {within}"
    note = f" ({printable(str(cells['note']))})" if cells["note"] else ""
    return f"{cells['path']}: {cells['status']}{place}{note}"
