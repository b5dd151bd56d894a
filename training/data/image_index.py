"""Finds images by the names that tables use for them."""

from __future__ import annotations

from pathlib import Path

from geotagger.images.scan import IMAGE_SUFFIXES


class ImageIndex:
    """The images below a folder, by name.

    A name is a relative path, a file name, or a file name without its suffix; never a position.
    """

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
        """Whether every image is named by a whole number."""
        return bool(self._by_stem) and all(stem.isdecimal() for stem in self._by_stem)

    def path(self, name: str, split: str = "") -> Path:
        """Finds the image of that name.

        Args:
            name: The name in the table.
            split: Decides between two images of the same name: the one whose folder begins with
                `split` (OpenStreetView-5M has train_images and test_images).

        Raises:
            ValueError: No image or more than one has that name.
        """
        if not name.strip():
            raise ValueError("names no file")
        direct = self._folder / name
        if direct.suffix.lower() in IMAGE_SUFFIXES and direct.is_file():
            return direct
        base = Path(name).name
        matches = self._by_name.get(base) or self._by_stem.get(base) or []
        if len(matches) > 1 and split:
            matches = [
                path
                for path in matches
                if path.relative_to(self._folder).parts[0].startswith(split)
            ]
        if len(matches) > 1 and base != name:
            matches = [path for path in matches if path.as_posix().endswith("/" + name)]
        if len(matches) != 1:
            count = "has no image" if not matches else f"is the name of {len(matches)} images"
            raise ValueError(f"{count} under {self._folder}")
        return matches[0]
