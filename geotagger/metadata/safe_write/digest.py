"""SHA-256 of a photo, worked out in a thread beside other work where that saves time.

One thread stands ready for the whole run: on a busy machine a new one would take longer to start
than the hash takes. Whoever needs a hash that it has not begun works it out himself.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORTH_A_THREAD_BYTES = 1 << 19  # 0.3 ms of work
_THREAD = ThreadPoolExecutor(1, "sha256")  # started by the first hash


class Digest:
    """The SHA-256 of some bytes, in hexadecimal, there now or later."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._value = "" if len(data) >= _WORTH_A_THREAD_BYTES else _sha256(data)
        self._begun: Future[str] | None = None if self._value else _THREAD.submit(_sha256, data)

    def done(self) -> bool:
        """Whether `result` is there at once."""
        return bool(self._value) or (self._begun is not None and self._begun.done())

    def result(self) -> str:
        """The hash, as soon as it can be had."""
        if not self._value and self._begun:
            mine = self._begun.cancel()
            self._value = _sha256(self._data) if mine else self._begun.result()
        return self._value

    def drop(self) -> None:
        """No one needs it any more: it is not begun, or waited for."""
        if self._begun and not self._begun.cancel():
            wait((self._begun,))


@contextmanager
def sha256_beside(data: bytes) -> Iterator[Digest]:
    """Works on the hash while the block runs; nothing is left of it when the block ends."""
    digest = Digest(data)
    try:
        yield digest
    finally:
        digest.drop()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
