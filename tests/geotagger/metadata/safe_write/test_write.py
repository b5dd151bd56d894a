"""Photos on disk: tagged or left alone, never lost, and put back byte for byte."""

import errno
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from geotagger.errors import CannotEmbedError, GeotaggerError, PhotoError
from geotagger.metadata.embed import embed
from geotagger.metadata.file_tags import FileTags
from geotagger.metadata.read import read
from geotagger.metadata.safe_write import loading
from geotagger.metadata.safe_write import replace as replacing
from geotagger.metadata.safe_write.loading import load_if_present
from geotagger.metadata.safe_write.write import OverwriteRefusedError, WriteContext, tag_file
from geotagger.metadata.undo.record import original_from
from geotagger.metadata.undo.untag import untag_file
from geotagger.metadata.undo.write_journal import UNKNOWN, WriteJournal
from geotagger.reasons import note_text
from geotagger.state import state_folder
from tests.fixtures import jpegs
from tests.fixtures.metadata import OSLO, PARIS

PLAIN = jpegs.SOUND["thumbnail and maker note"]
MTIME_NS = 1_500_000_000_123_456_700


@pytest.fixture
def journal(tmp_path):
    with WriteJournal(tmp_path / "state" / "writes.sqlite") as opened:
        yield opened


@pytest.fixture
def photo(tmp_path):
    return put(tmp_path / "photos" / "a photo.jpg")


def put(path, data=PLAIN):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(MTIME_NS, MTIME_NS))
    return path


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tag(path, journal, tags=PARIS, overwrite="never"):
    written = tag_file(path, sha256(path), FileTags(tags), WriteContext(journal, overwrite))
    return note_text(written.reasons)


def untag(path, journal):
    return untag_file(path, journal).result


def clear_leftovers(file, journal):
    replacing._clear_leftovers(file, journal.unfinished(file.path), journal)


def alone(path):
    """No temporary file is left beside the photo."""
    return [other.name for other in path.parent.iterdir()] == [path.name]


def test_tag_and_untag(photo, journal):
    assert tag(photo, journal) == ""
    found = read(photo.read_bytes())
    assert found.gps_is_prediction
    assert (found.gps.lat, found.gps.lon) == pytest.approx((48.858370, 2.294481))
    assert photo.stat().st_mtime_ns == MTIME_NS
    assert alone(photo)
    assert untag(photo, journal) == "restored"
    assert photo.read_bytes() == PLAIN
    assert photo.stat().st_mtime_ns == MTIME_NS
    assert alone(photo)
    assert untag(photo, journal) == "untouched"


@pytest.mark.parametrize("name", jpegs.SOUND)
def test_every_sound_file_comes_back(name, tmp_path, journal):
    path = put(tmp_path / "x.jpg", jpegs.SOUND[name])
    assert tag(path, journal, overwrite="always") == ""
    assert path.read_bytes() != jpegs.SOUND[name]
    assert untag(path, journal) == "restored"
    assert path.read_bytes() == jpegs.SOUND[name]


@pytest.mark.parametrize("name", jpegs.REFUSED)
def test_every_odd_file_is_left_alone(name, tmp_path, journal):
    path = put(tmp_path / "x.jpg", jpegs.REFUSED[name][0])
    before = path.stat()
    with pytest.raises(CannotEmbedError):
        tag(path, journal, overwrite="always")
    assert path.read_bytes() == jpegs.REFUSED[name][0]
    assert path.stat().st_ino == before.st_ino
    assert untag(path, journal) == "untouched"


# Undo has two ways, and each must do alone.


def test_a_photo_that_moved_to_another_machine_is_restored_from_its_own_record(photo, tmp_path):
    with WriteJournal(tmp_path / "here" / "writes.sqlite") as here:
        tag(photo, here)
    moved = photo.rename(tmp_path / "other.jpg")
    with WriteJournal(tmp_path / "there" / "writes.sqlite") as there:
        assert untag(moved, there) == "restored"
    assert moved.read_bytes() == PLAIN


