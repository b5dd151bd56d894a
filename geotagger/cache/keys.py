"""The key of a run: cached rows are valid only for runs with the same key."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path

from geotagger.cache.fingerprint import program_fingerprint, sha256_of
from geotagger.calibration.stored import calibration_contents
from geotagger.config import RunOptions
from geotagger.tracks.files import track_files
from geotagger.vision.bundle.bundle import find_bundle
from geotagger.vision.bundle.card import CARD_FILE

NOT_IN_KEY = frozenset({
    "paths", "reports", "thumbnails", "circles", "csv_bom", "exclude", "default_excludes",
    "manifest", "models", "device", "text_device", "batch_size", "workers", "journal", "restart",
    "engine", "address",
})  # fmt: skip
"""Options that change where or how fast a run works, not its results. The contents of the bundles
are in the key, so `models` (their names) is not."""


def run_key(options: RunOptions) -> str:
    """Key of a run: equal for runs that give every photo the same report row.

    Returns:
        A SHA-256 in hexadecimal over program, options, model cards and calibrations.

    Raises:
        BundleError: a bundle named in the options does not exist.
    """
    chosen = [(f.name, getattr(options, f.name)) for f in fields(options)]
    parts = [program_fingerprint()]
    parts += [
        f"{name}={_as_text(value)}" for name, value in sorted(chosen) if name not in NOT_IN_KEY
    ]
    folders = [find_bundle(name) for name in options.models]
    parts += [sha256_of((folder / CARD_FILE).read_bytes()) for folder in folders]
    parts += map(sha256_of, calibration_contents(folders))
    return sha256_of("\n".join(parts).encode("utf-8", "surrogateescape"))


def _as_text(value: object) -> str:
    """An option as text. A file counts by its contents, not by its name."""
    if isinstance(value, tuple) and value and all(isinstance(item, Path) for item in value):
        return " ".join(_file_sha256(file) for path in value for file in track_files(path))
    if isinstance(value, str | Path) and str(value):
        try:
            return sha256_of(Path(value).read_bytes())
        except (OSError, ValueError):
            return str(value)
    return repr(value)


def _file_sha256(file: Path) -> str:
    """The hash of a file that may be too large for memory; its name if it cannot be read."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return str(file)
