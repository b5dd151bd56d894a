import io
import json
import pickle
import sys
from pathlib import Path

import pytest
from PIL import Image

from geotagger.config import RunOptions
from geotagger.errors import UsageError
from geotagger.images.remote import RemotePath, located
from geotagger.images.scan import count, walk
from geotagger.pipeline.run import run
from tests.fixtures.bundles import make_bundle

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def bucket():
    """Three photos and some other things; in memory."""
    system = fsspec.filesystem("memory")
    for name, colour in (("b/2.jpg", "red"), ("a.jpg", "lime"), ("b/1.png", "blue")):
        data = io.BytesIO()
        Image.new("RGB", (64, 48), colour).save(data, "JPEG")
        system.pipe(f"/bucket/{name}", data.getvalue())
    system.pipe("/bucket/notes.txt", b"none")
    system.pipe("/bucket/.hidden.jpg", b"none")
    yield Path("memory://bucket")
    system.rm("/bucket", recursive=True)


def test_the_walk_is_sorted_and_names_urls(bucket):
    photos = list(walk([bucket]))
    names = ["a.jpg", "b/1.png", "b/2.jpg"]
    assert [str(photo.path) for photo in photos] == [f"memory://bucket/{name}" for name in names]
    assert sum(count([bucket])) == 3
    assert all(photo.size_bytes and photo.mtime_ns for photo in photos)
    assert [str(p.path) for p in walk([bucket / "a.jpg"])] == ["memory://bucket/a.jpg"]


def test_a_path_goes_to_another_process_and_stays_a_url():
    path = RemotePath("s3://bucket/folder/a b.jpg")
    assert str(pickle.loads(pickle.dumps(path))) == str(path) == "s3://bucket/folder/a b.jpg"
    assert str(path.parent / "c.jpg") == "s3://bucket/folder/c.jpg"


@pytest.mark.parametrize("scheme", ["file", "local"])
def test_an_address_of_this_computer_is_a_local_path(scheme, tmp_path):
    assert located(Path(f"{scheme}://{tmp_path}")) == tmp_path


def test_a_path_stays_as_it_is(tmp_path):
    assert located(Path("C:/photos")) == Path("C:/photos")
    assert located(tmp_path) is tmp_path


def test_an_address_with_a_password_is_refused_and_not_repeated():
    with pytest.raises(UsageError) as caught:
        located(Path("s3://key:hunter2@bucket/photos"))
    assert "hunter2" not in str(caught.value)
    assert "environment" in str(caught.value)
    assert str(located(Path("ftp://reader@host/photos"))) == "ftp://reader@host/photos"


def test_remote_photos_are_reported_and_resumed(bucket, tmp_path):
    options = RunOptions(
        paths=(bucket,),
        reports=(tmp_path / "r.jsonl",),
        models=(str(make_bundle(tmp_path / "tiny").path),),
        read_text=False,
        album=True,
        journal=tmp_path / "done.sqlite",
    )
    assert run(options).failed == 0
    before = options.reports[0].read_text("utf-8")
    rows = [json.loads(line) for line in before.splitlines()]
    assert [row["path"] for row in rows] == [str(photo.path) for photo in walk([bucket])]
    assert run(options).resumed == 3
    assert options.reports[0].read_text("utf-8") == before


@pytest.mark.parametrize("flag", ["write_exif", "sidecar"])
def test_nothing_is_written_there(bucket, flag):
    with pytest.raises(UsageError, match="only read"):
        run(RunOptions(paths=(bucket,), **{flag: True}))


def test_what_is_not_there_or_not_installed_is_said(bucket, monkeypatch):
    with pytest.raises(UsageError, match="nowhere"):
        list(walk([bucket / "nowhere"]))
    with pytest.raises(UsageError, match=r"pip install 'geotagger-photos\[remote\]'"):
        list(walk([Path("nosuchthing://x")]))
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UsageError, match=r"pip install 'geotagger-photos\[remote\]'"):
        list(walk([bucket]))
