"""A bundle is never written over a folder of the user's."""

import pytest

from geotagger.errors import UsageError
from geotagger.vision.bundle.card import CARD_FILE
from geotagger.vision.bundle.placing import check_place, take_place


def made(folder, name):
    folder.mkdir()
    (folder / name).write_text("whatever")
    return folder


def test_an_older_bundle_is_replaced(tmp_path):
    old = made(tmp_path / "bundle", CARD_FILE)
    (old / "more").mkdir()
    take_place(made(tmp_path / "draft", "new"), old)
    assert [file.name for file in old.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize("there", ["nothing", "empty"])
def test_a_new_place_is_taken(tmp_path, there):
    bundle = tmp_path / "bundle"
    if there == "empty":
        bundle.mkdir()
    take_place(made(tmp_path / "draft", "new"), bundle)
    assert (bundle / "new").is_file()


def test_photos_are_not_replaced(tmp_path):
    album = made(tmp_path / "album", "a.jpg")
    draft = made(tmp_path / "draft", "new")
    for place in (album, album / "a.jpg"):
        with pytest.raises(UsageError, match="exists and is not a bundle"):
            take_place(draft, place)
        with pytest.raises(UsageError, match="name a new folder"):
            check_place(place)
    assert (album / "a.jpg").read_text() == "whatever"
    assert (draft / "new").is_file()
