"""What the journal knows of the last write to a file."""

import hashlib

import pytest

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
