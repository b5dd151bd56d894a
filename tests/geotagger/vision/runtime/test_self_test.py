"""The self-test of a bundle."""

import numpy as np
import pytest
from msgspec import structs

from geotagger.errors import BundleError
from geotagger.vision.bundle.bundle import ModelBundle
from geotagger.vision.bundle.card import Probe
from geotagger.vision.runtime.self_test import probe_outputs, run_self_test
from geotagger.vision.runtime.session import VisionSession
from tests.fixtures.bundles import (
    HEADS,
    LOGITS,
    WEIGHTS,
    make_bundle,
    make_model,
    seal,
)


def test_check_finds_what_the_export_found(tmp_path):
    differences = run_self_test(make_bundle(tmp_path / "tiny", *HEADS), "cpu")
    assert set(differences) == set(WEIGHTS)
    assert max(differences.values()) < 1e-3


def test_an_exporter_records_the_probe_as_the_manual_says(tmp_path):
    bundle = make_bundle(tmp_path / "tiny", *HEADS)
    empty = structs.replace(bundle.card, probe=Probe(seed=3, outputs={}, tolerance=1e-6))
    draft = ModelBundle(bundle.path, empty)
    outputs = probe_outputs(VisionSession(draft, "cpu"), draft, seed=3)
    probe = structs.replace(empty.probe, outputs=outputs)
    run_self_test(seal(bundle.path, bundle.card.heads, size_px=8, probe=probe), "cpu")


def test_check_refuses_other_numbers(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    make_model(bundle.model_file, {"country_logits": LOGITS[::-1].copy()}, 8)
    bundle = seal(bundle.path, bundle.card.heads, size_px=8, probe=bundle.card.probe)
    with pytest.raises(
        BundleError, match=r"'country_logits' differs by .* on cpu, more than 0\.001"
    ):
        run_self_test(bundle, "cpu")


def test_check_refuses_numbers_that_are_not_finite(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    make_model(bundle.model_file, {"country_logits": LOGITS * np.nan}, 8)
    bundle = seal(bundle.path, bundle.card.heads, size_px=8, probe=bundle.card.probe)
    with pytest.raises(BundleError, match="differs by nan"):
        run_self_test(bundle, "cpu")
