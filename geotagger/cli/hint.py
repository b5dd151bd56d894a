"""Says once, after a run whose photos were mostly unsure, what a larger model would cost."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geotagger.config import RunOptions
    from geotagger.reports.run_summary import RunSummary

MODEL = "geoclip"
MIN_PHOTOS = 20
MARK = "hinted"
"""A file in the state folder: the hint was given."""


def model_hint(summary: RunSummary, options: RunOptions) -> str:
    """The hint, or nothing: it is for a person at a terminal who has only the starter, and is given
    once."""
    from geotagger.config import RunOptions
    from geotagger.download.known import known_models
    from geotagger.state import state_folder
    from geotagger.types import Status
    from geotagger.vision.bundle.bundle import imported_bundles

    unsure = summary.statuses[Status.UNSURE]
    mark = state_folder() / MARK
    if (
        not _is_terminal()
        or summary.photos < MIN_PHOTOS
        or 2 * unsure <= summary.photos
        or options.models != RunOptions(paths=()).models
        or MODEL in imported_bundles()
        or MODEL not in known_models()
        or mark.exists()
    ):
        return ""
    try:
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark.touch()
    except OSError:
        return ""  # it would be given after every run
    return f"{unsure:,} of {summary.photos:,} photos are unsure. {_gain()}"


def _is_terminal() -> bool:
    return sys.stderr.isatty()


def _gain() -> str:
    """What the model brings, and what it costs here."""
    from geotagger.doctor.recommend import costs
    from geotagger.doctor.speed import measure_speed

    speed = measure_speed()
    cost = next(cost for cost in costs(speed.flops) if cost.model.name == MODEL)
    share = cost.model.within_750_km or 0.0
    return (
        f"GeoCLIP is larger: in its authors' test {100 * share:.0f} % of photos were within "
        f"750 km.\n"
        f"geotagger models pull {MODEL} downloads {cost.download_bytes / 1e9:.1f} GB (licence "
        f"{cost.licence}); a photo then takes about {seconds_text(cost.photo_s)} on this "
        f"{'GPU' if speed.device == 'cuda' else 'CPU'}. geotagger models recommend shows others."
    )


def seconds_text(seconds: float) -> str:
    """`0.02 s`, `3.5 s` or `12 s`: an estimate has no more digits."""
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
