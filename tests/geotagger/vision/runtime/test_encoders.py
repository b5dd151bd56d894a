"""Captions are embedded in batches, and no longer than they are."""

import numpy as np
import pytest

pytest.importorskip("tokenizers")

from geotagger.vision.runtime.encoders import TextEncoder
from tests.fixtures.matching_bundles import make_text_tower

CAPTIONS = ["a photo of Japan", "Japan", "Brazil", "a photo taken in Germany", "Japan"] * 30
CAPTIONS += [f"Brazil {number}" for number in range(100)]


class Recorder:
    """A session that notes what it is given."""

    def __init__(self, session):
        self.run_inner = session.run
        self.shapes = []

    def run(self, outputs, inputs):
        (tokens,) = inputs.values()
        self.shapes.append(tokens.shape)
        return self.run_inner(outputs, inputs)


def encoded(folder, length):
    folder.mkdir()
    make_text_tower(folder, length)
    encoder = TextEncoder(folder / "text.onnx", folder / "tokenizer.json")
    encoder._session = Recorder(encoder._session)
    return encoder(CAPTIONS), encoder._session.shapes


def test_captions_are_cut_after_their_last_token_if_the_graph_allows_it(tmp_path):
    whole, whole_shapes = encoded(tmp_path / "fixed", 6)
    cut, cut_shapes = encoded(tmp_path / "free", "length")
    np.testing.assert_allclose(whole, cut, atol=1e-6)
    assert not np.allclose(whole[0], whole[2])
    assert whole_shapes == [(64, 6), (40, 6)]
    assert cut_shapes == [(64, 2), (40, 5)]
