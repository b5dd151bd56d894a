"""The socket: on this computer alone, and closed when it is stopped."""

import socket
import threading
from contextlib import contextmanager

import httpx2 as httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from geotagger.errors import UsageError
from geotagger.loopback.serving import LOOPBACK, LoopbackServer, hosts


async def echo(scope, receive, send):
    """Says whom the application takes the client for."""
    request = Request(scope)
    answer = JSONResponse([request.client.host, request.url.scheme])
    await answer(scope, receive, send)


@contextmanager
def running(server):
    thread = threading.Thread(target=server.run, args=(echo,), daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.port}/"
    finally:
        server.stop()
        thread.join(10)
        assert not thread.is_alive()


def test_it_answers_until_it_is_stopped():
    with LoopbackServer(0) as server:
        assert not server.is_closing
        with running(server) as address:
            answer = httpx.get(address)
            assert answer.json() == ["127.0.0.1", "http"]
            assert "server" not in answer.headers
            assert not server.is_closing
        assert server.is_closing
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((LOOPBACK, server.port), timeout=5)


def test_what_asks_before_it_runs_is_answered_when_it_does():
    with LoopbackServer(0) as server, socket.create_connection((LOOPBACK, server.port)) as early:
        early.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        early.settimeout(10)
        with running(server):
            assert early.recv(100).startswith(b"HTTP/1.1 200")


def test_a_server_that_was_stopped_before_it_ran_ends_at_once():
    with LoopbackServer(0) as server:
        server.stop()
        assert server.is_closing
        server.run(echo)


def test_nobody_is_taken_for_another_by_what_a_request_says():
    forged = {"x-forwarded-for": "10.1.2.3", "x-forwarded-proto": "https"}
    with LoopbackServer(0) as server, running(server) as address:
        assert httpx.get(address, headers=forged).json() == ["127.0.0.1", "http"]


def test_it_listens_on_this_computer_alone():
    with LoopbackServer(0) as server:
        assert server._socket.getsockname() == ("127.0.0.1", server.port)
        assert server.port > 0


def test_a_port_that_is_in_use_is_named():
    with (
        LoopbackServer(0) as server,
        pytest.raises(UsageError, match=f"port {server.port} cannot be used: .*: choose another"),
    ):
        LoopbackServer(server.port)


def test_a_chosen_port_can_be_used_again_at_once():
    with LoopbackServer(0) as server, running(server) as address:
        with socket.create_connection((LOOPBACK, server.port)) as left_open:
            left_open.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            while left_open.recv(1000):
                pass  # the server closes first, and its port waits for late packets
        assert httpx.get(address).status_code == 200
    with LoopbackServer(server.port) as again:
        assert again.port == server.port


def test_the_names_of_a_server_have_its_port():
    assert hosts(8123) == ("127.0.0.1:8123", "localhost:8123")
