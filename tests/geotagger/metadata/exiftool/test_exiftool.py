"""ExifTool: resident, restarted, proven, taken back; and clear words where it is missing."""

import hashlib
import io
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from geotagger.errors import CannotEmbedError, UsageError
from geotagger.metadata.containers.heif import picture_parts, xmp_packet
from geotagger.metadata.exiftool.process import ExifTool, find_program
from geotagger.metadata.read import read
from geotagger.metadata.safe_write.write import (
    ALREADY_WRITTEN,
    OverwriteRefusedError,
    WriteContext,
    tag_file,
)
from geotagger.metadata.undo.untag import untag_file
from geotagger.metadata.undo.write_journal import WriteJournal
from geotagger.metadata.xmp.prediction import prediction_in
from geotagger.output.policy import file_tags
from geotagger.types import Level, Prediction
from tests.fixtures import drawer
from tests.fixtures.samples import BREST, OSLO

installed = pytest.mark.skipif(not shutil.which("exiftool"), reason="ExifTool is not installed")


def tags(place=BREST, level=Level.CITY):
    return file_tags(Prediction(place.point, place, level, 0.8, 20.0), "m")


def avif():
    file = io.BytesIO()
    drawer.quadrants().save(file, "AVIF")
    return file.getvalue()


def heic():
    return next(data for name, data in drawer.oriented().items() if name.endswith(".heic"))


@pytest.fixture
def journal(tmp_path):
    with WriteJournal(tmp_path / "state" / "writes.sqlite") as opened:
        yield opened


@pytest.fixture(scope="module")
def exiftool():
    with ExifTool() as opened:
        yield opened


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@installed
@pytest.mark.parametrize("kind", ["heic", "avif"])
def test_written_read_back_rewritten_and_taken_back(kind, tmp_path, journal, exiftool):
    data = heic() if kind == "heic" else avif()
    path = tmp_path / f"x.{kind}"
    path.write_bytes(data)
    judged = sha256(path)
    result = tag_file(path, judged, tags(), WriteContext(journal, exiftool=exiftool))
    assert (result.sha256, result.reasons) == (sha256(path), ())
    found = read(path.read_bytes())
    assert found.gps_is_prediction
    assert (found.gps.lat, found.gps.lon) == pytest.approx((48.39, -4.49))
    assert prediction_in(xmp_packet(path.read_bytes())).city == "Brest"
    assert prediction_in(xmp_packet(path.read_bytes())).source_sha256 == judged
    assert picture_parts(path.read_bytes()) == picture_parts(data)

    context = WriteContext(journal, exiftool=exiftool)
    assert tag_file(path, result.sha256, tags(), context).reasons == (ALREADY_WRITTEN,)
    assert sha256(path) == result.sha256
    with pytest.raises(OverwriteRefusedError, match="earlier prediction"):
        tag_file(path, result.sha256, tags(OSLO), context)
    tag_file(path, result.sha256, tags(OSLO), WriteContext(journal, "predicted", exiftool))
    assert read(path.read_bytes()).gps.lat == pytest.approx(59.91)

    assert untag_file(path, journal).result == "restored"
    assert path.read_bytes() == data
    assert untag_file(path, journal).result == "untouched"
    assert [other.name for other in tmp_path.iterdir() if other.is_file()] == [path.name]


@installed
def test_what_another_program_wrote_since_is_kept(tmp_path, journal, exiftool):
    path = tmp_path / "x.heic"
    path.write_bytes(heic())
    tag_file(path, sha256(path), tags(), WriteContext(journal, exiftool=exiftool))
    rating = ["-XMP-xmp:Rating=5", "-EXIF:Artist=somebody", "-GPS:GPSImgDirection=12"]
    path.write_bytes(exiftool.rewrite(path.read_bytes(), ".heic", rating, None))
    done = untag_file(path, journal)
    assert done.result == "cleaned"
    left = path.read_bytes()
    assert not read(left).gps_is_prediction
    assert prediction_in(xmp_packet(left)) is None
    assert b"Rating" in xmp_packet(left)
    assert b"geotagger" not in left
    assert b"somebody" in left
    assert picture_parts(left) == picture_parts(heic())
    assert untag_file(path, journal).result == "untouched"


@installed
def test_names_alone_where_only_they_are_known(tmp_path, journal, exiftool):
    path = tmp_path / "x.avif"
    path.write_bytes(avif())
    tag_file(
        path, sha256(path), tags(level=Level.COUNTRY), WriteContext(journal, exiftool=exiftool)
    )
    assert read(path.read_bytes()).gps is None
    assert read(path.read_bytes()).gps_is_prediction


