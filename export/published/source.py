"""The files of a published model: from a hub, requested once by name, or from a folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from geotagger.errors import UsageError
from geotagger.vision.published.licences import PUBLISHED_LICENCES, licence_of
from geotagger.vision.published.page import WeightsOrigin

NEEDED = ("*.json", "*.txt", "*.model", "model.safetensors", "README.md")
"""No other file is downloaded: weights are read only from safetensors, nothing is unpickled."""


KNOWN = {
    "geoclip": "openai/clip-vit-large-patch14",
    "clip": "openai/clip-vit-large-patch14",
    "streetclip": "geolocal/StreetCLIP",
    "siglip": "google/siglip-base-patch16-224",
}
"""Our name -> hub id."""


@dataclass(frozen=True, slots=True)
class CheckpointFolder(WeightsOrigin):
    """The files of a model, and their origin."""

    folder: Path


def find_checkpoint(
    source: str, tower: str, revision: str, cache: Path | None, offline: bool
) -> CheckpointFolder:
    """Finds the checkpoint of a name in KNOWN, of a hub id, or of a local folder.

    Args:
        source: The name, hub id or folder.
        tower: A hub id or folder instead of the known one; may be empty.
        revision: Commit, tag or branch on the hub; empty for the newest.
        cache: The folder for downloads; None for the hub's own cache. Interrupted downloads resume.
        offline: Only looks in the cache.

    Raises:
        UsageError: The checkpoint does not exist, or cannot be downloaded.
    """
    name_or_folder = tower or KNOWN.get(source, source)
    if Path(name_or_folder).is_dir():
        folder, name = Path(name_or_folder), "local folder"
    else:
        folder = _download(name_or_folder, revision, cache, offline)
        name = f"{name_or_folder}@{revision or folder.name}"
    weights = folder / "model.safetensors"
    if not weights.is_file() or not (folder / "config.json").is_file():
        raise UsageError(
            f"{folder}: lacks config.json or model.safetensors; give a folder or hub id with "
            "these files"
        )
    licence = PUBLISHED_LICENCES[KNOWN[source]] if source in KNOWN else licence_of(folder)
    with weights.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return CheckpointFolder(name, licence, digest, folder)


def _download(hub_id: str, revision: str, cache: Path | None, offline: bool) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise UsageError("downloads need the package huggingface_hub; install it") from error
    try:
        snapshot = snapshot_download(
            repo_id=hub_id,
            revision=revision or None,
            cache_dir=cache,
            allow_patterns=list(NEEDED),
            local_files_only=offline,
        )
    except (OSError, ValueError, RuntimeError) as error:
        where = "in the cache (--offline)" if offline else "on the hub"
        raise UsageError(
            f"{hub_id}: cannot be loaded {where} ({str(error).splitlines()[0]}); give a hub id "
            "that can be reached, or a local folder"
        ) from error
    return Path(snapshot)
