"""The engine for a cluster: Ray hands photos to workers, which read them and ask the networks.

What comes back is what the networks said, some KB a photo; the driver judges it, beside clock and
album, as if it had asked itself. A worker changes nothing, so Ray may run its share again elsewhere
when a node dies: no photo is lost or doubled. Each node needs geotagger, the bundles and the photos
under the same paths. Every worker loads the models once and keeps them (Moritz et al. 2018).
"""

from __future__ import annotations

import logging
import os
import socket
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from geotagger.engines import NOT_DECODED, Memory, Prepared, Recalled, Weighed, local
from geotagger.errors import GeotaggerError, UsageError
from geotagger.evidence import Asking, Shot, Source
from geotagger.records import Evidence, Outcome, Photo, Status

if TYPE_CHECKING:
    from geotagger.options import RunOptions

BATCHES_IN_SHARE = 16
"""A worker gets so many batches at once: the more, the rarer it waits, and the more is done again
when a node dies."""
SHARES_AHEAD = 2
"""For each worker."""
MOST_TRIES = 8
"""How many nodes may die under the same share; a photo that kills its worker must not go round."""

ANSWERS_WITHIN_S = 10.0

Answers = dict[str, bytes]
"""By `answer_key`, what each network said of one photo."""


def weigh(
    photos: Iterable[Photo | Weighed],
    sources: Sequence[Source[Any]],
    options: RunOptions,
    *,
    batch_size: int,
    memory: Memory | None = None,
) -> Iterator[Weighed]:
    """Yield one `Weighed` per photo, in order.

    Raises UsageError: Ray is not installed. GeotaggerError: there is no cluster at
    `options.address`, or a share of the photos has cost too many workers.
    """
    ray = _connected(options.address)
    try:
        workers, resources = _workers(ray, options)
        told = replace(options, workers=resources["num_cpus"], reports=(), journal=None)
        # a worker that has used a GPU would else be replaced after each share, models and all
        work = ray.remote(max_retries=MOST_TRIES, max_calls=0, **resources)(_work)
        waiting: deque[tuple[list[Photo | Weighed], Any]] = deque()
        for share in _shares(photos, BATCHES_IN_SHARE * batch_size):
            fresh = [item for item in share if isinstance(item, Photo)]
            waiting.append((share, work.remote(told, fresh) if fresh else None))
            if len(waiting) > SHARES_AHEAD * workers:
                yield from _judged(ray, *waiting.popleft(), sources, memory)
        while waiting:
            yield from _judged(ray, *waiting.popleft(), sources, memory)
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


def _shares(photos: Iterable[Photo | Weighed], size: int) -> Iterator[list[Photo | Weighed]]:
    share: list[Photo | Weighed] = []
    for photo in photos:
        share.append(photo)
        if len(share) == size:
            yield share
            share = []
    if share:
        yield share


def _judged(
    ray: Any,
    share: Sequence[Photo | Weighed],
    reference: Any,
    sources: Sequence[Source[Any]],
    memory: Memory | None,
) -> list[Weighed]:
    """The answers of a share, weighed beside what needs no network."""
    try:
        answered = iter(ray.get(reference) if reference is not None else ())
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, GeotaggerError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise GeotaggerError(
            f"Ray lost its workers {MOST_TRIES} times over the same photos ({error}); is there "
            "memory enough on the nodes? The same command goes on from here"
        ) from error
    batch = [
        item if isinstance(item, Weighed) else _recalled(next(answered), sources) for item in share
    ]
    if memory is not None:
        _keep(batch, sources, memory)
    return local.weigh_batch(batch, sources, None)


def _recalled(answered: tuple[Outcome, Answers], sources: Sequence[Source[Any]]) -> Prepared:
    outcome, answers = answered
    if not answers:  # it failed, or was passed over
        return Prepared(outcome)
    shot = Shot(outcome.photo, outcome.existing, NOT_DECODED)
    return Prepared(outcome, tuple(_input(source, shot, answers) for source in sources))


def _input(source: Source[Any], shot: Shot, answers: Answers) -> Any:
    if not isinstance(source, Asking):
        return source.prepare(shot)
    packed = answers.get(source.answer_key)
    return None if packed is None else Recalled(source.unpack(packed))


def _keep(
    batch: Sequence[Prepared | Weighed], sources: Sequence[Source[Any]], memory: Memory
) -> None:
    for index, source in enumerate(sources):
        if isinstance(source, Asking):
            memory.keep(
                source.answer_key,
                [
                    (item.outcome.sha256, item.outcome.note, source.pack(item.inputs[index].answer))
                    for item in batch
                    if isinstance(item, Prepared) and item.inputs and item.inputs[index] is not None
                ],
            )


class _Notebook:
    """A memory that knows nothing and keeps all."""

    def __init__(self) -> None:
        self.kept: defaultdict[str, Answers] = defaultdict(dict)

    def answer(self, sha256: str, key: str) -> tuple[bytes, str] | None:  # noqa: ARG002
        return None

    def keep(self, key: str, answers: Sequence[tuple[str, str, bytes]]) -> None:
        for sha256, _, packed in answers:
            self.kept[sha256][key] = packed


class _Unjudged:
    """A source that asks its network, and leaves it to the driver what the answer means."""

    def __init__(self, source: Asking[Any, Any]) -> None:
        self.name, self.model_id = source.name, source.model_id
        self.min_side_px, self.batch_size = source.min_side_px, source.batch_size
        self.answer_key = source.answer_key
        self.prepare, self.ask = source.prepare, source.ask
        self.pack, self.unpack = source.pack, source.unpack

    def judge(self, answers: Sequence[Any]) -> list[Evidence | None]:
        return [None] * len(answers)

    def weigh(self, batch: Sequence[Any]) -> list[Evidence | None]:
        return self.judge(self.ask(batch))


@cache
def _sources(options: RunOptions) -> list[_Unjudged]:
    """Of this process; loaded when it gets its first photos."""
    from geotagger.sources import Panel

    return [_Unjudged(s) for s in Panel(options).sources() if isinstance(s, Asking)]


def _work(options: RunOptions, photos: Sequence[Photo]) -> list[tuple[Outcome, Answers]]:
    """Runs on a worker: what became of each photo, and what the networks said of it."""
    sources, notebook = _sources(options), _Notebook()
    items = local.weigh(
        photos,
        sources,
        batch_size=options.batch_size or max(source.batch_size for source in sources),
        workers=options.workers,
        only_missing=options.only_missing,
        gate=options.gate,
        memory=notebook,
    )
    outcomes = [item.outcome for item in items]
    judged = (Status.FAILED, Status.SKIPPED)
    return [(o, {} if o.status in judged else notebook.kept.get(o.sha256, {})) for o in outcomes]
