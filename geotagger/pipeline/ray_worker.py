"""The worker of a Ray cluster: it reads photos and runs the networks, and writes nothing.

Where photos are no evidence for each other, the worker also decides, and the driver only writes and
reports. Otherwise it returns the outputs of the networks, and the driver interprets them in order.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from geotagger.cache.keys import run_key
from geotagger.cache.store import RunJournal
from geotagger.config import RunOptions
from geotagger.evidence.cached import PackedOutput
from geotagger.evidence.source import EvidenceSource, NetworkSource, WrappedSource
from geotagger.fusion.decide import Fusion, predict
from geotagger.pipeline.executor_local import LocalExecutor
from geotagger.pipeline.setup import EvidenceSetup, with_cache
from geotagger.types import Evidence, Outcome, Photo, Status

Outputs = dict[str, PackedOutput]
"""Outputs for one photo, by the name of the source: output keys may differ between machines."""


def decides_alone(options: RunOptions) -> bool:
    """Whether each photo can be decided by itself: photos of a trip are evidence for each other."""
    return not options.album


def work(
    options: RunOptions, photos: Sequence[Photo], cache_actor: Any, return_outputs: bool
) -> list[tuple[Outcome, Outputs]]:
    """Weigh photos.

    Args:
        options: those of the run, for this worker.
        photos: a share of the run's photos.
        cache_actor: handle of the `CacheActor`, or None.
        return_outputs: the driver has a journal that stores outputs.

    Returns:
        For each photo its outcome (decided if `decides_alone`) and the outputs of the networks, if
        the driver needs them.
    """
    alone = decides_alone(options)
    fusion, sources = _loaded(options)
    outputs = RecordingCache(cache_actor)
    with LocalExecutor(with_cache(sources, outputs), options) as executor:
        outcomes = [
            predict(item, fusion) if alone else item.outcome for item in executor.run(photos)
        ]
    wanted = return_outputs or not alone
    return [(o, outputs.of(o.sha256, sources) if wanted and _was_read(o) else {}) for o in outcomes]


def _was_read(outcome: Outcome) -> bool:
    return outcome.status not in (Status.FAILED, Status.SKIPPED)


class CacheActor:
    """Looks up outputs for the workers. An actor on the driver's machine, where the journal is."""

    def __init__(self, options: RunOptions, state: Path) -> None:
        """`state` is the driver's state folder."""
        os.environ["GEOTAGGER_STATE"] = str(state)
        assert options.journal
        self._journal = RunJournal(options.journal, run_key(options), gate=options.gate)

    def find(self, sha256: str, output_key: str) -> PackedOutput | None:
        return self._journal.find(sha256, output_key)


class RecordingCache:
    """The inference cache of a worker: it finds what the actor knows, and records all outputs."""

    def __init__(self, cache_actor: Any) -> None:
        self._recorded: defaultdict[str, dict[str, PackedOutput]] = defaultdict(dict)
        self._cache_actor = cache_actor

    def of(self, sha256: str, sources: Sequence[EvidenceSource[Any]]) -> Outputs:
        """The found and new outputs for one file."""
        recorded = self._recorded.get(sha256, {})
        networks = [source for source in sources if isinstance(source, NetworkSource)]
        return {
            source.name: recorded[source.output_key]
            for source in networks
            if source.output_key in recorded
        }

    def find(self, sha256: str, output_key: str) -> PackedOutput | None:
        if self._cache_actor is None:
            return None
        from ray.exceptions import RayError

        try:  # a future: `ray.get` would make Ray think that the worker's cores are idle
            pending = self._cache_actor.find.remote(sha256, output_key).future()
            found: PackedOutput | None = pending.result()
        except RayError:
            return None
        if found is not None:
            self._recorded[sha256][output_key] = found
        return found

    def keep(self, output_key: str, outputs: Sequence[tuple[str, PackedOutput]]) -> None:
        for sha256, output in outputs:
            self._recorded[sha256][output_key] = output


class InferenceOnly(WrappedSource):
    """On a worker: runs the network and leaves its output to the driver."""

    def interpret(self, outputs: Sequence[Any]) -> list[Evidence | None]:
        return [None] * len(outputs)


class InterpretationOnly(WrappedSource):
    """On the driver: takes the output of a worker's network as input, and interprets it."""

    def infer(self, batch: Sequence[Any]) -> list[Any]:
        return list(batch)


@cache
def _loaded(options: RunOptions) -> tuple[Fusion, list[EvidenceSource[Any]]]:
    """Loaded when this process gets its first photos, then kept."""
    setup = EvidenceSetup(options)
    sources = setup.sources()
    if decides_alone(options):
        return setup.fusion, sources
    networks = [source for source in sources if isinstance(source, NetworkSource)]
    return setup.fusion, [InferenceOnly(source) for source in networks]
