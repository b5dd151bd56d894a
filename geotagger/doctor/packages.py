"""Checks of the Python packages that geotagger and its extras need, and of other programs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement

from geotagger.doctor.finding import (
    DISTRIBUTION,
    CheckFinding,
    CheckState,
    install_extra,
    pip_install,
    program_output,
)

MAX_NAMED = 3
"""An extra that lacks more packages than this is for developers, who have a copy of the
repository."""


@dataclass(frozen=True, slots=True)
class PackageStatus:
    """One required package, and the version that is installed."""

    name: str
    requirement: str
    version: str
    """Empty if it is not installed."""
    fits: bool
    """Whether the version is in the required range."""


def packages() -> Iterator[CheckFinding]:
    """The packages that are always needed."""
    try:
        required = requirements()
    except metadata.PackageNotFoundError:
        detail = "geotagger runs from a folder and is not installed; its requirements are unknown"
        remedy = pip_install(".")
        yield CheckFinding("packages", DISTRIBUTION, CheckState.POOR, detail, remedy)
        return
    for package in required:
        remedy = pip_install(package.requirement)
        if not package.version:
            detail = f"not installed; {package.requirement} is needed"
            yield CheckFinding("packages", package.name, CheckState.BROKEN, detail, remedy)
        elif not package.fits:
            detail = f"{package.version} was not tested; {package.requirement} was"
            yield CheckFinding("packages", package.name, CheckState.POOR, detail, remedy)
        else:
            yield CheckFinding("packages", package.name, CheckState.OK, package.version)
    if len(installed := onnxruntimes()) > 1:
        detail = f"{', '.join(installed)} overwrite each other's files: keep one"
        command = f"{sys.executable} -m pip uninstall -y {' '.join(installed)}"
        remedy = f"{command}, then install the one you want"
        yield CheckFinding("packages", "onnxruntime", CheckState.POOR, detail, remedy)


def extras() -> Iterator[CheckFinding]:
    """The packages that only some options and commands need."""
    try:
        names = metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or ()
    except metadata.PackageNotFoundError:
        return
    for extra in names:
        required = requirements(extra)
        missing = [package.requirement for package in required if not package.version]
        if missing:
            detail = f"{len(missing)} of {len(required)} packages not installed"
            few = len(missing) <= MAX_NAMED
            remedy = pip_install(*missing) if few else install_extra(extra)
            yield CheckFinding("extras", extra, CheckState.ABSENT, detail, remedy)
        elif required:
            detail = ", ".join(f"{package.name} {package.version}" for package in required)
            yield CheckFinding("extras", extra, CheckState.OK, detail)


def programs() -> Iterator[CheckFinding]:
    """The programs that an option may call."""
    path = shutil.which("exiftool")
    if path is None:
        detail = "not found; only --backend exiftool needs it (HEIC, AVIF, RAW)"
        remedy = "get it from exiftool.org or your system's packages (libimage-exiftool-perl)"
        yield CheckFinding("programs", "ExifTool", CheckState.ABSENT, detail, remedy)
    elif version := program_output(path, "-ver"):
        yield CheckFinding("programs", "ExifTool", CheckState.OK, f"{version}, {path}")
    else:
        detail = f"{path} does not answer"
        yield CheckFinding("programs", "ExifTool", CheckState.POOR, detail, "install it again")


def requirements(extra: str = "") -> list[PackageStatus]:
    """The packages that an extra adds, or that are always needed, on this platform.

    Raises:
        importlib.metadata.PackageNotFoundError: geotagger is not installed.
    """
    statuses = []
    for line in metadata.requires(DISTRIBUTION) or ():
        requirement = Requirement(line)
        marker = requirement.marker
        always = marker is None or marker.evaluate({"extra": ""})
        applies = marker is None or marker.evaluate({"extra": extra})
        if applies and always != bool(extra) and requirement.name != DISTRIBUTION:
            statuses.append(_status(requirement))
    return statuses


def _status(requirement: Requirement) -> PackageStatus:
    version = _version(requirement.name) if _has_extras(requirement) else ""
    fits = bool(version) and requirement.specifier.contains(version, prereleases=True)
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    name = f"{requirement.name}{extras}"
    return PackageStatus(name, f"{name}{requirement.specifier}", version, fits)


def _has_extras(requirement: Requirement) -> bool:
    """Whether the packages that the requirement's extras add are installed, such as CUDA's."""
    try:
        lines = [Requirement(line) for line in metadata.requires(requirement.name) or ()]
    except metadata.PackageNotFoundError:
        return not requirement.extras
    return all(
        _version(line.name)
        for extra in requirement.extras
        for line in lines
        if line.marker and not line.marker.evaluate({"extra": ""})
        if line.marker.evaluate({"extra": extra})
    )


def onnxruntimes() -> list[str]:
    """Installed packages that hold ONNX Runtime: one per kind of device, all in one folder."""
    return list(dict.fromkeys(metadata.packages_distributions().get("onnxruntime", ())))


def _version(name: str) -> str:
    """Empty if it is not installed. Any package that holds ONNX Runtime counts as onnxruntime."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        others = onnxruntimes() if name.startswith("onnxruntime") else []
        return metadata.version(others[0]) if others else ""
