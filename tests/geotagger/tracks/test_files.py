"""Every format holds the same walk; and whatever can be wrong with a file is named."""

import gzip
import sys
import zlib

import numpy as np
import pytest

from geotagger.tracks import files
from geotagger.tracks.files import read_track
from geotagger.tracks.fixes import TrackError
from tests.fixtures import tracks
from tests.fixtures.tracks import ACCURACY_M, FORMATS, VISIT, WALK


@pytest.fixture
def read(tmp_path):
    def read(data, name="track"):
        file = tmp_path / name
        file.write_bytes(data.encode() if isinstance(data, str) else data)
        return read_track(file)

    return read


def walked(log):
    """The fixes of the walk: (seconds, lat, lon)."""
    table = log.fixes.table()
    rows = np.flatnonzero(np.isin(table.time_s, [fix[0] for fix in WALK]))
    return [(table.time_s[row], table.lat[row], table.lon[row]) for row in rows]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_fixes_whatever_its_name(read, name):
    if name.endswith(".fit"):
        pytest.importorskip("fitdecode")
    log = read(FORMATS[name], "a")
    assert np.allclose(walked(log), WALK, rtol=0, atol=2e-6)
    assert not log.damage
    assert not log.fixes.skipped


@pytest.mark.parametrize("name", sorted(FORMATS.keys() - {"walk.kmz"}))
def test_compressed_files_are_read_too(read, name):
    if name.endswith(".fit"):
        pytest.importorskip("fitdecode")
    assert len(walked(read(gzip.compress(FORMATS[name])))) == len(WALK)


@pytest.mark.parametrize(
    "name", ["walk.gpx", "walk.kml", "walk.nmea", "walk.fit", "Records.json", "2019-07.rec"]
)
def test_accuracy_is_kept(read, name):
    if name.endswith(".fit"):
        pytest.importorskip("fitdecode")
    assert np.allclose(read(FORMATS[name]).fixes.table().accuracy_m, ACCURACY_M)


@pytest.mark.parametrize(
    "data",
    [
        tracks.timeline_android(),
        tracks.timeline_ios(),
        tracks.timeline_month(),
        tracks.kml_visit(),
    ],
)
def test_a_visit_is_a_stay_at_its_place(read, data):
    table = read(data).fixes.table()
    assert np.count_nonzero(table.is_stay) == 1
    stay = table.only(table.is_stay[table.segment])
    start, end, lat, lon = VISIT
    assert stay.time_s.tolist() == [start, end]
    assert np.allclose(stay.lat, lat)
    assert np.allclose(stay.lon, lon)


def test_segments_stay_apart(read):
    two = tracks.gpx().replace("</trkseg>", "</trkseg><trkseg>" + "</trkseg><trkseg>", 1)
    other = tracks.gpx([(seconds + 9000, lat, lon) for seconds, lat, lon in WALK])
    points = other.partition("<trkseg>")[2].partition("</trkseg>")[0]
    table = read(two.replace("<trkseg></trkseg>", f"<trkseg>{points}</trkseg>")).fixes.table()
    assert table.segment.tolist() == [0] * len(WALK) + [1] * len(WALK)


def test_an_unsigned_negative_coordinate_of_old_exports_is_read(read):
    data = tracks.records([(WALK[0][0], -33.9, -70.6)])
    data = data.replace(str(round(-33.9e7)), str(2**32 + round(-33.9e7)))
    table = read(data.replace(str(round(-70.6e7)), str(2**32 + round(-70.6e7)))).fixes.table()
    assert (table.lat[0], table.lon[0]) == (-33.9, -70.6)


