"""The tables that are part of the package, and functions that read them.

Each table is built by a script in `tools/build_data/` or fitted by one in `training/`. The graphs
in `graphs/` are made by `export/templates.py`.
"""

from __future__ import annotations

import csv
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_text(name: str) -> str:
    """The text of a file in UTF-8, such as a CSV."""
    return files(__name__).joinpath(name).read_text("utf-8")


def read_table(name: str) -> list[dict[str, str]]:
    """Read the rows of a CSV, by the names of its columns."""
    return list(csv.DictReader(read_text(name).splitlines()))


def read_json(name: str) -> Any:
    """The content of a JSON file."""
    return json.loads(read_text(name))


def read_arrays(name: str) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file by name, all in memory."""
    import numpy as np

    with (
        files(__name__).joinpath(name).open("rb") as file,
        np.load(file, allow_pickle=False) as npz,
    ):
        return dict(npz)
