"""The packages that geotagger needs, and those of its extras."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement

from geotagger.doctor.report import DISTRIBUTION, Finding, State, install_extra, pip_install

MAX_NAMED = 3
"""Extras that lack more packages than these are for developers, who have a copy."""


@dataclass(frozen=True, slots=True)
class Needed:
    """One requirement, and what is here of it."""

    name: str
    requirement: str
    version: str
    """Empty where it is not installed."""
    fits: bool


def packages() -> Iterator[Finding]:
    """What is always needed."""
    try:
        needed = requirements()
    except metadata.PackageNotFoundError:
        detail = "geotagger runs from a folder and was not installed; what it needs is not known"
        yield Finding("packages", DISTRIBUTION, State.POOR, detail, pip_install("."))
        return
    for one in needed:
        remedy = pip_install(one.requirement)
        if not one.version:
            detail = f"not installed; {one.requirement} is needed"
            yield Finding("packages", one.name, State.BROKEN, detail, remedy)
        elif not one.fits:
            detail = f"{one.version} was not tested; {one.requirement} was"
            yield Finding("packages", one.name, State.POOR, detail, remedy)
        else:
            yield Finding("packages", one.name, State.OK, one.version)
    if len(several := onnxruntimes()) > 1:
        detail = f"{', '.join(several)} overwrite each other's files: keep one"
        command = f"{sys.executable} -m pip uninstall -y {' '.join(several)}"
        remedy = f"{command}, then install the one you want"
        yield Finding("packages", "onnxruntime", State.POOR, detail, remedy)


def extras() -> Iterator[Finding]:
    """What only some options and commands need."""
    try:
        names = metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or ()
    except metadata.PackageNotFoundError:
        return
    for extra in names:
        needed = requirements(extra)
        lacking = [one.requirement for one in needed if not one.version]
        if lacking:
            detail = f"{len(lacking)} of {len(needed)} packages not installed"
            few = len(lacking) <= MAX_NAMED
            remedy = pip_install(*lacking) if few else install_extra(extra)
            yield Finding("extras", extra, State.ABSENT, detail, remedy)
        elif needed:
            told = ", ".join(f"{one.name} {one.version}" for one in needed)
            yield Finding("extras", extra, State.OK, told)


def requirements(extra: str = "") -> list[Needed]:
    """What an extra adds, or what is always needed, on this platform.

    Raises importlib.metadata.PackageNotFoundError: geotagger was not installed.
    """
    found = []
    for line in metadata.requires(DISTRIBUTION) or ():
        one = Requirement(line)
        always = one.marker is None or one.marker.evaluate({"extra": ""})
        fits = one.marker is None or one.marker.evaluate({"extra": extra})
        if fits and always != bool(extra) and one.name != DISTRIBUTION:
            version = _version(one.name) if _has_extras(one) else ""
            right = one.specifier.contains(version, prereleases=True) if version else False
            extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
            wanted = f"{one.name}{extras}{one.specifier}"
            found.append(Needed(f"{one.name}{extras}", wanted, version, right))
    return found


def _has_extras(one: Requirement) -> bool:
    """Whether what the extras of a package add is here, too: CUDA's libraries are such."""
    try:
        lines = [Requirement(line) for line in metadata.requires(one.name) or ()]
    except metadata.PackageNotFoundError:
        return not one.extras
    return all(
        _version(line.name)
        for extra in one.extras
        for line in lines
        if line.marker and not line.marker.evaluate({"extra": ""})
        if line.marker.evaluate({"extra": extra})
    )


def onnxruntimes() -> list[str]:
    """Packages that hold ONNX Runtime: one for each kind of device, all in the same folder."""
    return list(dict.fromkeys(metadata.packages_distributions().get("onnxruntime", ())))


def _version(name: str) -> str:
    """Empty where it is not installed. Any package that holds ONNX Runtime will do."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        others = onnxruntimes() if name.startswith("onnxruntime") else []
        return metadata.version(others[0]) if others else ""
