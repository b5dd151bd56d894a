"""The engine for a cluster: Ray hands photos to workers, which read them and ask the networks.

What comes back is a prediction, or, where photos tell of each other, what the networks said: some
KB a photo, which the driver judges beside clock and album as if it had asked itself. A worker
(`worker.py`) changes nothing, so Ray may run its share again elsewhere when a node dies: no photo
is lost or doubled. Each node needs geotagger, the bundles and the photos under the same paths.
Every worker loads the models once and keeps them (Moritz et al. 2018).
"""

from __future__ import annotations

import logging
import os
import socket
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from geotagger.errors import GeotaggerError, UsageError
from geotagger.evidence.source import LoadedPhoto, NetworkSource, Source
from geotagger.pipeline import executor_local as local
from geotagger.pipeline.prepare import (
    NOT_DECODED,
    CachedOutput,
    InferenceCache,
    Prepared,
)
from geotagger.pipeline.ray_worker import Answers, CacheActor, each_alone, work
from geotagger.state import state_folder
from geotagger.types import Outcome, Photo, PhotoEvidence

if TYPE_CHECKING:
    from geotagger.config import RunOptions

BATCHES_IN_SHARE = 16
"""A worker gets so many batches at once: the more, the rarer it waits, and the more is done again
when a node dies."""
SHARES_AHEAD = 2
"""For each worker."""
MAX_TRIES = 8
"""How many nodes may die under the same share; a photo that kills its worker must not go round."""

ANSWERS_WITHIN_S = 10.0


def weigh(
    photos: Iterable[Photo | PhotoEvidence],
    sources: Sequence[Source[Any]],
    options: RunOptions,
    *,
    batch_size: int,
    memory: InferenceCache | None = None,
) -> Iterator[PhotoEvidence]:
    """Yield one `PhotoEvidence` per photo, in order.

    Raises UsageError: Ray is not installed. GeotaggerError: there is no cluster at
    `options.address`, or a share of the photos has cost too many workers.
    """
    ray = _connected(options.address)
    judges = [] if each_alone(options) else sources
    try:
        workers, resources = _workers(ray, options)
        told = replace(options, workers=resources["num_cpus"], reports=(), journal=None)
        # a worker that has used a GPU would else be replaced after each share, models and all
        do = ray.remote(max_retries=MAX_TRIES, max_calls=0, **resources)(work)
        library = _library(ray, options)
        keep = memory is not None
        waiting: deque[tuple[list[Photo | PhotoEvidence], Any]] = deque()
        for share in _shares(photos, BATCHES_IN_SHARE * batch_size):
            fresh = [item for item in share if isinstance(item, Photo)]
            waiting.append((share, do.remote(told, fresh, library, keep) if fresh else None))
            if len(waiting) > SHARES_AHEAD * workers:
                yield from _done(ray, *waiting.popleft(), judges, memory)
        while waiting:
            yield from _done(ray, *waiting.popleft(), judges, memory)
    finally:
        ray.shutdown()


def _connected(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise UsageError("--engine ray needs Ray: pip install 'geotagger-photos[ray]'") from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    try:
        host, colon, port = address.rpartition(":")
        if colon and "/" not in address:  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), ANSWERS_WITHIN_S).close()
        ray.init(
            address or "local", include_dashboard=None if address else False,
            log_to_driver=False, logging_level=logging.ERROR, ignore_reinit_error=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise GeotaggerError(
            f"no Ray cluster answers at {address} ({error}): start one with `ray start --head`, "
            "or leave out --address to use this machine"
        ) from error
    return ray


def _workers(ray: Any, options: RunOptions) -> tuple[int, dict[str, int]]:
    """How many workers the cluster has room for, and what each takes: a GPU, or cores."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    cores = [int(node.get("CPU", 0)) for node in nodes]
    gpus = [int(node.get("GPU", 0)) for node in nodes]
    if options.device in ("cuda", "tensorrt") or (options.device == "auto" and any(gpus)):
        if not any(gpus):
            raise UsageError(f"--device {options.device}: no node of the Ray cluster has a GPU")
        each = min(max(1, c // g) for c, g in zip(cores, gpus, strict=True) if g)
        return sum(gpus), {"num_gpus": 1, "num_cpus": each}
    each = max(1, min([options.workers, *filter(None, cores)]))
    return max(1, sum(c // each for c in cores)), {"num_cpus": each}


def _library(ray: Any, options: RunOptions) -> Any:
    """The actor `CacheActor`, on this machine; None where nothing is to be found."""
    if not options.journal or options.restart:
        return None
    here = ray.get_runtime_context().get_node_id()
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(here, soft=False)
    actor = ray.remote(num_cpus=0, scheduling_strategy=strategy)(CacheActor)
    return actor.remote(options, state_folder().absolute())


def _shares(
    photos: Iterable[Photo | PhotoEvidence], size: int
) -> Iterator[list[Photo | PhotoEvidence]]:
    share: list[Photo | PhotoEvidence] = []
    for photo in photos:
        share.append(photo)
        if len(share) == size:
            yield share
            share = []
    if share:
        yield share


def _done(
    ray: Any,
    share: Sequence[Photo | PhotoEvidence],
    reference: Any,
    judges: Sequence[Source[Any]],
    memory: InferenceCache | None,
) -> list[PhotoEvidence]:
    """A share as its worker believes it, or, with `judges`, as they judge what its worker heard."""
    try:
        answered: list[tuple[Outcome, Answers]] = [] if reference is None else ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, GeotaggerError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise GeotaggerError(
            f"Ray lost its workers {MAX_TRIES} times over the same photos ({error}); is there "
            "memory enough on the nodes? The same command goes on from here"
        ) from error
    if memory is not None:
        _keep(answered, memory)
    fresh = iter(answered)
    batch = [
        item if isinstance(item, PhotoEvidence) else _weighed(*next(fresh), judges)
        for item in share
    ]
    return local.weigh_batch(batch, judges, None)


def _weighed(
    outcome: Outcome, answers: Answers, judges: Sequence[Source[Any]]
) -> Prepared | PhotoEvidence:
    if not judges:
        return PhotoEvidence(outcome, believed=True)
    if not answers:  # it failed, or was passed over
        return Prepared(outcome)
    shot = LoadedPhoto(outcome.photo, outcome.existing, NOT_DECODED)
    return Prepared(outcome, tuple(_input(source, shot, answers) for source in judges))


def _input(source: Source[Any], shot: LoadedPhoto, answers: Answers) -> Any:
    if not isinstance(source, NetworkSource):
        return source.prepare(shot)
    found = answers.get(source.output_key)
    return None if found is None else CachedOutput(source.unpack(found[0]))


def _keep(answered: Sequence[tuple[Outcome, Answers]], memory: InferenceCache) -> None:
    by_key: defaultdict[str, list[tuple[str, str, bytes]]] = defaultdict(list)
    for outcome, answers in answered:
        for key, (packed, note) in answers.items():
            by_key[key].append((outcome.sha256, note, packed))
    for key, kept in by_key.items():
        memory.keep(key, kept)
