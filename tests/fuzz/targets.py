"""The parsers of foreign input: for each, valid files and the function that reads a damaged one.

Whole photos are the subject of `tests.fuzz.metadata`. Here an input is one file. For a parser that
takes text or bytes, the file is read first.
"""

from __future__ import annotations

import json
import struct
import tempfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from geotagger.cache.codec import pack
from geotagger.cache.store import RunJournal
from geotagger.errors import CannotEmbedError
from geotagger.evaluation.labels import read_labels
from geotagger.evidence.cached import PackedOutput
from geotagger.evidence.folder_names import Names, NamesSource, names_in_path
from geotagger.evidence.ocr_text import evidence_of
from geotagger.geography.area import read_area
from geotagger.geography.named_places import parse_places, read_candidates
from geotagger.geography.places import load_places
from geotagger.loopback.answers import answered
from geotagger.metadata.containers import heif
from geotagger.metadata.containers.locate import exif_block, xmp_packet
from geotagger.metadata.place_names import place_names
from geotagger.metadata.sidecar import sidecar_with, sidecar_without
from geotagger.metadata.undo import delta
from geotagger.metadata.undo.edits import Edit
from geotagger.metadata.undo.record import EditRecord, record_at_end
from geotagger.metadata.undo.write_journal import WriteJournal
from geotagger.metadata.xmp.prediction import (
    gps_in,
    prediction_in,
    with_prediction,
    withheld,
)
from geotagger.metadata.xmp.tags import XmpTags
from geotagger.pipeline.trips.ratios import pack_ratios
from geotagger.reasons import Reason, ReasonCode
from geotagger.reports.formats.registry import open_report
from geotagger.reports.formats.writer import ReportStyle
from geotagger.reports.query.where import parse_where
from geotagger.reports.read.find_photo import find_photo
from geotagger.reports.read.rows import columns_of, read_rows
from geotagger.reports.schema import COLUMNS
from geotagger.review.decisions import Decision, Decisions, PhotoKey, journal_path
from geotagger.review.session import ReviewSession
from geotagger.text.combine import Combiner
from geotagger.text.types import OcrResult, TextLine
from geotagger.types import (
    Candidate,
    Level,
    Moment,
    Observation,
    Outcome,
    Photo,
    PhotoMetadata,
    Place,
    Point,
    Prediction,
    SourceNote,
    Status,
)
from geotagger.vision.bundle.bundle import embedded_bundles, find_bundle
from geotagger.vision.bundle.card import ModelCard
from geotagger.vision.bundle.label_tables import read_captions, read_gallery
from geotagger.vision.bundle.label_tables import read_labels as read_bundle_labels
from tests.fixtures.tensor_files import tensor_file
from tests.fuzz.camera_files import camera_targets
from tests.fuzz.downloads import download_targets, read_every_tensor
from tests.fuzz.requests import request_targets
from tests.fuzz.target import Target
from tests.fuzz.tracks import track_targets

PLACE = Place(Point(52.0, 8.5), "DE", "Germany", "North Rhine-Westphalia", "Bielefeld", "Europe")
OTHER = Place(Point(-33.9, 151.2), "AU", "Australia", "New South Wales", "Sydney", "Oceania")
PREDICTION = Prediction(
    Point(52.02, 8.53),
    PLACE,
    Level.CITY,
    0.71,
    23.5,
    (Candidate(PLACE, Point(52.02, 8.53), 0.7), Candidate(OTHER, Point(-33.9, 151.2), 0.1)),
    (("climate", "Cfb"),),
    (SourceNote("text", "sign: Stadt Bielefeld"), SourceNote("clock", "clock +02:00")),
)
OBSERVATION = Observation(
    "a.jpg",
    Moment(("camera", "Cam", "7"), 1e9, by_clock=True),
    sign=pack_ratios(np.zeros(250), np.zeros(3145)),
    words="Stadt",
    point=Point(52.0, 8.5),
    certainty=0.5,
)
SHA256 = "a" * 64
PHOTO = Path("/photos/a.jpg")
EARLIER, LATER = bytes(range(256)) * 4, bytes(range(256)) * 2 + b"another program" * 9
TAGS = XmpTags(
    *(Point(52.02, 8.53), 12.5, 0.62, "city", "Europe", "Germany", "DE", "NRW", "Bielefeld"),
    model="m",
    software="geotagger",
    created="2026-01-01T00:00:00Z",
)


