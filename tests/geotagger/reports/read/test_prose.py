"""A CSV keeps the evidence as one sentence, which is split into sources again."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from geotagger.evidence.camera_gps import AlbumSource, Neighbour
from geotagger.evidence.clock import Clock, ClockSource
from geotagger.evidence.folder_names import Names, NamesSource
from geotagger.evidence.ocr_text import evidence_of
from geotagger.evidence.sights import reason_of
from geotagger.pipeline.trips.window import TripEvidence
from geotagger.reasons import ReasonCode
from geotagger.reports.read.prose import reasons_of, split_evidence
from geotagger.text.combine import Combiner
from geotagger.text.types import OcrResult, TextLine
from geotagger.types import (
    Evidence,
    Outcome,
    Photo,
    PhotoEvidence,
    PhotoMetadata,
    Point,
    SourceKind,
)
from geotagger.vision.bundle.label_tables import Label
from geotagger.vision.decoding.captions import LocalCaptionDecoder
from geotagger.vision.decoding.heads import ClassifyDecoder, RegressDecoder

BOX = ((0.2, 0.4), (0.8, 0.4), (0.8, 0.5), (0.2, 0.5))
LYON = Point(45.76, 4.84)
COUNTRIES = (
    Label("France", country_code="FR", scope="country"),
    Label("Japan", country_code="JP", scope="country"),
)


def classified(belief):
    reader = ClassifyDecoder(COUNTRIES, 1.0, belief.places, "test")
    return reader.decode(np.array([[2, 0]], np.float32))[0].reason


def regressed(belief):
    return RegressDecoder(50.0, belief.places).decode(np.array([[45.8, 4.8]], np.float32))[0].reason


class Matched:
    """In a matcher's place: the scores are given as they are."""

    def logits(self, values):
        return values


def captioned(belief):
    cities = [
        Label(name, country_code="FR", lat=lat, lon=lon, parent="country")
        for name, lat, lon in (("Lyon", LYON.lat, LYON.lon), ("Paris", 48.86, 2.35))
    ]
    reader = LocalCaptionDecoder(cities, Matched(), belief.places)
    return reader.decode(np.array([[2, 0]], np.float32))[0].reason


def words(belief, evidence):
    return belief.decide([evidence]).evidence[0].text


def sign(belief):
    line = TextLine("Mairie de Lyon", 0.97, BOX)
    combiner = Combiner(belief.places)
    return words(belief, evidence_of(OcrResult((line,), 1600, 1200), combiner))


def clock(belief):
    moment = Clock(datetime(2024, 7, 1, 12, 0), 120)  # noqa: DTZ001  a camera's own time
    return ClockSource(belief.places, belief.log_prior).evidence(moment).reason


def album(belief):
    return AlbumSource(belief.places).evidence([Neighbour("b.jpg", 0.5, LYON)]).reason


def roll(belief):
    places = belief.places
    likelihood = np.where(places.mask(["FR"]), 9, 0).astype(np.float32)
    told = Evidence("text", 1.0, sign(belief), likelihood), Evidence("vision", 1.0, "", likelihood)
    photos = []
    for minute, evidence in enumerate(told):
        metadata = PhotoMetadata(taken_at=f"2024-05-01T12:0{minute}:00", camera="Cam")
        outcome = Outcome(Photo(Path(f"{minute}.jpg"), Path()), metadata=metadata)
        photos.append(PhotoEvidence(outcome, (evidence,)))
    return list(TripEvidence(belief).share(photos))[1].evidence[-1].reason


def names(belief, origin):
    source = NamesSource(belief.places)
    return words(belief, source.evidence(Names(origin, ("Lyon", "France"))))


def sight(belief):
    (row,) = belief.places.nearest_rows(LYON.lat, LYON.lon)
    return reason_of(belief.places.place(int(row)), 0.71)


SENTENCES = {
    "sight": (sight, SourceKind.SIGHTS),
    "labels": (classified, SourceKind.VISION),
    "coordinates": (regressed, SourceKind.VISION),
    "captions": (captioned, SourceKind.VISION),
    "sign": (sign, SourceKind.TEXT),
    "clock": (clock, SourceKind.CLOCK),
    "album": (album, SourceKind.ALBUM),
    "roll": (roll, SourceKind.ALBUM),
    "metadata": (lambda belief: names(belief, "metadata"), SourceKind.NAMES),
    "folder": (lambda belief: names(belief, "name"), SourceKind.NAMES),
}


@pytest.mark.parametrize("source", SENTENCES)
def test_each_source_is_recognised_by_its_words(belief, source):
    sentence, kind = SENTENCES[source]
    text = sentence(belief)
    assert split_evidence(text) == [{"source": kind, "text": text}]


def test_all_sources_of_a_sentence_are_recognised(belief):
    parts = [{"source": kind, "text": text(belief)} for text, kind in SENTENCES.values()]
    assert split_evidence("; ".join(part["text"] for part in parts)) == parts


@pytest.mark.parametrize("text", ["", "a; b", "a; clock +02:00; climate: oceanic"])
def test_the_sentence_is_never_lost(text):
    assert "; ".join(part["text"] for part in split_evidence(text)) == text


def test_a_note_is_one_reason():
    assert reasons_of("") == []
    assert reasons_of("a; b") == [{"code": ReasonCode.NOTE, "detail": "a; b"}]
