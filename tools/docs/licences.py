"""The licences of everything that geotagger needs to run, as docs/policy/licences.md.

    python tools/docs/licences.py

Names and versions come from requirements.lock, licences from what is installed. Install that first:
pip install -r requirements.lock.
"""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
LOCK, PAGE = ROOT / "requirements.lock", ROOT / "docs" / "policy" / "licences.md"
ELSEWHERE = {"colorama": "BSD-3-Clause", "onnxruntime": "MIT"}
"""Needed on other platforms than the one this runs on."""
NAMES = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 3-Clause": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The MIT License (MIT)": "MIT",
    "MIT license": "MIT",
}
HEAD = """\
# Licences

Every package that `pip install .` brings, with the version in `requirements.lock`, as its own
metadata states it. Made by `python tools/docs/licences.py`; do not edit. Data and weights that
geotagger carries itself are in [NOTICE.md](../../NOTICE.md). Extras (`parquet`, `ray`, `cuda`, ...)
are not listed: they are installed by choice.

No licence here asks anything of geotagger's own code. Some wheels carry C libraries under terms of
their own, which count for whoever passes those wheels on: libheif and libde265 in `pi-heif`
(LGPL 3), GEOS in `shapely` (LGPL 2.1), FFmpeg in `opencv-python-headless` (LGPL 2.1).

| package | version | licence | needed by |
|---|---|---|---|
"""


def table() -> str:
    """One line a package and version, in the order of the lock."""
    lines = []
    for entry in re.split(r"\n(?=[^\s#])", LOCK.read_text("utf-8"))[1:]:
        pinned = Requirement(entry.partition("\\")[0])
        (pin,) = pinned.specifier
        comments = re.findall(r"#(?: via)?[ \t]*(\S.*)?", entry)
        by = [words.split()[0] for words in comments if words]
        cells = [pinned.name, pin.version, licence(pinned.name), ", ".join(by)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def licence(name: str) -> str:
    """What the package says of itself. Exits where it says nothing or is not here."""
    try:
        package = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        if name in ELSEWHERE:
            return ELSEWHERE[name]
        sys.exit(f"{name} is not installed: pip install -r requirements.lock")
    classes = [
        entry.rsplit(" :: ", 1)[1]
        for entry in package.get_all("Classifier") or ()
        if entry.startswith("License :: ") and not entry.endswith("OSI Approved")
    ]
    short = (package["License"] or "").strip()
    licence = (
        package["License-Expression"]
        or (short if 0 < len(short) < 40 else "")
        or "; ".join(classes)
    )
    if not licence:
        sys.exit(f"{name} does not state its licence: look at its files")
    return NAMES.get(licence, licence)


if __name__ == "__main__":
    PAGE.write_text(HEAD + table(), "utf-8")
