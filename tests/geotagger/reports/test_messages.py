"""What other people named must not steer a terminal."""

import click
import pytest

from geotagger.cli import main as cli


def test_names_in_messages_cannot_steer_a_terminal(monkeypatch):
    said = []
    monkeypatch.setattr(click, "echo", lambda text, **_: said.append(text))
    with pytest.raises(SystemExit) as left:
        cli._fail("no photos in \x1b[31mred\x07\u202e\nthe second line stays one", 4)
    assert left.value.code == 4
    expected = r"geotagger: no photos in \x1b[31mred\x07\u202e" + "\nthe second line stays one"
    assert said == [expected]