def test_the_journal_alone_restores_a_photo_whose_record_is_damaged(photo, journal):
    tag(photo, journal)
    photo.write_bytes(photo.read_bytes().replace(b"GTagUndo", b"XXXXXXXX"))
    assert untag(photo, journal) == "restored"
    assert photo.read_bytes() == PLAIN


def test_the_journal_finds_a_renamed_photo_by_its_content(photo, journal, monkeypatch):
    tag(photo, journal)
    monkeypatch.setattr("geotagger.metadata.undo.untag.undo_record", lambda _: None)
    copy = put(photo.with_name("copy.jpg"), photo.read_bytes())
    assert untag(copy, journal) == "restored"
    assert copy.read_bytes() == PLAIN


@pytest.mark.parametrize("name", ["GPS", "big endian, GPS"])
def test_untag_leads_to_the_very_original_after_many_predictions(name, tmp_path, journal):
    path = put(tmp_path / "x.jpg", jpegs.SOUND[name])
    tag(path, journal, overwrite="always")
    sizes = set()
    for tags in (OSLO, PARIS, OSLO, PARIS):
        assert tag(path, journal, tags, overwrite="predicted") == ""
        sizes.add(path.stat().st_size)
    assert len(sizes) <= 2
    assert untag(path, journal) == "restored"
    assert path.read_bytes() == jpegs.SOUND[name]
    assert untag(path, journal) == "untouched"


def test_what_another_program_changed_loses_only_what_is_ours(photo, journal):
    tag(photo, journal)
    photo.write_bytes(photo.read_bytes().replace(b"Canon EOS 40D", b"Canon EOS 50D"))
    done = untag_file(photo, journal)
    assert done.result == "cleaned"
    assert "another program" in done.note
    assert photo.read_bytes() == PLAIN.replace(b"Canon EOS 40D", b"Canon EOS 50D")
    assert untag(photo, journal) == "untouched"


def test_what_cannot_be_taken_out_is_left_alone_and_said(photo, journal, monkeypatch):
    tag(photo, journal)
    changed = photo.read_bytes().replace(b"Canon EOS 40D", b"Canon EOS 50D")
    photo.write_bytes(changed)

    def refuses(*_):
        raise CannotEmbedError("no way")

    monkeypatch.setattr("geotagger.metadata.undo.untag.without_own", refuses)
    with pytest.raises(PhotoError, match=r"another program changed it.*no way.*backup"):
        untag_file(photo, journal)
    assert photo.read_bytes() == changed


def test_untag_leaves_a_photo_alone_that_replaced_a_tagged_one(photo, journal):
    tag(photo, journal)
    put(photo, jpegs.SOUND["progressive"])
    assert untag(photo, journal) == "untouched"
    assert photo.read_bytes() == jpegs.SOUND["progressive"]


def test_a_prediction_that_another_program_touched_can_be_replaced_and_undone(photo, journal):
    tag(photo, journal)
    changed = photo.read_bytes().replace(b"Canon EOS 40D", b"Canon EOS 50D")
    photo.write_bytes(changed)
    assert tag(photo, journal, OSLO, "predicted") == ""
    assert read(photo.read_bytes()).gps.lat == pytest.approx(59.91)
    assert untag(photo, journal) == "restored"
    assert photo.read_bytes() == changed


# Which position may be replaced.


@pytest.mark.parametrize("overwrite", ["never", "predicted"])
def test_a_measurement_is_kept(overwrite, tmp_path, journal):
    path = put(tmp_path / "x.jpg", jpegs.SOUND["GPS"])
    with pytest.raises(OverwriteRefusedError, match="GPS position of its own"):
        tag(path, journal, overwrite=overwrite)
    assert path.read_bytes() == jpegs.SOUND["GPS"]


@pytest.mark.parametrize("name", ["GPS 0/0", "GPS without a position"])
def test_an_empty_position_is_none(name, tmp_path, journal):
    path = put(tmp_path / "x.jpg", jpegs.SOUND[name])
    assert tag(path, journal) == ""


def test_an_earlier_prediction_is_replaced_only_when_that_is_asked_for(photo, journal):
    tag(photo, journal)
    once = photo.read_bytes()
    with pytest.raises(OverwriteRefusedError, match="earlier prediction"):
        tag(photo, journal, OSLO)
    assert photo.read_bytes() == once
    assert tag(photo, journal, OSLO, "predicted") == ""
    assert read(photo.read_bytes()).gps.lat == pytest.approx(59.91)


