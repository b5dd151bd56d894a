"""What the app is at: the folders that are open, the survey of them, and the model that is pulled.

Which folders are open is kept on disk, so that a server that was killed finds them again.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from geotagger.app.model_list import ModelList
from geotagger.app.model_pull import ModelPull
from geotagger.app.open_folders import OpenFolders
from geotagger.app.path_ids import path_id, path_json, path_of, path_of_id
from geotagger.app.picker import listing
from geotagger.app.project import app_folder, project_of, recent_projects, write_whole
from geotagger.app.run_options import (
    DEFAULT_CHOICE,
    apply_command,
    check_choice,
    read_choice,
    read_write_choice,
    tag_command,
)
from geotagger.app.survey import Survey
from geotagger.app.tagging_run import Stage
from geotagger.errors import GeotaggerError
from geotagger.loopback.answers import FieldError, NotNowError
from geotagger.printable import printable_path
from geotagger.review.session import ReviewSession
from geotagger.version import __version__

COMMAND = "geotagger app"
"""What a person types to come back."""
MAX_FOLDERS = 64
MAX_COLUMN_ROWS = 20_000

Json = dict[str, Any]


class Workspace:
    """Answers the requests of the page. Methods may be called from any thread."""

    def __init__(self) -> None:
        app_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        self._open: OpenFolders | None = None
        self._survey: Survey | None = None
        self._pull: ModelPull | None = None
        self._models = ModelList()
        self._lock = threading.RLock()
        self._recent: list[Json] = []
        self._seen_at = time.monotonic()
        self._remember()

    # what there is

    @property
    def is_busy(self) -> bool:
        """Whether a run, a write or a pull is on."""
        pulls = self._pull is not None and self._pull.is_running
        return pulls or (self._open is not None and self._open.is_busy)

    @property
    def unseen_s(self) -> float:
        """Seconds since a page has asked for the state."""
        return time.monotonic() - self._seen_at

    def state(self) -> Json:
        """All that the page needs when it comes or comes back."""
        self._seen_at = time.monotonic()
        now = self._open
        state: Json = {
            "version": __version__,
            "stage": now.stage if now else Stage.START,
            "run": now.generation if now else 0,
            "folders": [path_json(folder) for folder in now.project.folders] if now else [],
            "options": (now.project.choice if now else DEFAULT_CHOICE).to_json(),
            "command": "",
            "report": "",
            "rows": len(now.session.index) if now else 0,
            "loading": now.is_loading if now else False,
            "error": now.run.error if now and now.run else "",
            "damaged": now.damaged_lines if now else 0,
            "interrupted": now.was_cut_off if now else False,
            "recent": self._recent,
            "first": not self._recent,
            "come_back": COMMAND,
        }
        if now:
            project = now.project
            arguments = project.choice.arguments(project.folders, project.report)
            state |= {"command": tag_command(arguments), "report": printable_path(project.report)}
        return state

    def whole_state(self) -> Json:
        """The same, with what the other events send."""
        return self.state() | {name: topic() for name, topic in self.topics().items()}

    def topics(self) -> dict[str, Callable[[], Json | None]]:
        """What the events send besides the state."""
        return {
            "progress": self._progress,
            "survey": lambda: self._survey.to_json() if self._survey else None,
            "pull": lambda: self._pull.to_json() if self._pull else None,
            "write": self._job,
        }

    def _progress(self) -> Json | None:
        return self._open.progress() if self._open else None

    def _job(self) -> Json | None:
        now = self._open
        if now is None or now.session.job is None:
            return None
        command = apply_command(now.project.choice.write, now.project.report)
        return now.session.job.to_json() | {"command": command}

    def session(self) -> ReviewSession:
        """The rows. Raises LookupError if no folder is open."""
        return self._folders().session

    def _folders(self) -> OpenFolders:
        if self._open is None:
            raise LookupError("no folder is open: choose one first")
        return self._open

    # folders

    def list_folders(self, query: Mapping[str, str]) -> Json:
        """The folders in a folder, for the picker."""
        value = {name: query[name] for name in ("id", "path") if query.get(name)}
        folder = path_of(value) if value else Path.home()
        recent = [folder for project in self._recent for folder in project["folders"]]
        distinct = list({one["id"]: one for one in recent}.values())
        return listing(folder, query.get("kind", "folders")) | {"recent": distinct}

    def open(self, value: Mapping[str, Any]) -> Json:
        """Opens the folders that a page has sent."""
        return self.open_folders(_folders_in(value.get("folders")))

    def open_folders(self, folders: Sequence[Path]) -> Json:
        """Opens folders, with the rows and decisions of the last time, and looks at them.

        Raises:
            FieldError: one is no folder, or cannot be read.
            NotNowError: they are open elsewhere, or a run is on.
        """
        for folder in folders:
            _check_folder(folder)
        with self._lock:
            self._close_open()
            project = project_of(folders).saved()
            self._open = OpenFolders(project, self._remember)
            _keep_open(folders)
            self._remember()
            self._survey = Survey(project.folders, project.choice.exclude)
        return self.whole_state()

    def reopen(self) -> None:
        """Opens what was open when the last server ended, if that is possible."""
        try:
            folders = [path_of_id(one) for one in json.loads(_open_file().read_text("ascii"))]
            if folders:
                self.open_folders(folders)
        except (OSError, ValueError, TypeError, RecursionError, GeotaggerError):
            return

    def open_example(self) -> Json:
        """Opens a copy of the example photos, to try the program on."""
        target = app_folder() / "example"
        target.mkdir(exist_ok=True)
        for photo in _examples():
            if not (target / photo.name).exists():
                shutil.copyfile(photo, target / photo.name)
        return self.open_folders([target])

    def close(self) -> Json:
        """Back to the start."""
        with self._lock:
            self._close_open()
            _open_file().unlink(missing_ok=True)
        return self.whole_state()

    def _close_open(self) -> None:
        if self._open:
            self._open.refuse_to_close()
        self._stop_survey()
        self._survey = None
        if self._open:
            self._open.close()
        self._open = None

    def survey(self) -> Json:
        """Looks at the open folders again."""
        with self._lock:
            project = self._folders().project
            self._stop_survey()
            self._survey = Survey(project.folders, project.choice.exclude)
            return self._survey.to_json()

    def stop_survey(self) -> Json:
        """Ends the look at the folders."""
        with self._lock:
            self._stop_survey()
        return self.whole_state()

    def _stop_survey(self) -> None:
        if self._survey:
            self._survey.stop()

    def _remember(self) -> None:
        self._recent = [project.to_json() for project in recent_projects()]

    # models

    def models(self) -> Json:
        """The models that there are."""
        return self._models.to_json()

    def pull(self, value: Mapping[str, Any]) -> Json:
        """Starts to pull a published model.

        Raises:
            FieldError: it is no name.
            NotNowError: one is being pulled.
        """
        name = value.get("name")
        known = [one["name"] for one in self.models()["models"] if one["pullable"]]
        if name not in known:
            raise FieldError("name", f"no model that can be pulled; there are {', '.join(known)}")
        with self._lock:
            if self._pull and self._pull.is_running:
                raise NotNowError(f"{self._pull.name} is being pulled: wait, or stop it first")
            accept = value.get("accept_licence") is True
            self._pull = ModelPull(str(name), app_folder(), accept_licence=accept)
            return self._pull.to_json()

    def stop_pull(self) -> Json:
        """Stops the pull; what was fetched is kept."""
        with self._lock:
            if self._pull is None:
                raise LookupError("no model is being pulled")
            self._pull.stop()
            return self._pull.to_json()

    # runs

    def command(self, value: Mapping[str, Any]) -> Json:
        """The command that would do a run. Raises as `run` does."""
        project = self._folders().project
        choice = read_choice(value.get("options", {}))
        arguments = check_choice(choice, project.folders, project.report)
        return {"command": tag_command(arguments)}

    def run(self, value: Mapping[str, Any]) -> Json:
        """Starts a run on the open folders.

        Raises:
            FieldError: an option is invalid.
            NotNowError: a run or a write is on, here or elsewhere.
        """
        choice = read_choice(value.get("options", {}))
        with self._lock:
            now = self._folders()
            now.start(choice)
            self._stop_survey()
        return self.whole_state()

    def pause(self) -> Json:
        """Lets the run wait."""
        return self._ordered("pause")

    def resume(self) -> Json:
        """Lets a run that waits go on."""
        return self._ordered("resume")

    def stop(self) -> Json:
        """Ends the run. Its rows are kept."""
        return self._ordered("stop")

    def _ordered(self, order: str) -> Json:
        run = self._folders().run
        if run is None:
            raise NotNowError("there is no run")
        getattr(run, order)()
        return self.whole_state()

    # rows, decisions, writing

    def columns(self, first: int) -> Json:
        """The columns of some rows."""
        now = self._folders()
        columns = now.session.columns(first, MAX_COLUMN_ROWS)
        count = max(0, min(MAX_COLUMN_ROWS, columns["rows"] - first))
        return columns | {"from": first, "count": count, "run": now.generation}

    def plan(self) -> Json:
        """Counts what is to be written, and what can be restored."""
        return self._folders().plan()

    def decide(self, value: Mapping[str, Any]) -> Json:
        """Keeps decisions. Raises NotNowError if the rows are not those that the page shows."""
        now = self._folders()
        if value.get("run") != now.generation:
            raise NotNowError("the rows have changed since: look again")
        return now.session.decide(value)

    def rehearse(self, value: Mapping[str, Any]) -> Json:
        """Starts a dry run of the write."""
        self._folders().write(read_write_choice(value.get("write", {})), None)
        return self._job() or {}

    def write(self, value: Mapping[str, Any]) -> Json:
        """Starts to write what was approved."""
        self._folders().write(read_write_choice(value.get("write", {})), _count_in(value))
        return self._job() or {}

    def untag(self, value: Mapping[str, Any]) -> Json:
        """Starts to restore what was written."""
        self._folders().untag(_count_in(value))
        return self._job() or {}

    def stop_write(self) -> Json:
        """Ends a write after the photo in hand."""
        job = self.session().job
        if job is None:
            raise NotNowError("nothing is being written")
        job.stop()
        return self._job() or {}

    def write_progress(self) -> Json:
        """The write, and at its end the rows that it changed."""
        return self.session().progress() | (self._job() or {})

    def shut_down(self) -> None:
        """Ends all that is on. What is open stays noted, so that the next server opens it."""
        with self._lock:
            self._stop_survey()
            if self._pull and self._pull.is_running:
                self._pull.stop()
            if self._open:
                self._open.close()


def _folders_in(value: object) -> list[Path]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_FOLDERS:
        raise FieldError("folders", f"choose 1 to {MAX_FOLDERS} folders")
    try:
        return list(dict.fromkeys(map(path_of, value)))
    except ValueError as error:
        raise FieldError("folders", str(error)) from error


def _check_folder(folder: Path) -> None:
    """
    Raises:
        FieldError: it is no folder, or cannot be read.
    """
    try:
        if not folder.is_dir():
            raise FieldError("folders", f"{printable_path(folder)}: there is no such folder")
        next(folder.iterdir(), None)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise FieldError("folders", f"{printable_path(folder)} cannot be read: {why}") from error


def _count_in(value: Mapping[str, Any]) -> int:
    photos = value.get("photos")
    if not isinstance(photos, int) or isinstance(photos, bool):
        raise FieldError("photos", "photos is not a number")
    return photos


def _open_file() -> Path:
    return app_folder() / "open.json"


def _keep_open(folders: Sequence[Path]) -> None:
    write_whole(_open_file(), json.dumps([path_id(folder) for folder in folders]))


def _examples() -> list[Path]:
    """The example photos: in the package, or beside it in a checkout."""
    package = Path(str(resources.files("geotagger")))
    for folder in (package / "data" / "examples", package.parent / "examples"):
        if found := sorted(folder.glob("*.jpg")):
            return found
    raise LookupError("this installation has no example photos")
