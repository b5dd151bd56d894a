"""The tags that one prediction writes into one file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from geotagger.metadata.xmp.tags import PREDICTION, TRACK, with_time_of

if TYPE_CHECKING:
    from geotagger.metadata.exif.gps_tags import GpsTags
    from geotagger.metadata.xmp.tags import XmpTags


@dataclass(frozen=True, slots=True)
class FileTags:
    """EXIF and XMP of one prediction; None: nothing of that kind."""

    gps: GpsTags | None
    xmp: XmpTags | None = None

    @property
    def kind(self) -> str:
        """What the position is: predicted, or measured by a track."""
        is_from_track = (
            self.xmp.kind == TRACK if self.xmp else bool(self.gps and self.gps.is_from_track)
        )
        return TRACK if is_from_track else PREDICTION

    def for_original(self, source_sha256: str, earlier: XmpTags | None) -> FileTags:
        """The tags for one original file.

        They take the time of `earlier` if nothing else differs. So an unchanged prediction gives
        the same bytes, and nothing is rewritten.
        """
        if self.xmp is None:
            return self
        xmp = replace(self.xmp, source_sha256=source_sha256)
        return replace(self, xmp=with_time_of(xmp, earlier))
