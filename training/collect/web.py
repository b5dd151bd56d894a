"""Requests to a service that wants a key: at a measured pace, with patience, and without ever
telling the key to anybody else."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

TRIES = 5
TIMEOUT_S = 30
MAX_BYTES = 32 << 20
LONGEST_WAIT_S = 60.0
PATIENT = (429, 500, 502, 503, 504)
"""Answers after which it is worth asking again."""


class WebError(Exception):
    """The service does not answer, or what it says cannot be used."""


class KeyRefusedError(WebError):
    """The service does not accept the key, or not so many requests with it."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect could take the key to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Service:
    """One web service and its key, sent as a parameter or in a header.

    `clock` and `sleep` are for tests.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        per_second: float,
        key_parameter: str = "",
        key_header: str = "",
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self._base, self._key = base_url.rstrip("/"), key
        self._parameter, self._header = key_parameter, key_header
        self._gap_s = 1 / per_second
        self._next = 0.0
        self._clock, self._sleep = clock or time.monotonic, sleep or time.sleep
        self._opener = urllib.request.build_opener(_NoRedirect())

    def __repr__(self) -> str:
        return f"Service({self._base})"

    def json(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        """Raises WebError, KeyRefusedError."""
        try:
            found = json.loads(self.data(path, parameters))
        except ValueError as error:
            raise WebError(f"{self._base}{path}: the answer is no JSON") from error
        if not isinstance(found, dict):
            raise WebError(f"{self._base}{path}: the answer is no JSON object")
        return found

    def data(self, path: str, parameters: dict[str, str]) -> bytes:
        """Raises WebError, KeyRefusedError."""
        own = {self._parameter: self._key} if self._parameter else {}
        url = f"{self._base}{path}?{urllib.parse.urlencode({**parameters, **own})}"
        headers = {self._header: f"OAuth {self._key}"} if self._header else {}
        return self._fetch(urllib.request.Request(url, headers=headers), self._base + path)

    def elsewhere(self, url: str) -> bytes:
        """What the service refers to, on whatever host; the key stays here.

        Raises:
            WebError: it cannot be had, or the address is not one of the web.
        """
        scheme = urllib.parse.urlsplit(url).scheme
        if scheme not in {"https", urllib.parse.urlsplit(self._base).scheme}:
            raise WebError(f"an address begins with {scheme!r}; only https is fetched")
        return self._fetch(urllib.request.Request(url), url.split("?")[0])

    def _fetch(self, request: urllib.request.Request, told: str) -> bytes:
        problem = ""
        for attempt in range(TRIES):
            self._wait_turn()
            wait_s = float(2**attempt)
            try:
                with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                    data: bytes = answer.read(MAX_BYTES + 1)
                if len(data) > MAX_BYTES:
                    raise WebError(f"{told}: the answer is larger than {MAX_BYTES >> 20} MiB")
                return data
            except urllib.error.HTTPError as error:
                problem = f"answers {error.code}"
                after = error.headers.get("Retry-After", "")
                error.close()
                if error.code in (401, 403):
                    raise KeyRefusedError(
                        f"{told}: {problem}; check the key, its quota and billing"
                    ) from None
                if error.code not in PATIENT:
                    raise WebError(f"{told}: {problem}") from None
                wait_s = float(after) if after.isdecimal() else wait_s
            except (OSError, http.client.HTTPException) as error:
                problem = f"does not answer ({type(error).__name__})"
            if attempt + 1 < TRIES:
                self._sleep(min(wait_s, LONGEST_WAIT_S))
        raise WebError(f"{told}: {problem}, asked {TRIES} times; start again later to go on")

    def _wait_turn(self) -> None:
        now = self._clock()
        if now < self._next:
            self._sleep(self._next - now)
            now = self._next
        self._next = now + self._gap_s
