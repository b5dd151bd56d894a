"""Checks of the files that geotagger needs: models, tables, image decoders, the state folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from geotagger.doctor.finding import DISTRIBUTION, CheckFinding, CheckState, pip_install, reinstall
from geotagger.errors import BundleError

MIN_FREE_BYTES = 1 << 30


def models() -> Iterator[CheckFinding]:
    """The hashes of every bundle, and the networks that read text."""
    from geotagger.vision.bundle.bundle import embedded_bundles, imported_bundles, models_folder

    embedded = embedded_bundles()
    if "starter" not in embedded:
        remedy = reinstall(DISTRIBUTION)
        yield CheckFinding("models", "starter", CheckState.BROKEN, "is missing", remedy)
    for name in dict.fromkeys([*embedded, *imported_bundles()]):
        yield _bundle(name, is_embedded=name in embedded)
    detail = f"{models_folder()} holds imported models"
    yield CheckFinding("models", "folder", CheckState.OK, detail)
    yield _text_models()


def _bundle(name: str, is_embedded: bool) -> CheckFinding:
    from geotagger.vision.bundle.bundle import find_bundle, load_bundle

    try:
        path = find_bundle(name)
        card = load_bundle(path).card
        size = _size(sum(file.stat().st_size for file in path.iterdir()))
    except (BundleError, OSError) as error:
        if is_embedded:
            remedy = reinstall(DISTRIBUTION)
            return CheckFinding("models", name, CheckState.BROKEN, str(error), remedy)
        remedy = f"geotagger models import FOLDER --name {name}"
        return CheckFinding("models", name, CheckState.POOR, str(error), remedy)
    detail = f"{card.model_id}, {size}, hashes match, {card.licence}"
    return CheckFinding("models", name, CheckState.OK, detail)


def _text_models() -> CheckFinding:
    import rapidocr

    from geotagger.text.ocr.reader import DETECTION, RECOGNITION

    files = [Path(rapidocr.__file__).parent / "models" / name for name in (DETECTION, RECOGNITION)]
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        detail = f"{', '.join(missing)}: missing"
        return CheckFinding("models", "text", CheckState.BROKEN, detail, reinstall("rapidocr"))
    size = _size(sum(file.stat().st_size for file in files))
    return CheckFinding("models", "text", CheckState.OK, f"{DETECTION}, {RECOGNITION}, {size}")


def data() -> Iterator[CheckFinding]:
    """The table of places, and Pillow's image decoders."""
    from PIL import features

    from geotagger.geography.places import load_places

    places = load_places()
    detail = f"{len(places):,} rows, {len(places.country_codes)} countries"
    yield CheckFinding("data", "places", CheckState.OK, detail)
    formats = {"jpg": "JPEG", "zlib": "PNG", "webp": "WebP", "libtiff": "TIFF", "avif": "AVIF"}
    missing = [label for feature, label in formats.items() if not features.check(feature)]
    if missing:
        state = CheckState.BROKEN if "JPEG" in missing else CheckState.POOR
        detail = f"Pillow was built without {', '.join(missing)}"
        remedy = pip_install("--only-binary=:all:", "--force-reinstall", "pillow")
        yield CheckFinding("data", "decoders", state, detail, remedy)
    else:
        detail = f"Pillow's {', '.join(formats.values())}"
        yield CheckFinding("data", "decoders", CheckState.OK, detail)


def folders() -> Iterator[CheckFinding]:
    """The folder of the two journals: whether it can be written, and the free disk space."""
    from geotagger.state import state_folder

    folder = state_folder()
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    journals = folder.glob("*.sqlite*") if existing == folder else ()
    size = sum(file.stat().st_size for file in journals)
    detail = f"{folder}, {_size(size)}, {_size(free)} free"
    if not os.access(existing, os.W_OK) or not existing.is_dir():
        detail += "; cannot be written to"
        remedy = "set GEOTAGGER_STATE to a folder that you may write to"
        yield CheckFinding("folders", "journal", CheckState.POOR, detail, remedy)
    elif free < MIN_FREE_BYTES:
        remedy = "free some space on that disk"
        yield CheckFinding("folders", "journal", CheckState.POOR, detail, remedy)
    else:
        yield CheckFinding("folders", "journal", CheckState.OK, detail)


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes < 1e9 else f"{size_bytes / 1e9:,.1f} GB"