@pytest.mark.parametrize("overwrite", ["never", "predicted", "always"])
def test_the_same_prediction_rewrites_nothing(overwrite, photo, journal):
    tag(photo, journal)
    before = photo.stat()
    assert tag(photo, journal, overwrite=overwrite) == "holds this prediction already"
    assert (photo.stat().st_ino, photo.stat().st_ctime_ns) == (before.st_ino, before.st_ctime_ns)


def test_a_photo_that_changed_after_it_was_judged_is_left_alone(photo, journal):
    with pytest.raises(PhotoError, match="changed while it was being analysed"):
        tag_file(photo, "0" * 64, FileTags(PARIS), WriteContext(journal, "always"))
    assert photo.read_bytes() == PLAIN


def test_a_photo_that_changes_while_it_is_written_is_left_alone(photo, journal, monkeypatch):
    def meanwhile(_, temp, new, **_options):
        temp.write_bytes(new)
        put(photo, b"somebody else's work")

    monkeypatch.setattr(replacing, "_write_temp", meanwhile)
    with pytest.raises(PhotoError, match="changed while it was being written"):
        tag(photo, journal)
    assert photo.read_bytes() == b"somebody else's work"
    assert alone(photo)


# What the disk may do.


def test_mode_and_extended_attributes_are_kept(photo, journal):
    photo.chmod(0o640)
    try:
        os.setxattr(photo, "user.rating", b"5")
    except OSError:
        pytest.skip("no extended attributes here")
    tag(photo, journal)
    assert photo.stat().st_mode & 0o777 == 0o640
    assert os.getxattr(photo, "user.rating") == b"5"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may chown")
def test_owner_is_kept(photo, journal):
    os.chown(photo, 12345, 54321)
    tag(photo, journal)
    assert (photo.stat().st_uid, photo.stat().st_gid) == (12345, 54321)


def test_a_link_stays_a_link(photo, journal, tmp_path):
    link = tmp_path / "link.jpg"
    link.symlink_to(photo)
    tag(link, journal)
    assert link.is_symlink()
    assert read(photo.read_bytes()).gps_is_prediction
    assert untag(link, journal) == "restored"
    assert link.is_symlink()
    assert photo.read_bytes() == PLAIN


def test_hard_links_are_refused(photo, journal, tmp_path):
    os.link(photo, tmp_path / "twin.jpg")
    with pytest.raises(PhotoError, match="hard links"):
        tag(photo, journal)
    assert photo.read_bytes() == PLAIN
    assert alone(photo)


def test_read_only_files_are_refused(photo, journal):
    photo.chmod(0o444)
    with pytest.raises(PhotoError, match="read-only"):
        tag(photo, journal)
    assert photo.read_bytes() == PLAIN


@pytest.mark.parametrize("path", ["gone.jpg", "no folder/gone.jpg"])
def test_vanished_files(path, tmp_path, journal):
    for action in (
        lambda: tag_file(tmp_path / path, "0" * 64, FileTags(PARIS), WriteContext(journal)),
        lambda: untag_file(tmp_path / path, journal),
    ):
        with pytest.raises(PhotoError, match="vanished"):
            action()


def test_what_is_no_file(tmp_path, journal):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    for name, reason in (("pipe.jpg", "regular"), (".", "regular"), ("loop.jpg", "leads back")):
        with pytest.raises(PhotoError, match=reason):
            tag_file(tmp_path / name, "0" * 64, FileTags(PARIS), WriteContext(journal))


