"""Trust on first use: the first revision and its hashes are recorded, other bytes refused."""

import json

import pytest

from geotagger.download import pins
from geotagger.download.pins import check_and_record, digest, pinned_commit
from geotagger.errors import DownloadError
from geotagger.vision.bundle.bundle import models_folder

ONE, TWO = "1" * 64, "2" * 64


def test_the_first_revision_is_recorded():
    assert pinned_commit("a/b") == ""
    check_and_record("a/b", "c1", {"config.json": ONE})
    check_and_record("a/b", "c2", {"config.json": TWO})
    check_and_record("x/y", "c3", {"config.json": TWO})
    assert pinned_commit("a/b") == "c1"
    assert pinned_commit("x/y") == "c3"


def test_other_bytes_are_refused_and_not_recorded():
    check_and_record("a/b", "c1", {"config.json": ONE, "model.safetensors/w": ONE})
    check_and_record("a/b", "c1", {"config.json": ONE, "model.safetensors/v": TWO})
    before = (models_folder() / "pins.json").read_bytes()
    with pytest.raises(DownloadError, match=r"a/b@c1: model.safetensors/v is not the one .*1111"):
        check_and_record("a/b", "c1", {"config.json": ONE, "model.safetensors/v": ONE, "new": ONE})
    assert (models_folder() / "pins.json").read_bytes() == before
    (pin,) = json.loads(before)
    assert set(pin["hashes"]) == {"config.json", "model.safetensors/w", "model.safetensors/v"}


def test_pins_of_the_program_come_first(monkeypatch):
    monkeypatch.setattr(
        pins,
        "read_text",
        lambda _: json.dumps([{"repository": "a/b", "commit": "c0", "hashes": {"f": ONE}}]),
    )
    check_and_record("a/b", "c1", {"f": TWO})
    assert pinned_commit("a/b") == "c0"
    with pytest.raises(DownloadError, match="a/b@c0: f is not"):
        check_and_record("a/b", "c0", {"f": TWO})


def test_the_pins_of_the_program_are_valid():
    assert pins._shipped() == []  # no hash is written down that was not computed


@pytest.mark.parametrize("text", ["[{", '[{"a":' + "[" * 100_000])
def test_a_damaged_file_of_pins_is_not_overwritten(text):
    models_folder().mkdir(exist_ok=True)
    (models_folder() / "pins.json").write_text(text)
    with pytest.raises(DownloadError, match=r"pins\.json: cannot be read"):
        check_and_record("a/b", "c1", {"f": ONE})
    assert (models_folder() / "pins.json").read_text() == text


def test_the_digest_depends_on_names_and_hashes_but_not_on_their_order():
    assert digest({"a": ONE, "b": TWO}) == digest({"b": TWO, "a": ONE})
    assert len({digest({"a": ONE}), digest({"b": ONE}), digest({"a": TWO}), digest({})}) == 4
