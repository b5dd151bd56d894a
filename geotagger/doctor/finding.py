"""The result of one check of `geotagger doctor`, and the commands that repair an installation."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum

DISTRIBUTION = "geotagger-photos"
"""The name of the package on the package index."""
TIMEOUT_S = 2.0
"""For each program that is called."""


class CheckState(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    ABSENT = "absent"
    """Not installed, and needed only for some options."""
    POOR = "poor"
    """`geotagger tag` runs, but something else does not."""
    BROKEN = "broken"
    """`geotagger tag` cannot run."""


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """The result of one check."""

    about: str
    """The group in which it is shown."""
    name: str
    state: CheckState
    detail: str = ""
    remedy: str = ""
    """A shell command, or an instruction."""


def pip_install(*requirements: str) -> str:
    """The command that installs these into the running environment."""
    quoted = " ".join(f'"{requirement}"' for requirement in requirements)
    return f"{sys.executable} -m pip install {quoted}"


def reinstall(name: str) -> str:
    """The command that restores the files of a package."""
    command = f"{sys.executable} -m pip install --force-reinstall --no-deps"
    if name == DISTRIBUTION:
        return f"in a copy of the repository: {command} ."
    return f"{command} {name}"


def install_extra(name: str) -> str:
    """The command that installs an extra for developers."""
    return f'in a copy of the repository: {sys.executable} -m pip install -e ".[{name}]"'


def program_output(*command: str) -> str:
    """What a program prints; empty if it fails or takes too long."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
