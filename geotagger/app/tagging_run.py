"""A run as the server sees it: a process whose rows arrive one by one, and how far it is."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from geotagger.app.child import Child, Message
from geotagger.reports.run_summary import RunSummary
from geotagger.review.index import RowIndex
from geotagger.types import Level, Status

RATE_WINDOW_S = 20.0
"""Photos a second are those of the last so many seconds."""
MAX_STOP_S = 30.0
"""A run that has not ended by itself so long after it was told to is killed."""


class Stage(StrEnum):
    """Where the folders that are open stand."""

    START = "start"
    """No folder is open."""
    READY = "ready"
    """There are no rows yet."""
    STARTING = "starting"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"


BUSY = frozenset({Stage.STARTING, Stage.RUNNING, Stage.PAUSING, Stage.PAUSED, Stage.STOPPING})
"""The stages in which the process of the run lives."""


class TaggingRun:
    """One run. Methods may be called from any thread.

    Args:
        arguments: those of `geotagger tag`.
        folder: where the process works and prints.
        locks: where runs lock their folders.
        index: gets the rows.
        on_end: called when the process has ended, with the last stage, before `stage` becomes it.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        locks: Path,
        index: RowIndex,
        on_end: Callable[[Stage], None],
    ) -> None:
        self.stage = Stage.STARTING
        self.error = ""
        self._index = index
        self._on_end = on_end
        self._summary = RunSummary()
        self._total: int | None = None
        self._taken = 0
        self._seconds = 0.0
        self._last: Stage | None = None
        self._text = ""
        self._log = folder / "child.log"
        self._since = time.monotonic()
        self._samples: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()
        job = {"arguments": list(arguments), "locks": str(locks)}
        self._child = Child(
            "geotagger.app.run_worker", job, folder, self._on_message, self._on_child_end
        )

    def pause(self) -> None:
        """Ask the run to wait; `stage` becomes paused when it does."""
        self._move({Stage.STARTING, Stage.RUNNING}, Stage.PAUSING, "pause")

    def resume(self) -> None:
        """Let a paused run go on."""
        self._move({Stage.PAUSING, Stage.PAUSED}, Stage.RUNNING, "resume")

    def stop(self) -> None:
        """Ask the run to end. Its rows are kept, and the next run goes on from there."""
        if self._move(BUSY - {Stage.STOPPING}, Stage.STOPPING, "stop"):
            timer = threading.Timer(MAX_STOP_S, self._child.kill)
            timer.daemon = True
            timer.start()

    def join(self) -> None:
        """Wait until the process has ended."""
        self._child.join()

    def _move(self, allowed: frozenset[Stage] | set[Stage], to: Stage, order: str) -> bool:
        with self._lock:
            if self.stage not in allowed:
                return False
            self.stage = to
        self._child.send({"do": order})
        return True

    def _on_message(self, message: Message) -> None:
        kind = message.get("kind")
        if kind == "row":
            self._index.add([message["cells"]])
            with self._lock:
                self._summary.add(message["cells"])
        elif kind == "taken":
            self._take(message["photos"])
        elif kind == "total":
            self._total = message["photos"]
        elif kind in ("paused", "resumed"):
            self._samples.clear()
            with self._lock:
                if kind == "paused" and self.stage is Stage.PAUSING:
                    self.stage = Stage.PAUSED
        elif kind == "done":
            self._seconds, self._text = message["seconds"], message["text"]
            self._summary.resumed = message["resumed"]
            self._last = Stage.DONE
        elif kind == "stopped":
            self._last = Stage.STOPPED
        elif kind == "failed":
            self._last, self.error = Stage.FAILED, message["error"]

    def _take(self, photos: int) -> None:
        now = time.monotonic()
        self._taken = photos
        self._samples.append((now, photos))
        while now - self._samples[0][0] > RATE_WINDOW_S and len(self._samples) > 2:
            self._samples.popleft()
        with self._lock:
            if self.stage is Stage.STARTING:
                self.stage = Stage.RUNNING

    def _on_child_end(self, code: int) -> None:
        last = self._last
        if last is None and self.stage is Stage.STOPPING:  # it was killed
            last = Stage.STOPPED
        elif last is None:
            last = Stage.FAILED
            self.error = f"the run ended unexpectedly ({_code_text(code)}){self._last_words()}"
        self._seconds = self._seconds or time.monotonic() - self._since
        try:
            self._on_end(last)
        finally:
            with self._lock:
                self.stage = last

    def _last_words(self) -> str:
        """The last line that the process printed, if it tells more than its exit code."""
        try:
            lines = self._log.read_text("utf-8", "replace").split("\n")
        except OSError:
            lines = []
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        remedy = "start it again, it goes on from here"
        return f": {last[:300]}; {remedy}" if last else f": {remedy}"

    def progress(self) -> dict[str, Any]:
        """How far the run is, for the page."""
        with self._lock:
            summary = self._summary
            done = summary.photos
            rate = self._rate()
            left = None if self._total is None else max(0, self._total - max(done, self._taken))
            is_on = self.stage in BUSY
            return {
                "done": done,
                "taken": max(done, self._taken),
                "total": self._total if is_on else done,
                "photos_per_s": round(rate, 2) if is_on else 0.0,
                "eta_s": round(left / rate) if is_on and rate and left is not None else None,
                "rows": len(self._index),
                "resumed": summary.resumed,
                "failed": summary.failed,
                "seconds": round(self._seconds or time.monotonic() - self._since, 1),
                "by_level": {level.value: summary.levels[level] for level in Level},
                "by_status": {status.value: summary.statuses[status] for status in Status},
                "summary": self._text,
            }

    def _rate(self) -> float:
        if len(self._samples) < 2:
            return 0.0
        (first_at, first), (last_at, last) = self._samples[0], self._samples[-1]
        return (last - first) / max(last_at - first_at, 1e-9)


def _code_text(code: int) -> str:
    if code < 0 and sys.platform != "win32":
        name = signal.Signals(-code).name
        return f"{name}, perhaps for want of memory" if -code == signal.SIGKILL else name
    return f"exit code {code}"
