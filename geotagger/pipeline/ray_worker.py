"""What runs on a worker of a cluster: it reads photos, asks the networks, and changes nothing.

Where no photo tells of another, the worker judges and believes as well, and the driver has only to
write and report. Else it hands over what the networks said, and the driver weighs it in order.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from geotagger.cache.keys import run_key
from geotagger.cache.store import Journal
from geotagger.config import RunOptions
from geotagger.evidence.source import NetworkSource
from geotagger.fusion.decide import predict
from geotagger.pipeline import executor_local as local
from geotagger.pipeline.setup import EvidenceSetup
from geotagger.types import Evidence, Outcome, Photo, Status

Answers = dict[str, tuple[bytes, str]]
"""By `output_key`, what each network said of one photo, and the note on the picture."""


def each_alone(options: RunOptions) -> bool:
    """Whether a photo can be believed without those around it: signs alone tell of neighbours."""
    return not (options.album and options.read_text)


def work(
    options: RunOptions, photos: Sequence[Photo], library: Any, keep: bool
) -> list[tuple[Outcome, Answers]]:
    """What became of each photo, and what the networks said of it, if the driver can use it.

    `library` is the actor `CacheActor`, or None. `keep`: the driver keeps a journal.
    """
    alone = each_alone(options)
    panel, sources = _loaded(options)
    notebook = RecordingCache(library)
    items = local.weigh(
        photos,
        sources,
        batch_size=options.batch_size or max(source.batch_size for source in sources),
        workers=options.workers,
        only_missing=options.only_missing,
        gate=options.gate,
        memory=notebook,
    )
    outcomes = [predict(item, panel.belief) if alone else item.outcome for item in items]
    kept = notebook.kept if keep or not alone else {}
    judged = (Status.FAILED, Status.SKIPPED)
    return [(o, {} if o.status in judged else kept.get(o.sha256, {})) for o in outcomes]


class CacheActor:
    """The journal, for workers to look up what networks said of the same file before.

    An actor on the driver's machine, where the journal is.
    """

    def __init__(self, options: RunOptions, state: Path) -> None:
        """`state` is the driver's folder of journals."""
        os.environ["GEOTAGGER_STATE"] = str(state)
        assert options.journal
        self._journal = Journal(options.journal, run_key(options), gate=options.gate)

    def answer(self, sha256: str, key: str) -> tuple[bytes, str] | None:
        return self._journal.answer(sha256, key)


class RecordingCache:
    """Keeps all that was said, and asks the library for what was said before."""

    def __init__(self, library: Any) -> None:
        self.kept: defaultdict[str, Answers] = defaultdict(dict)
        self._library = library

    def answer(self, sha256: str, key: str) -> tuple[bytes, str] | None:
        if self._library is None:
            return None
        from ray.exceptions import RayError

        try:  # a future: with `ray.get` Ray would take the worker's cores for idle
            found: tuple[bytes, str] | None = self._asked(sha256, key).result()
        except RayError:
            return None
        if found is not None:
            self.kept[sha256][key] = found
        return found

    def _asked(self, sha256: str, key: str) -> Any:
        return self._library.answer.remote(sha256, key).future()

    def keep(self, key: str, answers: Sequence[tuple[str, str, bytes]]) -> None:
        for sha256, note, packed in answers:
            self.kept[sha256][key] = packed, note


class _Unjudged:
    """A source that asks its network, and leaves it to the driver what the answer means."""

    def __init__(self, source: NetworkSource[Any, Any]) -> None:
        self.name, self.model_id = source.name, source.model_id
        self.min_side_px, self.batch_size = source.min_side_px, source.batch_size
        self.output_key = source.output_key
        self.prepare, self.ask = source.prepare, source.ask
        self.pack, self.unpack = source.pack, source.unpack

    def judge(self, answers: Sequence[Any]) -> list[Evidence | None]:
        return [None] * len(answers)

    def weigh(self, batch: Sequence[Any]) -> list[Evidence | None]:
        return self.judge(self.ask(batch))


@cache
def _loaded(options: RunOptions) -> tuple[EvidenceSetup, Sequence[Any]]:
    """Of this process; loaded when it gets its first photos."""
    panel = EvidenceSetup(options)
    sources = panel.sources()
    if each_alone(options):
        return panel, sources
    return panel, [_Unjudged(source) for source in sources if isinstance(source, NetworkSource)]
