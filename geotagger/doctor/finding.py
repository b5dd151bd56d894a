"""`geotagger doctor`: what is installed here, what truly runs, and the line that mends the rest.

A doctor must not fall ill: nothing heavy is imported before its own check, and whatever a check
raises is a finding. Nothing opens the network, and nothing is written.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum

DISTRIBUTION = "geotagger-photos"
TIMEOUT_S = 2.0
"""For each program that is asked something."""


class State(StrEnum):
    OK = "ok"
    ABSENT = "absent"
    """Not here, and needed only by those who ask for it."""
    POOR = "poor"
    """The main job runs, but something does not."""
    BROKEN = "broken"
    """The main job cannot run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    about: str
    """The group it is shown in."""
    name: str
    state: State
    detail: str = ""
    remedy: str = ""
    """A line to give to a shell, or a thing to do."""


def pip_install(*requirements: str) -> str:
    """The line that installs these into the very environment that runs."""
    wanted = " ".join(f'"{one}"' for one in requirements)
    return f"{sys.executable} -m pip install {wanted}"


def reinstall(name: str) -> str:
    """The line that puts the files of a package back."""
    line = f"{sys.executable} -m pip install --force-reinstall --no-deps"
    return f"{line} {name}" if name != DISTRIBUTION else f"in a copy of the repository: {line} ."


def install_extra(name: str) -> str:
    """The line that installs all that an extra for developers needs."""
    return f'in a copy of the repository: {sys.executable} -m pip install -e ".[{name}]"'


def said(*command: str) -> str:
    """What a program prints; empty where it fails or takes too long."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
