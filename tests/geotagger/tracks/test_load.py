"""Files and folders of tracks: what stops a run, what is a warning, what is silent."""

import pytest

from geotagger.errors import UsageError
from geotagger.tracks.load import load_tracks
from tests.fixtures import tracks
from tests.fixtures.tracks import FORMATS, START_S, WALK


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "walk.gpx").write_bytes(FORMATS["walk.gpx"])
    return tmp_path


def test_a_folder_is_searched_and_what_is_no_track_in_it_is_silent(folder, caplog):
    (folder / "IMG_1.jpg.json").write_text('{"title": "IMG_1.jpg"}')
    (folder / "notes.log").write_text("bought bread")
    (folder / "IMG_1.jpg").write_bytes(b"not read")
    (folder / "LATER.KML").write_text(tracks.kml([(s + 86_400, *at) for s, *at in WALK]))
    index = load_tracks([folder])
    assert len(index) == 2 * len(WALK)
    assert index.at(START_S).log == "walk.gpx"
    assert not caplog.text


def test_a_damaged_file_in_a_folder_is_a_warning(folder, caplog):
    (folder / "cut.kml.gz").write_bytes(b"\x1f\x8b\x08")
    (folder / "half.gpx").write_bytes(FORMATS["walk.gpx"][:900])
    assert len(load_tracks([folder])) > len(WALK)
    assert f"{folder / 'cut.kml.gz'}: its compressed data are damaged" in caplog.text
    assert "fixes before that are used" in caplog.text


def test_impossible_fixes_are_a_warning_that_counts_them(folder, caplog):
    walk = [*WALK, (START_S + 1000, 0.0, 0.0), (10.0, 48.0, 2.0)]
    (folder / "walk.gpx").write_text(tracks.gpx(walk))
    assert len(load_tracks([folder / "walk.gpx"])) == len(WALK)
    assert "left out fixes: 1 at 0/0, 1 dated before 1990" in caplog.text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"hello", "convert it to GPX, for example by GPSBabel"),
        (b"", "it is empty"),
        (b"<gpx></gpx>", "no position with a time; a planned route has none"),
        (b'<gpx><trk><trkseg><trkpt lat="1" lon="2"/></trkseg></trk></gpx>', "none of its 1 fixes"),
        (tracks.gpx([(9.0, 1.0, 2.0)]).encode(), "none of its 1 fixes can be used: 1 dated before"),
    ],
)
def test_a_named_file_without_a_fix_stops(tmp_path, data, words):
    file = tmp_path / "bad.gpx"
    file.write_bytes(data)
    with pytest.raises(UsageError, match=words) as error:
        load_tracks([file])
    assert str(error.value).startswith(f"--track {file}: ")


def test_nothing_at_the_path_stops(tmp_path):
    with pytest.raises(UsageError, match="there is no such file or folder"):
        load_tracks([tmp_path / "missing"])
    with pytest.raises(UsageError, match="no track in it"):
        load_tracks([tmp_path])


def test_a_file_that_is_named_twice_counts_once(folder):
    assert len(load_tracks([folder, folder / "deep" / "walk.gpx"])) == len(WALK)
