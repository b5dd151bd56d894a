"""The summary of a run: counts, and the few lines about them that a person acts on."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geotagger.fusion.gps_check import GpsCheck
from geotagger.printable import printable
from geotagger.reasons import ReasonCode
from geotagger.reports.read.parse import READERS
from geotagger.reports.schema import Cell
from geotagger.types import Level, SourceKind, Status

if TYPE_CHECKING:
    from geotagger.config import RunOptions

MAX_SHOWN = 5

NOT_READ: Mapping[str, str] = {
    ReasonCode.UNREADABLE_FILE: "file cannot be read",
    ReasonCode.NOT_A_PICTURE: "not a picture",
    ReasonCode.CAMERA_RAW: "camera RAW without a preview",
    ReasonCode.FORMAT_NOT_DECODED: "format is not decoded",
    ReasonCode.DAMAGED_IMAGE: "damaged or truncated picture",
    ReasonCode.IMAGE_TOO_LARGE: "picture is too large",
    ReasonCode.OUT_OF_MEMORY: "not enough memory",
    ReasonCode.HAS_GPS: "has GPS already",
    ReasonCode.WRITE_FAILED: "not written",
    ReasonCode.SOURCE_CHANGED: "the source changed during the run",
}
"""Why photos are skipped or failed."""
NOT_WRITTEN: Mapping[str, str] = {
    ReasonCode.POSITION_NOT_TRUSTED: "no position is trusted",
    ReasonCode.MEASURED_GPS_KEPT: "it has a GPS position of its own",
    ReasonCode.EARLIER_PREDICTION_KEPT: "it holds an earlier prediction",
    ReasonCode.NO_SIDECAR: "it got neither tags nor a sidecar",
}
"""Why predicted photos are not written."""
OTHER = "other reasons"


@dataclass(slots=True)
class RunSummary:
    """Counts of a run."""

    statuses: Counter[Status] = field(default_factory=Counter)
    levels: Counter[Level] = field(default_factory=Counter)
    countries: Counter[str] = field(default_factory=Counter)
    """Of the photos whose country may be named."""
    on_tracks: int = 0
    """Photos that a track places."""
    off_tracks: int = 0
    """Photos that were looked up in tracks in vain."""
    checks: Counter[str] = field(default_factory=Counter)
    """By `GpsCheck`."""
    failures: Counter[str] = field(default_factory=Counter)
    """Failed photos by reason."""
    skips: Counter[str] = field(default_factory=Counter)
    """Skipped photos by reason."""
    unwritten: Counter[str] = field(default_factory=Counter)
    """Predicted photos that were not written, by reason."""
    would_write: int = 0
    """Photos that a run without `--dry-run` would write."""
    clocks: Counter[str] = field(default_factory=Counter)
    """What was found out about cameras' clocks, and for how many photos it was used."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Folders and photos that the scan left out, by pattern."""
    seconds: float = 0.0
    resumed: int = 0
    """Photos whose rows come from the journal of an earlier run."""

    @property
    def photos(self) -> int:
        """Number of photos."""
        return self.statuses.total()

    @property
    def failed(self) -> int:
        """Number of failed photos."""
        return self.statuses[Status.FAILED]

    def add(self, cells: Mapping[str, Cell]) -> None:
        """Counts one row of the report."""
        status, level = str(cells["status"]), str(cells["level"])
        self.statuses[Status(status)] += 1
        if level:
            self.levels[Level(level)] += 1
            if level not in (Level.CONTINENT, Level.NONE):
                self.countries[str(cells["country"]) or "at sea"] += 1
        self.checks[str(cells["gps_check"])] += 1
        reasons = cells["reasons"]
        assert isinstance(reasons, list)
        codes = [str(item["code"]) for item in reasons]
        clock = ReasonCode.CLOCK_OFFSET
        self.clocks.update(str(item["detail"]) for item in reasons if item["code"] == clock)
        self.on_tracks += cells["measured_by"] == SourceKind.TRACK
        self.would_write += ReasonCode.DRY_RUN in codes
        self.off_tracks += ReasonCode.OFF_TRACK in codes
        if status == Status.FAILED:
            self.failures[_last(codes, NOT_READ) or OTHER] += 1
        elif status == Status.SKIPPED:
            self.skips[_last(codes, NOT_READ) or OTHER] += 1
        elif status == Status.PREDICTED and (why := _last(codes, NOT_WRITTEN)):
            self.unwritten[why] += 1


def _last(codes: list[str], labels: Mapping[str, str]) -> str:
    """The label of the last code that has one: it decided the status."""
    return next((labels[code] for code in reversed(codes) if code in labels), "")


