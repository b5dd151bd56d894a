"""Hashes beside other work: always the right one, whoever works it out, and nothing left behind."""

import hashlib
import threading
from contextlib import contextmanager

import pytest

from geotagger.metadata.safe_write import loading
from geotagger.metadata.safe_write.loading import background_hash

SMALL, LARGE = b"a few bytes", bytes(range(256)) * (loading._MIN_THREAD_BYTES >> 8)
EXPECTED = hashlib.sha256(LARGE).hexdigest()


@contextmanager
def busy_thread():
    """The thread has other work until the block ends."""
    begun, end = threading.Event(), threading.Event()
    loading._HASH_THREAD.submit(lambda: (begun.set(), end.wait()))
    begun.wait()
    try:
        yield
    finally:
        end.set()


def test_few_bytes_are_hashed_at_once():
    with busy_thread(), background_hash(SMALL) as found:
        assert found.done()
        assert found.result() == hashlib.sha256(SMALL).hexdigest()


def test_many_bytes_are_hashed_in_the_thread(monkeypatch):
    where, begun = [], threading.Event()

    def noted(data):
        where.append(threading.current_thread())
        begun.set()
        return hashlib.sha256(data).hexdigest()

    monkeypatch.setattr(loading, "_sha256", noted)
    with background_hash(LARGE) as found:
        begun.wait()
        assert found.result() == found.result() == EXPECTED
        assert found.done()
    assert [thread.name[:6] for thread in where] == ["sha256"]


def test_a_hash_that_the_thread_has_ended_is_there_before_it_is_asked_for():
    with background_hash(LARGE) as found:
        loading._HASH_THREAD.submit(int).result()
        assert found.done()


def test_a_thread_that_is_busy_is_not_waited_for(monkeypatch):
    done = []

    def noted(data):
        done.append(data)
        return hashlib.sha256(data).hexdigest()

    monkeypatch.setattr(loading, "_sha256", noted)
    with busy_thread(), background_hash(LARGE) as found:
        assert not found.done()
        assert found.result() == found.result() == EXPECTED
        assert found.done()
    assert done == [LARGE]


def test_what_nobody_waits_for_is_not_begun(monkeypatch):
    with busy_thread():
        monkeypatch.setattr(loading, "_sha256", lambda _: pytest.fail("it was begun"))
        with pytest.raises(KeyError), background_hash(LARGE) as found:
            raise KeyError
    loading._HASH_THREAD.submit(int).result()
    assert found._future.cancelled()


def test_what_has_begun_has_ended_when_the_block_ends(monkeypatch):
    begun, ended = threading.Event(), []

    def slow(_):
        begun.set()
        threading.Event().wait(0.05)
        ended.append(True)
        return ""

    monkeypatch.setattr(loading, "_sha256", slow)
    with background_hash(LARGE):
        begun.wait()
    assert ended == [True]


def test_what_goes_wrong_there_is_told_here(monkeypatch):
    def fails(_):
        raise MemoryError

    monkeypatch.setattr(loading, "_sha256", fails)
    with pytest.raises(MemoryError), background_hash(LARGE) as found:
        found.result()
