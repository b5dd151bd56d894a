"""Weighs photos on a Ray cluster: workers read them and run the networks.

Workers return decided outcomes. Where photos are evidence for each other, they return a few KB of
network outputs a photo, and the driver interprets these as if it had run the networks itself. A
worker (`ray_worker.py`) changes nothing, so Ray may run its share again elsewhere when a node dies:
no photo is lost or doubled. Each node needs geotagger, the bundles and the photos under the same
paths. Every worker loads the models once and keeps them (Moritz et al. 2018).
"""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from geotagger.config import Device, RunOptions
from geotagger.errors import GeotaggerError, UsageError
from geotagger.evidence.cached import InferenceCache
from geotagger.evidence.source import EvidenceSource, LoadedPhoto, NetworkSource
from geotagger.images.decode import Picture
from geotagger.pipeline.executor_local import weigh_batch
from geotagger.pipeline.prepare import PreparedPhoto, with_findings
from geotagger.pipeline.ray_worker import (
    CacheActor,
    InterpretationOnly,
    Outputs,
    decides_alone,
    work,
)
from geotagger.state import state_folder
from geotagger.types import Outcome, Photo, PhotoEvidence

BATCHES_IN_SHARE = 16
"""Batches that a worker gets at once: with more it waits less often, and more is done again when a
node dies."""
SHARES_AHEAD = 2
"""Shares in flight for each worker."""
MAX_TRIES = 8
"""How many nodes may die over the same share: a photo that kills its worker must not go on for
ever."""

CONNECT_TIMEOUT_S = 10.0
NODES_CHECKED_S = 10.0
"""How often a run that waits for a share asks whether there are nodes left to work on it."""
NO_NODE_TIMEOUT_S = 120.0
"""How long a run waits for a new node: an autoscaler may start one. Ray itself waits for ever."""


class WorkerSize(NamedTuple):
    """What a worker takes of its node."""

    cores: int
    gpus: int = 0

    def __str__(self) -> str:
        cores = f"{self.cores} cores" if self.cores > 1 else "1 core"
        return f"{cores} and a GPU" if self.gpus else cores


class RayExecutor:
    """Weighs photos on a cluster. A context manager: it connects to the cluster once.

    Args:
        sources: all sources of evidence, to interpret what the workers return.
        options: those of the run.
        cache: stores the outputs of the networks; None for a run without journal.
    """

    def __init__(
        self,
        sources: Sequence[EvidenceSource[Any]],
        options: RunOptions,
        cache: InferenceCache | None,
    ) -> None:
        self._sources = [
            InterpretationOnly(source) if isinstance(source, NetworkSource) else source
            for source in sources
        ]
        self._options = options
        self._cache = cache
        batch_size = options.batch_size or max(source.batch_size for source in sources)
        self._share_size = BATCHES_IN_SHARE * batch_size

    def __enter__(self) -> RayExecutor:
        """
        Raises:
            UsageError: Ray is not installed, or no node has the device.
            GeotaggerError: no cluster answers at `options.address`.
        """
        self._ray = _connected(self._options.address)
        try:
            self._start()
        except BaseException:
            self._ray.shutdown()
            raise
        return self

    def _start(self) -> None:
        self._workers, self._needed = _workers(self._ray, self._options)
        cores = self._needed.cores
        self._worker_options = replace(self._options, workers=cores, reports=(), journal=None)
        # by default, Ray replaces a worker that has used a GPU after each call, models and all
        self._work = self._ray.remote(
            max_retries=MAX_TRIES, max_calls=0, num_cpus=cores, num_gpus=self._needed.gpus
        )(work)
        self._cache_actor = _cache_actor(self._ray, self._options)

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    def run(self, photos: Iterable[Photo]) -> Iterator[PhotoEvidence | Outcome]:
        """Yield what becomes of each photo, in order: evidence, or an outcome if workers decide.

        Raises:
            GeotaggerError: a share of the photos has cost too many workers, or no node is left.
        """
        waiting: deque[Any] = deque()
        for share in _shares(photos, self._share_size):
            waiting.append(
                self._work.remote(
                    self._worker_options, share, self._cache_actor, self._cache is not None
                )
            )
            if len(waiting) > SHARES_AHEAD * self._workers:
                yield from self._finished(waiting.popleft())
        while waiting:
            yield from self._finished(waiting.popleft())

    def _finished(self, reference: Any) -> Sequence[PhotoEvidence | Outcome]:
        """A share as its worker decided it, or as the driver interprets its outputs."""
        share = self._result(reference)
        if self._cache is not None:
            self._keep(share, self._cache)
        if decides_alone(self._options):
            return [outcome for outcome, _ in share]
        batch = [_prepared(outcome, outputs, self._sources) for outcome, outputs in share]
        return weigh_batch(batch, self._sources)

    def _keep(self, share: Sequence[tuple[Outcome, Outputs]], cache: InferenceCache) -> None:
        """Store the outputs under the keys of this machine."""
        for source in self._sources:
            if isinstance(source, NetworkSource):
                outputs = [(o.sha256, by[source.name]) for o, by in share if source.name in by]
                cache.keep(source.output_key, outputs)

    def _result(self, reference: Any) -> list[tuple[Outcome, Outputs]]:
        self._wait(reference)
        try:
            share: list[tuple[Outcome, Outputs]] = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, GeotaggerError):
                raise error.cause from None
            raise
        except self._ray.exceptions.RayError as error:
            raise GeotaggerError(
                f"Ray lost its workers {MAX_TRIES} times over the same photos ({error}); is there "
                "memory enough on the nodes? The same command goes on from here"
            ) from error
        return share

    def _wait(self, reference: Any) -> None:
        """Wait for a share, as long as a node has room for its worker."""
        without_node_s = 0.0
        while not self._ray.wait([reference], timeout=NODES_CHECKED_S)[0]:
            without_node_s = 0.0 if self._has_node() else without_node_s + NODES_CHECKED_S
            if without_node_s >= NO_NODE_TIMEOUT_S:
                raise GeotaggerError(
                    f"no node of the Ray cluster is left with room for a worker ({self._needed}); "
                    "start nodes again: the same command goes on from here"
                )

    def _has_node(self) -> bool:
        """Whether a node that is alive has, in all, what a worker takes."""
        return any(
            cores >= self._needed.cores and gpus >= self._needed.gpus
            for cores, gpus in _cores_and_gpus(self._ray)
        )


