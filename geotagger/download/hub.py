"""The hub of models: addresses, revisions, and the environment variables of its own client.

HF_ENDPOINT names another hub or a mirror, HF_HUB_OFFLINE forbids connections, and HF_TOKEN goes to
the endpoint alone.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from geotagger.download.origin import FileMissingError
from geotagger.download.web import WebFolder
from geotagger.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Collection

ENDPOINT = "https://huggingface.co"
NEWEST = "main"


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids connections."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def check_online() -> None:
    """
    Raises:
        DownloadError: HF_HUB_OFFLINE forbids connections.
    """
    if is_offline():
        raise DownloadError(
            "HF_HUB_OFFLINE forbids downloads; unset it, or name the folder of the files with "
            "--from"
        )


def open_repository(
    repository: str, revision: str, probe_files: Collection[str]
) -> tuple[WebFolder, str]:
    """A repository at one commit, so that its files belong together while the hub moves on.

    Args:
        repository: its id, such as `openai/clip-vit-large-patch14`.
        revision: a commit, tag or branch.
        probe_files: it holds one of these, or more.

    Returns:
        The files, and the commit; `revision` if the hub, or a mirror, states none.

    Raises:
        DownloadError: there is no such repository or revision, or the hub cannot be reached.
    """
    check_online()
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or ENDPOINT
    token = os.environ.get("HF_TOKEN", "").strip()

    def at(revision: str) -> WebFolder:
        address = f"{endpoint}/{quote(repository)}/resolve/{quote(revision, safe='')}"
        return WebFolder(address, f"{repository}@{revision}", token)

    for file in probe_files:
        with suppress(FileMissingError):
            commit = at(revision).version(file).commit or revision
            return at(commit), commit
    raise FileMissingError(
        f"{repository}@{revision}: has no {' or '.join(probe_files)}; check its name, and "
        "--revision"
    )
