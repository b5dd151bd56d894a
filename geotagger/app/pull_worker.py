"""The process that pulls a model. It is the only part of the app that opens a connection, and it is
started only when a person asks for it."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from geotagger.app.child import Messages
from geotagger.download.pull import PullOptions, pull
from geotagger.errors import GeotaggerError

EVERY_S = 0.25


class _Bar:
    """A `ProgressBar` that tells the server how many bytes there are."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._bytes = 0.0
        self._told_at = 0.0

    def reset(self, total: float) -> None:
        self._bytes = 0.0
        self._messages.send("bytes", bytes=0, total=int(total))

    def update(self, count: float) -> None:
        self._bytes += count
        if time.monotonic() - self._told_at > EVERY_S:
            self._told_at = time.monotonic()
            self._messages.send("bytes", bytes=int(self._bytes))


def main() -> None:
    """Pulls the model that the first message names."""
    messages = Messages()
    job: dict[str, Any] = messages.job
    options = PullOptions(model=job["name"], accept_licence=job["accept_licence"])
    with suppress(BrokenPipeError):  # the server has ended
        try:
            pull(options, lambda line: messages.send("line", line=str(line)), _Bar(messages))
        except (GeotaggerError, OSError, ImportError) as error:
            messages.send("failed", error=str(error))
        else:
            messages.send("done")


if __name__ == "__main__":
    main()
