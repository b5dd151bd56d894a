"""Each file under the arguments is yielded once, in a fixed order, and nothing stops the walk."""

from __future__ import annotations

import os
import pickle
import socket
from pathlib import Path

import pytest

from geotagger.errors import UsageError
from geotagger.images import scan as photos
from geotagger.images.remote import located
from geotagger.images.scan import IMAGE_SUFFIXES, RAW_SUFFIXES, count, walk
from geotagger.types import Photo
from tests.fixtures import drawer


def make(folder: Path, *names: str, content: bytes = b"x") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def walked(*paths: Path) -> list[str]:
    """Names relative to the first argument, or just the name if elsewhere."""
    return [
        str(photo.path.relative_to(paths[0]))
        if photo.path.is_relative_to(paths[0]) and photo.path != paths[0]
        else photo.path.name
        for photo in walk(paths)
    ]


def only(path: Path) -> Photo:
    (photo,) = walk([path])
    return photo


def test_files_sorted_then_folders_sorted(tmp_path):
    make(tmp_path, "b/2.jpg", "b/1.jpg", "a/z/9.jpg", "a/8.jpg", "c.jpg", "B.jpg", "notes.txt")
    assert walked(tmp_path) == ["B.jpg", "c.jpg", "a/8.jpg", "a/z/9.jpg", "b/1.jpg", "b/2.jpg"]


def test_size_time_and_root(tmp_path):
    make(tmp_path, "a/1.jpg", content=b"12345")
    os.utime(tmp_path / "a/1.jpg", ns=(1_700_000_000_123_456_789, 1_700_000_000_123_456_789))
    photo = only(tmp_path)
    mtime_ns = (tmp_path / "a/1.jpg").stat().st_mtime_ns
    assert photo == Photo(tmp_path / "a/1.jpg", tmp_path, 5, mtime_ns)


@pytest.mark.parametrize("text", ["a/b.jpg", "/a/b.jpg", "b.jpg", ".", "..", "/", "s3://a/b.jpg"])
def test_a_photo_keeps_its_path_whatever_it_is_and_travels(text):
    path = located(Path(text))
    photo = Photo(path, path, 5, 6, "gone")
    assert (photo.path, str(photo.path), type(photo.path)) == (path, str(path), type(path))
    assert pickle.loads(pickle.dumps(photo)) == photo == Photo(path, path, 5, 6, problem="gone")
    assert photo != Photo(path / "c.jpg", path, 5, 6, "gone")


def test_suffixes_without_case(tmp_path):
    names = [f"photo{suffix}" for suffix in IMAGE_SUFFIXES | RAW_SUFFIXES]
    make(tmp_path, *names, "LOUD.JPG", "Mixed.HeIc", "no-suffix", "photo.jpg.xmp", "film.mp4")
    assert walked(tmp_path) == sorted([*names, "LOUD.JPG", "Mixed.HeIc"])


def test_every_suffix_of_the_drawer_is_walked(tmp_path):
    files = drawer.fill(tmp_path)
    suffixless = {"no-suffix-at-all", "two-pictures.mpo"}
    assert {photo.path for photo in walk([tmp_path])} == {
        path for name, path in files.items() if name not in suffixless
    }


def test_the_count_is_that_of_the_walk(tmp_path):
    make(tmp_path, "1.jpg", "a/2.jpg", "a/b/3.txt", "a/b/4.png", "c/.5.jpg", "d.nef")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    for arguments in ([tmp_path], [tmp_path / "a", tmp_path / "1.jpg", tmp_path], []):
        assert sum(count(arguments)) == len(list(walk(arguments)))


def test_hidden_names_only_if_named(tmp_path):
    make(tmp_path, ".hidden.jpg", ".trash/1.jpg", "1.jpg", ".a/.b/2.jpg", ".a/3.jpg")
    assert walked(tmp_path) == ["1.jpg"]
    assert walked(tmp_path / ".hidden.jpg") == [".hidden.jpg"]
    assert walked(tmp_path / ".a") == ["3.jpg"]


def test_a_named_file_is_a_photo_whatever_its_suffix(tmp_path):
    make(tmp_path, "scan.xyz")
    assert only(tmp_path / "scan.xyz").size_bytes == 1
    assert walked(tmp_path) == []


def test_missing_argument_stops_before_anything_is_walked(tmp_path):
    make(tmp_path, "1.jpg")
    with pytest.raises(UsageError, match="nowhere"):
        walk([tmp_path, tmp_path / "nowhere"])


def test_argument_below_a_file_is_a_usage_error(tmp_path):
    make(tmp_path, "1.jpg")
    with pytest.raises(UsageError, match="Not a directory"):
        walk([tmp_path / "1.jpg/2.jpg"])


def test_no_arguments_no_photos(tmp_path):
    assert list(walk([])) == []
    assert walked(tmp_path) == []


# --- the same file by several ways -----------------------------------------------------------


def test_overlapping_arguments_yield_once(tmp_path):
    make(tmp_path, "a/1.jpg", "a/b/2.jpg", "a/b/c/3.jpg")
    a, b, one = tmp_path / "a", tmp_path / "a/b", tmp_path / "a/1.jpg"
    whole = {a / "1.jpg", a / "b/2.jpg", a / "b/c/3.jpg"}
    for arguments in ([a, b], [b, a], [a, a], [a, one], [one, a], [one, one, b, a, a / "b/../"]):
        found = [photo.path.resolve() for photo in walk(arguments)]
        assert len(found) == len(set(found)), arguments
        assert set(found) == whole, arguments


