"""The explanation of a photo's text, as people read it."""

from pathlib import Path

import numpy as np
import pytest

from geotagger.text.combine import Weighted
from geotagger.text.cues.scripts import find
from geotagger.text.explain import TextExplanation
from geotagger.text.types import TextLine
from geotagger.types import Level
from tests.fixtures.samples import OSLO, PARIS, SEA, prediction

BOX = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))


def text_of(lines=(), answer=None):
    cues = [Weighted(cue, np.zeros(1, np.float32)) for cue in find(lines)]
    return TextExplanation(Path("a.jpg"), lines, cues, prediction=answer).to_text()


def test_a_script_without_letters_is_named():
    shown = text_of([TextLine("", 0.9, BOX, "Telu")]).splitlines()
    assert "(Telugu letters that cannot be read)" in shown[1]
    assert shown[2] == "  script: script Telugu"


@pytest.mark.parametrize(
    ("place", "level", "said"),
    [
        (PARIS, Level.CITY, "Paris, Île-de-France, France"),
        (OSLO, Level.CITY, "Oslo, Norway"),
        (PARIS, Level.NONE, "unsure, at best France"),
        (SEA, Level.NONE, "unsure, at best at sea"),
    ],
)
def test_the_answer_is_one_phrase(place, level, said):
    lines = [TextLine("", 0.9, BOX, "Telu")]
    shown = text_of(lines, prediction(place, level, 0.25, 1234.0))
    assert shown.splitlines()[-1] == f"  together: {said} (25 %, within 1,234 km)"
