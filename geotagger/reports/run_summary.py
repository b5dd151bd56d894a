"""What a run came to, in the few lines that a person acts on."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from geotagger.printable import printable
from geotagger.reports.read.parse import READERS
from geotagger.types import Level, Status

if TYPE_CHECKING:
    from geotagger.config import RunOptions
    from geotagger.pipeline.run import Summary

MOST = 5


def triage(summary: Summary, options: RunOptions) -> str:
    """The lines that `tag` ends with. What did not happen has no line."""
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
        "not written": _reasons(summary.unwritten),
        "GPS": _inconsistent(summary.checks),
        "skipped": _counts(summary.skips),
        "failed": _counts(summary.failures),
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
    most = MOST if len(items) > MOST + 1 else MOST + 1
    shown = [f"{count:,} {printable(name)}" for name, count in items[:most]]
    rest = items[most:]
    if rest:
        shown.append(f"{sum(count for _, count in rest):,} in {len(rest):,} others")
    return ", ".join(shown)


def _reasons(counter: Mapping[str, int]) -> str:
    """`12: it is read-only; 3: ...`, for reasons that are sentences."""
    shown = [f"{count:,}: {printable(why)}" for why, count in Counter(counter).most_common(MOST)]
    rest = sum(counter.values()) - sum(count for _, count in Counter(counter).most_common(MOST))
    return "; ".join([*shown, f"{rest:,}: see their notes"] if rest else shown)


def _inconsistent(checks: Mapping[str, int]) -> str:
    says = {
        "far": "outside the circle of their guess",
        "invalid": "with a position that is none",
    }
    return ", ".join(f"{checks[name]:,} {text}" for name, text in says.items() if checks[name])


def _resumed(count: int) -> str:
    return f"{count:,} finished by an earlier run (--restart asks them anew)" if count else ""


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{seconds:.1f} s"


def _next(summary: Summary, options: RunOptions) -> str:
    """The command that shows what is most worth a look."""
    readable = [path for path in options.reports if path.suffix.lower() in READERS]
    if not readable:
        return ""
    report = f"geotagger report {shlex.quote(printable(str(readable[0])))}"
    if summary.failed:
        return f"{report} --where status=failed"
    if summary.checks["far"] or summary.checks["invalid"]:
        return f"{report} --where 'gps_check=far or gps_check=invalid'"
    if summary.statuses[Status.UNSURE] < summary.photos:
        return f"{report} --group place,day"
    return f"{report} --sort -confidence"
