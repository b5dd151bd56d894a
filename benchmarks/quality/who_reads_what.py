"""What other programs show of a photo before and after tagging: nothing of the user's may vanish.

    python -m benchmarks.quality.who_reads_what

ExifTool or Exiv2 writes the user's keywords, place names or position into a photo, each in another
way. geotagger tags it, in the photo (with --compat-tags) or in a sidecar. Every reader that is
installed is asked before and after. Immich's and digiKam's order of reading is here as code, over
what ExifTool and Exiv2 find. The exit code is 1 if a reader no longer shows something, or if
untagging does not restore the photo.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, IptcImagePlugin

from benchmarks.quality.metadata_corpus import GPS, XMP
from geotagger.metadata.file_tags import FileTags
from geotagger.metadata.read import read
from geotagger.metadata.safe_write.loading import load
from geotagger.metadata.safe_write.write import (
    OverwriteRefusedError,
    WriteContext,
    tag_file,
    tag_sidecar,
)
from geotagger.metadata.sidecar import sidecar_path
from geotagger.metadata.undo.untag import untag_file, untag_sidecar
from geotagger.metadata.undo.write_journal import WriteJournal

Shown = set[str]
Reader = Callable[[Path], Shown]
WORDS = ("Anna", "Wedding 2001")
_WEST = ("-GPSLongitude=9.1", "-GPSLongitudeRef=W")

WRITTEN: Mapping[str, tuple[list[str], Shown]] = {
    "IPTC keywords": (["exiftool", *(f"-IPTC:Keywords={w}" for w in WORDS)], {*WORDS}),
    "IPTC keywords, by Exiv2": (
        ["exiv2", *(f"-Madd Iptc.Application2.Keywords {w}" for w in WORDS)],
        {*WORDS},
    ),
    "dc:subject": (["exiftool", *(f"-XMP-dc:Subject={w}" for w in WORDS)], {*WORDS}),
    "dc:subject, by Exiv2": (["exiv2", "-Mset Xmp.dc.subject Anna"], {"Anna"}),
    "MWG keywords": (
        ["exiftool", "-use", "MWG", "-IPTC:Keywords=Anna", "-XMP-dc:Subject=Anna"],
        {"Anna"},
    ),
    "lr:hierarchicalSubject": (
        ["exiftool", "-XMP-lr:HierarchicalSubject=Family|Anna", "-XMP-dc:Subject=Anna"],
        {"Anna"},
    ),
    "digiKam:TagsList": (
        ["exiftool", "-XMP-digiKam:TagsList=Family/Anna", "-IPTC:Keywords=Anna"],
        {"Anna"},
    ),
    "XPKeywords": (["exiftool", "-XPKeywords=Anna;Wedding 2001"], {*WORDS}),
    "IPTC city": (["exiftool", "-IPTC:City=Lisboa"], {"Lisboa"}),
    "photoshop:City": (["exiftool", "-XMP-photoshop:City=Lisboa"], {"Lisboa"}),
    "MWG city": (
        ["exiftool", "-IPTC:City=Lisboa", "-XMP-photoshop:City=Lisboa"],
        {"Lisboa"},
    ),
    "LocationCreated": (["exiftool", "-XMP-iptcExt:LocationCreatedCity=Lisboa"], {"Lisboa"}),
    "position": (
        ["exiftool", "-GPSLatitude=38.7", "-GPSLatitudeRef=N", *_WEST],
        {"38.7"},
    ),
    "position without a direction": (
        ["exiftool", "-GPSLatitude=38.7", "-GPSLongitude=9.1"],
        {"38.7"},
    ),
    "position in XMP": (
        ["exiftool", "-XMP-exif:GPSLatitude=38.7", "-XMP-exif:GPSLongitude=-9.1"],
        {"38.7"},
    ),
}
"""What the user has -> (command that writes it, the texts by which it is recognised)."""

KEYWORDS_OF_IMMICH = ("TagsList", "HierarchicalSubject", "Keywords")
"""The first that exists counts (Immich, server/src/services/metadata.service.ts)."""
KEYWORDS_OF_DIGIKAM = (
    "Xmp.digiKam.TagsList",
    "Xmp.MicrosoftPhoto.LastKeywordXMP",
    "Xmp.lr.hierarchicalSubject",
    "Xmp.mediapro.CatalogSets",
    "Xmp.dc.subject",
    "Iptc.Application2.Keywords",
    "Exif.Image.XPKeywords",
)
"""The first that exists counts (digiKam, core/libs/dmetadata/dmetadatasettingscontainer.cpp)."""


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, check=False)
    return done.stdout.decode("utf-8", "replace")


def exiftool_tags(photo: Path, *options: str) -> dict[str, Any]:
    """The tags as Immich's library asks for them, numbers as numbers."""
    numbers = ("-GPSLatitude#", "-GPSLongitude#", "-all", "-struct")
    found = json.loads(run("exiftool", "-j", *options, *numbers, photo) or "[{}]")
    return dict(found[0])


