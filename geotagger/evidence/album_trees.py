"""Chooses the folder tree that a photo belongs to, and keeps the trees that were read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import TYPE_CHECKING, NamedTuple

from geotagger.evidence.album_tree import AlbumTree, read_tree
from geotagger.geography.time_zones import TimeZones
from geotagger.images.remote import RemotePath
from geotagger.images.scan import walk

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.geography.places import Places
    from geotagger.types import Photo

TREES_KEPT = 8
MAX_TREE_PHOTOS = 3_000
"""A parent folder with more photos is more than a trip, and reading all heads first would take
long."""
MAX_FOLDER_PHOTOS = 10_000
"""Larger folders are not used: to read the heads of all their files would take minutes."""


class _Top(NamedTuple):
    folder: Path
    with_subfolders: bool
    most: int


class AlbumTrees:
    """Reads trees when the first of their photos comes. Used by several threads."""

    def __init__(self, places: Places) -> None:
        self._zones = TimeZones(places)
        self._trees: OrderedDict[_Top, AlbumTree | None] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, photo: Photo) -> AlbumTree:
        """The tree of a photo; empty if it is too large, or elsewhere."""
        if isinstance(photo.folder, RemotePath):  # that would take one request per photo
            return AlbumTree()
        with self._lock:
            for top in _tops(photo):
                if top not in self._trees:
                    photos = _photos(top)
                    self._trees[top] = read_tree(photos, self._zones) if photos else None
                    self._forget()
                self._trees.move_to_end(top)
                tree = self._trees[top]
                if tree is not None:
                    return tree
        return AlbumTree()

    def _forget(self) -> None:
        """Drops the oldest trees. That a folder is too large takes no memory, and is kept long."""
        read = [top for top, tree in self._trees.items() if tree is not None]
        for top in read[:-TREES_KEPT]:
            del self._trees[top]
        while len(self._trees) > 64 * TREES_KEPT:
            self._trees.popitem(last=False)


def _tops(photo: Photo) -> Iterator[_Top]:
    """The trees that a photo may belong to, the largest first.

    A trip is often a folder with one folder for each device, so that of the parent comes first, if
    it is part of the scan.
    """
    folder, root = photo.folder, photo.root
    if folder != root and (folder.parent == root or root in folder.parent.parents):
        yield _Top(folder.parent, with_subfolders=True, most=MAX_TREE_PHOTOS)
    yield _Top(folder, with_subfolders=True, most=MAX_TREE_PHOTOS)
    yield _Top(folder, with_subfolders=False, most=MAX_FOLDER_PHOTOS)


def _photos(top: _Top) -> list[Photo]:
    """The photos of a tree; empty if there are too many."""
    photos: Iterator[Photo] = walk([top.folder])
    if not top.with_subfolders:
        photos = takewhile(lambda photo: photo.folder == top.folder, photos)
    found = list(islice(photos, top.most + 1))
    return found if len(found) <= top.most else []