def _connected(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise UsageError("--engine ray needs Ray: pip install 'geotagger-photos[ray]'") from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report to its makers
    try:
        host, colon, port = address.rpartition(":")
        if colon and "/" not in address:  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S).close()
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


def _cores_and_gpus(ray: Any) -> list[tuple[int, int]]:
    """Of each node that is alive, whether they are in use or not."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [(int(node.get("CPU", 0)), int(node.get("GPU", 0))) for node in nodes]


def _workers(ray: Any, options: RunOptions) -> tuple[int, WorkerSize]:
    """How many workers the cluster has room for, and what each takes."""
    nodes = _cores_and_gpus(ray)
    cores, gpus = [cores for cores, _ in nodes], [gpus for _, gpus in nodes]
    needs_gpu = options.device in (Device.CUDA, Device.TENSORRT)
    if needs_gpu or (options.device == Device.AUTO and any(gpus)):
        if not any(gpus):
            raise UsageError(f"--device {options.device}: no node of the Ray cluster has a GPU")
        each = min(max(1, c // g) for c, g in zip(cores, gpus, strict=True) if g)
        return sum(gpus), WorkerSize(each, gpus=1)
    each = max(1, min([options.workers, *filter(None, cores)]))
    return max(1, sum(c // each for c in cores)), WorkerSize(each)


def _cache_actor(ray: Any, options: RunOptions) -> Any:
    """A `CacheActor` on this machine; None for a run that looks nothing up."""
    if not options.journal or options.restart:
        return None
    here = ray.get_runtime_context().get_node_id()
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(here, soft=False)
    actor = ray.remote(num_cpus=0, scheduling_strategy=strategy)(CacheActor)
    return actor.remote(options, state_folder().absolute())


def _shares(photos: Iterable[Photo], size: int) -> Iterator[list[Photo]]:
    share: list[Photo] = []
    for photo in photos:
        share.append(photo)
        if len(share) == size:
            yield share
            share = []
    if share:
        yield share


def _prepared(
    outcome: Outcome, outputs: Outputs, sources: Sequence[EvidenceSource[Any]]
) -> PreparedPhoto:
    """A photo that a worker has read, with the outputs of its networks as inputs."""
    if not outputs:  # it failed, was skipped, or is no photo
        return PreparedPhoto(outcome)
    photo = LoadedPhoto(outcome.photo, outcome.metadata, _no_picture, outcome.sha256)
    inputs = tuple(_input(source, photo, outputs) for source in sources)
    return PreparedPhoto(with_findings(outcome, photo), inputs)


def _input(source: EvidenceSource[Any], photo: LoadedPhoto, outputs: Outputs) -> Any:
    if not isinstance(source, NetworkSource):
        return source.prepare(photo)
    output = outputs.get(source.name)
    return None if output is None else source.unpack(output.packed)


def _no_picture(_: int) -> Picture:
    raise AssertionError("the driver of a cluster decodes no picture")
