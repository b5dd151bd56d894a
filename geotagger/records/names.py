"""The names that the record of a photo can have.

Google Takeout writes `IMG.jpg.json`, and since 2024 `IMG.jpg.supplemental-metadata.json`, cut to 46
characters before `.json`. The number of a second photo of that name moves: `IMG(1).jpg` has
`IMG.jpg(1).json`. An edited copy, `IMG-edited.jpg`, has the record of the original. Ente writes
`metadata/IMG.jpg.json`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

SUFFIX = ".json"
ENTE_FOLDER = "metadata"
_MAX_BASE = 51 - len(SUFFIX)
_MAX_STEM = 47
"""Takeout cuts the stems of photos, too."""
_TAIL = ".supplemental-metadata"
_NUMBERED = re.compile(r"(.+)(\(\d{1,4}\))")
# fmt: off
_EDITED = (
    "edited", "effects", "bearbeitet", "modifié", "modifie", "editado", "editada", "ha editado",
    "modificato", "bewerkt", "edytowane", "redigerad", "redigeret", "redigert", "muokattu",
    "upraveno", "szerkesztett", "editat", "düzenlendi", "измененный", "изменено", "відредаговано",
    "編集済み", "已修改", "已編輯", "수정됨", "edited copy",
)
# fmt: on
"""What Takeout adds to the name of an edited copy, in the language of the account."""
_ORIGINAL_SUFFIXES = (".jpg", ".JPG", ".jpeg", ".heic", ".HEIC", ".png")
"""An edited copy is a JPEG, whatever the original is."""


class RecordName(NamedTuple):
    """A name that a record may have, relative to the folder of the photo."""

    name: str
    title: str
    """Name of the photo that the record is of. Its record must agree; empty for the exact name."""
    is_ente: bool = False


def record_names(photo: str) -> list[RecordName]:
    """The names that the record of a photo can have, the most likely first."""
    stem, dot, suffix = photo.rpartition(".")
    if not stem:
        return []
    plain, number = stem, ""
    if numbered := _NUMBERED.fullmatch(stem):
        plain, number = numbered.groups()
    names = _of(plain, dot + suffix, number)
    if number:
        names += _of(stem, dot + suffix, "")
    original = _unedited(plain)
    if original:
        for each in dict.fromkeys((dot + suffix, *_ORIGINAL_SUFFIXES)):
            names += _of(original, each, number, is_original=True)
    names.append(RecordName(f"{ENTE_FOLDER}/{photo}{SUFFIX}", "", is_ente=True))
    return list({item.name: item for item in reversed(names)}.values())[::-1]


def _of(stem: str, suffix: str, number: str, *, is_original: bool = False) -> list[RecordName]:
    title = stem + suffix
    names = []
    for base in (title, title + _TAIL, stem):
        is_exact = base.startswith(title) and len(title) <= _MAX_BASE and not is_original
        name = base[:_MAX_BASE] + number + SUFFIX
        names.append(RecordName(name, "" if is_exact else title))
    return names


def _unedited(stem: str) -> str:
    """The stem of the original of an edited copy; empty if it is no such copy."""
    original, dash, word = stem.rpartition("-")
    word = word.casefold()
    is_cut = len(stem) == _MAX_STEM and word and any(each.startswith(word) for each in _EDITED)
    return original if dash and (word in _EDITED or is_cut) else ""


def belongs(title: str, photo: str) -> bool:
    """Whether a record with this title can be that of a photo.

    Takeout replaces characters that a file system does not allow by `_`, and cuts long names.
    """
    stem, _, suffix = photo.rpartition(".")
    own_stem, dot, own_suffix = title.rpartition(".")
    if not dot or len(own_suffix) > 5:
        own_stem, own_suffix = title, ""
    same_suffix = not own_suffix or own_suffix.casefold() == suffix.casefold()
    is_cut = len(stem) >= _MAX_BASE - 1
    same_length = len(own_stem) == len(stem) or (is_cut and len(own_stem) > len(stem))
    pairs = zip(stem, own_stem, strict=False)
    return same_suffix and same_length and all(a in (b, "_") for a, b in pairs)
