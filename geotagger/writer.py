"""Puts predictions into the photos, as far as each one deserves it and was asked for."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from geotagger import __version__
from geotagger.errors import CannotEmbedError, PhotoError
from geotagger.metadata.exif import GpsTags
from geotagger.metadata.journal import Journal
from geotagger.metadata.write import tag_file
from geotagger.records import Level, Outcome, Prediction, Status, joined

if TYPE_CHECKING:
    from geotagger.pipeline import RunOptions


class Writer:
    """Puts predictions into the photos themselves, where that was asked for and is safe."""

    def __init__(self, options: RunOptions, stack: ExitStack) -> None:
        self.options = options
        self.journal: Journal | None = None
        if options.write_exif and not options.dry_run:
            self.journal = stack.enter_context(Journal.open())

    def write(self, outcome: Outcome) -> Outcome:
        """The outcome, refined to tagged or failed; unchanged when there is nothing to write."""
        if not self.options.write_exif or outcome.status is not Status.PREDICTED:
            return outcome
        assert outcome.prediction is not None
        tags = gps_tags(outcome.prediction, outcome.model, self.options.max_radius_km)
        if self.journal is None:
            what = "region tags" if tags.point is None else "GPS and region tags"
            return replace(outcome, note=joined(outcome.note, f"dry run: would write {what}"))
        try:
            note = tag_file(
                outcome.photo.path,
                outcome.sha256,
                tags,
                self.journal,
                overwrite=self.options.overwrite,
            )
        except CannotEmbedError as error:
            return replace(outcome, note=joined(outcome.note, f"not written: {error}"))
        except PhotoError as error:
            note = joined(outcome.note, f"not written: {error}")
            return replace(outcome, status=Status.FAILED, note=note)
        return replace(outcome, status=Status.TAGGED, note=joined(outcome.note, note))


def gps_tags(prediction: Prediction, model: str, max_radius_km: float) -> GpsTags:
    """What may be written: names down to the level, the point where it is fine enough."""
    place, level = prediction.place, prediction.level
    names = {
        Level.CITY: (place.city, place.region, place.country),
        Level.REGION: (place.region, place.country),
        Level.COUNTRY: (place.country,),
        Level.CONTINENT: (place.continent,),
        Level.NONE: (),
    }[level]
    trusted = level in (Level.CITY, Level.REGION) and prediction.radius_km <= max_radius_km
    return GpsTags(
        point=prediction.point if trusted else None,
        radius_km=prediction.radius_km if trusted else None,
        area=", ".join(name for name in names if name),
        note=f"PREDICTED by geotagger {__version__} ({model}), conf {prediction.confidence:.2f}",
    )
