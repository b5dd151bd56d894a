"""All cues of a photo, and how doubtful lines weaken them."""

import pytest

from geotagger.text.find_cues import find_cues, weaken_cue
from geotagger.text.types import Cue, OcrResult, Spot, TextLine

LANGUAGE_DE = Cue("language", "Hunde an der Leine", "language de", {"DE": 40.0, "AT": 30.0})
TOWN = Cue("place name", "Stadt Bielefeld", "Bielefeld, DE", {}, (Spot(52.02, 8.53, 1e4, 10.0),))


def line(text, left, top):
    right, bottom = left + 0.3, top + 0.03
    return TextLine(text, 0.95, ((left, top), (right, top), (right, bottom), (left, bottom)))


def test_a_doubtful_cue_is_weaker():
    half = weaken_cue(TOWN, 0.5)
    assert half.spots[0].ratio == pytest.approx(5000.5)
    assert weaken_cue(LANGUAGE_DE, 0.5).countries["DE"] == pytest.approx(20.5)
    assert weaken_cue(TOWN, 1.0) is TOWN


def test_cues_of_several_kinds_are_found():
    cues, notes = find_cues(
        OcrResult((line("Stadt Bielefeld Tel. 0521 123456", 0.3, 0.4),), 4000, 3000)
    )
    assert {"place name", "language", "national phone number"} <= {cue.kind for cue in cues}
    assert notes == ()


def test_non_evidence_is_noted_and_gives_no_cue():
    stamp = line("2012/05/03 14:22", 0.65, 0.94)
    cues, notes = find_cues(OcrResult((stamp,), 4000, 3000))
    assert cues == []
    assert notes == ("date stamp: 2012/05/03 14:22",)
