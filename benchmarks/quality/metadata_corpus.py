"""Embed a prediction into every file of a folder in memory, and count written, refused, damaged.

    python -m benchmarks.quality.metadata_corpus FOLDER [--readers] [--slow 1.0]

Each file is embedded, verified and restored; a table by format and reason is printed. With
`--readers`, ExifTool, Exiv2, libexif (`exif`), exifread and Pillow read the tagged files, as far as
they are installed: each must find the position, and `exiftool -validate` must report no new error.
The exit code is 1 when a file was damaged, a reader failed, or an exception other than a refusal
was raised. FOLDER is not changed.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

from PIL import Image

from geotagger.errors import CannotEmbedError, UnreadableImageError
from geotagger.images.sniff import detect_format
from geotagger.metadata.containers.locate import xmp_packet
from geotagger.metadata.embed import EmbedResult, embed, original, undo_record
from geotagger.metadata.exif.gps_tags import GpsTags
from geotagger.metadata.foreign_tags import foreign_tags
from geotagger.metadata.read import read
from geotagger.metadata.safe_write.verify import verify
from geotagger.metadata.undo.removal import without_own
from geotagger.metadata.xmp.prediction import prediction_in, with_prediction, without_prediction
from geotagger.metadata.xmp.tags import XmpTags
from geotagger.types import Point

NOTE = "PREDICTED by geotagger (benchmark), conf 0.62"
PARIS = Point(48.85837, 2.29448)
GPS = GpsTags(PARIS, 12.5, "Paris, Ile-de-France, France", NOTE)
XMP = XmpTags(
    *(PARIS, 12.5, 0.62, "city", "Europe", "France", "FR", "Ile-de-France", "Paris"),
    model="benchmark",
    software="geotagger",
    created="2026-01-01T00:00:00Z",
)
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "TIFF": ".tif", "WebP": ".webp"}


def kind_of(data: bytes) -> str:
    try:
        return detect_format(data).name
    except UnreadableImageError as error:
        return "RAW" if "RAW" in str(error) else "other"


def change(packet: bytes | None) -> bytes:
    return with_prediction(packet, XMP)


def written_and_proven(data: bytes) -> EmbedResult:
    """Raises CannotEmbedError for a refusal and AssertionError for damage."""
    foreign = foreign_tags(data)

    def change(packet: bytes | None) -> bytes:
        return with_prediction(packet, XMP, foreign=foreign)

    written = embed(data, GPS, change)
    verify(written)
    tagged, was = written.data, written.original
    assert was == data or original(data) == was, "the original differs"
    record = undo_record(tagged)
    assert record == written.record, "the record is not in the file"
    assert record.restore(tagged) == was, "undo does not restore the original"
    assert read(tagged).gps_is_prediction, "the prediction does not read back"
    assert embed(tagged, GPS, change).data == tagged, "tagging again changes the file"
    if written.packet is not None:
        assert prediction_in(xmp_packet(tagged)), "the XMP does not read back"
    cleaned = without_own(tagged, lambda packet: without_prediction(packet).packet).data
    assert not read(cleaned).gps_is_prediction, "removal leaves the position"
    assert not prediction_in(xmp_packet(cleaned)), "removal leaves the XMP"
    if kind_of(was) != "TIFF" and not read(was).gps_is_prediction:
        assert read(cleaned).gps == read(was).gps, "removal loses the measured GPS"
    return written


def general(reason: str) -> str:
    return re.sub(r"0x[0-9A-Fa-f]+|\d+", "N", reason)[:100]


def exiftool(folder: Path, *options: str) -> dict[str, dict[str, object]]:
    command = ["exiftool", "-q", "-json", *options, str(folder)]
    done = subprocess.run(command, capture_output=True, check=False)
    return {Path(tags["SourceFile"]).name: tags for tags in json.loads(done.stdout or b"[]")}


def new_complaints(before: Path, after: Path) -> dict[str, list[str]]:
    """File name -> what `exiftool -validate` reports only of the tagged file."""
    options = ("-validate", "-a", "-G4", "-warning", "-error")
    # a new EXIF block holds no resolution, because JFIF may state another
    allowed = "Missing required JPEG IFDN tag N XResolution"
    old, new = exiftool(before, *options), exiftool(after, *options)
    found = {}
    for name, tags in new.items():
        known = {allowed, *(general(str(text)) for text in _texts(old.get(name, {})))}
        found[name] = [t for t in _texts(tags) if general(t) not in known]
    return {name: texts for name, texts in found.items() if texts}


def _texts(tags: dict[str, object]) -> list[str]:
    values = [value for tag, value in tags.items() if re.search("Warning|Error", tag)]
    return [
        str(text) for value in values for text in (value if isinstance(value, list) else [value])
    ]


def same_pictures(before: Path, after: Path) -> list[str]:
    """Names of the files whose image data changed according to ExifTool."""
    options = ("-api", "ImageHashType=SHA256", "-ImageDataHash")
    old, new = exiftool(before, *options), exiftool(after, *options)
    return [
        name for name in old if old[name].get("ImageDataHash") != new[name].get("ImageDataHash")
    ]


def stdout_of(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, check=False)
    return done.stdout.decode("utf-8", "replace")


def readers_that_fail(path: Path, kind: str) -> list[str]:
    """Installed readers that do not find 48 degrees 51 minutes in the tagged file."""
    found = {}
    if shutil.which("exiv2"):
        found["exiv2"] = "48/1 51/1" in stdout_of("exiv2", "-g", "GPSLatitude$", "-Pv", str(path))
    if shutil.which("exif") and kind == "JPEG":
        found["libexif"] = "48, 51" in stdout_of("exif", "-m", "--ifd=GPS", "-t", "2", str(path))
    try:
        import exifread

        tags = exifread.process_file(io.BytesIO(path.read_bytes()), details=False)
        # it expects text in PNG, and the JPEG header before the block in WebP
        found["exifread"] = kind in ("PNG", "WebP") or "48, 51" in str(tags.get("GPS GPSLatitude"))
    except ImportError:
        pass
    except Exception:
        found["exifread"] = False
    with warnings.catch_warnings(), Image.open(path) as image:
        warnings.simplefilter("ignore")
        found["Pillow"] = image.getexif().get_ifd(0x8825).get(2, ())[:2] == (48.0, 51.0)
    return [name for name, success in found.items() if not success]


def check_with_readers(written: dict[Path, tuple[str, EmbedResult]], problems: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        before, after = Path(name, "before"), Path(name, "after")
        before.mkdir()
        after.mkdir()
        sources = {}
        for number, (source, (kind, result)) in enumerate(written.items()):
            file = f"{number:06}{SUFFIXES.get(kind, '.jpg')}"
            sources[file] = source
            (before / file).write_bytes(result.original)
            (after / file).write_bytes(result.data)
            if failing := readers_that_fail(after / file, kind):
                known = readers_that_fail_on_original(before / file)
                failing = [reader for reader in failing if reader not in known]
                problems += [f"{source}: not read by {', '.join(failing)}"] * bool(failing)
        if not shutil.which("exiftool"):
            return
        positions = exiftool(after, "-n", "-GPSLatitude")
        for file, source in sources.items():
            if abs(float(str(positions[file].get("GPSLatitude", 0))) - PARIS.lat) > 1e-6:
                problems.append(f"{source}: not read by ExifTool")
        complaints = new_complaints(before, after)
        problems += [f"{sources[name]}: {texts}" for name, texts in complaints.items()]
        others = same_pictures(before, after)
        problems += [f"{sources[name]}: the image data changed" for name in others]


def readers_that_fail_on_original(path: Path) -> list[str]:
    """Installed readers that cannot read the original."""
    found = []
    try:
        import exifread

        if not exifread.process_file(io.BytesIO(path.read_bytes()), details=False):
            found.append("exifread")
    except Exception:
        found.append("exifread")
    if shutil.which("exiv2"):
        done = subprocess.run(["exiv2", "-pa", path], capture_output=True, check=False)
        found += ["exiv2"] * (done.returncode not in (0, 253))
    if shutil.which("exif"):
        done = subprocess.run(["exif", "-m", path], capture_output=True, check=False)
        found += ["libexif"] * (b"Corrupt data" in done.stdout + done.stderr)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--readers", action="store_true")
    parser.add_argument("--slow", type=float, default=1.0, help="seconds a file may take")
    arguments = parser.parse_args()
    table: Counter[tuple[str, str, str]] = Counter()
    written: dict[Path, tuple[str, EmbedResult]] = {}
    problems: list[str] = []
    for path in sorted(p for p in arguments.folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        digest, start = hashlib.sha256(data).digest(), time.perf_counter()
        kind = kind_of(data)
        try:
            result = written_and_proven(data)
            table[kind, "written", general(result.xmp_problem)] += 1
            if arguments.readers:
                written[path] = kind, result
        except CannotEmbedError as error:
            table[kind, "sidecar", general(str(error))] += 1
        except Exception as error:
            problems.append(f"{path}: {type(error).__name__}: {error}")
        if time.perf_counter() - start > arguments.slow:
            problems.append(f"{path}: took {time.perf_counter() - start:.1f} s")
        assert hashlib.sha256(data).digest() == digest
    for (kind, result, reason), count in sorted(table.items()):
        print(f"{count:6}  {kind:10} {result:8} {reason}")
    check_with_readers(written, problems)
    print(*problems, sep="\n")
    print(f"{sum(table.values())} files, {len(problems)} problems")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