def valid_reports() -> dict[str, bytes]:
    photo = Photo(Path("photos/ä b.jpg"), Path("photos"), 1000, 10**18)
    existing = PhotoMetadata(Point(52.1, 8.4), taken_at="2020-05-01T12:00:00+02:00", camera="X 1")
    outcomes = [
        Outcome(
            photo,
            Status.PREDICTED,
            existing,
            PREDICTION,
            SHA256,
            "m-1@00000000",
            (Reason(ReasonCode.UNREADABLE_FILE, "note"),),
        ),
        Outcome(
            Photo(Path("=b.jpg"), Path()),
            Status.FAILED,
            reasons=(Reason(ReasonCode.UNREADABLE_FILE, "cannot be read"),),
        ),
    ]
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".csv", ".jsonl", ".geojson", ".parquet"):
            report = open_report(Path(folder) / f"r{suffix}", ReportStyle(thumbnails=False))
            for outcome in outcomes:
                report.add(outcome)
            report.close()
            made[suffix] = report.path.read_bytes()
    return made


def read_report(file: Path) -> None:
    columns_of(file)
    for row in read_rows(file):
        json.dumps(row, allow_nan=False)
        find_photo(str(row["path"]), file)


def review_report(file: Path) -> None:
    """All that the page asks for; one odd row must not keep the others from being shown."""
    with Decisions(file) as decisions:
        session = ReviewSession(file, decisions)
        try:
            _open_page(session)
        finally:
            session.close()


def review_decisions(file: Path) -> None:
    """The decisions are what is damaged; the report is sound."""
    report = file.with_suffix(".csv")
    report.write_bytes(cached_reports()[".csv"])
    file.replace(journal_path(report))
    review_report(report)


def _open_page(session: ReviewSession) -> None:
    for answer in (
        lambda _: session.columns(),
        lambda _: session.rows(0),
        lambda _: session.index.towns(),
        lambda _: session.plan(),
    ):
        response = answered(answer, None)
        assert response.status_code == 200, bytes(response.body)[:80]


def review_change(file: Path) -> None:
    """What a page may send."""
    report = file.with_suffix(".csv")
    report.write_bytes(cached_reports()[".csv"])
    try:
        change = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return
    if not isinstance(change, dict):
        return
    with Decisions(report) as decisions:
        session = ReviewSession(report, decisions)
        try:
            assert answered(session.decide, change).status_code in (200, 400, 404)
            _open_page(session)
            answered(lambda _: session.undo(), None)
        finally:
            session.close()


@cache
def cached_reports() -> dict[str, bytes]:
    return valid_reports()


def valid_decisions() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "r.csv"
        with Decisions(report) as decisions:
            key, other = PhotoKey("photos/ä b.jpg", SHA256), PhotoKey("=b.jpg", "")
            decisions.decide({key: Decision("approved", note="seen"), other: Decision("rejected")})
            decisions.decide({key: Decision("corrected", Point(1.5, -2.25), 3.0)})
            decisions.undo()
            decisions.wrote(key, Decision("approved"))
        return journal_path(report).read_bytes()


def read_where(file: Path) -> None:
    condition = parse_where(_text(file), COLUMNS)
    for row in _rows():
        condition(row)


@cache
def _rows() -> list[Mapping[str, object]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "r.csv"
        file.write_bytes(cached_reports()[".csv"])
        return list(read_rows(file))


def read_whole_area(file: Path) -> None:
    area = read_area(str(file))
    area.rows(load_places())
    area.contains([0.0, 52.0], [0.0, 8.5])


def read_words(file: Path) -> None:
    """As the recogniser would give the lines of a sign."""
    square = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))
    texts = [text[:300] for text in _text(file).splitlines()[:64]]
    reading = OcrResult(tuple(TextLine(text, 0.95, square) for text in texts), 4000, 3000)
    evidence_of(reading, _combiner())


