"""Where the files of a published model come from: a hub, asked by name and once, or a folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from geotagger.errors import UsageError
from training.engine.origins import PUBLISHED, licence_of

NEEDED = ("*.json", "*.txt", "*.model", "model.safetensors", "README.md")
"""No other file is fetched: weights are read from safetensors alone, nothing is unpickled."""


KNOWN = {
    "geoclip": "openai/clip-vit-large-patch14",
    "clip": "openai/clip-vit-large-patch14",
    "streetclip": "geolocal/StreetCLIP",
    "siglip": "google/siglip-base-patch16-224",
}
"""The models that have a name here, and their hub ids."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The files of a model, and what is known of them."""

    folder: Path
    name: str
    """Hub id and revision, or `local folder`."""
    licence: str
    sha256: str
    """Of the weights."""


def find_checkpoint(
    source: str, tower: str, revision: str, cache: Path | None, offline: bool
) -> Checkpoint:
    """The checkpoint of a name in KNOWN, of a hub id, or of a local folder.

    Args:
        tower: a hub id or folder that takes the place of the known one; may be empty.
        revision: commit, tag or branch on the hub; empty for its newest.
        cache: where downloads are kept; None for the hub's own cache. Those cut short go on.
        offline: look in the cache alone.

    Raises:
        UsageError: there is no such checkpoint, or it cannot be fetched.
    """
    wanted = tower or KNOWN.get(source, source)
    if Path(wanted).is_dir():
        folder, name = Path(wanted), "local folder"
    else:
        folder = _download(wanted, revision, cache, offline)
        name = f"{wanted}@{revision or folder.name}"
    weights = folder / "model.safetensors"
    if not weights.is_file() or not (folder / "config.json").is_file():
        raise UsageError(
            f"{folder}: lacks config.json or model.safetensors; give a folder or hub id that has "
            "the weights in one file of that name"
        )
    told = PUBLISHED[KNOWN[source]] if source in KNOWN else licence_of(folder)
    with weights.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Checkpoint(folder, name, told, digest)


def _download(hub_id: str, revision: str, cache: Path | None, offline: bool) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise UsageError("downloads need the package huggingface_hub; install it") from error
    try:
        found = snapshot_download(
            repo_id=hub_id,
            revision=revision or None,
            cache_dir=cache,
            allow_patterns=list(NEEDED),
            local_files_only=offline,
        )
    except (OSError, ValueError, RuntimeError) as error:
        where = "in the cache (--offline)" if offline else "on the hub"
        raise UsageError(
            f"{hub_id}: not to be had {where} ({str(error).splitlines()[0]}); give a hub id that "
            "can be reached, or a local folder"
        ) from error
    return Path(found)
