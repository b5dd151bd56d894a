"""Flags that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geotagger.config import Device, Overwrite, RunOptions, TextBackend, TrackGap

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def complete_model(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completions for the shell: names of models; folders if no name matches."""
    from click.shell_completion import CompletionItem

    from geotagger.vision.bundle.bundle import embedded_bundles, imported_bundles

    names = dict.fromkeys([*embedded_bundles(), *imported_bundles()])
    found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="dir")]


SOME_FAILED = 3
"""Exit code of a finished run in which some photos failed."""


class EnumChoice(click.Choice[str]):
    """The values of a `StrEnum`; the chosen one comes as a member of it."""

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__([member.value for member in kind])
        self._kind = kind

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> StrEnum:
        return self._kind(super().convert(value, param, ctx))


DEVICES = EnumChoice(Device)
TEXT_BACKEND = click.option(
    "--text-backend",
    type=EnumChoice(TextBackend),
    default=TextBackend.AUTO.value,
    show_default=True,
    help="Also ask the installed program Tesseract about unsure lines in other scripts.",
)
PATHS = click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path)
)
MAX_RADIUS = click.option(
    "--max-radius",
    "max_radius_km",
    type=click.FloatRange(min=0, min_open=True),
    default=50.0,
    show_default=True,
    metavar="KM",
    help="Write a position only if its 90 % radius is at most this; else only region tags.",
)


def _groups(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip()) or ("",)


TAGS = click.option(
    "--tags",
    callback=_groups,
    default="gps,region,keywords",
    show_default=True,
    metavar="LIST",
    help="What to write, if the confidence is enough: gps, region, keywords.",
)


def overwrite_flag(default: Overwrite) -> Callable[..., Any]:
    """`--overwrite`: which existing GPS a command may replace."""
    return click.option(
        "--overwrite",
        type=EnumChoice(Overwrite),
        default=default.value,
        show_default=True,
        help="Existing GPS that may be replaced: none, earlier predictions, or any.",
    )


PREDICTION_FLAGS: Sequence[Callable[..., Any]] = (
    click.option(
        "--model",
        "models",
        multiple=True,
        metavar="NAME|DIR",
        shell_complete=complete_model,
        help="Name or folder of a model. Can be repeated.  [default: starter]",
    ),
    click.option(
        "--device",
        type=DEVICES,
        default=Device.AUTO.value,
        show_default=True,
        help="Device that runs the models. A device that does not run is an error.",
    ),
    click.option(
        "--read-text/--no-read-text",
        default=True,
        show_default=True,
        help="Use text in photos as evidence. The slowest part of a run on a CPU.",
    ),
    click.option(
        "--text-device",
        type=DEVICES,
        help="Device that reads the text.  [default: as --device]",
    ),
    TEXT_BACKEND,
    click.option(
        "--gate/--no-gate",
        default=True,
        show_default=True,
        help="Skip the models for screenshots, pages and drawings, which are then unsure.",
    ),
    click.option(
        "--use-names/--no-use-names",
        help="Use place names in IPTC and XMP, and names of folders and files, as evidence.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(1, 4096),
        help="Photos per inference.  [default: what suits the device]",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1, 1024),
        help="Threads that read and decode photos.  [default: one per core]",
    ),
    click.option(
        "--top-k",
        type=click.IntRange(1, 100),
        default=5,
        show_default=True,
        help="Number of alternatives in the report.",
    ),
    click.option(
        "--min-confidence",
        type=click.FloatRange(0, 1),
        metavar="P",
        help="Name a place only with at least this probability.  [default: fitted, by level]",
    ),
    click.option(
        "--within",
        metavar="ISO|FILE",
        help="Only places in these countries, such as FR,ES, or in a GeoJSON polygon.",
    ),
    click.option(
        "--gallery",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        metavar="FILE",
        help="CSV of points (lat, lon) to match photos against, for models with a retrieval head.",
    ),
    click.option(
        "--candidates",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        metavar="FILE",
        help="JSON of places that the photos may show, for models with captions.",
    ),
    click.option(
        "--places",
        metavar="LIST",
        help="The same as text: 'Lyon, France; Turin, Italy'.",
    ),
    click.option(
        "--crops",
        type=click.Choice(["1", "5", "10"]),
        callback=lambda _, __, value: int(value),
        default="1",
        show_default=True,
        help="Crops per photo to average; each takes as long as a photo.",
    ),
)