def summary_text(summary: RunSummary, options: RunOptions) -> str:
    """The last lines of `geotagger tag`. What did not happen has no line."""
    per_second = summary.photos / max(summary.seconds, 1e-9)
    photos = f"{summary.photos:,} photo{'' if summary.photos == 1 else 's'}"
    lines = [
        f"{photos} in {_time(summary.seconds)} ({per_second:.1f} photos/s):"
        f" {_counts(summary.statuses)}"
    ]
    named = {level: summary.levels[level] for level in Level if level is not Level.NONE}
    parts = {
        "answered": _counts(Counter(named), by_size=False),
        "countries": _counts(summary.countries),
        "tracks": _tracks(summary),
        "dry run": _rehearsed(summary.would_write, options),
        "not written": _reasons(summary.unwritten),
        "GPS": _inconsistent(summary.checks),
        "clocks": _reasons(summary.clocks),
        "skipped": _counts(summary.skips),
        "failed": _counts(summary.failures),
        "left out": _left_out(summary.left_out, options),
        "resumed": _resumed(summary.resumed),
        "reports": ", ".join(printable(str(path)) for path in options.reports),
        "manifest": printable(str(options.manifest or "")),
        "next": _next(summary, options),
    }
    lines += [f"{name + ':':<12} {text}" for name, text in parts.items() if text]
    return "\n".join(lines)


def _counts(counter: Mapping[Any, int], by_size: bool = True) -> str:
    """`12 France, 3 Spain, 4 in 2 others`."""
    items = Counter(counter).most_common() if by_size else list(counter.items())
    items = [(name, count) for name, count in items if count]
    most = MAX_SHOWN if len(items) > MAX_SHOWN + 1 else MAX_SHOWN + 1
    shown = [f"{count:,} {printable(name)}" for name, count in items[:most]]
    rest = items[most:]
    if rest:
        shown.append(f"{sum(count for _, count in rest):,} in {len(rest):,} others")
    return ", ".join(shown)


def _reasons(counter: Mapping[str, int]) -> str:
    """`12: it is read-only; 3: ...`."""
    shown = [
        f"{count:,}: {printable(why)}" for why, count in Counter(counter).most_common(MAX_SHOWN)
    ]
    rest = sum(counter.values()) - sum(
        count for _, count in Counter(counter).most_common(MAX_SHOWN)
    )
    return "; ".join([*shown, f"{rest:,}: see their notes"] if rest else shown)


def _inconsistent(checks: Mapping[str, int]) -> str:
    says = {
        GpsCheck.FAR: "outside the circle of their prediction",
        GpsCheck.INVALID: "with an invalid position",
    }
    return ", ".join(f"{checks[name]:,} {text}" for name, text in says.items() if checks[name])


def _tracks(summary: RunSummary) -> str:
    """`12 photos placed, 3 not on a track (their notes say why)`."""
    if not summary.on_tracks + summary.off_tracks:
        return ""
    off = f", {summary.off_tracks:,} not on a track (their notes say why)"
    return f"{summary.on_tracks:,} photos placed{off if summary.off_tracks else ''}"


def _rehearsed(count: int, options: RunOptions) -> str:
    """What a run without `--dry-run` would do."""
    if not options.dry_run:
        return ""
    if not (options.write_exif or options.sidecar or options.out):
        return "nothing to write without --write-exif, --sidecar or --out"
    photos = f"{count:,} photo{'' if count == 1 else 's'}"
    return f"{photos} would be written (their notes say what)" if count else "nothing to write"


def _left_out(counter: Mapping[str, int], options: RunOptions) -> str:
    """`2 @eaDir/, 1 #recycle/`: folders, and photos where the pattern is for files too."""
    text = _counts(counter)
    is_default = any(pattern not in options.exclude for pattern in counter)
    remedy = " (folders of thumbnails, bins and the like: --no-default-excludes scans them)"
    return text + remedy if text and is_default else text


def _resumed(count: int) -> str:
    return f"{count:,} finished by an earlier run (--restart predicts them again)" if count else ""


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{seconds:.1f} s"


def _next(summary: RunSummary, options: RunOptions) -> str:
    """The command that shows the rows which most need a look."""
    readable = [path for path in options.reports if path.suffix.lower() in READERS]
    if not readable:
        return ""
    report = f"geotagger report {shlex.quote(printable(str(readable[0])))}"
    if summary.failed:
        return f"{report} --where status=failed"
    if summary.checks[GpsCheck.FAR] or summary.checks[GpsCheck.INVALID]:
        return f"{report} --where 'gps_check=far or gps_check=invalid'"
    if summary.statuses[Status.UNSURE] < summary.photos:
        return f"{report} --group place,day"
    return f"{report} --sort -confidence"
