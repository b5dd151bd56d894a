"""What geotagger has and keeps here: models, tables, decoders, other programs, folders."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from geotagger.doctor.report import DISTRIBUTION, Finding, State, pip_install, reinstall, said
from geotagger.errors import BundleError

MIN_FREE_BYTES = 1 << 30


def models() -> Iterator[Finding]:
    """Bundles whose hashes hold, and the networks that read text."""
    from geotagger.vision.bundle.bundle import embedded_bundles, imported_bundles, models_folder

    embedded = embedded_bundles()
    if "starter" not in embedded:
        yield Finding("models", "starter", State.BROKEN, "is missing", reinstall(DISTRIBUTION))
    for name in dict.fromkeys([*embedded, *imported_bundles()]):
        yield _model(name, ours=name in embedded)
    yield Finding("models", "folder", State.OK, f"{models_folder()} holds imported models")
    yield _text_models()


def _model(name: str, ours: bool) -> Finding:
    from geotagger.vision.bundle.bundle import find_bundle, load_bundle

    try:
        path = find_bundle(name)
        card = load_bundle(path).card
        size = _size(sum(file.stat().st_size for file in path.iterdir()))
    except (BundleError, OSError) as error:
        remedy = (
            reinstall(DISTRIBUTION) if ours else f"geotagger models import FOLDER --name {name}"
        )
        return Finding("models", name, State.BROKEN if ours else State.POOR, str(error), remedy)
    detail = f"{card.model_id}, {size}, hashes hold, {card.licence}"
    return Finding("models", name, State.OK, detail)


def _text_models() -> Finding:
    import rapidocr

    from geotagger.text.ocr.reader import DETECTION, RECOGNITION

    files = [Path(rapidocr.__file__).parent / "models" / name for name in (DETECTION, RECOGNITION)]
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        detail = f"{', '.join(missing)}: missing"
        return Finding("models", "text", State.BROKEN, detail, reinstall("rapidocr"))
    size = _size(sum(file.stat().st_size for file in files))
    return Finding("models", "text", State.OK, f"{DETECTION}, {RECOGNITION}, {size}")


def data() -> Iterator[Finding]:
    """The table of places, and the decoders of pictures."""
    from PIL import features

    from geotagger.geography.places import load_places

    places = load_places()
    detail = f"{len(places):,} rows, {len(places.country_codes)} countries"
    yield Finding("data", "places", State.OK, detail)
    wanted = {"jpg": "JPEG", "zlib": "PNG", "webp": "WebP", "libtiff": "TIFF", "avif": "AVIF"}
    here = {label for name, label in wanted.items() if features.check(name)}
    lacking = [label for label in wanted.values() if label not in here]
    if lacking:
        state = State.BROKEN if "JPEG" in lacking else State.POOR
        detail = f"Pillow was built without {', '.join(lacking)}"
        remedy = pip_install("--only-binary=:all:", "--force-reinstall", "pillow")
        yield Finding("data", "decoders", state, detail, remedy)
    else:
        yield Finding("data", "decoders", State.OK, f"Pillow's {', '.join(wanted.values())}")


def programs() -> Iterator[Finding]:
    """Those that an option may call."""
    found = shutil.which("exiftool")
    if found is None:
        detail = "not found; only --backend exiftool needs it (HEIC, AVIF, RAW)"
        remedy = "get it from exiftool.org or your system's packages (libimage-exiftool-perl)"
        yield Finding("programs", "ExifTool", State.ABSENT, detail, remedy)
        return
    version = said(found, "-ver")
    if version:
        yield Finding("programs", "ExifTool", State.OK, f"{version}, {found}")
    else:
        detail = f"{found} does not answer"
        yield Finding("programs", "ExifTool", State.POOR, detail, "install it again")


def folders() -> Iterator[Finding]:
    """Where the two journals lie."""
    from geotagger.state import state_folder

    folder = state_folder()
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    size = sum(file.stat().st_size for file in folder.glob("*.sqlite*")) if there == folder else 0
    detail = f"{folder}, {_size(size)}, {_size(free)} free"
    if not os.access(there, os.W_OK) or not there.is_dir():
        remedy = "set GEOTAGGER_STATE to a folder that you may write to"
        yield Finding("folders", "journal", State.POOR, f"{detail}; cannot be written to", remedy)
    elif free < MIN_FREE_BYTES:
        yield Finding("folders", "journal", State.POOR, detail, "free some room on that disk")
    else:
        yield Finding("folders", "journal", State.OK, detail)


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes < 1e9 else f"{size_bytes / 1e9:,.1f} GB"
