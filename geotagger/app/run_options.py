"""What a person can choose on the page, as the arguments of `geotagger tag` and `apply`.

The page's run is parsed by the command's own parser, from the very arguments that it shows. So the
two cannot differ.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import click
import msgspec
from msgspec import Meta, Struct

from geotagger.app.path_ids import path_id, path_json, path_of
from geotagger.cli.apply import apply
from geotagger.cli.tag import tag, tag_options
from geotagger.config import Device, Overwrite, RunOptions
from geotagger.errors import GeotaggerError
from geotagger.geography.area import read_area
from geotagger.geography.places import load_places
from geotagger.loopback.answers import FieldError
from geotagger.printable import printable_path
from geotagger.vision.bundle.bundle import find_bundle

Choice = TypeVar("Choice")
Text = Annotated[str, Meta(max_length=4096)]
_FIELD = re.compile(r" - at `\$\.([a-z_]+)")


class WriteChoice(Struct, frozen=True, forbid_unknown_fields=True):
    """What is written for approved photos."""

    mode: Literal["exif", "sidecar"] = "exif"
    tags: Annotated[tuple[Literal["gps", "region", "keywords"], ...], Meta(min_length=1)] = (
        "gps", "region", "keywords",
    )  # fmt: skip
    max_radius_km: Annotated[float, Meta(gt=0)] = 50.0
    overwrite: Overwrite = Overwrite.PREDICTED
    touch: bool = False

    def run_options(self, *, dry_run: bool) -> RunOptions:
        """The options of the writer."""
        return RunOptions(
            paths=(),
            write_exif=self.mode == "exif",
            sidecar=self.mode == "sidecar",
            tags=self.tags,
            max_radius_km=self.max_radius_km,
            overwrite=self.overwrite,
            touch=self.touch,
            dry_run=dry_run,
        )


class RunChoice(Struct, frozen=True, forbid_unknown_fields=True):
    """What a person can choose for a run. Paths are ids; see `path_ids`."""

    models: Annotated[tuple[Text, ...], Meta(min_length=1)] = ("starter",)
    tracks: tuple[dict[str, Any], ...] = ()
    area: Text = ""
    read_text: bool = True
    album: bool = True
    use_names: bool = False
    only_missing: bool = False
    min_confidence: Annotated[float, Meta(ge=0, le=1)] | None = None
    clock_offset: Text = ""
    exclude: tuple[Text, ...] = ()
    device: Device = Device.AUTO
    restart: bool = False
    write: WriteChoice = WriteChoice()

    def to_json(self) -> dict[str, Any]:
        """The choice as the page sends it, with each track's path for people."""
        choice: dict[str, Any] = msgspec.to_builtins(self)
        return choice | {"tracks": [path_json(path_of(track)) for track in self.tracks]}

    def arguments(self, folders: Sequence[Path], report: Path) -> list[str]:
        """The arguments of `geotagger tag` for this run."""
        default = DEFAULT_CHOICE
        arguments = [*map(str, folders), "--report", str(report)]
        if self.models != default.models:
            arguments += [part for name in self.models for part in ("--model", name)]
        arguments += [part for one in self.tracks for part in ("--track", str(path_of(one)))]
        arguments += [part for pattern in self.exclude for part in ("--exclude", pattern)]
        if self.area.strip():
            arguments += ["--within", str(Path(self.area.strip()).expanduser())]
        if self.clock_offset.strip():
            arguments.append(f"--clock-offset={self.clock_offset.strip()}")
        if self.min_confidence is not None:
            arguments += ["--min-confidence", f"{self.min_confidence:g}"]
        if self.device is not default.device:
            arguments += ["--device", self.device.value]
        flags = {
            "--no-read-text": not self.read_text,
            "--no-album": not self.album,
            "--use-names": self.use_names,
            "--only-missing": self.only_missing,
            "--restart": self.restart,
        }
        return arguments + [flag for flag, is_set in flags.items() if is_set]


DEFAULT_CHOICE = RunChoice()


