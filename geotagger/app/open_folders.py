"""The folders that are open: their rows, the decisions on them, and their run."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from geotagger.app.folder_locks import FolderBusyError, check_free
from geotagger.app.model_list import note_run
from geotagger.app.project import LastRun, Project, app_folder
from geotagger.app.run_options import RunChoice, WriteChoice, check_choice
from geotagger.app.tagging_run import BUSY, Stage, TaggingRun
from geotagger.errors import GeotaggerError, UsageError
from geotagger.loopback.answers import NotNowError
from geotagger.printable import printable_path
from geotagger.reports.read.rows import read_rows
from geotagger.reports.schema import Cell
from geotagger.review.decisions import Decisions
from geotagger.review.index import RowIndex
from geotagger.review.session import ReviewSession

_STAGES = {
    LastRun.NONE: Stage.READY,
    LastRun.RUNNING: Stage.STOPPED,  # it was cut off
    LastRun.DONE: Stage.DONE,
    LastRun.STOPPED: Stage.STOPPED,
    LastRun.FAILED: Stage.FAILED,
}
_generations = itertools.count(1)


def locks_folder() -> Path:
    """Where runs lock their folders."""
    return app_folder() / "locks"


class OpenFolders:
    """The rows of a project, and its run. Methods may be called from any thread.

    Args:
        project: its folder on disk is there.
        on_change: called when a run has ended.

    Raises:
        NotNowError: another app has these folders open.
    """

    def __init__(self, project: Project, on_change: Callable[[], None]) -> None:
        self.project = project
        self.run: TaggingRun | None = None
        self.generation = next(_generations)
        """Changes when the rows begin anew."""
        self._on_change = on_change
        self._lock = threading.RLock()
        try:
            self._decisions = Decisions(project.report)
        except UsageError as error:
            raise NotNowError(
                "these folders are open in another geotagger app: go on there, or stop it first"
            ) from error
        self.session = self._new_session()
        self._was_cut_off = project.last_run is LastRun.RUNNING
        self._load_stopped = threading.Event()
        self._loader = threading.Thread(target=self._load_rows, args=(self.session,), daemon=True)
        self._loader.start()

    def _new_session(self) -> ReviewSession:
        return ReviewSession(self.project.report, self._decisions, RowIndex())

    @property
    def stage(self) -> Stage:
        """Where the folders stand."""
        return self.run.stage if self.run else _STAGES[self.project.last_run]

    @property
    def is_loading(self) -> bool:
        """Whether rows of an earlier run are being read."""
        return self._loader.is_alive()

    @property
    def was_cut_off(self) -> bool:
        """Whether the last run neither ended nor was stopped."""
        return self._was_cut_off and self.run is None

    @property
    def damaged_lines(self) -> int:
        """Lines of the journal of decisions that cannot be read."""
        return self._decisions.damaged

    def _load_rows(self, session: ReviewSession) -> None:
        """Rows of the last run. What is not below the folders is no row of theirs."""
        file = self.project.rows_file
        if file is None:
            return
        try:
            for cells in read_rows(file):
                if self._load_stopped.is_set():
                    return
                if self._is_own(cells):
                    session.index.add([cells])
        except GeotaggerError:  # damaged; the next run makes it anew
            return

    def _is_own(self, cells: Mapping[str, Cell]) -> bool:
        path = Path(str(cells["path"]))
        return ".." not in path.parts and any(
            path.is_relative_to(printable_path(folder)) for folder in self.project.folders
        )

    def start(self, choice: RunChoice) -> None:
        """Starts a run.

        Raises:
            FieldError: an option is invalid.
            NotNowError: a run or a write is on, here or elsewhere.
        """
        with self._lock:
            self._refuse_while_busy()
            arguments = check_choice(choice, self.project.folders, self.project.report)
            try:
                check_free(locks_folder(), self.project.folders)
            except FolderBusyError as error:
                raise NotNowError(str(error)) from error
            self._stop_loading()
            self.project = self.project.saved(choice=choice, last_run=LastRun.RUNNING, rows=0)
            old, self.session = self.session, self._new_session()
            self.generation = next(_generations)
            old.close()
            self.run = TaggingRun(
                arguments,
                self.project.folder,
                locks_folder(),
                self.session.index,
                self._run_ended,
            )

    def _refuse_while_busy(self) -> None:
        if self.stage in BUSY:
            raise NotNowError("a run is on: stop it first")
        if self.session.job and self.session.job.is_running:
            raise NotNowError("photos are being written: wait until that has ended")

    def _run_ended(self, stage: Stage) -> None:
        with self._lock:
            assert self.run
            progress = self.run.progress()
            self.project = self.project.saved(
                last_run=LastRun(stage.value), rows=len(self.session.index)
            )
        if stage is Stage.DONE:
            fresh = progress["done"] - progress["resumed"]
            note_run(self.project.choice.models, fresh, progress["seconds"])
        self._on_change()

    def plan(self) -> dict[str, int]:
        """Counts what is to be written, as soon as the rows of an earlier run are there."""
        self._loader.join()
        return self.session.plan()

    def write(self, choice: WriteChoice, photos: int | None) -> None:
        """Starts to write what was approved, or to rehearse it.

        Args:
            choice: what to write where.
            photos: the number that the page has shown; None for a dry run.

        Raises:
            NotNowError: something else is on, or the number has changed.
        """
        with self._lock:
            self._refuse_to_write()
            options = choice.run_options(dry_run=photos is None)
            planned = self.plan()["photos"] if photos is None else photos
            self._start_job(lambda: self.session.write(options, planned))
            if choice != self.project.choice.write:
                self.project = self.project.saved(choice=replace(self.project.choice, write=choice))

    def untag(self, photos: int) -> None:
        """Starts to restore what was written. Raises as `write` does."""
        with self._lock:
            self._refuse_to_write()
            self._start_job(lambda: self.session.untag(photos))

    def _refuse_to_write(self) -> None:
        self._loader.join()
        if self.stage in BUSY - {Stage.PAUSED}:
            raise NotNowError("a run is on: pause it or let it end first")

    @staticmethod
    def _start_job(start: Callable[[], None]) -> None:
        try:
            start()
        except ValueError as error:
            raise NotNowError(str(error)) from error

    def progress(self) -> dict[str, Any] | None:
        """How far the run is; None if there was none since the folders were opened."""
        return self.run.progress() if self.run else None

    @property
    def is_busy(self) -> bool:
        """Whether a run or a write is on."""
        return self.stage in BUSY or (self.session.job is not None and self.session.job.is_running)

    def refuse_to_close(self) -> None:
        """Raises NotNowError while a run or a write is on."""
        self._refuse_while_busy()

    def close(self) -> None:
        """Ends all that is on: a run after the photos in hand, a write after the photo in hand."""
        self._stop_loading()
        if self.run:
            self.run.stop()
            self.run.join()
        if self.session.job:
            self.session.job.stop()
        self.session.close()
        self._decisions.close()

    def _stop_loading(self) -> None:
        self._load_stopped.set()
        self._loader.join()