@contextmanager
def without_privileges():
    """As another user where the tests run as root, who may write everywhere."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.mark.parametrize(
    ("folder_mode", "mode", "reason"),
    [
        (0o555, 0o666, "no permission to write there: change the rights"),
        (0o777, 0o644, "no permission to write there"),
        (0o777, 0o600, "no permission"),
        (0o700, 0o666, "no permission"),
    ],
)
def test_rights_that_are_lacking(folder_mode, mode, reason, photo, journal):
    if folder_mode != 0o555 and os.geteuid() != 0:
        pytest.skip("needs two users")
    tag(photo, journal)  # loads all that is loaded late
    with tempfile.TemporaryDirectory() as name:
        path = put(Path(name) / "x.jpg")
        path.chmod(mode)
        Path(name).chmod(folder_mode)
        with without_privileges(), pytest.raises(PhotoError, match=reason):
            tag_file(
                path, hashlib.sha256(PLAIN).hexdigest(), FileTags(PARIS), WriteContext(journal)
            )
        Path(name).chmod(0o755)
        assert path.read_bytes() == PLAIN
        assert alone(path)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "the disk is full: free some space"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only disk"),
        (errno.EACCES, "no permission"),
        (errno.EPERM, "no permission"),
        (errno.EIO, "the disk reports an error"),
        (errno.ESTALE, "network folder is lost"),
        (errno.EBUSY, "another program is using it"),
        (errno.ENAMETOOLONG, "File name too long"),
    ],
)
@pytest.mark.parametrize("step", ["open", "fsync", "replace", "utime"])
def test_every_error_of_the_disk_is_told_and_costs_nothing(
    step, number, reason, photo, journal, monkeypatch
):
    def fails(*_, **__):
        raise OSError(number, os.strerror(number))

    target = {
        "open": "geotagger.metadata.safe_write.replace.os.open",
        "fsync": "geotagger.metadata.safe_write.replace.os.fsync",
        "replace": "pathlib.Path.replace",
        "utime": "geotagger.metadata.safe_write.replace.os.utime",
    }[step]
    with monkeypatch.context() as patch:
        patch.setattr(target, fails)
        if step == "utime" and number == errno.EPERM:  # a disk without rights to copy
            assert tag(photo, journal) == ""
            return
        with pytest.raises(PhotoError, match=reason):
            tag(photo, journal)
    assert photo.read_bytes() == PLAIN
    assert alone(photo)
    assert tag(photo, journal) == ""


LARGE = PLAIN + random.Random(5).randbytes(loading._MIN_THREAD_BYTES)
"""Large enough to be hashed in a thread of its own."""


@pytest.mark.parametrize("data", [PLAIN, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    "lie",
    [
        lambda file: os.pwrite(file, b"?", os.fstat(file).st_size - 1),
        lambda file: os.ftruncate(file, os.fstat(file).st_size - 1),
        lambda file: os.pwrite(file, b"?", os.fstat(file).st_size),
        lambda file: os.ftruncate(file, 0),
    ],
    ids=["changes", "loses the end", "adds", "loses all"],
)
def test_a_disk_that_lies_is_found_out(lie, data, photo, journal, monkeypatch):
    put(photo, data)
    monkeypatch.setattr(replacing.os, "fsync", lie)
    with pytest.raises(PhotoError, match="did not give back"):
        tag(photo, journal)
    assert photo.read_bytes() == data
    assert alone(photo)
    assert journal.unfinished(photo) == []


# Large files are hashed beside other work.


@pytest.fixture
def under_way(monkeypatch):
    """The hashes that are being worked out. None is ready before it is waited for."""
    running = []

    def slowly(data):
        running.append(data)
        time.sleep(0.02)
        running.remove(data)
        return hashlib.sha256(data).hexdigest()

    monkeypatch.setattr(loading, "_sha256", slowly)
    monkeypatch.setattr(loading.BackgroundHash, "done", lambda _: False)
    return running


def test_a_large_photo_comes_back_and_nothing_is_left_under_way(photo, journal, under_way):
    put(photo, LARGE)
    assert tag(photo, journal) == ""
    assert tag(photo, journal) == "holds this prediction already"
    assert journal.has_write(photo, hashlib.sha256(LARGE).hexdigest(), sha256(photo))
    assert untag(photo, journal) == "restored"
    assert photo.read_bytes() == LARGE
    assert under_way == []


@pytest.mark.parametrize("data", [PLAIN, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("error", [None, CannotEmbedError("no way"), OverwriteRefusedError("kept")])
def test_a_photo_that_changed_is_told_so_whatever_else_is_wrong_with_it(
    error, data, photo, journal, monkeypatch, under_way
):
    def fails(*_):
        raise error

    put(photo, data)
    if error:
        monkeypatch.setattr("geotagger.metadata.safe_write.write.embed_in", fails)
    with pytest.raises(PhotoError, match="changed while it was being analysed"):
        tag_file(photo, "0" * 64, FileTags(PARIS), WriteContext(journal, "always"))
    assert photo.read_bytes() == data
    assert alone(photo)
    assert under_way == []


@pytest.mark.parametrize("step", ["fsync", "replace", "complete"])
def test_an_error_in_the_midst_of_a_large_photo_leaves_nothing_under_way(
    step, photo, journal, monkeypatch, under_way
):
    def fails(*_):
        raise KeyboardInterrupt

    put(photo, LARGE)
    target = {
        "fsync": "geotagger.metadata.safe_write.replace.os.fsync",
        "replace": "pathlib.Path.replace",
        "complete": "geotagger.metadata.undo.write_journal.WriteJournal.complete",
    }[step]
    monkeypatch.setattr(target, fails)
    with pytest.raises(KeyboardInterrupt):
        tag(photo, journal)
    assert photo.read_bytes() == LARGE
    assert alone(photo)
    assert journal.unfinished(photo) == []
    assert under_way == []


def test_a_full_disk(tmp_path, journal):
    """On a real file system of 64 KB, where this machine lets us mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no file system can be mounted here")
    try:
        data = jpegs.photo(jpegs.JFIF, trailer=os.urandom(40_000))
        path = put(disk / "x.jpg", data)
        with pytest.raises(PhotoError, match="disk is full"):
            tag(path, journal)
        assert path.read_bytes() == data
        assert alone(path)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


