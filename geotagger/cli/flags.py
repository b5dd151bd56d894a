"""Flags that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geotagger.config import Device, RunOptions

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def complete_model(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """For the shell: the bundles that have a name; where none begins so, folders."""
    from click.shell_completion import CompletionItem

    from geotagger.vision.bundle.bundle import embedded_bundles, imported_bundles

    names = dict.fromkeys([*embedded_bundles(), *imported_bundles()])
    found = [CompletionItem(name) for name in names if name.startswith(begun)]
    return found or [CompletionItem(begun, type="dir")]


SOME_FAILED = 3
"""Exit code: finished, some photos failed."""


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
PATHS = click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path)
)
PREDICTION_FLAGS: Sequence[Callable[..., Any]] = (
    click.option(
        "--model",
        "models",
        multiple=True,
        metavar="NAME|DIR",
        shell_complete=complete_model,
        help="Vision bundle; may be given several times.  [default: starter]",
    ),
    click.option(
        "--device",
        type=DEVICES,
        default=Device.AUTO.value,
        show_default=True,
        help="Where the models run. A device that does not run is an error.",
    ),
    click.option(
        "--read-text/--no-read-text",
        default=True,
        show_default=True,
        help="Read signs and weigh what they say. The slowest part of a run on a CPU.",
    ),
    click.option(
        "--text-device",
        type=DEVICES,
        help="Where the text is read.  [default: as --device]",
    ),
    click.option(
        "--gate/--no-gate",
        default=True,
        show_default=True,
        help="Screenshots, pages and drawings are unsure without asking the models.",
    ),
    click.option(
        "--use-names/--no-use-names",
        help="Weigh place names in IPTC and XMP, and the names of folders and files.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(1, 4096),
        help="Photos per inference.  [default: what suits the device]",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1, 1024),
        help="Threads that read and decode.  [default: one per core]",
    ),
    click.option(
        "--top-k",
        type=click.IntRange(1, 100),
        default=5,
        show_default=True,
        help="Alternatives to report.",
    ),
    click.option(
        "--min-confidence",
        type=click.FloatRange(0, 1),
        metavar="P",
        help="Name a place only when it is at least this likely.  [default: fitted, by level]",
    ),
    click.option(
        "--within",
        metavar="ISO|FILE",
        help="Where photos can be at all: country codes such as FR,ES, or a GeoJSON polygon.",
    ),
    click.option(
        "--gallery",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        metavar="FILE",
        help="CSV of points (lat, lon) to match photos against, for bundles that can.",
    ),
    click.option(
        "--candidates",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        metavar="FILE",
        help="JSON of places that the photos may show, for bundles with captions.",
    ),
    click.option(
        "--places",
        metavar="LIST",
        help="The same in words: 'Lyon, France; Turin, Italy'.",
    ),
    click.option(
        "--crops",
        type=click.Choice(["1", "5", "10"]),
        callback=lambda _, __, value: int(value),
        default="1",
        show_default=True,
        help="Crops of each photo to average; each costs as much as a photo.",
    ),
)


def album_flag() -> Callable[..., Any]:
    """Whether photos of the same camera are evidence."""
    return click.option(
        "--album/--no-album",
        default=True,
        show_default=True,
        help="Weigh the GPS and the signs of photos that the same camera took nearby in time.",
    )


def prediction_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags of every command that predicts."""
    for flag in reversed(PREDICTION_FLAGS):
        command = flag(command)
    return command


def run_options(flags: dict[str, Any], **more: Any) -> RunOptions:
    """The run that the flags of the command line ask for; a flag not given keeps its default."""
    flags = {name: value for name, value in {**flags, **more}.items() if value not in (None, ())}
    return RunOptions(**flags)
