"""What the app keeps of a set of folders between its starts: options, report, decisions.

Each project has a folder in the user's state folder. The same set of folders is the same project.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from geotagger.app.path_ids import path_id, path_json, path_of_id
from geotagger.app.run_options import DEFAULT_CHOICE, RunChoice, read_choice
from geotagger.errors import GeotaggerError
from geotagger.reports.formats.writer import PARTIAL
from geotagger.state import state_folder

MAX_RECENT = 12
_FILE = "project.json"
_DAMAGED = (
    OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError,
)  # fmt: skip
"""Raised for a file that is not what was written."""


class LastRun(StrEnum):
    """How the last run of a project ended."""

    NONE = "none"
    RUNNING = "running"
    """It runs; or it was cut off, if no process runs it."""
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


def app_folder() -> Path:
    """The folder of all that the app keeps."""
    return state_folder().absolute() / "app"


@dataclass(frozen=True)
class Project:
    """A set of folders and what was done with it."""

    folders: tuple[Path, ...]
    choice: RunChoice = DEFAULT_CHOICE
    last_run: LastRun = LastRun.NONE
    rows: int = 0
    used_at: str = ""
    """UTC, ISO 8601."""

    @property
    def folder(self) -> Path:
        """Its own folder, in the state folder."""
        names = sorted(path_id(Path(os.path.realpath(folder))) for folder in self.folders)
        digest = hashlib.sha256("\n".join(names).encode("ascii")).hexdigest()
        return app_folder() / "projects" / digest[:16]

    @property
    def report(self) -> Path:
        """The rows of the last run."""
        return self.folder / "places.jsonl"

    @property
    def rows_file(self) -> Path | None:
        """The report, or what a run that was cut off has left of it; None without any."""
        partial = self.report.with_name(self.report.name + PARTIAL)
        return next((file for file in (self.report, partial) if file.is_file()), None)

    def saved(self, **changes: Any) -> Project:
        """The project with changes, kept on disk. Raises GeotaggerError if the disk refuses."""
        changed = replace(self, used_at=datetime.now(UTC).isoformat(timespec="seconds"), **changes)
        document = {
            "folders": [path_id(folder) for folder in changed.folders],
            "options": changed.choice.to_json(),
            "last_run": changed.last_run,
            "rows": changed.rows,
            "used_at": changed.used_at,
        }
        try:
            changed.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(changed.folder / _FILE, json.dumps(document, indent=1))
        except OSError as error:
            raise GeotaggerError(
                f"{changed.folder}: {error.strerror or error}: make room, or set GEOTAGGER_STATE to"
                " another folder"
            ) from error
        return changed

    def to_json(self) -> dict[str, Any]:
        """The project as one of those that were used last."""
        return {
            "folders": [path_json(folder) for folder in self.folders],
            "stage": "interrupted" if self.last_run is LastRun.RUNNING else self.last_run.value,
            "rows": self.rows,
            "used_at": self.used_at,
            "missing": not all(map(_is_folder, self.folders)),
        }


def project_of(folders: Sequence[Path]) -> Project:
    """The project of a set of folders, as it was left; a new one if it is not known."""
    new = Project(tuple(folders))
    known = _read(new.folder)
    return new if known is None else replace(known, folders=tuple(folders))


def recent_projects() -> list[Project]:
    """The projects that were used last, the latest first."""
    found = filter(None, map(_read, _folders()))
    return sorted(found, key=lambda project: project.used_at, reverse=True)[:MAX_RECENT]


def _folders() -> Iterator[Path]:
    with suppress(OSError):
        yield from (app_folder() / "projects").iterdir()


def _read(folder: Path) -> Project | None:
    """The project in a folder; None if there is none, or a damaged one."""
    try:
        document = json.loads((folder / _FILE).read_text("utf-8"))
        return Project(
            tuple(map(path_of_id, document["folders"])),
            read_choice(document["options"]),
            LastRun(document["last_run"]),
            int(document["rows"]),
            str(document["used_at"]),
        )
    except (*_DAMAGED, GeotaggerError):
        return None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def write_whole(file: Path, text: str) -> None:
    """Replace a small file as a whole: after a crash it is the old one or the new one."""
    draft = file.with_name(f".{file.name}.new")
    with draft.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