def test_order_of_arguments_decides(tmp_path):
    make(tmp_path, "a/1.jpg", "b/2.jpg")
    one, two = tmp_path / "a", tmp_path / "b/2.jpg"
    assert [photo.root for photo in walk([two, one])] == [two, one]
    assert [photo.root for photo in walk([one, two])] == [one, two]


def test_relative_arguments_stay_relative(tmp_path, monkeypatch):
    make(tmp_path, "a/1.jpg")
    monkeypatch.chdir(tmp_path)
    assert [photo.path for photo in walk([Path("a"), Path()])] == [Path("a/1.jpg")]


def test_linked_folder_is_walked_once(tmp_path):
    make(tmp_path, "a/1.jpg", "elsewhere/2.jpg")
    (tmp_path / "a/link-1").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "a/link-2").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert walked(tmp_path / "a") == ["1.jpg", "link-1/2.jpg"]


def test_link_loop_ends(tmp_path):
    make(tmp_path, "a/b/1.jpg")
    (tmp_path / "a/b/up").symlink_to(tmp_path / "a", target_is_directory=True)
    (tmp_path / "a/itself").symlink_to(tmp_path / "a/itself")
    (tmp_path / "a/itself.jpg").symlink_to(tmp_path / "a/itself.jpg")
    found = {photo.path.name: photo.problem for photo in walk([tmp_path])}
    assert found.keys() == {"1.jpg", "itself.jpg"}
    assert "cannot be read" in found["itself.jpg"]


def test_linked_file_is_followed_and_a_broken_link_is_a_row(tmp_path):
    make(tmp_path, "outside/real.jpg", content=b"123")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/good.jpg").symlink_to(tmp_path / "outside/real.jpg")
    (tmp_path / "in/bad.jpg").symlink_to("gone.jpg")
    bad, good = walk([tmp_path / "in"])
    assert (good.size_bytes, good.problem) == (3, "")
    assert bad.problem == "broken link to 'gone.jpg'"
    assert only(tmp_path / "in/bad.jpg").problem == bad.problem


# --- what cannot be looked at ----------------------------------------------------------------


def test_special_files_are_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.jpg"))
        pipe, its_socket = walk([tmp_path])
    assert "named pipe" in pipe.problem
    assert "socket" in its_socket.problem
    assert "device" in only(Path(os.devnull)).problem


def test_folder_named_like_a_photo_is_a_folder(tmp_path):
    make(tmp_path, "album.jpg/1.jpg")
    assert walked(tmp_path) == ["album.jpg/1.jpg"]


def test_unreadable_folder_is_a_row_and_the_rest_goes_on(tmp_path, monkeypatch):
    make(tmp_path, "a/1.jpg", "locked/2.jpg", "z/3.jpg")
    scandir = os.scandir

    def guarded(folder: Path) -> object:  # the tests may run as root, whom no permission stops
        if Path(folder).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(photos.os, "scandir", guarded)
    found = {photo.path.name: photo.problem for photo in walk([tmp_path])}
    assert found == {
        "1.jpg": "",
        "locked": "the folder cannot be read: Permission denied",
        "3.jpg": "",
    }


def test_file_that_vanishes_meanwhile_is_a_row(tmp_path):
    make(tmp_path, "1.jpg", "2.jpg")
    walking = walk([tmp_path])
    next(walking)
    (tmp_path / "2.jpg").unlink()
    assert "cannot be read" in next(walking).problem


def test_folder_that_vanishes_meanwhile_is_a_row(tmp_path):
    make(tmp_path, "1.jpg", "a/2.jpg", "b/3.jpg")
    walking = walk([tmp_path])
    next(walking)
    (tmp_path / "a/2.jpg").unlink()
    (tmp_path / "a").rmdir()
    assert [photo.path.name for photo in walking] == ["a", "3.jpg"]


# --- names, depth, number --------------------------------------------------------------------


def test_names_stay_as_they_are(tmp_path):
    names = {
        os.fsdecode(b"caf\xe9.jpg"),
        "two\nlines.jpg",
        "escape\x1b[31m.jpg",
        "cafe\u0301.jpg",
        "caf\u00e9.jpg",
        " .jpg",
    }
    make(tmp_path, *names)
    assert {photo.path.name for photo in walk([tmp_path])} == names
    assert os.fsencode(only(tmp_path / os.fsdecode(b"caf\xe9.jpg")).path).endswith(b"caf\xe9.jpg")


@pytest.fixture
def deep_tree(tmp_path, monkeypatch):
    """1200 folders in one another. Taken down again here: pytest clears up by recursion."""
    monkeypatch.chdir(tmp_path)
    depth = 1_200
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    Path("deep.jpg").touch()
    os.chdir(tmp_path)
    yield Path("d")
    for _ in range(depth):
        os.chdir("d")
    Path("deep.jpg").unlink()
    for _ in range(depth):
        os.chdir("..")
        Path("d").rmdir()


def test_deep_trees(deep_tree):
    (photo,) = walk([deep_tree])
    assert len(photo.path.parts) == 1_201
    assert not photo.problem


def test_lazy(tmp_path, monkeypatch):
    """No folder is listed before the one in hand is done: a huge tree weighs one folder."""
    make(tmp_path, *(f"{folder}/{number}.jpg" for folder in "abc" for number in range(3)))
    listed = []
    scandir = os.scandir
    monkeypatch.setattr(
        photos.os, "scandir", lambda folder: listed.append(Path(folder).name) or scandir(folder)
    )
    walking = walk([tmp_path])
    assert listed == []
    for folder in "abc":
        for _ in range(3):
            next(walking)
            assert listed[-1] == folder