@installed
def test_the_packet_of_another_picture_in_the_file_is_not_ours_to_extend(exiftool):
    """Phones keep a packet for, say, the depth map; the primary picture gets one of its own."""
    one = exiftool.rewrite(avif(), ".avif", [], b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    at = one.index(b"cdsc")
    other = one[: at + 8] + b"\0\7" + one[at + 10 :]
    assert xmp_packet(one) is not None
    assert xmp_packet(other) is None


@installed
def test_a_picture_that_changed_is_found_out(tmp_path, journal, exiftool, monkeypatch):
    path = tmp_path / "x.avif"
    path.write_bytes(avif())
    real = exiftool.rewrite

    def harms(*arguments, **more):
        data = real(*arguments, **more)
        at = data.index(avif()[-30:])
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    monkeypatch.setattr(exiftool, "rewrite", harms)
    with pytest.raises(CannotEmbedError, match="changed the picture"):
        tag_file(path, sha256(path), tags(), WriteContext(journal, exiftool=exiftool))
    assert path.read_bytes() == avif()


@installed
def test_what_exiftool_refuses_is_said(tmp_path, journal, exiftool):
    path = tmp_path / "x.avif"
    path.write_bytes(avif()[:150])
    with pytest.raises(CannotEmbedError, match=r"ExifTool|read back|damaged"):
        tag_file(path, sha256(path), tags(), WriteContext(journal, exiftool=exiftool))
    assert path.read_bytes() == avif()[:150]


def test_an_item_that_claims_the_file_many_times_over_is_refused():
    """Each extent of length 0 is the whole file."""
    data = avif()
    meta, iloc = data.index(b"meta") - 4, data.index(b"iloc") - 4
    end = iloc + int.from_bytes(data[iloc : iloc + 4])
    assert data[iloc + 12] == 0x44, "offsets and lengths of four bytes"
    extents = bytes(2) + (5000).to_bytes(2) + bytes(8) * 5000
    box = data[iloc + 4 : iloc + 18] + extents
    box = (4 + len(box)).to_bytes(4) + box
    meta_bytes = int.from_bytes(data[meta : meta + 4]) + len(box) - (end - iloc)
    hostile = data[:meta] + meta_bytes.to_bytes(4) + data[meta + 4 : iloc] + box + data[end:]
    with pytest.raises(IndexError, match="larger than the file"):
        picture_parts(hostile)


def test_without_the_backend_the_reason_names_it(tmp_path, journal):
    path = tmp_path / "x.avif"
    path.write_bytes(avif())
    with pytest.raises(CannotEmbedError, match="--backend exiftool"):
        tag_file(path, sha256(path), tags(), WriteContext(journal))


def test_a_missing_program_names_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"not installed: get it from exiftool\.org"):
        find_program()


KILLED = """
import os, signal, sys
from pathlib import Path
from geotagger.metadata.exiftool.process import ExifTool
exiftool = ExifTool()
exiftool.xmp_packet(Path(sys.argv[1]).read_bytes(), ".avif")
print(exiftool._process.pid, exiftool._folder.name, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@installed
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_ends_when_the_program_is_killed(tmp_path):
    (tmp_path / "x.avif").write_bytes(avif())
    command = [sys.executable, "-c", KILLED, str(tmp_path / "x.avif")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    pid, folder = done.stdout.split()
    for _ in range(600):
        if not Path("/proc", pid).exists() and not Path(folder).exists():
            break
        time.sleep(0.1)
    assert not Path("/proc", pid).exists()
    assert not Path(folder).exists()


# A program that dies or hangs, played by a small one.

PLAYED = """#!{python}
import sys, time
from pathlib import Path
count = Path(sys.argv[0] + ".starts")
count.write_text(str(int(count.read_text()) + 1) if count.exists() else "1")
arguments = []
for line in sys.stdin:
    line = line.rstrip("\\n")
    if not line.startswith("-execute"):
        arguments.append(line)
        continue
    data = Path(arguments[-1]).read_bytes()
    if data == b"killer" or (data == b"moody" and count.read_text() == "1"):
        sys.exit(1)
    if data == b"tarpit":
        time.sleep(60)
    if "-o" in arguments:
        Path(arguments[arguments.index("-o") + 1]).write_bytes(data + b" tagged")
    print("{{ready" + line.removeprefix("-execute") + "}}", flush=True)
    arguments = []
"""


@pytest.fixture
def played(tmp_path):
    if sys.platform == "win32":
        pytest.skip("needs a script that can be run")
    program = tmp_path / "played"
    program.write_text(PLAYED.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with ExifTool(str(program)) as opened:
        yield opened


def starts(played):
    return int(Path(played.program + ".starts").read_text())


def embed(played, data):
    return played.rewrite(data, ".heic", [], None)


def test_one_process_serves_many_files(played):
    assert [embed(played, b"%d" % i) for i in range(5)] == [b"%d tagged" % i for i in range(5)]
    assert starts(played) == 1


def test_a_file_that_kills_it_is_tried_once_more_and_costs_the_next_nothing(played):
    embed(played, b"sound")
    with pytest.raises(CannotEmbedError, match="dies on it, twice"):
        embed(played, b"killer")
    assert embed(played, b"sound") == b"sound tagged"
    assert starts(played) == 3


def test_a_file_that_fails_once_is_written_at_the_second_try(played):
    assert embed(played, b"moody") == b"moody tagged"
    assert starts(played) == 2


def test_a_file_on_which_it_hangs_is_given_up(played):
    patience_s, played.timeout_s = played.timeout_s, 0.2
    with pytest.raises(CannotEmbedError, match="hangs on it, twice"):
        embed(played, b"tarpit")
    played.timeout_s = patience_s
    assert embed(played, b"sound") == b"sound tagged"
