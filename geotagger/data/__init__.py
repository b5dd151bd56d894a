"""The tables that come with the program, and how they are read. Each is built by a script of
tools/ or fitted by one of training/."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_text(name: str) -> str:
    """A file of UTF-8 text, such as a CSV."""
    return files(__name__).joinpath(name).read_text("utf-8")


def read_json(name: str) -> Any:
    return json.loads(read_text(name))


def read_arrays(name: str) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz, all in memory."""
    import numpy as np

    with (
        files(__name__).joinpath(name).open("rb") as file,
        np.load(file, allow_pickle=False) as npz,
    ):
        return dict(npz)
