"""Who is let in, what is refused, and how many tokens can be tried."""

import asyncio
import json

import httpx2 as httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from geotagger.loopback import guard
from geotagger.loopback.guard import HEADERS, MAX_BYTES, MAX_WAITING, AccessGuard, OneTimeToken

HOST, ALIAS = "127.0.0.1:8123", "localhost:8123"
ORIGIN = f"http://{HOST}"
TOKEN = "right"


def guarded(hosts=(HOST, ALIAS)):
    return AccessGuard(PlainTextResponse("in"), hosts, OneTimeToken(TOKEN).take, "app")


@pytest.fixture
def stranger():
    """A client that was not given the address."""
    return TestClient(guarded(), base_url=ORIGIN, follow_redirects=False)


@pytest.fixture
def client(stranger):
    assert stranger.get("/", params={"token": TOKEN}).status_code == 303
    return stranger


def post(client, content="{}", **headers):
    """The status of a request that changes something; by default one of the page itself."""
    given = {"origin": ORIGIN, "content-type": "application/json"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    headers = {name: value for name, value in given.items() if value is not None}
    return client.post("/", content=content, headers=headers).status_code


@pytest.mark.parametrize("cookie", [None, "", "wrong", TOKEN, "é"])
def test_without_the_cookie_nothing_is_answered(stranger, cookie):
    name = stranger.app.cookie
    headers = {} if cookie is None else {"cookie": f"{name}={cookie}".encode("latin-1")}
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        answer = stranger.request(method, "/", headers=headers)
        assert answer.status_code == 403
        assert answer.text != "in"
    assert "open the address that app has printed" in stranger.get("/").text


def test_the_token_is_exchanged_for_a_cookie_that_no_script_and_no_other_site_gets(stranger):
    answer = stranger.get("/", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(attributes)
    name, _, secret = cookie.partition("=")
    assert name == "geotagger-8123"
    assert len(secret) > 40
    assert TOKEN not in secret
    assert (stranger.get("/").text, stranger.head("/").status_code) == ("in", 200)
    assert post(stranger) == 200


def test_the_cookie_of_one_server_opens_no_other(client):
    (secret,) = client.cookies.values()
    other = TestClient(guarded(), base_url=ORIGIN)
    assert other.get("/", headers={"cookie": f"geotagger-8123={secret}"}).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/"), ("HEAD", "/"), ("GET", "/api"), ("GET", "/index.html")]
)
def test_the_token_counts_only_where_the_printed_address_leads(stranger, method, path):
    assert stranger.request(method, f"{path}?token={TOKEN}").status_code == 403
    assert stranger.get("/", params={"token": TOKEN}).status_code == 303


OTHER_HOSTS = ["evil.example:8123", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:81230", "",
               "127.0.0.1.nip.io:8123", f"{HOST},evil.example", f"evil.example@{HOST}"]  # fmt: skip


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_another_host_name_is_refused_and_its_token_not_tried(stranger, host, pauses):
    headers = {"host": host}
    for token in (TOKEN, "wrong"):
        answer = stranger.get("/", params={"token": token}, headers=headers)
        assert (answer.status_code, "another host" in answer.text) == (403, True)
    assert not pauses
    assert stranger.get("/", params={"token": TOKEN}).status_code == 303
    assert stranger.get("/", headers=headers).status_code == 403
    assert post(stranger, host=host, origin=f"http://{host}") == 403


@pytest.mark.parametrize("hosts", [[], [HOST, "evil.example"], ["evil.example", HOST], [HOST] * 2])
def test_a_request_names_one_host(client, hosts):
    sent = []

    async def note(message):
        sent.append(message)

    (secret,) = client.cookies.values()
    headers = [("cookie", f"geotagger-8123={secret}"), *(("host", host) for host in hosts)]
    scope = {
        "type": "http", "method": "GET", "path": "/", "query_string": b"", "server": None,
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }  # fmt: skip
    asyncio.run(client.app(scope, None, note))
    assert sent[0]["status"] == 403
    scope["headers"] = [*scope["headers"][:1], (b"host", ALIAS.encode())]
    asyncio.run(client.app(scope, None, note))
    assert sent[2]["status"] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", ""])
def test_a_link_on_another_site_leads_nowhere(client, site):
    assert client.get("/", headers={"sec-fetch-site": site}).status_code == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_page_and_the_address_bar_lead_in(client, site):
    assert client.get("/", headers={"sec-fetch-site": site}).status_code == 200


@pytest.mark.parametrize(
    "origin", [None, "", "null", "http://evil.example", f"https://{HOST}", f"http://{ALIAS}"]
)
def test_a_change_from_another_origin_is_refused(client, origin):
    assert post(client, origin=origin) == 403


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_form_changes_nothing(client, kind):
    assert post(client, content_type=kind) == 415


def test_only_so_much_is_read_and_its_length_is_stated(client):
    assert post(client, json.dumps({"ids": list(range(300_000))})) == 200
    assert post(client, b" " * MAX_BYTES) == 200
    assert MAX_BYTES < 5 * 2**20
    assert post(client, b" " * (MAX_BYTES + 1)) == 413
    assert post(client, iter([b"{}"])) == 413
    for length in ("", "-1", "1e3", "²"):
        assert post(client, content_length=length.encode("latin-1")) == 413


def test_every_answer_forbids_frames_caches_and_guessed_types(client, pauses):
    known = {name.lower(): value for name, value in HEADERS.items()}
    assert known["x-frame-options"] == "DENY"
    refused = client.get("/", headers={"host": "evil.example"})
    for answer in (client.get("/"), refused, client.get("/", params={"token": ""})):
        assert known.items() <= dict(answer.headers).items()
    assert len(pauses) == 1


def test_a_web_socket_is_not_even_answered():
    sent = []

    async def note(message):
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "query_string": b"", "headers": []}
    asyncio.run(guarded()(scope, None, note))
    assert not sent


def test_the_start_and_end_of_the_server_reach_the_application():
    seen = []

    async def application(scope, *_):
        seen.append(scope["type"])

    app = AccessGuard(application, [HOST], OneTimeToken(TOKEN).take, "app")
    asyncio.run(app({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]


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


def test_after_many_guesses_the_right_token_is_tried_all_the_same(stranger, pauses):
    for _ in range(2 * MAX_WAITING):
        assert stranger.get("/", params={"token": "wrong"}).status_code == 403
    assert stranger.get("/", params={"token": TOKEN}).status_code == 303
    assert len(pauses) == 2 * MAX_WAITING


def test_a_token_works_once():
    token = OneTimeToken("right")
    assert not token.take("")
    assert not token.take("wrong")
    assert token.take("right")
    assert not token.take("right")
    assert not OneTimeToken("").take("")
