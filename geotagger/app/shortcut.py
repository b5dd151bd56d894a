"""Adds geotagger to the programs of the desktop: one file of the user, which may be deleted."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from geotagger.errors import GeotaggerError

PROGRAM = (sys.executable, "-P", "-m", "geotagger", "app")
"""-P: a module in the folder where the desktop starts it is not imported."""
_POWERSHELL = (
    "$link = (New-Object -ComObject WScript.Shell).CreateShortcut($env:GEOTAGGER_LINK);"
    "$link.TargetPath = $env:GEOTAGGER_TARGET; $link.Arguments = $env:GEOTAGGER_ARGUMENTS;"
    "$link.Description = 'Where were these photos taken?'; $link.Save()"
)


def install(platform: str = sys.platform) -> Path:
    """Writes the file, or replaces it.

    Args:
        platform: as `sys.platform`.

    Returns:
        The file.

    Raises:
        GeotaggerError: it cannot be written.
    """
    try:
        if platform == "win32":
            return _start_menu_link()
        if platform == "darwin":
            return _command_file()
        return _desktop_entry()
    except (OSError, subprocess.SubprocessError) as error:
        raise GeotaggerError(
            f"the shortcut cannot be made ({error}): start geotagger app in a terminal instead"
        ) from error


def _desktop_entry() -> Path:
    """A desktop entry (freedesktop.org, Desktop Entry Specification 1.5)."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    file = data / "applications" / "geotagger.desktop"
    command = " ".join(map(_desktop_quoted, PROGRAM))
    return _written(
        file,
        "[Desktop Entry]\n"
        "Type=Application\n"
        "Version=1.5\n"
        "Name=geotagger\n"
        "Comment=Find out where photos were taken\n"
        f"Exec={command} %F\n"
        "Icon=folder-pictures\n"
        "Terminal=false\n"
        "Categories=Graphics;Photography;\n",
    )


def _desktop_quoted(word: str) -> str:
    """An argument of `Exec`: quoted as in a shell, then as a value of a key; % is doubled."""
    quoted = "".join(f"\\{letter}" if letter in '"`$\\' else letter for letter in word)
    return f'"{quoted}"'.replace("\\", "\\\\").replace("%", "%%")


def _command_file() -> Path:
    """A script that macOS opens in a terminal."""
    file = Path.home() / "Applications" / "geotagger.command"
    _written(file, f"#!/bin/sh\nexec {shlex.join(PROGRAM)}\n")
    file.chmod(0o755)
    return file


def _start_menu_link() -> Path:
    """A link in the Start menu. Only Windows' own shell can make one."""
    programs = Path(os.environ["APPDATA"]) / "Microsoft" / "Windows" / "Start Menu" / "Programs"
    file = programs / "geotagger.lnk"
    target, *arguments = PROGRAM
    texts = {
        "GEOTAGGER_LINK": str(file),
        "GEOTAGGER_TARGET": target,
        "GEOTAGGER_ARGUMENTS": subprocess.list2cmdline(arguments),
    }
    programs.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["powershell", "-NoProfile", "-NonInteractive", "-Command", _POWERSHELL],
        env={**os.environ, **texts},
        check=True,
        capture_output=True,
        timeout=60,
    )
    return file


def _written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file
