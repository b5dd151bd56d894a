"""The folder of a bundle: its files, their hashes, and how it is found."""

import pytest

from geotagger.errors import BundleError
from geotagger.vision.bundle import bundle as bundle_module
from geotagger.vision.bundle.bundle import find_bundle, load_bundle
from tests.fixtures.bundles import HEADS, make_bundle

ALL_KINDS = tuple(HEADS)


@pytest.fixture
def bundle(tmp_path):
    return make_bundle(tmp_path / "tiny", *ALL_KINDS)


def test_a_link_that_leads_out_is_refused(bundle, tmp_path):
    outside = tmp_path / "outside.csv"
    outside.write_bytes((bundle.path / "labels.csv").read_bytes())
    (bundle.path / "labels.csv").unlink()
    (bundle.path / "labels.csv").symlink_to(outside)
    with pytest.raises(BundleError, match=r"labels\.csv: a bundle holds only plain files"):
        load_bundle(bundle.path)


def test_a_bundle_may_itself_be_reached_by_a_link(bundle, tmp_path):
    (tmp_path / "link").symlink_to(bundle.path)
    assert load_bundle(tmp_path / "link").card == bundle.card


def test_a_folder_inside_is_refused(bundle):
    (bundle.path / "more").mkdir()
    with pytest.raises(BundleError, match="more: a bundle holds only plain files"):
        load_bundle(bundle.path)


def test_a_changed_file_is_refused(bundle):
    data = bytearray((bundle.path / "model.onnx").read_bytes())
    data[-1] ^= 1
    (bundle.path / "model.onnx").write_bytes(data)
    with pytest.raises(BundleError, match=r"model\.onnx: its SHA-256 is not.*fetch"):
        load_bundle(bundle.path)


def test_a_missing_file_is_refused(bundle):
    (bundle.path / "gallery.npy").unlink()
    with pytest.raises(BundleError, match=r"gallery\.npy: is missing"):
        load_bundle(bundle.path)


def test_a_file_that_is_not_listed_is_refused_and_a_hidden_one_is_not(bundle):
    (bundle.path / ".DS_Store").write_bytes(b"x")
    load_bundle(bundle.path)
    (bundle.path / "model.onnx.data").write_bytes(b"x")
    with pytest.raises(BundleError, match=r"model\.onnx\.data: is not listed"):
        load_bundle(bundle.path)


def test_find_bundle_takes_a_folder_or_an_embedded_name(bundle, monkeypatch):
    assert find_bundle(bundle.path) == bundle.path
    monkeypatch.setattr(bundle_module, "EMBEDDED_FOLDER", bundle.path.parent)
    assert find_bundle("tiny") == bundle.path
    with pytest.raises(BundleError, match=r"huge: not a folder with a card\.json.*\(tiny\)"):
        find_bundle("huge")


def test_find_bundle_does_not_search_the_embedded_folder_by_path(bundle, monkeypatch):
    monkeypatch.setattr(bundle_module, "EMBEDDED_FOLDER", bundle.path / "none")
    with pytest.raises(BundleError):
        find_bundle("../tiny")


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(BundleError, match=r"nowhere.*card\.json: cannot be read"):
        load_bundle(tmp_path / "nowhere")


def test_every_head_knows_its_width(bundle):
    assert [bundle.width(head) for head in bundle.card.heads] == [3, 3, 3, 2]
