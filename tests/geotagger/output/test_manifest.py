"""A manifest is evidence: it is never overwritten."""

import json

import pytest

from geotagger.errors import GeotaggerError, UsageError
from geotagger.output.manifest import open_manifest
from geotagger.types import Outcome, Photo


def told(path):
    return [json.loads(line)["path"] for line in path.read_text().splitlines()]


def write(path, name):
    with open_manifest(path) as manifest:
        manifest.add(Outcome(Photo(path.with_name(name), path.parent)), "", None, None)


def test_earlier_manifests_are_renamed(tmp_path, caplog):
    path = tmp_path / "m.jsonl"
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        write(path, name)
    found = [told(tmp_path / name)[0][-5:] for name in ("m.1.jsonl", "m.2.jsonl", "m.jsonl")]
    assert found == ["a.jpg", "b.jpg", "c.jpg"]
    assert "m.jsonl exists already: it was renamed to" in caplog.text
    assert len(list(tmp_path.iterdir())) == 3


def test_the_manifest_of_a_killed_run_is_renamed(tmp_path):
    path = tmp_path / "m.jsonl"
    (tmp_path / "m.jsonl.partial").write_text('{"path": "killed.jpg"}\n')
    write(path, "a.jpg")
    assert told(tmp_path / "m.1.jsonl") == ["killed.jpg"]


def test_a_link_to_a_photo_does_not_lead_there(tmp_path):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"a photo")
    link = tmp_path / "m.jsonl"
    try:
        link.symlink_to(photo)
    except OSError:
        pytest.skip("links cannot be made here")
    write(link, "a.jpg")
    assert photo.read_bytes() == b"a photo"
    assert not link.is_symlink()
    assert (tmp_path / "m.1.jsonl").is_symlink()


def test_other_files_are_not_renamed(tmp_path):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"a photo")
    with pytest.raises(UsageError, match="the suffix"), open_manifest(photo):
        pass
    assert photo.read_bytes() == b"a photo"
    folder = tmp_path / "m.csv"
    folder.mkdir()
    with pytest.raises((GeotaggerError, OSError)):
        write(folder, "a.jpg")
    assert folder.is_dir()
