"""Records of Takeout and Ente, sound and hostile."""

import json
import random

import pytest

from geotagger.records.parse import NoRecordError, Record, parse_record
from geotagger.types import Point

PARIS, LYON = Point(48.857, 2.352), Point(45.76, 4.84)
NOWHERE = {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0}


def geo(point):
    return {"latitude": point.lat, "longitude": point.lon, "altitude": 70.0}


def takeout(**changes):
    whole = {
        "title": "IMG.jpg",
        "description": "",
        "creationTime": {"timestamp": "1692812685", "formatted": "23 Aug 2023, 17:44:45 UTC"},
        "photoTakenTime": {"timestamp": "1563120202", "formatted": "14 Jul 2019, 16:03:22 UTC"},
        "geoData": geo(LYON),
        "geoDataExif": geo(PARIS),
        "people": [{"name": "A"}],
    }
    return json.dumps({**whole, **changes}).encode()


def test_a_record_of_takeout():
    expected = Record("IMG.jpg", PARIS, LYON, "2019-07-14T16:03:22Z")
    assert parse_record(takeout()) == expected
    assert parse_record(b"\xef\xbb\xbf" + takeout()) == expected


def test_zero_zero_is_none():
    record = parse_record(takeout(geoDataExif=NOWHERE))
    assert (record.measured, record.stated, record.problem) == (None, LYON, "")
    assert parse_record(takeout(geoData=NOWHERE, geoDataExif=NOWHERE)).stated is None


def test_the_moment_of_the_upload_is_no_time_of_takeout_but_that_of_ente():
    upload = {"title": "IMG.jpg", "creationTime": {"timestamp": 1563120202}, "geoData": geo(PARIS)}
    data = json.dumps(upload).encode()
    assert parse_record(data).taken_at == ""
    assert parse_record(data, is_ente=True).taken_at == "2019-07-14T16:03:22Z"


def test_ente_writes_null_for_unknown_positions():
    data = b'{"creationTime": {"timestamp": 1563120202}, "geoData": {"latitude": null}}'
    assert parse_record(data, is_ente=True) == Record("", None, None, "2019-07-14T16:03:22Z")


@pytest.mark.parametrize(
    "bad",
    [
        {"latitude": 91, "longitude": 0},
        {"latitude": "x", "longitude": 1},
        {"latitude": "nan", "longitude": 1},
        {"latitude": True, "longitude": 1},
        {"latitude": [48], "longitude": 2},
        [48.1, 2.1],
        "48.1, 2.1",
        7,
    ],
)
def test_a_bad_position_spoils_nothing_else(bad):
    record = parse_record(takeout(geoDataExif=bad))
    assert (record.measured, record.stated) == (None, LYON)
    assert record.taken_at == "2019-07-14T16:03:22Z"
    assert record.problem == "geoDataExif is no position"


@pytest.mark.parametrize("bad", ["soon", "inf", 1e300, [], "2019-07-14"])
def test_a_bad_time_spoils_nothing_else(bad):
    record = parse_record(takeout(photoTakenTime={"timestamp": bad}))
    assert (record.measured, record.taken_at) == (PARIS, "")


@pytest.mark.parametrize("seconds", ["0", "-1e18", "99999999999"])
def test_impossible_times_are_none(seconds):
    assert parse_record(takeout(photoTakenTime={"timestamp": seconds})).taken_at == ""


@pytest.mark.parametrize(
    "data",
    [b"[]", b"7", b'"text"', b"{}", b"null", b'{"title": "x"}', b'{"geoData": null}'],
)
def test_json_of_something_else(data):
    assert parse_record(data) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe{\0}\0",
        b'{"geoData": {"latitude": NaN, "longitude": 1}}',
        b'{"x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b"not JSON",
        bytes(1000),
    ],
)
def test_what_is_no_json(data):
    with pytest.raises(NoRecordError):
        parse_record(data)


def test_any_bytes_are_a_record_or_none_or_an_error():
    rng = random.Random(5)
    sound = takeout()
    for _ in range(2000):
        data = bytearray(sound)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            parse_record(bytes(data[: rng.randint(0, len(data))]))
        except NoRecordError:
            continue
