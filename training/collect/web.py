"""Requests to a web service that needs a key: paced, retried, and with the key kept secret.

The key goes only to the service: redirects are not followed, and no message, exception or log
contains it.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import tenacity

if TYPE_CHECKING:
    from collections.abc import Callable

logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it logs addresses, with the key

MAX_TRIES = 5
TIMEOUT_S = 30
MAX_BYTES = 32 << 20
MAX_WAIT_S = 60.0
REFUSED_STATUS = (401, 403)
RETRIED_STATUS = (429, 500, 502, 503, 504)


class WebError(Exception):
    """The service does not answer, or its answer cannot be used."""


class KeyRefusedError(WebError):
    """The service does not accept the key, or allows no more requests with it."""


class RetryableError(Exception):
    """A request failed in a way that may pass."""

    def __init__(self, problem: str, retry_after_s: float | None = None) -> None:
        super().__init__(problem)
        self.retry_after_s = retry_after_s


class WebService:
    """One web service and its key. Use it in a `with` statement, which closes its connections."""

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
        """Makes a client.

        Args:
            base_url: The address of the service.
            key: The secret key.
            per_second: The largest number of requests a second.
            key_parameter: The parameter that carries the key, if any.
            key_header: The header that carries the key, if any.
            clock: Replaces time.monotonic, for tests.
            sleep: Replaces time.sleep, for tests.
        """
        self._base, self._key = base_url.rstrip("/"), key
        self._parameter, self._header = key_parameter, key_header
        self._interval_s = 1 / per_second
        self._next_s = 0.0
        self._clock, self._sleep = clock or time.monotonic, sleep or time.sleep
        self._client = httpx.Client(follow_redirects=False, timeout=TIMEOUT_S)

    def __enter__(self) -> WebService:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def __repr__(self) -> str:
        return f"WebService({self._base})"

    def json(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        """Returns the JSON object at a path of the service.

        Raises:
            KeyRefusedError: The service refuses the key.
            WebError: The service does not answer, or not with a JSON object.
        """
        try:
            document = json.loads(self.data(path, parameters))
        except ValueError as error:
            raise WebError(f"{self._base}{path}: the answer is not JSON") from error
        if not isinstance(document, dict):
            raise WebError(f"{self._base}{path}: the answer is not a JSON object")
        return document

    def data(self, path: str, parameters: dict[str, str]) -> bytes:
        """Returns the bytes at a path of the service. Raises as `json` does."""
        own = {self._parameter: self._key} if self._parameter else {}
        headers = {self._header: f"OAuth {self._key}"} if self._header else {}
        url = httpx.URL(self._base + path, params={**parameters, **own})
        return self._fetch(url, headers)

    def linked_data(self, url: str) -> bytes:
        """Returns the bytes at an address in an answer, on any host, without the key.

        Raises:
            WebError: The host does not answer, or the address is not https.
        """
        scheme = urlsplit(url).scheme
        if scheme not in {"https", urlsplit(self._base).scheme}:
            raise WebError(f"an address begins with {scheme!r}; only https is fetched")
        try:
            return self._fetch(httpx.URL(url), {})
        except httpx.InvalidURL:
            raise WebError("an address in an answer is not valid") from None

    def _fetch(self, url: httpx.URL, headers: dict[str, str]) -> bytes:
        """Requests an address until it answers."""
        shown_url = str(url.copy_with(query=None))
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(MAX_TRIES),
            wait=_wait_s,
            retry=tenacity.retry_if_exception_type(RetryableError),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(self._request, url, headers, shown_url)
        except RetryableError as error:
            raise WebError(
                f"{shown_url}: {error}, tried {MAX_TRIES} times; start again later to resume"
            ) from None

    def _request(self, url: httpx.URL, headers: dict[str, str], shown_url: str) -> bytes:
        """Makes one request when it is due.

        Raises:
            RetryableError: The service is busy or does not answer.
            KeyRefusedError, WebError: The request must not be repeated.
        """
        self._wait_for_turn()
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                _check_status(response, shown_url)
                data = b""
                for chunk in response.iter_bytes():
                    data += chunk
                    if len(data) > MAX_BYTES:
                        raise WebError(
                            f"{shown_url}: the answer is larger than {MAX_BYTES >> 20} MiB"
                        )
                return data
        except httpx.HTTPError as error:
            raise RetryableError(f"does not answer ({type(error).__name__})") from None

    def _wait_for_turn(self) -> None:
        now_s = self._clock()
        if now_s < self._next_s:
            self._sleep(self._next_s - now_s)
            now_s = self._next_s
        self._next_s = now_s + self._interval_s


def _check_status(response: httpx.Response, shown_url: str) -> None:
    """Raises the error of an unsuccessful answer."""
    status = response.status_code
    problem = f"answers {status}"
    if status in REFUSED_STATUS:
        raise KeyRefusedError(f"{shown_url}: {problem}; check the key, its quota and billing")
    if status in RETRIED_STATUS:
        after = response.headers.get("Retry-After", "")
        raise RetryableError(problem, float(after) if after.isdecimal() else None)
    if not response.is_success:
        raise WebError(f"{shown_url}: {problem}")


def _wait_s(state: tenacity.RetryCallState) -> float:
    """Returns the wait that the service asked for, else 1, 2, 4, ... seconds."""
    assert state.outcome is not None
    error = state.outcome.exception()
    asked_s = error.retry_after_s if isinstance(error, RetryableError) else None
    return min(2.0 ** (state.attempt_number - 1) if asked_s is None else asked_s, MAX_WAIT_S)
