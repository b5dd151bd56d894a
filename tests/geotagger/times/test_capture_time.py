"""When a photo was taken, by every way that says it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from geotagger.metadata.beside import with_files_beside
from geotagger.metadata.read import read
from geotagger.times.capture_time import capture_time, clock_s, with_time
from geotagger.types import PhotoMetadata, TimeOrigin
from tests.fixtures import jpegs
from tests.fixtures.videos import movie

UTC_TIME = datetime(2019, 7, 14, 16, 3, 22, tzinfo=UTC)
LOCAL_TIME = datetime(2019, 7, 14, 18, 3, 22)  # noqa: DTZ001
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
    ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
    ' xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" {}/></rdf:RDF></x:xmpmeta>'
)


def ascii_tag(text):
    return 2, text.encode() + b"\0"


def test_an_offset_tells_utc():
    time = capture_time(PhotoMetadata(taken_at="2019-07-14T18:03:22+02:00"))
    assert (time.local, time.utc, time.offset_minutes) == (LOCAL_TIME, UTC_TIME, 120)
    assert time.origin is TimeOrigin.ORIGINAL


def test_local_time_alone_tells_no_utc():
    time = capture_time(PhotoMetadata(taken_at="2019-07-14T18:03:22"))
    assert (time.local, time.utc, time.offset_minutes) == (LOCAL_TIME, None, None)


def test_gps_time_tells_utc_of_a_local_time_unless_they_do_not_belong_together():
    near = PhotoMetadata(taken_at="2019-07-14T18:03:22", gps_time="2019-07-14T16:01:00Z")
    assert capture_time(near).utc == UTC_TIME
    assert capture_time(near).offset_is_from_gps
    far = PhotoMetadata(taken_at="2019-07-14T18:03:22", gps_time="2019-07-12T16:03:22Z")
    assert capture_time(far).utc is None


def test_utc_alone_is_no_local_time():
    metadata = PhotoMetadata(taken_at="2019-07-14T16:03:22Z", time_origin=TimeOrigin.RECORD)
    time = capture_time(metadata)
    assert (time.local, time.utc, time.origin) == (None, UTC_TIME, TimeOrigin.RECORD)


def test_a_day_is_no_moment():
    time = capture_time(PhotoMetadata(taken_at="2019-07-14", time_origin=TimeOrigin.NAME))
    assert time.is_day_only
    assert time.clock_s is None
    assert capture_time(PhotoMetadata()) is None


def test_the_clock_ignores_the_offset():
    """Some photos of a series lack it."""
    with_offset = PhotoMetadata(taken_at="2024-05-05T10:00:00+02:00")
    assert clock_s(with_offset) == clock_s(PhotoMetadata(taken_at="2024-05-05T10:00:00"))


@pytest.mark.parametrize(
    ("exif_ifd", "taken_at", "origin"),
    [
        ({0x9003: "2019:07:14 18:03:22"}, "2019-07-14T18:03:22", TimeOrigin.ORIGINAL),
        (
            {0x9003: "2019:07:14 18:03:22", 0x9010: "+02:00"},
            "2019-07-14T18:03:22+02:00",
            TimeOrigin.ORIGINAL,
        ),
        (
            {0x9003: "2019:07:14 18:03:22", 0x9011: "+01:00", 0x9010: "+02:00"},
            "2019-07-14T18:03:22+01:00",
            TimeOrigin.ORIGINAL,
        ),
        (
            {0x9003: "0000:00:00 00:00:00", 0x9004: "2019:07:14 18:03:22", 0x9012: "+02:00"},
            "2019-07-14T18:03:22+02:00",
            TimeOrigin.DIGITIZED,
        ),
        (
            {0x9003: "1970:01:01 00:00:00", 0x9004: "2019:07:14 18:03:22"},
            "2019-07-14T18:03:22",
            TimeOrigin.DIGITIZED,
        ),
    ],
)
def test_dates_in_exif(exif_ifd, taken_at, origin):
    metadata = read(jpegs.tiff(exif_ifd={tag: ascii_tag(text) for tag, text in exif_ifd.items()}))
    assert (metadata.taken_at, metadata.time_origin) == (taken_at, origin)


@pytest.mark.parametrize(
    "attribute",
    [
        'exif:DateTimeOriginal="2019-07-14T18:03:22+02:00"',
        'photoshop:DateCreated="2019-07-14T18:03:22+02:00"',
        'xmp:CreateDate="2019-07-14T18:03:22+02:00"',
        'exif:DateTimeOriginal="0000-00-00" xmp:CreateDate="2019-07-14T18:03:22+02:00"',
    ],
)
def test_dates_in_xmp_where_exif_has_none(tmp_path, attribute):
    photo = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8)).save(photo, xmp=XMP.format(attribute).encode())
    metadata = with_files_beside(read(photo.read_bytes()), photo)
    assert (metadata.taken_at, metadata.time_origin) == (
        "2019-07-14T18:03:22+02:00",
        TimeOrigin.XMP,
    )


def test_dates_in_a_sidecar(tmp_path):
    photo = tmp_path / "IMG_20190701_120000.jpg"
    Image.new("RGB", (8, 8)).save(photo)
    sidecar = XMP.format('exif:DateTimeOriginal="2019:07:14 18:03:22.000"')
    (tmp_path / "IMG_20190701_120000.jpg.xmp").write_text(sidecar)
    metadata = with_files_beside(read(photo.read_bytes()), photo)
    assert (metadata.taken_at, metadata.time_origin) == ("2019-07-14T18:03:22", TimeOrigin.XMP)


def test_gps_time_then_the_video_then_the_name(tmp_path):
    photo = tmp_path / "IMG_20190701_120000.HEIC"
    named = with_time(PhotoMetadata(), photo)
    assert (named.taken_at, named.time_origin) == ("2019-07-01T12:00:00", TimeOrigin.NAME)
    photo.with_suffix(".MOV").write_bytes(movie(UTC_TIME))
    filmed = with_time(PhotoMetadata(), photo)
    assert (filmed.taken_at, filmed.time_origin) == ("2019-07-14T16:03:22Z", TimeOrigin.VIDEO)
    measured = with_time(PhotoMetadata(gps_time="2019-07-14T16:05:00Z"), photo)
    assert (measured.taken_at, measured.time_origin) == ("2019-07-14T16:05:00Z", TimeOrigin.GPS)
    own = PhotoMetadata(taken_at="2019-07-14T18:03:22")
    assert with_time(own, photo) is own


def test_a_photo_without_any_time_has_none():
    assert with_time(PhotoMetadata(), Path("DSC_1.jpg")).taken_at == ""
