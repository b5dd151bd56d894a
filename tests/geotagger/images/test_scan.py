"""Each file under the arguments is yielded once, in a fixed order, and nothing stops the walk."""

from __future__ import annotations

import os
import pickle
import socket
from pathlib import Path

import pytest

from geotagger.errors import UsageError
from geotagger.images import scan as photos
from geotagger.images.excludes import Excludes
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
    assert {"no-suffix-at-all", "two-pictures.mpo"} < files.keys()
    assert {photo.path for photo in walk([tmp_path])} == set(files.values())


SOUND = drawer.sound()
HEADS = {name: SOUND[f"sound.{name}"] for name in ("jpg", "png", "webp", "tif", "gif", "avif")}
HEADS |= {"bmp": SOUND["sound.bmp"], "jp2": SOUND["sound.jp2"]}


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize(
    "name", ["IMG_0001", "photo.dat", "photo.jpg_large", "a.b.x", "1234.", "x.0"]
)
def test_a_file_whose_suffix_says_nothing_is_taken_by_its_content(tmp_path, kind, name):
    make(tmp_path, name, content=HEADS[kind])
    assert walked(tmp_path) == [name]
    assert list(count([tmp_path])) == [1]


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"BM and other words that fill the first bytes", b"\xff\x0a" * 40, bytes(64)]
    + [drawer.no_pictures()[name] for name in ("a-video.jpg", "a-web-page.jpg", "a-document.jpg")],
)
def test_a_file_that_is_no_picture_is_no_photo(tmp_path, content):
    make(tmp_path, "README", "data.xyz", content=content)
    assert walked(tmp_path) == []


def test_files_of_known_other_kinds_are_never_opened(tmp_path, monkeypatch):
    jpeg = HEADS["jpg"]
    others = (
        "clip.mp4",
        "a.jpg_original",
        "a.jpg.xmp",
        "a.thm",
        "b.bak",
        "b.jpg~",
        "c.zip",
        "d.py",
    )
    make(tmp_path, *others, ".hidden", ".git/objects/12", "e.jpg", content=jpeg)
    make(tmp_path, "small", content=jpeg[:10])
    (tmp_path / "folder.xyz").mkdir()
    os.mkfifo(tmp_path / "pipe")
    opened = []
    original = os.open
    monkeypatch.setattr(
        os, "open", lambda path, *args, **more: opened.append(path) or original(path, *args, **more)
    )
    assert walked(tmp_path) == ["e.jpg"]
    assert [path for path in opened if not Path(path).is_dir()] == []


def test_only_the_first_bytes_of_an_unknown_file_are_read(tmp_path, monkeypatch):
    make(tmp_path, "unknown", content=HEADS["jpg"] + bytes(10_000))
    asked = []
    original = os.read
    monkeypatch.setattr(os, "read", lambda fd, size: asked.append(size) or original(fd, size))
    assert walked(tmp_path) == ["unknown"]
    assert asked == [photos.SNIFFED_BYTES]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unknown_file_without_permission_is_no_photo(tmp_path):
    make(tmp_path, "unknown", content=HEADS["jpg"])
    (tmp_path / "unknown").chmod(0)
    assert walked(tmp_path) == []


LEFT_OUT = (
    "@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg", "#recycle/1.jpg", "b/@EADIR/2.jpg", ".thumbnails/3.jpg",
    ".Trash-1000/files/4.jpg", "lost+found/5.jpg", "My Previews.lrdata/0/6.jpg",
    "$RECYCLE.BIN/7.jpg",     "Photos Library.photoslibrary/resources/derivatives/8.jpg",
    "iPhoto.photolibrary/Thumbnails/9.jpg",
)  # fmt: skip
KEPT = ("1.jpg", "resources/2.jpg", "Photos Library.photoslibrary/originals/0/3.jpg", "trash/4.jpg")


def test_folders_of_no_photos_are_left_out_and_counted(tmp_path):
    make(tmp_path, *LEFT_OUT, *KEPT)
    excludes = Excludes()
    assert {str(photo.path.relative_to(tmp_path)) for photo in walk([tmp_path], excludes)} == {
        *KEPT
    }
    assert sum(count([tmp_path])) == len(KEPT)
    assert excludes.counts["@eaDir/"] == 2
    assert excludes.counts.total() == len(LEFT_OUT)
    everything = walk([tmp_path], Excludes(()))
    hidden = sum(name[0] == "." for name in LEFT_OUT)
    assert len(list(everything)) == len(LEFT_OUT) + len(KEPT) - hidden


def test_a_folder_that_is_an_argument_is_scanned_whatever_its_name(tmp_path):
    make(tmp_path, "@eaDir/1.jpg", "a.lrdata/2.jpg")
    assert walked(tmp_path / "@eaDir", tmp_path / "a.lrdata") == ["1.jpg", "2.jpg"]
    assert [photo.name for photo in walk([tmp_path / "@eaDir/1.jpg"])] == ["1.jpg"]


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("IMG_*", ["a/out/3.jpg", "b.jpg", "out.jpg", "out/small/2.jpg"]),
        ("img_1.JPG", ["a/out/3.jpg", "b.jpg", "out.jpg", "out/small/2.jpg"]),
        ("out", ["IMG_1.jpg", "b.jpg", "out.jpg"]),
        ("out*", ["IMG_1.jpg", "b.jpg"]),
        ("out*/", ["IMG_1.jpg", "b.jpg", "out.jpg"]),
        ("out/small", ["IMG_1.jpg", "a/out/3.jpg", "b.jpg", "out.jpg"]),
        ("a/*.jpg", ["IMG_1.jpg", "b.jpg", "out.jpg", "out/small/2.jpg"]),
        ("/out", ["IMG_1.jpg", "a/out/3.jpg", "b.jpg", "out.jpg"]),
        ("./out/", ["IMG_1.jpg", "a/out/3.jpg", "b.jpg", "out.jpg"]),
        ("[bo]*.jpg", ["IMG_1.jpg", "a/out/3.jpg", "out/small/2.jpg"]),
        ("nothing", ["IMG_1.jpg", "a/out/3.jpg", "b.jpg", "out.jpg", "out/small/2.jpg"]),
        ("", ["IMG_1.jpg", "a/out/3.jpg", "b.jpg", "out.jpg", "out/small/2.jpg"]),
    ],
)
def test_patterns_of_the_user(tmp_path, monkeypatch, pattern, kept):
    make(tmp_path, "IMG_1.jpg", "b.jpg", "out.jpg", "out/small/2.jpg", "a/out/3.jpg")
    found = [photo.path for photo in walk([tmp_path], Excludes([pattern]))]
    assert sorted(str(path.relative_to(tmp_path)) for path in found) == kept
    monkeypatch.chdir(tmp_path)
    assert sorted(str(photo.path) for photo in walk([Path()], Excludes([pattern]))) == kept


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
    """Deeper than Python recurses. Taken down again here: pytest clears up by recursion."""
    monkeypatch.chdir(tmp_path)
    depth = 1_050
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
    assert len(photo.path.parts) == 1_051
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
