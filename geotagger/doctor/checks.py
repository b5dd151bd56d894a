"""All checks of `geotagger doctor`, in the order in which they are shown.

Checks must never crash: nothing heavy is imported before its own check, and an exception in a check
is a finding. No check uses the network, and none writes.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from importlib import import_module, resources

from geotagger.doctor.finding import DISTRIBUTION, CheckFinding, CheckState, reinstall
from geotagger.version import __version__


def run_checks() -> list[CheckFinding]:
    """Every finding. No exception leaves it."""
    checks = {
        "program": _program,
        "packages": _imported("packages", "packages"),
        "extras": _imported("packages", "extras"),
        "devices": _imported("devices", "devices"),
        "models": _imported("data_files", "models"),
        "data": _imported("data_files", "data"),
        "programs": _imported("packages", "programs"),
        "folders": _imported("data_files", "folders"),
    }
    return [finding for about, check in checks.items() for finding in _guarded(about, check)]


def can_run(findings: list[CheckFinding]) -> bool:
    """Whether `geotagger tag` can run."""
    return not any(finding.state is CheckState.BROKEN for finding in findings)


def _imported(module: str, function: str) -> Callable[[], Iterator[CheckFinding]]:
    """A check whose module is imported when it runs, because the import may fail."""

    def check() -> Iterator[CheckFinding]:
        run: Callable[[], Iterator[CheckFinding]] = getattr(
            import_module(f"geotagger.doctor.{module}"), function
        )
        yield from run()

    return check


def _guarded(about: str, check: Callable[[], Iterator[CheckFinding]]) -> list[CheckFinding]:
    """The findings of a check; an exception is one more."""
    findings: list[CheckFinding] = []
    try:
        findings.extend(check())
    except Exception as error:
        detail = f"{type(error).__name__}: {error}"
        findings.append(
            CheckFinding(about, about, CheckState.BROKEN, detail, reinstall(DISTRIBUTION))
        )
    return findings


def _program() -> Iterator[CheckFinding]:
    folder = resources.files("geotagger")
    python = f"{platform.python_version()}, {sys.executable}"
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield CheckFinding("program", "geotagger", CheckState.OK, f"{__version__}, {folder}")
    yield CheckFinding("program", "Python", CheckState.OK, python)
    yield CheckFinding("program", "system", CheckState.OK, f"{system}, {os.cpu_count()} processors")
