"""Server-sent events: the state of the app, sent again whenever it has changed.

Every event carries a whole object, so that one that is lost does no harm.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

INTERVAL_S = 0.25
KEEP_ALIVE_S = 15.0

Topics = Mapping[str, Callable[[], object]]
"""What is sent, by the name of its event; None is sent only after something else was."""


def event_stream(topics: Topics, is_closing: Callable[[], bool]) -> StreamingResponse:
    """An answer that lasts until the browser or the server ends it.

    Args:
        topics: are asked again and again while the browser is there.
        is_closing: whether the server is about to end.
    """
    return StreamingResponse(_events(topics, is_closing), media_type="text/event-stream")


async def _events(topics: Topics, is_closing: Callable[[], bool]) -> AsyncIterator[str]:
    sent: dict[str, str] = {}
    sent_at = time.monotonic()
    while not is_closing():
        for name, text in (await run_in_threadpool(_texts, topics)).items():
            if sent.get(name, "null") != text:
                sent[name] = text
                sent_at = time.monotonic()
                yield f"event: {name}\ndata: {text}\n\n"
        if time.monotonic() - sent_at > KEEP_ALIVE_S:
            sent_at = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(INTERVAL_S)
    yield "event: bye\ndata: {}\n\n"


def _texts(topics: Topics) -> dict[str, str]:
    values: dict[str, Any] = {name: value() for name, value in topics.items()}
    return {name: json.dumps(value) for name, value in values.items()}
