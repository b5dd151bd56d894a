"""Where geotagger keeps its state between runs: one folder of the user."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_state_path


def state_folder() -> Path:
    """Folder of the journals: GEOTAGGER_STATE, or the platform's folder for state."""
    chosen = os.environ.get("GEOTAGGER_STATE")
    return Path(chosen) if chosen else user_state_path("geotagger", appauthor=False)