TOUCH = click.option(
    "--touch",
    is_flag=True,
    help="Set the time of change of written files to now, so that photo servers read them again.",
)


def album_flag() -> Callable[..., Any]:
    """The flag for evidence from other photos of the same camera."""
    return click.option(
        "--album/--no-album",
        default=True,
        show_default=True,
        help="Place the photos of a trip together: GPS, text and looks of photos nearby in time.",
    )


class TrackGapType(click.ParamType["TrackGap"]):
    """`30min`, `2km` or both: `30min,2km`. A number alone counts minutes."""

    name = "gap"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> TrackGap:
        if isinstance(value, TrackGap):
            return value
        seconds, km = TrackGap()
        for part in str(value).lower().split(","):
            match = _GAP.fullmatch(part.strip())
            if match is None or not float(match[1]):
                self.fail(f"{value!r} is not a gap such as 30min, 2km or 30min,2km", param, ctx)
            if match[2] in _KM_PER_UNIT:
                km = float(match[1]) * _KM_PER_UNIT[match[2]]
            else:
                seconds = float(match[1]) * _SECONDS_PER_UNIT[match[2]]
        return TrackGap(seconds, km)


class ClockOffsetType(click.ParamType[float]):
    """`+01:00`, `-00:02:30`, or seconds."""

    name = "offset"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        text = str(value).strip()
        clock = _CLOCK.fullmatch(text)
        if clock:
            hours, minutes, seconds = (float(part or 0) for part in clock.groups()[1:])
            total = 3600 * hours + 60 * minutes + seconds
            total = -total if clock[1] == "-" else total
        elif _SECONDS.fullmatch(text):
            total = float(text)
        else:
            self.fail(f"{value!r} is not ±HH:MM, ±HH:MM:SS or seconds", param, ctx)
        if abs(total) > _MAX_OFFSET_S:
            self.fail(f"{value!r} is more than a hundred years", param, ctx)
        return total


_GAP = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(s|min|h|m|km|)")
_SECONDS_PER_UNIT = {"s": 1.0, "min": 60.0, "": 60.0, "h": 3600.0}
_KM_PER_UNIT = {"m": 0.001, "km": 1.0}
_CLOCK = re.compile(r"([+-]?)(\d{1,7}):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?")
_MAX_OFFSET_S = 100 * 366 * 86_400.0
_SECONDS = re.compile(r"[+-]?\d{1,12}(?:\.\d+)?")


def track_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags of track logs."""
    command = click.option(
        "--clock-offset",
        "clock_offset_s",
        type=ClockOffsetType(),
        metavar="±HH:MM[:SS]|SECONDS",
        help="Add this to what the camera's clock showed, to look a photo up in the tracks, and"
        " among photos of other devices: -00:02:30 if it was fast by that.",
    )(command)
    command = click.option(
        "--track-max-gap",
        type=TrackGapType(),
        metavar="TIME[,DISTANCE]",
        help="Place a photo between two fixes only if they are at most this far apart.",
        show_default="30min,25km",
    )(command)
    return click.option(
        "--track",
        "tracks",
        multiple=True,
        metavar="FILE|DIR",
        type=click.Path(path_type=Path),
        help="Place photos by a track log: GPX, KML, FIT, NMEA, Google Timeline, OwnTracks."
        " Can be repeated.",
    )(command)


def scan_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags of what a scan leaves out."""
    command = click.option(
        "--default-excludes/--no-default-excludes",
        default=True,
        show_default=True,
        help="Leave out folders such as @eaDir, #recycle, lost+found and *.lrdata.",
    )(command)
    return click.option(
        "--exclude",
        multiple=True,
        metavar="GLOB",
        help="Leave out files and folders with such a name: 'IMG_*', 'cache/', 'out/small'."
        " Can be repeated.",
    )(command)


def prediction_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags of every command that predicts."""
    for flag in reversed(PREDICTION_FLAGS):
        command = flag(command)
    return command


def run_options(flags: dict[str, Any], **more: Any) -> RunOptions:
    """The options of a run from the flags; a flag that is not given keeps its default."""
    flags = {name: value for name, value in {**flags, **more}.items() if value not in (None, ())}
    return RunOptions(**flags)
