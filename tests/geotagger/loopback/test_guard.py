"""Tokens are tried one after the other, and a wrong one makes the next wait."""

import asyncio

import httpx2 as httpx
import pytest
from starlette.responses import PlainTextResponse

from geotagger.loopback import guard
from geotagger.loopback.guard import MAX_WAITING, AccessGuard, OneTimeToken

HOST = "127.0.0.1:8123"


@pytest.fixture
def pauses(monkeypatch):
    """How long the guard has waited after each wrong token; it waits no time at all."""
    waited = []

    async def no_time(seconds):
        waited.append(seconds)
        await yield_once()

    monkeypatch.setattr(guard.asyncio, "sleep", no_time)
    return waited


async def yield_once():
    await asyncio.get_running_loop().run_in_executor(None, lambda: None)


def statuses(*tokens):
    """The answers to requests that come at the same time."""

    async def ask():
        app = AccessGuard(PlainTextResponse("in"), [HOST], OneTimeToken("right").take, "app")
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
            asked = [client.get("/", params={"token": token}) for token in tokens]
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    return asyncio.run(ask())


def test_each_wrong_token_costs_a_pause(pauses):
    assert statuses("a", "b", "c", "right") == [403, 403, 403, 303]
    assert pauses == [guard.PAUSE_S] * 3


def test_a_flood_of_guesses_is_not_even_looked_at(pauses):
    flood = [f"guess-{i}" for i in range(50)]
    answers = statuses(*flood)
    assert answers.count(403) == MAX_WAITING
    assert answers.count(429) == 50 - MAX_WAITING
    assert len(pauses) == MAX_WAITING


def test_a_token_works_once():
    token = OneTimeToken("right")
    assert not token.take("")
    assert not token.take("wrong")
    assert token.take("right")
    assert not token.take("right")
    assert not OneTimeToken("").take("")
