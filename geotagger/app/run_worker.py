"""The process of a run: it does what `geotagger tag` does, and can be paused and stopped.

It writes no photo. It ends cleanly when it is told to, or when the server has ended.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from geotagger.app.child import Messages
from geotagger.app.folder_locks import locked_folders
from geotagger.app.run_options import options_of
from geotagger.errors import GeotaggerError, UsageError
from geotagger.heap import limit_heap
from geotagger.images.scan import count
from geotagger.pipeline import run as pipeline
from geotagger.pipeline.setup import excludes_of
from geotagger.reports.formats.jsonl import json_row
from geotagger.reports.run_summary import summary_text
from geotagger.reports.schema import Cell

TAKEN_EVERY_S = 0.25


class RunStopped(BaseException):
    """The run ends because a person or the server said so; not an error of a photo."""


class Control:
    """What the server wants: the run goes on, waits, or ends."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._may_go_on = threading.Event()
        self._may_go_on.set()
        self._is_stopped = False
        self._taken = 0
        self._told_at = 0.0
        threading.Thread(target=self._obey, daemon=True).start()

    def _obey(self) -> None:
        for message in self._messages.received():
            if message.get("do") == "pause":
                self._may_go_on.clear()
            elif message.get("do") == "resume":
                self._may_go_on.set()
            elif message.get("do") == "stop":
                break
        self._is_stopped = True
        self._may_go_on.set()

    def before_photo(self) -> None:
        """Waits while the run is paused. Raises RunStopped if it is to end."""
        self._taken += 1
        if time.monotonic() - self._told_at > TAKEN_EVERY_S:
            self._told_at = time.monotonic()
            self._messages.send("taken", photos=self._taken)
        self.check()

    def check(self) -> None:
        """The same, without counting a photo."""
        if not self._may_go_on.is_set():
            self._messages.send("paused")
            self._may_go_on.wait()
            if not self._is_stopped:
                self._messages.send("resumed")
        if self._is_stopped:
            raise RunStopped


def main() -> None:
    """Does the run that the first message describes."""
    gc.set_threshold(50_000)  # as in `geotagger tag`
    messages = Messages()
    control = Control(messages)
    with suppress(BrokenPipeError):  # the server has ended, and nobody listens
        try:
            _run(messages, control)
        except RunStopped:
            messages.send("stopped")
        except (GeotaggerError, OSError, ImportError) as error:
            messages.send("failed", error=str(error))


def _run(messages: Messages, control: Control) -> None:
    options = options_of(messages.job["arguments"])

    def on_row(cells: Mapping[str, Cell]) -> None:
        messages.send("row", cells=json_row(cells, None))
        control.check()

    def count_photos() -> None:
        with suppress(UsageError, OSError, BrokenPipeError):
            messages.send("total", photos=sum(count(options.paths, excludes_of(options))))

    with locked_folders(Path(messages.job["locks"]), options.paths):
        limit_heap(options.workers)
        threading.Thread(target=count_photos, daemon=True).start()
        summary = pipeline.run(options, on_row, control.before_photo)
    messages.send(
        "done",
        resumed=summary.resumed,
        seconds=summary.seconds,
        text=summary_text(summary, options),
    )


if __name__ == "__main__":
    main()