def texts_in(value: object) -> Shown:
    """Every text in nested tags, and every part of a keyword path."""
    if isinstance(value, dict):
        return set().union(*(texts_in(part) for part in value.values()), set())
    if isinstance(value, list):
        return set().union(*(texts_in(part) for part in value), set())
    text = str(value)
    parts = text.replace("|", "/").replace(";", "/").split("/")
    with suppress(ValueError):
        parts.append(f"{abs(float(text)):g}")
    return {text, *(part.strip() for part in parts)}


def exiftool(photo: Path) -> Shown:
    return texts_in(exiftool_tags(photo, "-G1", "-a"))


def exiftool_mwg(photo: Path) -> Shown:
    """Only what the Metadata Working Group's rules leave."""
    options = ("-j", "-use", "MWG", "-MWG:all", "-Composite:GPSLatitude#")
    return texts_in(json.loads(run("exiftool", *options, photo) or "[{}]")[0])


def immich(photo: Path) -> Shown:
    """Keywords of the photo, over which go those of its sidecar; the position."""
    tags = exiftool_tags(photo, "-use", "MWG")
    sidecar = sidecar_path(photo)
    if sidecar.is_file():
        tags |= exiftool_tags(sidecar)
    first = next((tags[name] for name in KEYWORDS_OF_IMMICH if tags.get(name)), [])
    return texts_in([first, tags.get("GPSLatitude", "")])


def exiv2_tags(photo: Path) -> dict[str, list[str]]:
    tags: dict[str, list[str]] = {}
    for line in run("exiv2", "-Pkt", "-pa", photo).splitlines():
        key, _, text = line.partition(" ")
        tags.setdefault(key, []).append(text.strip())
    return tags


def exiv2(photo: Path) -> Shown:
    texts = [text for values in exiv2_tags(photo).values() for text in values]
    degrees = ["38.7"] if any("38deg 42" in text or "38,42" in text for text in texts) else []
    return {part for text in texts for part in _split(text)} | {*degrees}


def digikam(photo: Path) -> Shown:
    """Keywords of the sidecar go over those of the photo, property by property."""
    tags = exiv2_tags(photo)
    sidecar = sidecar_path(photo)
    if sidecar.is_file():
        tags |= exiv2_tags(sidecar)
    first = next((tags[name] for name in KEYWORDS_OF_DIGIKAM if tags.get(name)), [])
    return {part for text in first for part in _split(text)}


def _split(text: str) -> Shown:
    parts = {part.strip() for part in text.replace(",", ";").split(";")}
    return {text, *parts, *(leaf for part in parts for leaf in texts_in(part))}