def read_names(file: Path) -> None:
    """As the words of folders, and as what IPTC says."""
    lines = [line for line in _text(file).split("\n") if line.strip("\0/.")][:20]
    path = Path("/", *(line.replace("\0", "")[:255] for line in lines), "a.jpg")
    names = tuple(names_in_path(Photo(path, Path("/"))))
    for texts in filter(None, (names, tuple(line[:500] for line in lines))):
        _names_source().evidence(Names("name", texts))


@cache
def _combiner() -> Combiner:
    places = load_places()
    return Combiner(places)


@cache
def _names_source() -> NamesSource:
    places = load_places()
    return NamesSource(places)


def _text(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "replace")


def read_undo(file: Path) -> None:
    data = file.read_bytes()
    record = record_at_end(data)
    if record is not None:
        record.restore(data)
        record.block_edits(data)


def valid_undo() -> bytes:
    edits = (Edit(4, 8, b"\x08\0\0\0"), Edit(100, 400, b""))
    return b"II*\0\x08\0\0\0" + bytes(92) + EditRecord("ab" * 32, edits, 400).pack()


def read_delta(file: Path) -> None:
    packed = file.read_bytes()
    delta.restores_sha256(packed)
    delta.earlier_version(LATER, packed)


def read_packet(file: Path) -> None:
    """As a packet in a photo, and as a sidecar."""
    packet = file.read_bytes()
    prediction_in(packet)
    gps_in(packet)
    with suppress(CannotEmbedError):
        withheld(with_prediction(packet, TAGS), TAGS)
    with suppress(CannotEmbedError):
        sidecar_with(packet, TAGS)
    with suppress(CannotEmbedError):
        sidecar_without(packet)


def valid_packets() -> dict[str, bytes]:
    foreign = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
        'syntax-ns#"><rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" exif:GPSLatitude="48,51.5N" '
        'exif:GPSLongitude="2,17.6E"><dc:subject><rdf:Bag><rdf:li>ä &amp; b</rdf:li></rdf:Bag>'
        "</dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    plain = foreign.encode()
    return {
        ".plain.xmp": plain,
        ".new.xmp": with_prediction(None, TAGS, padding_bytes=200),
        ".own.xmp": with_prediction(plain, TAGS),
        ".wide.xmp": with_prediction(foreign.encode("utf-16-le"), TAGS),
    }


def box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return (8 + len(content)).to_bytes(4) + name + content


def valid_heif() -> bytes:
    """Two metadata items of a picture that is not there (ISO/IEC 14496-12, 8.11)."""
    exif = bytes(4) + b"II*\0\x08\0\0\0\0\0\0\0\0\0"
    packet = valid_packets()[".plain.xmp"]

    def infe(number: int, kind: bytes, more: bytes) -> bytes:
        return box(b"infe", b"\2\0\0\0", number.to_bytes(2), bytes(2), kind, more)

    def iloc(at: int) -> bytes:
        entries = b"".join(
            number.to_bytes(2) + bytes(2) + b"\0\1" + start.to_bytes(4) + size.to_bytes(4)
            for number, start, size in ((1, at, 9), (2, at, len(exif)), (3, at + 18, len(packet)))
        )
        return box(b"iloc", bytes(4), b"\x44\0", b"\0\3", entries)

    items = [infe(1, b"hvc1", b"\0"), infe(2, b"Exif", b"\0")]
    items.append(infe(3, b"mime", b"\0application/rdf+xml\0\0"))
    about = box(b"cdsc", b"\0\3\0\1\0\1") + box(b"cdsc", b"\0\2\0\1\0\1")

    def whole(at: int) -> bytes:
        parts = [box(b"pitm", bytes(4), b"\0\1"), box(b"iinf", bytes(4), b"\0\3", *items)]
        meta = box(b"meta", bytes(4), *parts, iloc(at), box(b"iref", bytes(4), about))
        head = box(b"ftyp", b"heic", bytes(4), b"mif1heic") + meta
        return head + box(b"mdat", exif, packet)

    return whole(len(whole(0)) - len(exif) - len(packet))


