"""The source of evidence that CONTRIBUTING.md shows works as it stands there."""

import re
from pathlib import Path

import numpy as np
import pytest

from geotagger.evidence.source import LoadedPhoto
from geotagger.fusion.decide import Fusion
from geotagger.geography.places import load_places
from geotagger.types import Photo, PhotoMetadata

PAGE = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text("utf-8")


@pytest.fixture(scope="module")
def maker():
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)
    names = {}
    exec(compile(code, "CONTRIBUTING.md", "exec"), names)
    return names


def shot(camera):
    return LoadedPhoto(Photo(Path("a.jpg"), Path()), PhotoMetadata(camera=camera), decode=None)


def test_it_speaks_of_what_it_knows_alone(maker):
    source = maker["MakerSource"](load_places())
    assert source.prepare(shot("Canon EOS R5")) is None
    assert source.prepare(shot("")) is None
    assert source.prepare(shot("Fairphone FP4")) == "fairphone"


def test_the_belief_takes_it_as_any_other(maker):
    belief = Fusion(load_places())
    source = maker["MakerSource"](belief.places)
    (evidence,) = source.weigh([source.prepare(shot("Fairphone FP4"))])
    assert evidence.log_likelihood.dtype == np.float32
    assert evidence.log_likelihood.shape == (len(belief.places),)
    before, after = belief.decide([]), belief.decide([evidence])
    share = {one: sum(c.probability for c in one.candidates if c.place.country_code == "DE")
             for one in (before, after)}  # fmt: skip
    assert share[after] > share[before]
    assert any("Fairphone" in note.text for note in after.evidence)


def test_the_places_it_names_are_there():
    root = Path(__file__).parent.parent
    for name in ("pipeline/setup.py", "config.py", "cli/flags.py", "cache/keys.py"):
        assert (root / "geotagger" / name).is_file()
        assert name in PAGE