def pillow(photo: Path) -> Shown:
    with Image.open(photo) as image:
        fields = IptcImagePlugin.getiptcinfo(image) or {}
        gps = image.getexif().get_ifd(0x8825)
    values = [
        v for value in fields.values() for v in (value if isinstance(value, list) else [value])
    ]
    shown = {value.decode("utf-8", "replace") for value in values if isinstance(value, bytes)}
    return shown | ({"38.7"} if gps.get(2, ())[:2] == (38.0, 42.0) else set())


def imagemagick(photo: Path) -> Shown:
    text = run("identify", "-verbose", photo)
    degrees = {"38.7"} if "38/1, 42/1" in text else set()
    return (
        {line.rpartition("]: ")[2].strip() for line in text.splitlines()}
        | degrees
        | {part for line in text.splitlines() for part in line.partition(": ")[2].split(";")}
    )


READERS: Mapping[str, tuple[str, Reader]] = {
    "ExifTool": ("exiftool", exiftool),
    "ExifTool -use MWG": ("exiftool", exiftool_mwg),
    "Exiv2": ("exiv2", exiv2),
    "Pillow": ("", pillow),
    "ImageMagick": ("identify", imagemagick),
    "Immich's order": ("exiftool", immich),
    "digiKam's order": ("exiv2", digikam),
}


def shown_by(photo: Path, marks: Shown) -> dict[str, Shown]:
    readers = {n: r for n, (program, r) in READERS.items() if not program or shutil.which(program)}
    return {name: reader(photo) & marks for name, reader in readers.items()}


def user_photo(folder: Path, command: list[str]) -> Path:
    """A photo with the user's tags."""
    photo = folder / "photo.jpg"
    file = io.BytesIO()
    Image.linear_gradient("L").resize((96, 64)).convert("RGB").save(file, "JPEG")
    photo.write_bytes(file.getvalue())
    program, *options = command
    run(program, *(["-overwrite_original"] if program == "exiftool" else []), *options, photo)
    return photo


def tag(photo: Path, context: WriteContext, *, in_sidecar: bool) -> None:
    """Tags the photo as `tag --write-exif --compat-tags` or `tag --sidecar --compat-tags` does."""
    xmp, file = replace(XMP, compat=True), load(photo)
    with suppress(OverwriteRefusedError):
        if in_sidecar:
            tag_sidecar(sidecar_path(photo), photo, xmp, read(file.data), context)
        else:
            tag_file(photo, file.sha256, FileTags(GPS, xmp), context)


def row_of(command: list[str], marks: Shown, *, in_sidecar: bool) -> tuple[dict[str, str], bool]:
    """(what each reader shows after tagging, whether untagging restored the photo)."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["GEOTAGGER_STATE"] = str(Path(name, "state"))
        photo = user_photo(Path(name), command)
        original = photo.read_bytes()
        before = shown_by(photo, marks)
        with WriteJournal.open() as journal:
            tag(photo, WriteContext(journal), in_sidecar=in_sidecar)
            after = shown_by(photo, marks)
            untag_file(photo, journal)
            if sidecar_path(photo).is_file():
                untag_sidecar(sidecar_path(photo), journal)
        is_restored = photo.read_bytes() == original and not sidecar_path(photo).exists()
    cells = {name: "-" if not was else "shown" for name, was in before.items()}
    cells |= {name: "LOST" for name, was in before.items() if not was <= after[name]}
    return cells, is_restored


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    is_good = True
    for in_sidecar in (False, True):
        print("\nTags in a sidecar\n" if in_sidecar else "\nTags in the photo\n")
        for number, (name, (command, marks)) in enumerate(WRITTEN.items()):
            if not shutil.which(command[0]):
                continue
            cells, is_restored = row_of(command, marks, in_sidecar=in_sidecar)
            if number == 0:
                print("|", " | ".join(["the user has", *cells, "untag"]), "|")
                print("|" + "---|" * (len(cells) + 2))
            undo = "restored" if is_restored else "DIFFERS"
            print("|", " | ".join([name, *cells.values(), undo]), "|")
            is_good &= is_restored and "LOST" not in cells.values()
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
