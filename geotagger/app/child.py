"""A child process of the server: it does one job, and sends and takes messages in JSON lines.

The child ends when the server does, because its input ends then.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import geotagger

Message = dict[str, Any]


class Child:
    """The server's end.

    Args:
        module: is run as a program.
        job: the first message.
        folder: the child's working folder, where its `child.log` keeps what it prints.
        on_message: called in a thread with each message of the child.
        on_end: called in the same thread when the child has ended, with its exit code.
    """

    def __init__(
        self,
        module: str,
        job: Message,
        folder: Path,
        on_message: Callable[[Message], None],
        on_end: Callable[[int], None],
    ) -> None:
        self._on_message = on_message
        self._on_end = on_end
        root = str(Path(geotagger.__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        with (folder / "child.log").open("wb") as log:
            self._process = subprocess.Popen(
                # -P: a json.py in the working folder is not imported
                [sys.executable, "-P", "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": path},
                **_OWN_SESSION,
            )
        self.send(job)
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def send(self, message: Message) -> None:
        """Send a message; a child that has ended gets none."""
        assert self._process.stdin
        with suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(message).encode("ascii") + b"\n")
            self._process.stdin.flush()

    def kill(self) -> None:
        """End the child at once."""
        self._process.kill()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait until the child has ended and `on_end` has returned; whether that is so now."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _follow(self) -> None:
        assert self._process.stdout
        assert self._process.stdin
        with self._process.stdout as lines, self._process.stdin:
            for line in lines:
                with suppress(ValueError):  # the last line of a child that was killed
                    self._on_message(json.loads(line))
            code = self._process.wait()
        self._on_end(code)


_OWN_SESSION: dict[str, Any] = (
    {"creationflags": 0x00000200 | 0x08000000}  # a group of its own, no window
    if sys.platform == "win32"
    else {"start_new_session": True}
)
"""Ctrl+C in the terminal is for the server, which ends the child in its own time."""


class Messages:
    """The child's end. Standard output carries messages alone; prints go to standard error."""

    def __init__(self) -> None:
        self._out: IO[bytes] = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        # without a buffer, whose lock a thread would hold when the interpreter ends
        self._in = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115
        self._lock = threading.Lock()
        self.job: Message = json.loads(self._in.readline() or b"{}")

    def send(self, kind: str, **values: Any) -> None:
        """Send a message. Raises BrokenPipeError if the server has ended."""
        data = json.dumps({"kind": kind, **values}).encode("ascii")
        with self._lock:
            self._out.write(data + b"\n")
            self._out.flush()

    def received(self) -> Iterator[Message]:
        """The messages of the server, until it ends."""
        for line in self._in:
            with suppress(ValueError):
                yield json.loads(line)