def read_boxes(file: Path) -> None:
    data = file.read_bytes()
    for look in (exif_block, heif.xmp_packet, heif.picture_parts):
        with suppress(ValueError, IndexError, struct.error):
            look(data)
    xmp_packet(data)
    place_names(data)


def valid_journal() -> bytes:
    """A database of a few rows, packed into one file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "done.sqlite"
        with RunJournal(file, "key") as journal:
            for number in range(3):
                photo = Photo(Path(f"/photos/{number}.jpg"), Path("/photos"), 1000, 10**18)
                outcome = Outcome(photo, Status.PREDICTED, PhotoMetadata(), PREDICTION, SHA256, "m")
                journal.add(outcome, OBSERVATION)
            journal.keep("model", [("ab" * 32, PackedOutput(b"output", ""))])
        return file.read_bytes()


def read_journal(file: Path) -> None:
    """A journal that is damaged costs a run its head start, and nothing else."""
    with RunJournal(file, "key") as journal:
        for number in range(3):
            photo = Photo(Path(f"/photos/{number}.jpg"), Path("/photos"), 1000, 10**18)
            journal.replay(photo)
            journal.add(Outcome(photo, Status.PREDICTED, PhotoMetadata(), PREDICTION, SHA256, "m"))
        journal.find("ab" * 32, "model")


def valid_write_journal() -> bytes:
    """A write that has happened, and one that was cut off."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "writes.sqlite"
        with WriteJournal(file) as journal:
            journal.finish(journal.begin(PHOTO, PHOTO.with_name(".t"), "a" * 64, SHA256, b"undo"))
            journal.begin(PHOTO.with_name("b.jpg"), PHOTO.with_name(".u"), SHA256, "?", b"undo")
        return file.read_bytes()


def read_write_journal(file: Path) -> None:
    with WriteJournal(file) as journal:
        journal.interrupted(2e9)
        for path in (PHOTO, PHOTO.with_name("b.jpg")):
            journal.unfinished(path)
            journal.undo_records(path, SHA256)
            journal.holds_write(path)
        journal.begin(PHOTO, PHOTO.with_name(".v"), SHA256, SHA256, b"undo")


def read_journal_row(file: Path) -> None:
    """One row whose packed outcome is what the file holds."""
    photo = Photo(Path("/photos/0.jpg"), Path("/photos"), 1000, 10**18)
    with RunJournal(file.with_suffix(".sqlite"), "key") as journal:
        journal.add(
            Outcome(photo, Status.PREDICTED, PhotoMetadata(), PREDICTION, SHA256, "m"), OBSERVATION
        )
        journal._execute([("UPDATE done SET outcome = ?", (file.read_bytes(),))])
        journal.replay(photo)


def valid_row() -> bytes:
    photo = Photo(Path("/photos/0.jpg"), Path("/photos"), 1000, 10**18)
    outcome = Outcome(photo, Status.PREDICTED, PhotoMetadata(), PREDICTION, SHA256, "m")
    return zlib.decompress(pack(outcome, OBSERVATION))


def valid_vectors() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "v.npy"
        np.save(file, np.eye(3, 4, dtype=np.float32))
        return file.read_bytes()


def read_a_gallery(file: Path) -> None:
    """The vectors are what is damaged; the points are sound, but for two more or less."""
    points = file.with_suffix(".csv")
    points.write_text("lat,lon,count\n1,2,3\n4,5,6\n7,8,9\n")
    gallery = read_gallery(file, points)
    with np.errstate(all="ignore"):  # damaged numbers may be infinite
        np.asarray(gallery.vectors).sum(dtype=np.float64)


def valid_tensors() -> bytes:
    values = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(4, np.float16)}
    return tensor_file(values)


def read_some_captions(file: Path) -> None:
    vectors = file.with_suffix(".npy")
    vectors.write_bytes(valid_vectors())
    read_captions(vectors, file)


