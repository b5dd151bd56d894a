"""Images by the names that tables use for them."""

from __future__ import annotations

from pathlib import Path

from geotagger.images.scan import IMAGE_SUFFIXES


class ImageIndex:
    """The images under a folder, found by the name that a table uses: a relative path, a file name
    or the name without its suffix. Never by position."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._by_name: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in IMAGE_SUFFIXES:
                self._by_name.setdefault(path.name, []).append(path)
                self._by_stem.setdefault(path.stem, []).append(path)

    @property
    def named_by_row(self) -> bool:
        """Whether every image is called by a whole number."""
        return bool(self._by_stem) and all(stem.isdecimal() for stem in self._by_stem)

    def path(self, name: str, split: str = "") -> Path:
        """Where the image is. Raises ValueError: there is none, or more than one has that name.

        Where two splits hold the same name, the one whose folder begins with `split` is meant
        (OpenStreetView-5M: train_images, test_images).
        """
        if not name.strip():
            raise ValueError("names no file")
        direct = self._folder / name
        if direct.suffix.lower() in IMAGE_SUFFIXES and direct.is_file():
            return direct
        base = Path(name).name
        near = self._by_name.get(base) or self._by_stem.get(base) or []
        if len(near) > 1 and split:
            near = [p for p in near if p.relative_to(self._folder).parts[0].startswith(split)]
        if len(near) > 1 and base != name:
            near = [p for p in near if p.as_posix().endswith("/" + name)]
        if len(near) != 1:
            how_many = "has no image" if not near else f"is the name of {len(near)} images"
            raise ValueError(f"{how_many} under {self._folder}")
        return near[0]
