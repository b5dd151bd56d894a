"""Build the tables in geotagger/data from public data."""

from importlib.resources import files
from pathlib import Path

DATA = Path(str(files("geotagger.data")))
"""Where the tables are written, unless `--out` names another folder."""
