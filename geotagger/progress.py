"""What a person at a terminal sees of a run: a bar with photos/s and the time left."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

from tqdm import tqdm

from geotagger.errors import UsageError
from geotagger.photos import count
from geotagger.records import Level, Outcome, Prediction
from geotagger.reports.table import path_text, plain


class Progress:
    """A bar on stderr while that is a terminal; with `verbose` also a line per photo.

    The photos are counted in the background, so the run starts at once and the time left
    appears when the count is known.
    """

    def __init__(self, paths: Sequence[Path], *, quiet: bool, verbose: bool) -> None:
        self.paths = paths
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

    def show(self, outcome: Outcome) -> None:
        self.bar.update()
        if self.verbose:
            self.bar.write(_line(outcome), file=sys.stderr)

    def _count(self) -> None:
        total = 0
        try:
            for photos in count(self.paths):
                total += photos
                if self.stop.is_set():
                    return
        except UsageError:
            return  # the run itself reports it
        self.bar.total = total


def _line(outcome: Outcome) -> str:
    prediction = outcome.prediction
    said = ""
    if prediction is not None:
        confidence, radius_km = prediction.confidence, prediction.radius_km
        said = f" {_name(prediction)} {confidence:.2f} within {radius_km:.0f} km"
    note = f" ({plain(outcome.note)})" if outcome.note else ""
    return f"{path_text(outcome.photo.path)}: {outcome.status.value}{said}{note}"


def _name(prediction: Prediction) -> str:
    """What may be said of the place: its name at the level of the answer."""
    place = prediction.place
    names = {
        Level.CITY: f"{place.city}, {place.country}",
        Level.REGION: f"{place.region}, {place.country}",
        Level.COUNTRY: place.country,
        Level.CONTINENT: place.continent,
        Level.NONE: f"perhaps {place.country}",
    }
    return names[prediction.level]