SQUARE = [[[5.0, 50.0], [10.0, 50.0], [10.0, 55.0], [5.0, 55.0], [5.0, 50.0]]]
AREA = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "properties": {}, "geometry": {"type": kind, "coordinates": shape}}
        for kind, shape in (("Polygon", SQUARE), ("MultiPolygon", [SQUARE]), ("Point", [1.0, 2.0]))
    ],
}
CANDIDATES = {
    "locations": [
        {"city": "Lyon", "region": "", "country": "France", "continent": "Europe"},
        {"city": "Turin", "region": "Piedmont", "country": "Italy", "lat": 45.1, "lon": 7.7},
        {"city": "", "region": "", "country": "Malta"},
    ]
}
LABELS = 'file,lat,lon,country\na.jpg,52.5,13.4,DE\nb/c.jpg,,,FR\n"d,e.jpg",-33.9,151.2,\n'
CAPTIONS = (
    "label,continent,country_code,region,lat,lon,log_prior,scope,parent\n"
    "Lyon,Europe,FR,,45.7,4.8,-1,point,country\nTurin,Europe,IT,Piedmont,45.1,7.7,-2,point,region\n"
    "Malta,Europe,MT,,,,-3,country,country\n"
)
CHANGE = {"ids": [0, 1], "state": "corrected", "lat": 1.5, "lon": 2.5, "radius_km": 3.0, "note": ""}
WHERES = {
    ".1.txt": b'country=UA and (confidence > 0.6 or not evidence ~ "sign: ")',
    ".2.txt": b"(status != failed or note = missing) and path ~ 'it''s' and lat >= -33.5",
    ".3.txt": b"level = city and alternatives ~ Lyon and taken_at < 2020-05-02 or sha256 = missing",
}
SIGN = """Stadt Bielefeld
33602 Bielefeld · Tel. +49 (0)521 51-0
www.cafe-muster.de info@example.co.uk
€ 3,50 $5.99 25,- Kč 1.200 ₫
Müller GmbH & Co. KG
Київ вулиця Хрещатик
東京都渋谷区 名古屋
A44 Düsseldorf 12 km
São Paulo - SP CEP 01310-100
2021/05/17 14:33
"""


def targets() -> dict[str, Target]:
    bundle = find_bundle(embedded_bundles()[0])
    card = (bundle / "card.json").read_bytes()
    lines = (bundle / "labels.csv").read_bytes().splitlines(keepends=True)
    return {
        "report": Target(cached_reports(), read_report),
        "review": Target(cached_reports(), review_report),
        "decisions": Target({".jsonl": valid_decisions()}, review_decisions),
        "change": Target({".json": json.dumps(CHANGE).encode()}, review_change),
        "where": Target(WHERES, read_where, nameless=True),
        "candidates": Target({".json": json.dumps(CANDIDATES).encode()}, read_candidates),
        "places": Target(
            {".txt": b"Lyon, France; Turin, Piedmont, Italy; Malta; Texas"},
            lambda f: parse_places(_text(f)),
            nameless=True,
        ),
        "area": Target({".geojson": json.dumps(AREA).encode()}, read_whole_area),
        "labels": Target({".csv": LABELS.encode()}, lambda f: read_labels(f, load_places())),
        "card": Target({".json": card}, lambda f: ModelCard.from_json(f.read_bytes(), str(f))),
        "table": Target({".csv": b"".join(lines[:12])}, lambda f: read_bundle_labels(f, True)),
        "captions": Target({".csv": CAPTIONS.encode()}, read_some_captions),
        "vectors": Target({".npy": valid_vectors()}, read_a_gallery),
        "words": Target({".txt": SIGN.encode()}, read_words),
        "names": Target({".txt": SIGN.encode()}, read_names),
        "packet": Target(valid_packets(), read_packet),
        "boxes": Target({".heic": valid_heif()}, read_boxes),
        "undo": Target({".bin": valid_undo()}, read_undo),
        "delta": Target({".bin": delta.delta(LATER, EARLIER)}, read_delta),
        "journal": Target({".sqlite": valid_journal()}, read_journal),
        "write journal": Target({".sqlite": valid_write_journal()}, read_write_journal),
        "safetensors": Target({".safetensors": valid_tensors()}, read_every_tensor),
        "row": Target({".json": valid_row()}, read_journal_row, packed=True),
        **track_targets(),
        **camera_targets(),
        **download_targets(),
        **request_targets(),
    }
