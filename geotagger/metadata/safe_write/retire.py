"""Earlier sidecars of a photo that now holds the prediction itself.

Programs that read a sidecar first would go on showing what stands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from geotagger.errors import PhotoError
from geotagger.metadata.safe_write.replace import disk_errors_named
from geotagger.metadata.sidecar import sidecar_path, sidecars_there
from geotagger.metadata.undo.untag import untag_sidecar
from geotagger.metadata.xmp.prediction import prediction_in
from geotagger.metadata.xmp.tags import own_properties
from geotagger.reasons import Reason, ReasonCode

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.metadata.file_tags import FileTags
    from geotagger.metadata.safe_write.write import WriteContext


def retire_sidecars(
    photo: Path, source_sha256: str, tags: FileTags, pen: WriteContext
) -> tuple[Reason, ...]:
    """Takes earlier predictions out of the sidecars of a photo in which `tags` were embedded.

    One that was only geotagger's is removed; `untag` of the photo leads back all the same. Another
    prediction than `tags` stays where `pen.overwrite` is never. So does one in `photo.xmp`, which
    several photos may share, unless it was made for the original with `source_sha256`. Returns
    what happened to them. Raises GeotaggerError when the journal fails.
    """
    certain = sidecar_path(photo)
    there = sidecars_there(photo)
    return tuple(
        reason
        for path in there
        for reason in _retired(path, "" if path == certain else source_sha256, tags, pen)
    )


def _retired(sidecar: Path, only_of: str, tags: FileTags, pen: WriteContext) -> tuple[Reason, ...]:
    try:
        with disk_errors_named():
            earlier = prediction_in(sidecar.read_bytes())
            if earlier is None or (only_of and earlier.source_sha256 != only_of):
                return ()
            now = tags.of(earlier.source_sha256, earlier).xmp
            if pen.overwrite == "never" and now and own_properties(now) != own_properties(earlier):
                return (Reason(ReasonCode.OLD_SIDECAR_KEPT),)
            done = untag_sidecar(sidecar, pen.journal)
    except PhotoError as error:
        return (Reason(ReasonCode.OLD_SIDECAR_NOT_CLEARED, str(error)),)
    cleared = Reason(ReasonCode.OLD_SIDECAR_CLEARED)
    return (cleared, Reason(ReasonCode.SIDECAR_UNTAGGED, done.note)) if done.note else (cleared,)