ACCENT = tracks.gpx(name="Forêt")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xef\xbb\xbf" + tracks.gpx().encode(), id="BOM"),
        pytest.param(tracks.gpx(head="").encode("utf-16"), id="UTF-16"),
        pytest.param(ACCENT.encode("latin-1"), id="Latin-1 that claims to be UTF-8"),
        pytest.param(
            ACCENT.replace("UTF-8", "windows-1252").encode("cp1252"), id="an 8-bit encoding"
        ),
        pytest.param(ACCENT.replace("UTF-8", "klingon").encode(), id="an unknown encoding"),
        pytest.param(tracks.gpx(comma=True).encode(), id="decimal commas"),
        pytest.param(b"\xef\xbb\xbf" + FORMATS["Timeline.json"], id="JSON with a BOM"),
        pytest.param(tracks.timeline_ios().encode("utf-16"), id="JSON in UTF-16"),
        pytest.param(b"\n\n  " + tracks.gpx(head="").encode(), id="space before the document"),
        pytest.param(
            tracks.gpx().replace("trkpt", "g:trkpt").replace("xmlns=", "xmlns:g=").encode(),
            id="prefixes",
        ),
        pytest.param(
            tracks.gpx()
            .replace("</hdop>", "</hdop><extensions><time>1999-01-01T00:00:00Z</time></extensions>")
            .encode(),
            id="extensions of others",
        ),
        pytest.param(tracks.gpx().replace("Z</time>", "</time>").encode(), id="no zone is UTC"),
        pytest.param(
            tracks.kml().replace(">48", "> 48").replace(" 40<", "<").encode(), id="odd spaces"
        ),
    ],
)
def test_files_that_programs_spoil(read, data):
    assert np.allclose(walked(read(data)), WALK, rtol=0, atol=2e-6)


BOMB = (
    '<!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">'
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]>"
)
OUTSIDE = '<!DOCTYPE gpx [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b"\x1f\x8b", "compressed data are damaged"),
        (gzip.compress(tracks.gpx().encode(), mtime=0)[:25], "compressed data are damaged"),
        (b"PK\3\4 and no more", "compressed data are damaged"),
        (
            gzip.compress(gzip.compress(tracks.gpx().encode(), mtime=0), mtime=0),
            "it is not GPX, KML",
        ),
        (tracks.kmz(tracks.kml(), "doc.txt"), "an archive without a .kml"),
        (tracks.gpx(head=BOMB, name="&i;"), "declares XML entities"),
        (tracks.gpx(head=OUTSIDE, name="&x;"), "declares XML entities"),
        (b"<gpx><trk", "its XML is damaged in line 1"),
        (b"<svg/>", r"XML of another kind \(<svg>\): convert it to GPX"),
        (b"<", "XML of another kind"),
        (b'{"title": "IMG_1.jpg"}', "JSON of another kind"),
        (b'{"locations": [{"latitudeE7"', "its JSON is damaged at character"),
        (b'{"locations": ["\xff"]}', "save it as UTF-8"),
        (b"[" * 100_000, "nested too deep"),
        (b"hello", "it is not GPX, KML"),
        (b"\0" * 5000, "it is not GPX, KML"),
        (tracks.fit()[:8] + b".FIT" + b"\xff" * 40, "its FIT data are damaged"),
        (tracks.nmea().replace("GPRMC", "GPGSV"), "it has no date"),
    ],
)
def test_what_is_no_track_is_refused_with_a_reason(read, data, words):
    with pytest.raises(TrackError, match=words):
        read(data)


def test_a_bomb_is_cut_off(read, monkeypatch):
    monkeypatch.setattr(files, "MAX_BYTES", 1 << 20)
    document = tracks.kml_document(" " * (4 << 20))
    for data in (tracks.kmz(document), gzip.compress(document.encode(), mtime=0)):
        with pytest.raises(TrackError, match="longer than"):
            read(data)


@pytest.mark.parametrize(
    ("name", "left"),
    [("walk.gpx", 0.8), ("Records.json", 0.9), ("2019-07.rec", 0.7), ("walk.nmea", 0.5)],
)
def test_what_comes_before_the_damage_is_read(read, name, left):
    data = FORMATS[name]
    found = walked(read(data[: int(left * len(data))]))
    assert 2 <= len(found) < len(WALK)
    assert np.allclose(found, WALK[: len(found)], rtol=0, atol=2e-6)
    assert read(data[: int(0.8 * len(data))]).damage or name in ("2019-07.rec", "walk.nmea")


