"""All that `geotagger doctor` looks at, in the order it is shown in."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from geotagger.doctor.report import DISTRIBUTION, Finding, State, reinstall
from geotagger.version import __version__


def examine() -> list[Finding]:
    """Every finding. Raises nothing."""
    checks = {
        "program": _program,
        "packages": _later("packages", "packages"),
        "extras": _later("packages", "extras"),
        "devices": _later("running", "devices"),
        "models": _later("belongings", "models"),
        "data": _later("belongings", "data"),
        "programs": _later("belongings", "programs"),
        "folders": _later("belongings", "folders"),
    }
    return [finding for about, check in checks.items() for finding in _guarded(about, check)]


def can_run(findings: list[Finding]) -> bool:
    """Whether `geotagger tag` can do its work."""
    return not any(finding.state is State.BROKEN for finding in findings)


def _later(module: str, function: str) -> Callable[[], Iterator[Finding]]:
    """A check whose module is imported when it runs: that alone may fail."""

    def check() -> Iterator[Finding]:
        found: Iterator[Finding] = getattr(import_module(f"geotagger.doctor.{module}"), function)()
        yield from found

    return check


def _guarded(about: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(check())
    except Exception as error:
        detail = f"{type(error).__name__}: {error}"
        found.append(Finding(about, about, State.BROKEN, detail, reinstall(DISTRIBUTION)))
    return found


def _program() -> Iterator[Finding]:
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    folder = Path(__file__).parents[1]
    yield Finding("program", "geotagger", State.OK, f"{__version__}, {folder}")
    yield Finding("program", "Python", State.OK, f"{platform.python_version()}, {sys.executable}")
    yield Finding("program", "system", State.OK, f"{system}, {os.cpu_count()} processors")