NAMES = [
    b"caf\xe9.jpg",
    "日本.jpg".encode(),
    b"line\nbreak \x1b[31m.jpg",
    b"-rf.jpg",
    b"a" * 251 + b".jpg",
]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems forbid such names")
@pytest.mark.parametrize("name", NAMES)
def test_any_name(name, tmp_path, journal):
    path = put(tmp_path / "p" / os.fsdecode(name))
    assert tag(path, journal) == ""
    assert alone(path)
    assert untag(path, journal) == "restored"
    assert path.read_bytes() == PLAIN


# Sudden death.


@contextmanager
def killed_writer(action, *paths):
    """Yields a function that lets the next fork act and die; it returns how that ended."""
    command = [sys.executable, "-m", "tests.fixtures.killed_writer", action, *map(str, paths)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as writer:

        def next_death():
            print(file=writer.stdin, flush=True)
            return writer.stdout.readline().strip()

        yield next_death
        writer.stdin.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the program kills forks of itself")
@pytest.mark.parametrize("action", ["tag", "untag"])
@pytest.mark.parametrize(
    "data",
    [pytest.param(PLAIN, id="small"), pytest.param(LARGE, id="large", marks=pytest.mark.slow)],
)
def test_kill_9_at_every_disk_call_leaves_the_photo_whole(data, action, tmp_path):
    """Dies before each call that may change something on disk; the next run cleans up."""
    path, state = tmp_path / "p" / "a.jpg", tmp_path / "state" / "writes.sqlite"
    put(path, data)
    versions = {"original": data, "tagged": embed(data, PARIS).data}
    seen = Counter()
    with killed_writer(action, state, path) as next_death:
        while True:
            if action == "untag":
                with WriteJournal(state) as journal:
                    tag(path, journal)
            death = next_death()
            with WriteJournal(state) as journal:
                (left,) = (
                    name for name, version in versions.items() if version == path.read_bytes()
                )
                temporary = {other for other in path.parent.iterdir() if other != path}
                unfinished = journal.unfinished(path)
                assert temporary <= {write.temp for write in unfinished}
                assert len(unfinished) <= 1
                seen[left, bool(temporary), bool(unfinished)] += 1
                if death != "killed":
                    break
                tag(path, journal, OSLO, "predicted")
                assert alone(path)
                assert journal.unfinished(path) == []
                assert untag(path, journal) == "restored"
                assert path.read_bytes() == data
    assert death == "done 0"
    assert (left, alone(path)) == ("tagged" if action == "tag" else "original", True)
    before, after = ("original", "tagged") if action == "tag" else ("tagged", "original")
    expected = {
        (before, False, False),  # before the write was recorded
        (before, False, True),  # recorded
        (before, True, True),  # the temporary file exists
        (after, False, True),  # it replaced the photo
        (after, False, False),  # the journal says so
    }
    assert seen.keys() == expected
    assert seen.total() > 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the program kills forks of itself")
@pytest.mark.parametrize("action", ["tag", "untag"])
def test_kill_9_at_every_disk_call_of_several_writes(action, tmp_path):
    """The journal records that a write has happened only with the next write."""
    state, originals = tmp_path / "state" / "writes.sqlite", {}
    for name in ("a.jpg", "b.jpg"):
        comment = b"\xff\xfe\0\x07" + name.encode()
        originals[tmp_path / "p" / name] = PLAIN[:2] + comment + PLAIN[2:]
    for path, data in originals.items():
        put(path, data)
    tagged = {path: embed(data, PARIS).data for path, data in originals.items()}
    before, after = (originals, tagged) if action == "tag" else (tagged, originals)
    seen = set()
    with killed_writer(action, state, *originals) as next_death:
        while True:
            if action == "untag":
                with WriteJournal(state) as journal:
                    for path in originals:
                        tag(path, journal)
            death = next_death()
            with WriteJournal(state) as journal:
                now = {path: path.read_bytes() for path in originals}
                changed = sum(now[path] == after[path] for path in now)
                assert list(now.values()) == [
                    (after if index < changed else before)[path] for index, path in enumerate(now)
                ]
                unfinished = [write for path in originals for write in journal.unfinished(path)]
                seen.add((changed, len(unfinished)))
                for path, data in now.items():
                    records = journal.undo_records(path, sha256(path))
                    if data == tagged[path]:
                        assert originals[path] in [original_from(each, data) for each in records]
                if death != "killed":
                    break
                for path, data in originals.items():
                    tag(path, journal, OSLO, "predicted")
                    assert untag(path, journal) == "restored"
                    assert path.read_bytes() == data
                    assert journal.unfinished(path) == []
            assert {path.name for path in (tmp_path / "p").iterdir()} == {"a.jpg", "b.jpg"}
    assert death == "done 0"
    assert seen == {(0, 0), (0, 1), (1, 1), (2, 1), (2, 0)}


def test_a_leftover_is_removed_and_nothing_else(photo, journal):
    other = put(photo.with_name(".a photo.jpg.geotagger-deadbeef.tmp"), b"somebody else's")
    mine = put(photo.with_name(".a photo.jpg.geotagger-00000000.tmp"), b"half a pho")
    journal.begin(photo, mine, "a" * 64, "b" * 64, b"")
    tag(photo, journal)
    assert not mine.exists()
    assert other.exists()
    assert journal.unfinished(photo) == []


def test_old_leftovers_are_removed_by_the_next_run(photo, journal, tmp_path, monkeypatch):
    gone = tmp_path / "unplugged" / "b.jpg"
    sidecar = photo.with_name("a photo.jpg.xmp")
    for path in (photo, sidecar, gone):
        mine = path.with_name(".old.tmp")
        if path != gone:
            mine.write_bytes(b"half")
        journal.begin(path, mine, "a" * 64, "b" * 64, b"")
        replacing.clear_old_leftovers(journal)
        assert mine.exists() == (path != gone)
    monkeypatch.setattr(replacing, "_LEFTOVER_AGE_S", -1.0)
    replacing.clear_old_leftovers(journal)
    assert alone(photo)
    assert [len(journal.unfinished(path)) for path in (photo, sidecar, gone)] == [0, 0, 1]


# What a kill leaves at each step of a write; the photo is restored by the journal alone.


class Killed(BaseException):
    """From here on nothing is done, not even tidying up."""


STEPS = {
    "temp made": ("geotagger.metadata.safe_write.replace._write_temp", False),
    "temp written": ("geotagger.metadata.safe_write.replace.os.fsync", False),
    "hash known": ("geotagger.metadata.undo.write_journal.WriteJournal.complete", False),
    "row complete": ("geotagger.metadata.safe_write.replace._rename_over", False),
    "replaced": ("geotagger.metadata.undo.write_journal.WriteJournal.finish", True),
}


@pytest.mark.usefixtures("under_way")
@pytest.mark.parametrize("data", [PLAIN, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("step", STEPS)
def test_death_at_every_step(step, data, photo, journal, monkeypatch):
    target, is_written = STEPS[step]
    put(photo, data)

    def dies(*arguments, **_):
        if step == "temp made" and len(arguments) == 3:
            arguments[1].write_bytes(b"half")
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(target, dies)
        patch.setattr(Path, "unlink", dies)
        patch.setattr(WriteJournal, "forget", dies)
        with pytest.raises(Killed):
            tag(photo, journal)
    assert (photo.read_bytes() != data) == is_written
    assert alone(photo) == is_written
    ((_, _, before, after),) = journal.unfinished(photo)
    assert before == hashlib.sha256(data).hexdigest()
    assert (after == sha256(photo)) == is_written
    monkeypatch.setattr("geotagger.metadata.undo.untag.undo_record", lambda _: None)
    if is_written:
        assert untag(photo, journal) == "restored"
        assert photo.read_bytes() == data
    else:
        assert tag(photo, journal) == ""
    assert alone(photo)
    assert journal.unfinished(photo) == []


@pytest.mark.usefixtures("under_way")
def test_a_power_cut_that_costs_the_last_word_of_the_journal(photo, journal, monkeypatch):
    """The file was replaced, and the journal still does not know its hash."""
    put(photo, LARGE)
    with monkeypatch.context() as patch:
        patch.setattr(WriteJournal, "complete", lambda _, write, __: write)
        patch.setattr(WriteJournal, "finish", lambda *_: None)
        tag(photo, journal)
    assert [row[3] for row in journal.unfinished(photo)] == ["?"]
    monkeypatch.setattr(replacing, "_LEFTOVER_AGE_S", -1.0)
    replacing.clear_old_leftovers(journal)
    assert journal.unfinished(photo) == []
    monkeypatch.setattr("geotagger.metadata.undo.untag.undo_record", lambda _: None)
    assert untag(photo, journal) == "restored"
    assert photo.read_bytes() == LARGE


def test_a_photo_that_moved_after_a_kill_keeps_its_way_back(photo, journal, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(WriteJournal, "finish", lambda *_: None)
        tag(photo, journal)
    moved = photo.rename(photo.with_name("moved.jpg"))
    monkeypatch.setattr(replacing, "_LEFTOVER_AGE_S", -1.0)
    replacing.clear_old_leftovers(journal)
    assert journal.unfinished(photo) == []
    monkeypatch.setattr("geotagger.metadata.undo.untag.undo_record", lambda _: None)
    assert untag(moved, journal) == "restored"
    assert moved.read_bytes() == PLAIN


def test_a_new_file_that_never_came_to_be_leaves_no_row(tmp_path, journal):
    missing = tmp_path / "copy.jpg"
    row = journal.begin(missing, tmp_path / ".copy.tmp", "", UNKNOWN, b"").row
    clear_leftovers(load_if_present(missing), journal)
    assert journal.unfinished(missing) == []
    assert not journal._db.execute("SELECT 1 FROM writes WHERE id = ?", (row,)).fetchone()


def test_ctrl_c_leaves_no_trace(photo, journal, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(replacing.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tag(photo, journal)
    assert photo.read_bytes() == PLAIN
    assert alone(photo)
    assert journal.unfinished(photo) == []


def test_ctrl_c_right_after_the_replacement_costs_no_way_back(photo, journal, monkeypatch):
    """The signal comes during the call, so that nobody learns that it went well."""
    real = Path.replace

    def interrupted(self, target):
        real(self, target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tag(photo, journal)
    assert photo.read_bytes() != PLAIN
    assert alone(photo)
    monkeypatch.setattr("geotagger.metadata.undo.untag.undo_record", lambda _: None)
    assert untag(photo, journal) == "restored"
    assert photo.read_bytes() == PLAIN
    assert journal.unfinished(photo) == []


def test_another_run_that_tidies_up_costs_no_way_back(photo, journal, monkeypatch):
    """It has read the photo before, and finds the row between replacement and last word."""
    before, real = load_if_present(photo), replacing._rename_over

    def tidied(*arguments):
        real(*arguments)
        clear_leftovers(before, journal)
        assert journal.unfinished(photo) == []

    with monkeypatch.context() as patch:
        patch.setattr(replacing, "_rename_over", tidied)
        assert tag(photo, journal) == ""
    assert journal.unfinished(photo) == []
    monkeypatch.setattr("geotagger.metadata.undo.untag.undo_record", lambda _: None)
    assert untag(photo, journal) == "restored"
    assert photo.read_bytes() == PLAIN


@pytest.mark.skipif(os.name == "nt", reason="the time of a change is not kept there")
@pytest.mark.parametrize("change", ["bytes", "mode", "link"])
def test_a_change_that_keeps_size_and_time_is_seen(change, photo, journal, monkeypatch):
    real, other = os.fsync, PLAIN[:-2] + b"ab"

    def changed(number):
        real(number)
        time.sleep(0.02)  # file systems count in ticks of up to 10 ms
        if change == "bytes":
            with photo.open("r+b") as file:
                file.write(other)
            os.utime(photo, ns=(MTIME_NS, MTIME_NS))
        elif change == "mode":
            photo.chmod(0o444)
        else:
            os.link(photo, photo.with_name("link.jpg"))

    monkeypatch.setattr(replacing.os, "fsync", changed)
    with pytest.raises(PhotoError, match="changed while it was being written"):
        tag(photo, journal)
    assert photo.read_bytes() == (other if change == "bytes" else PLAIN)
    assert {path.name for path in photo.parent.iterdir()} <= {photo.name, "link.jpg"}


# The journal.


def test_without_a_journal_nothing_is_written(photo, journal):
    journal.close()
    with pytest.raises(GeotaggerError, match=r"undo journal .* cannot be used"):
        tag(photo, journal)
    assert photo.read_bytes() == PLAIN
    assert alone(photo)


def test_a_journal_that_cannot_be_opened_names_the_remedy(tmp_path):
    (tmp_path / "writes.sqlite").write_bytes(b"this is no database, it is a letter" * 100)
    with pytest.raises(GeotaggerError, match="set GEOTAGGER_STATE"):
        WriteJournal(tmp_path / "writes.sqlite")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(GeotaggerError, match="set GEOTAGGER_STATE"):
        WriteJournal(tmp_path / "file" / "writes.sqlite")


def test_a_journal_of_a_later_version_is_refused(tmp_path):
    file = tmp_path / "writes.sqlite"
    with WriteJournal(file) as journal:
        journal._db.execute("PRAGMA user_version = 99")
    with pytest.raises(GeotaggerError, match="later geotagger"):
        WriteJournal(file)


def test_where_the_journal_is(tmp_path, monkeypatch):
    monkeypatch.setenv("GEOTAGGER_STATE", str(tmp_path / "chosen"))
    with WriteJournal.open():
        assert (tmp_path / "chosen" / "writes.sqlite").exists()
    monkeypatch.delenv("GEOTAGGER_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        assert state_folder() == tmp_path / "xdg" / "geotagger"


def test_two_programs_may_write_at_once(tmp_path):
    file = tmp_path / "writes.sqlite"
    with WriteJournal(file) as one, WriteJournal(file) as two:
        for i in range(20):
            path = put(tmp_path / f"{i}.jpg")
            tag(path, (one, two)[i % 2])
            assert untag(path, (two, one)[i % 2]) == "restored"


@pytest.mark.parametrize("touch", [False, True])
def test_the_time_of_change_is_kept_unless_it_is_to_become_now(touch, photo, journal):
    put(photo, PLAIN)
    os.utime(photo, (1e9, 1e9))
    tag_file(photo, sha256(photo), FileTags(PARIS), WriteContext(journal, touch=touch))
    assert (photo.stat().st_mtime > 1e9) == touch
    os.utime(photo, (1e9, 1e9))
    untag_file(photo, journal, touch=touch)
    assert photo.read_bytes() == PLAIN
    assert (photo.stat().st_mtime > 1e9) == touch
