"""A model that is being pulled, as the server sees it: a process, and how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from geotagger.app.child import Child, Message


class ModelPull:
    """One pull. What was fetched is kept when it is stopped, and the next one goes on."""

    def __init__(self, name: str, folder: Path, *, accept_licence: bool) -> None:
        self.name = name
        self.is_running = True
        self._is_done = False
        self._is_stopped = False
        self._values: dict[str, Any] = {"bytes": 0, "total": 0, "line": "", "error": ""}
        job = {"name": name, "accept_licence": accept_licence}
        self._child = Child(
            "geotagger.app.pull_worker", job, folder, self._on_message, self._on_end
        )

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self._is_stopped = True
        self._child.kill()
        self._child.join()

    def to_json(self) -> dict[str, Any]:
        """How far it is."""
        return {"name": self.name, "running": self.is_running, **self._values}

    def _on_message(self, message: Message) -> None:
        if message["kind"] == "done":
            self._is_done = True
        self._values |= {key: value for key, value in message.items() if key in self._values}

    def _on_end(self, code: int) -> None:
        if self._is_stopped:
            self._values["line"] = "stopped; what was fetched is kept"
        elif not self._is_done and not self._values["error"]:
            self._values["error"] = f"the pull ended unexpectedly (exit code {code}): try again"
        self.is_running = False