def read_choice(value: object) -> RunChoice:
    """The choice that a page has sent. Raises FieldError."""
    choice = _converted(value, RunChoice, "options")
    texts = (*choice.models, choice.area, choice.clock_offset, *choice.exclude)
    try:
        os.fsencode("".join(texts))
    except ValueError as error:  # half a surrogate pair, which no command line can hold
        raise FieldError("options", "a text holds what is no character") from error
    for track in choice.tracks:
        if set(track) - {"id", "path", "name"}:
            raise FieldError("tracks", "a track is an object with id or path")
    try:
        tracks = tuple({"id": path_id(path_of(track))} for track in choice.tracks)
    except ValueError as error:
        raise FieldError("tracks", str(error)) from error
    return msgspec.structs.replace(choice, tracks=tracks)


def read_write_choice(value: object) -> WriteChoice:
    """The choice of what to write that a page has sent. Raises FieldError."""
    return _converted(value, WriteChoice, "write")


def _converted(value: object, kind: type[Choice], field: str) -> Choice:
    if not isinstance(value, Mapping):
        raise FieldError(field, f"{field} is not an object")
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, ValueError) as error:
        found = _FIELD.search(str(error))
        raise FieldError(found[1] if found else field, str(error)) from error


def check_choice(choice: RunChoice, folders: Sequence[Path], report: Path) -> list[str]:
    """The arguments of the run, after what can be checked without loading a model.

    Raises:
        FieldError: an option is invalid; names its field.
    """
    for name in choice.models:
        with _field("models"):
            find_bundle(name)
    for track in map(path_of, choice.tracks):
        if not track.exists():
            raise FieldError("tracks", f"{printable_path(track)}: there is no such file or folder")
    arguments = choice.arguments(folders, report)
    options = options_of(arguments)
    if options.within:
        with _field("area"):
            area = read_area(options.within)
            area.rows(load_places())  # raises for an unknown country
        if not area.codes and not Path(options.within).is_absolute():
            raise FieldError("area", "type the whole path of the file, from the root or from ~")
    return arguments


@contextmanager
def _field(name: str) -> Iterator[None]:
    """Names the field of an error of the program."""
    try:
        yield
    except GeotaggerError as error:
        raise FieldError(name, str(error)) from error


_FIELD_OF_FLAG = {"clock_offset_s": "clock_offset", "within": "area"}


def options_of(arguments: Sequence[str]) -> RunOptions:
    """What `geotagger tag` would do with these arguments. Raises FieldError."""
    try:
        with tag.make_context("geotagger tag", list(arguments)) as context:
            flags = dict(context.params)
    except click.BadParameter as error:
        name = (error.param and error.param.name) or "options"
        raise FieldError(_FIELD_OF_FLAG.get(name, name), error.format_message()) from error
    except click.ClickException as error:
        raise FieldError("options", error.format_message()) from error
    reports = flags.pop("reports")
    del flags["quiet"], flags["verbose"]
    return tag_options(reports, flags)


def tag_command(arguments: Sequence[str]) -> str:
    """The command line of a run, to copy into a terminal."""
    return _shell_text(["geotagger", "tag", *arguments])


def apply_command(choice: WriteChoice, report: Path) -> str:
    """The command line that writes what was approved."""
    arguments = [str(report)]
    if choice.mode == "sidecar":
        arguments.append("--sidecar")
    if choice.max_radius_km != WriteChoice().max_radius_km:
        arguments += ["--max-radius", f"{choice.max_radius_km:g}"]
    if choice.overwrite is not WriteChoice().overwrite:
        arguments += ["--overwrite", choice.overwrite.value]
    if choice.tags != WriteChoice().tags:
        arguments += ["--tags", ",".join(choice.tags)]
    if choice.touch:
        arguments.append("--touch")
    apply.make_context("geotagger apply", list(arguments)).close()
    return _shell_text(["geotagger", "apply", *arguments])


def _shell_text(words: Sequence[str]) -> str:
    if sys.platform == "win32":
        return subprocess.list2cmdline(words)
    return " ".join(shlex.quote(one) if one.isprintable() else _escaped(one) for one in words)


def _escaped(word: str) -> str:
    """A word with control characters, or bytes that are not UTF-8, for bash and zsh."""
    parts = [
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b"'\\" else f"\\x{byte:02x}"
        for byte in os.fsencode(word)
    ]
    return f"$'{''.join(parts)}'"