def test_what_comes_before_the_end_of_a_cut_archive_is_read(read):
    walk = [(fix[0] + 600 * turn, *fix[1:]) for turn in range(600) for fix in WALK]
    packed = gzip.compress(tracks.gpx(walk).encode())
    log = read(packed[: len(packed) // 2])
    assert "cut off" in log.damage
    assert len(log.fixes) > 500


def test_sentences_with_a_wrong_checksum_or_without_a_fix_are_left_out(read):
    lines = tracks.nmea().splitlines()
    lines[0] = lines[0].replace("4851", "4951")  # GGA and RMC of the first fix
    lines[1] = lines[1].replace("4851", "4951")
    lines[3] = tracks.nmea_sentence("GPGGA,100030.00,,,,,0,00,,,,,,,")
    lines[4] = tracks.nmea_sentence("GPRMC,100030.00,V,,,,,,,010719,,,N")
    log = read("\n".join(lines))
    assert np.allclose(walked(log), WALK[2:], atol=2e-6)
    assert log.fixes.skipped == 2


def test_nmea_goes_over_midnight_also_where_only_one_sentence_has_a_date(read):
    night = [(fix[0] + 14 * 3600 - 150, *fix[1:]) for fix in WALK]
    late = "".join(line for line in tracks.nmea(night).splitlines(True) if "RMC" not in line)
    date = tracks.nmea_sentence("GPZDA,235730.00,01,07,2019,00,00")
    for text in (date + late, late.replace("\r\n", "\r\n" + date, 1)):
        assert read(text).fixes.table().time_s.tolist() == [fix[0] for fix in night]
    last = tracks.nmea_sentence("GPZDA,000230.00,02,07,2019,00,00")
    assert read(late + last).fixes.table().time_s.tolist() == [fix[0] for fix in night]


def test_a_broken_item_costs_itself_alone(read):
    data = tracks.records().replace('"latitudeE7": 488503000', '"latitudeE7": "?"')
    log = read(data)
    assert len(walked(log)) == len(WALK) - 1
    assert log.fixes.skipped == 1


def test_json_is_read_across_the_ends_of_chunks(read, monkeypatch):
    for size in (1, 2, 7, 64):
        monkeypatch.setattr("geotagger.tracks.json_stream._CHUNK_BYTES", size)
        assert len(walked(read(tracks.timeline_android()))) == len(WALK)


@pytest.mark.parametrize("size", [1, 3, 1 << 20])
@pytest.mark.parametrize(
    "data", ["[{}", "[{}, ", '{"locations": [', '{"locations": [{}', '{"version": 1', '{"version"']
)
def test_json_that_is_cut_off_is_damaged(read, monkeypatch, data, size):
    """Wherever it ends, also between two values."""
    monkeypatch.setattr("geotagger.tracks.json_stream._CHUNK_BYTES", size)
    with pytest.raises(TrackError, match="its JSON is damaged at character"):
        read(data)


def test_an_encrypted_archive_asks_to_be_unpacked(read):
    data = bytearray(tracks.kmz(tracks.kml()))
    at = data.index(b"PK\1\2")
    data[6] |= 1
    data[at + 8] |= 1
    with pytest.raises(TrackError, match="unpack it first"):
        read(bytes(data))


def test_a_corrupt_archive_is_named(read):
    data = bytearray(tracks.kmz(tracks.kml()))
    data[60:80] = zlib.compress(b"other")[:20].ljust(20, b"\0")
    with pytest.raises(TrackError, match="damaged"):
        read(bytes(data))


PLACEMARK = (
    "<kml><Document><Placemark><description>{}</description>"
    "<TimeStamp><when>2020-01-01T00:00:00Z</when></TimeStamp>"
    "<Point><coordinates>7.5{},45.25,0</coordinates></Point></Placemark></Document></kml>"
)
LONG = 3 << 20


def test_a_long_description_is_passed_over(read):
    table = read(PLACEMARK.format("x" * LONG, "")).fixes.table()
    assert (table.lat.tolist(), table.lon.tolist()) == ([45.25], [7.5])


def test_a_value_without_end_is_refused(read):
    with pytest.raises(TrackError, match="longer than a million"):
        read(PLACEMARK.format("", "0" * LONG))


def test_the_text_of_a_value_is_its_own(read):
    """Not the text around it, nor that of a description inside which a tag is written."""
    spaced = PLACEMARK.format("12 <![CDATA[<b>3</b>]]>", "").replace("><", ">\n 9 <")
    spaced = spaced.replace("\n 9 </coordinates>", "</coordinates>")
    table = read(spaced.replace("\n 9 </when>", "</when>")).fixes.table()
    assert (table.lat.tolist(), table.lon.tolist()) == ([45.25], [7.5])


def test_an_nmea_date_that_no_calendar_has_is_left_out(tmp_path):
    zda = "GPZDA,100000.00,{},01,01,00,00"
    odd = "".join(tracks.nmea_sentence(zda.format(day)) for day in ("0", "9" * 400, "-1"))
    far = tracks.nmea_sentence(f"GPZDA,100000.00,01,01,{'9' * 20},00,00")
    (tmp_path / "t.nmea").write_text(odd + far + tracks.nmea())
    log = read_track(tmp_path / "t.nmea")
    assert len(log.fixes) == len(tracks.WALK)
    assert log.fixes.skipped == 4


def test_a_watch_without_a_position_has_no_fix(read):
    pytest.importorskip("fitdecode")
    (first, second, third), rest = WALK[:3], WALK[3:]
    indoors = [(first[0], None, None), (second[0], None, second[2]), (third[0], third[1], None)]
    log = read(tracks.fit([*indoors, *rest]))
    assert np.allclose(walked(log), rest, rtol=0, atol=2e-6)
    assert len(log.fixes) == len(rest)
    assert not log.fixes.skipped  # an hour indoors is no warning of 3,600 fixes


def test_a_record_of_a_watch_without_a_time_is_counted_and_the_rest_is_read(read):
    pytest.importorskip("fitdecode")
    timeless = [(None, lat, lon) for _, lat, lon in WALK[:2]]
    log = read(tracks.fit([*timeless, *WALK]))
    assert np.allclose(walked(log), WALK, rtol=0, atol=2e-6)
    assert log.fixes.skipped == 2
    assert not log.damage


def test_without_fitdecode_a_fit_file_names_the_remedy(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "fitdecode", None)
    with pytest.raises(TrackError, match=r"pip install 'geotagger-photos\[fit\]'"):
        read(tracks.fit())


def test_a_watch_that_does_not_know_its_accuracy(read):
    pytest.importorskip("fitdecode")
    log = read(tracks.fit(accuracy_m=255))
    assert np.isnan(log.fixes.table().accuracy_m).tolist() == [True] * len(WALK)
    assert not log.damage


@pytest.mark.parametrize("lost", ["when", "gx:coord"])
def test_a_kml_track_that_lacks_a_time_or_a_position_is_left_out(read, lost):
    """Those after the gap would be placed at the time of their neighbours."""
    start = tracks.kml().index(f"<{lost}>", tracks.kml().index(f"<{lost}>") + 1)
    end = tracks.kml().index(f"</{lost}>", start) + len(f"</{lost}>")
    log = read(tracks.kml()[:start] + tracks.kml()[end:])
    assert walked(log) == []
    assert log.fixes.skipped == len(WALK)


def test_a_kml_track_with_some_accuracies_has_none(read):
    some = tracks.kml().replace(f"<gx:value>{ACCURACY_M:g}</gx:value>", "", 1)
    log = read(some)
    assert np.allclose(walked(log), WALK, rtol=0, atol=2e-6)
    assert np.isnan(log.fixes.table().accuracy_m).all()
