"""What the journal knows of the last write to a file."""

import hashlib
import sqlite3
from contextlib import closing

import pytest

from geotagger.errors import GeotaggerError
from geotagger.metadata.undo.write_journal import UNKNOWN, WriteJournal


@pytest.fixture
def journal(tmp_path):
    with WriteJournal(tmp_path / "writes.sqlite") as journal:
        yield journal


def test_a_write_holds_until_it_is_undone(journal, tmp_path):
    file = tmp_path / "a.jpg"
    assert not journal.holds_write(file)
    journal.finish(journal.begin(file, tmp_path / "t", "1", "2", b"record"))
    assert journal.holds_write(file)
    journal.finish(journal.begin(file, tmp_path / "t", "2", "1", b""))
    assert not journal.holds_write(file)


@pytest.mark.parametrize("content", [b"before", b"after", None])
def test_a_write_that_was_cut_off_holds_if_the_file_was_replaced(journal, tmp_path, content):
    file = tmp_path / "a.jpg"
    after = hashlib.sha256(b"after").hexdigest()
    journal.begin(file, tmp_path / "t", hashlib.sha256(b"before").hexdigest(), after, b"record")
    if content is not None:
        file.write_bytes(content)
    assert journal.holds_write(file) is (content == b"after")


def test_a_write_whose_content_was_not_known_yet_does_not_hold(journal, tmp_path):
    file = tmp_path / "a.jpg"
    file.write_bytes(b"before")
    journal.begin(file, tmp_path / "t", "1", UNKNOWN, b"record")
    assert not journal.holds_write(file)


def rows(file):
    """What another run finds: (content after, done) of each write."""
    with closing(sqlite3.connect(file)) as db:
        return db.execute("SELECT sha256_after, done FROM writes ORDER BY id").fetchall()


def test_that_a_write_has_happened_is_recorded_with_the_next_one_and_at_the_end(tmp_path):
    file, temp = tmp_path / "writes.sqlite", tmp_path / "t"
    with WriteJournal(file) as journal:
        journal.finish(journal.begin(tmp_path / "a.jpg", temp, "1", "2", b"record"))
        assert rows(file) == [("2", 0)]
        second = journal.begin(tmp_path / "b.jpg", temp, "3", "4", b"record")
        assert rows(file) == [("2", 1), ("4", 0)]
        journal.finish(second)
    assert rows(file) == [("2", 1), ("4", 1)]


@pytest.mark.parametrize("ends", ["next", "close", "asked"])
def test_a_row_that_another_run_deleted_is_recorded_anew(ends, tmp_path):
    file, path = tmp_path / "writes.sqlite", tmp_path / "a.jpg"
    with WriteJournal(file) as journal:
        write = journal.complete(journal.begin(path, tmp_path / "t", "1", UNKNOWN, b"x"), "2")
        journal.finish(write)
        with WriteJournal(file) as other:
            other.forget(write.row)
            stranger = other.begin(tmp_path / "b.jpg", tmp_path / "u", "5", "6", b"y")
            assert stranger.row == write.row
        if ends == "next":
            journal.begin(tmp_path / "c.jpg", tmp_path / "v", "7", "8", b"z")
        if ends == "asked":
            assert journal.unfinished(path) == []
    assert rows(file)[:2] == [("6", 0), ("2", 1)]


def test_a_write_that_cannot_be_recorded_leaves_the_one_before_to_be_recorded(tmp_path):
    file = tmp_path / "writes.sqlite"
    with WriteJournal(file) as journal:
        journal.finish(journal.begin(tmp_path / "a.jpg", tmp_path / "t", "1", "2", b"x"))
        with pytest.raises(GeotaggerError):
            journal.begin(tmp_path / "b.jpg", tmp_path / "u", "3", None, b"y")
        assert rows(file) == [("2", 0)]
    assert rows(file) == [("2", 1)]


def test_damage_that_sqlite_cannot_even_name_is_a_refusal(tmp_path):
    file = tmp_path / "writes.sqlite"
    WriteJournal(file).close()
    file.write_bytes(file.read_bytes().replace(b"CREATE INDEX", b"CREATE IN\xff\xfeX"))
    with pytest.raises(GeotaggerError, match="undo journal"):
        WriteJournal(file)
    WriteJournal(file, dry_run=True).close()
